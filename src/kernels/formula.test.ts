import { describe, expect, it } from "vitest";
import { children, operandsOf, over, scatter, substitute, visit } from "./formula.ts";
import { index } from "./index-expression.ts";
import { type Operand, position, random, Source, scalar, sum, type Value, value } from "./value.ts";

const operand = (...shape: number[]): Operand => ({ shape });

function kindsIn(of: Value): string[] {
  const kinds: string[] = [];
  visit(of, ({ node }) => kinds.push(node.kind));
  return kinds;
}

describe("formulas", () => {
  it("read their operands in the order of first use, each once", () => {
    const [x, y, z] = [operand(4), operand(4), operand(4)];
    const [a, b, c] = [x, y, z].map((each) => new Source(each));
    const part = over([4], (i) => b.at(i).times(a.at(i)).plus(b.at(i)));
    expect(operandsOf([part, over([4], (i) => c.at(i).plus(a.at(i)))])).toEqual([y, x, z]);
    expect(operandsOf([part])[0]).toBe(y);
  });

  it("are walked from the outside in", () => {
    const x = new Source(operand(3, 4));
    const { value: total } = over([3], (i) =>
      sum([4], (k) => x.at(i, k).exp().less(2).select(1, x.at(i, k))).sqrt(),
    );
    expect(kindsIn(total)).toEqual([
      "unary",
      "reduce",
      "select",
      "compare",
      "unary",
      "read",
      "constant",
      "constant",
      "read",
    ]);
    expect(children(total)).toHaveLength(1);
  });

  it("put values where their parts say", () => {
    const { at } = scatter([2, 3], (i, j) => ({ at: [index(j).times(2), i], value: value(1) }));
    expect(at[0].range()).toEqual([0, 4]);
    expect(at[1].range()).toEqual([0, 1]);
  });
});

describe("substitute", () => {
  it("replaces axes in reads, positions and random numbers, inside sums as well", () => {
    const x = new Source(operand(8));
    const part = over([8], (i) =>
      sum([2], () => x.at(i))
        .plus(position(i))
        .plus(random(0, i)),
    );
    const [i] = part.axes;
    const moved = substitute(part.value, new Map([[i, index(5)]]));
    const places: number[] = [];
    visit(moved, ({ node }) => {
      if (node.kind === "read") places.push(node.at[0].constant);
      if (node.kind === "position") places.push(node.index.constant);
      if (node.kind === "random") places.push(node.counter.constant);
    });
    expect(places).toEqual([5, 5, 5]);
  });

  it("replaces reads, at the places where they stand after the axes are", () => {
    const [inner, outer] = [operand(8), operand(8)];
    const part = over([4], (i) => new Source(outer).at(index(i).times(2)).plus(1));
    const fused = substitute(part.value, new Map([[part.axes[0], index(3)]]), (read, at) =>
      read === outer ? new Source(inner).at(...at).exp() : undefined,
    );
    expect(operandsOf([{ axes: [], at: [], value: fused }])).toEqual([inner]);
    visit(fused, ({ node }) => {
      if (node.kind === "read") expect(node.at[0].constant).toBe(6);
    });
  });

  it("leaves constants and the numbers of a run as they are", () => {
    for (const each of [value(3), scalar("learningRate")]) expect(substitute(each, new Map())).toBe(each);
  });
});

it("a value that stands in several places stays one when others are exchanged", () => {
  const [x, y] = [new Source(operand(4)), new Source(operand(4))];
  const total = sum([4], (k) => x.at(k));
  const moved = substitute(total.times(total.plus(y.at(0))), new Map(), (read, at) =>
    read === y.operand ? x.at(...at) : undefined,
  );
  const sums = new Set<Value>();
  visit(moved, (each) => each.node.kind === "reduce" && sums.add(each));
  expect(sums.size).toBe(1);
});

describe("values", () => {
  it("drop sums with 0 and products with 1", () => {
    const x = new Source(operand(2)).at(1);
    for (const same of [x.plus(0), value(0).plus(x), x.minus(0), x.times(1), value(1).times(x), x.over(1)])
      expect(same).toBe(x);
    for (const other of [value(0).minus(x), value(1).over(x), x.times(0), x.plus(1)])
      expect(other).not.toBe(x);
  });

  it("keep the fill of a read only where it can leave the edges", () => {
    const x = new Source(operand(5, 3));
    const fillOf = (read: Value) => (read.node.kind === "read" ? read.node.fill : "none");
    over([5, 3], (i, j) => {
      expect(fillOf(x.padded(7, i, j))).toBeUndefined();
      expect(fillOf(x.padded(7, index(i).minus(1), j))).toBe(7);
      expect(fillOf(x.padded(7, i, index(j).plus(1)))).toBe(7);
      return x.at(i, j);
    });
  });
});
