import { describe, expect, it } from "vitest";
import { over, type Part, visit } from "./formula.ts";
import { compileJavaScript, renderJavaScript } from "./javascript.ts";
import { contiguousLayout } from "./layout.ts";
import { splitReduction } from "./split-reduction.ts";
import { argmax, maximum, type Operand, Source, sum, type Value } from "./value.ts";

const size = (shape: readonly number[]) => shape.reduce((product, extent) => product * extent, 1);

/** Numbers that are whole, so that sums are exact in any order. */
const counting = (length: number) => Float64Array.from({ length }, (_, i) => ((i * 7919) % 101) - 50);

/** What a part gives, by itself and in two passes. */
function bothWays(part: Part, x: Operand, shape: readonly number[]) {
  const values = counting(size(x.shape));
  const layouts = new Map<Operand, ReturnType<typeof contiguousLayout>>([[x, contiguousLayout(0, x.shape)]]);
  const split = splitReduction(part);
  if (split === undefined) throw new Error("not split");
  layouts.set(split.operand, contiguousLayout(1, split.operand.shape));
  // Numbers behind the end are read by chunks that are not full, and must not count.
  const padded = new Float64Array(values.length * 2).fill(Number.NaN);
  padded.set(values);
  const run = (each: Part, target: number, of: readonly number[]) => {
    const buffers = [padded, chunks, new Float64Array(size(of))];
    compileJavaScript(renderJavaScript([each], contiguousLayout(target, of), layouts))(buffers, {});
    return buffers[target];
  };
  const chunks = new Float64Array(size(split.operand.shape));
  const whole = run(part, 2, shape);
  chunks.set(run(split.partial, 1, split.operand.shape));
  return { split, whole: [...whole], parted: [...run(split.combine, 2, shape)] };
}

const sumOfAll = (x: Operand, around: (sum: Value) => Value = (value) => value) =>
  over([x.shape[x.shape.length - 1]], (c) =>
    around(sum(x.shape.slice(0, -1), (...i) => new Source(x).at(...i, c))),
  );

describe("splitReduction", () => {
  it.each([
    [[1024, 3]],
    [[1025, 3]],
    [[1031, 1]],
    [[5000, 2]],
    [[2, 40, 40, 5]],
    [[3, 149, 7, 2]],
    [[31, 149, 2]],
    [[129, 11, 2]],
    [[1, 1, 2048, 1]],
    [[64, 32, 1]],
  ])("of %j gives in two passes what one gives", (shape) => {
    const x: Operand = { shape };
    const { whole, parted, split } = bothWays(sumOfAll(x), x, shape.slice(-1));
    expect(parted).toEqual(whole);
    const chunks = size(split.operand.shape) / shape[shape.length - 1];
    expect(chunks).toBeGreaterThanOrEqual(24);
    expect(chunks).toBeLessThanOrEqual(128);
  });

  it("keeps what stands around the sum, several times too, for the second pass", () => {
    const x: Operand = { shape: [1500, 2] };
    const part = sumOfAll(x, (total) => total.lessOrEqual(0).select(total.times(0.5), total));
    const { whole, parted, split } = bothWays(part, x, [2]);
    expect(parted).toEqual(whole);
    expect(split.partial.value.node.kind).toBe("reduce");
    expect(split.combine.value.node.kind).toBe("select");
  });

  it("of greatest values pads chunks that are not full with −∞", () => {
    const x: Operand = { shape: [1031, 2] };
    const part = over([2], (c) => maximum([1031], (i) => new Source(x).at(i, c).minus(1000)));
    const { whole, parted } = bothWays(part, x, [2]);
    expect(parted).toEqual(whole);
  });

  it("leaves short sums, many sums, several sums and places of greatest values whole", () => {
    const [x, many]: Operand[] = [{ shape: [2000, 3] }, { shape: [2000, 20_000] }];
    expect(splitReduction(sumOfAll({ shape: [1023, 3] }))).toBeUndefined();
    expect(splitReduction(sumOfAll(many))).toBeUndefined();
    const source = new Source(x);
    const one = (c: number) => sum([2000], (i) => source.at(i, c));
    expect(splitReduction(over([1], () => one(0).plus(one(1))))).toBeUndefined();
    expect(splitReduction(over([3], (c) => argmax([2000], (i) => source.at(i, c))))).toBeUndefined();
    expect(splitReduction(over([2000, 3], (i, c) => source.at(i, c)))).toBeUndefined();
  });

  it("counts no place beyond 2^24, where float32 does not tell neighbours apart", () => {
    const length = 2 ** 26 + 9;
    const x: Operand = { shape: [length, 1] };
    const split = splitReduction(sumOfAll(x));
    let positions = 0;
    visit(split?.partial.value ?? sum([1], () => new Source(x).at(0, 0)), ({ node }) => {
      if (node.kind !== "position") return;
      positions++;
      expect(node.index.range()[1]).toBeLessThan(2 ** 24);
    });
    expect(positions).toBeGreaterThan(0);
  });
});
