/**
 * Renders sums of products of few rows, such as linear layers on few images: bound by the time in which B comes from memory.
 *
 * B is read as it lies, row by row, four rows at a time, and each number of it once for two rows of the result: tiles along the
 * sum would jump by a row of B with each step, 16 KiB in VGG's first linear layer, and get 2 GB/s of a memory that has ten times
 * that. The sum is split into a number of chunks that depends on shapes alone; a task adds its chunk up in memory that stays in
 * the L1 cache, and the chunks are added in order.
 */

import { contiguousLayout, type Layout, linearIndex } from "../layout.ts";
import { type Contraction, mergeRuns } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import type { Local } from "./assembler.ts";
import { addTerms } from "./box.ts";
import { finishSums, placeSums } from "./partial-sums.ts";
import type { Launch, Target } from "./target.ts";

/** More rows are worth packing B for. */
const mostRows = 23;
/** Fewer numbers in B are in the cache anyway. */
const leastNumbers = 64 * 1024;
/** Chunks of the sum; each is a few rows of B at least. */
const mostChunks = 16;
const leastSteps = 32;
/** What a task's sums may take of the L1 cache. */
const sumBytes = 16 * 1024;

/** The launches, or undefined where the contraction has more rows, or B does not lie row by row. */
export function renderFewRows(target: Target, c: Contraction, layout: Layout): Launch[] | undefined {
  const inA = linearIndex(c.a.at, target.layoutOf(c.a.operand));
  const inB = linearIndex(c.b.at, target.layoutOf(c.b.operand));
  if (c.a.fill !== undefined || c.batch.length > 0 || inB.factorOf(c.n) !== 1) return undefined;
  const rowRuns = mergeRuns(c.m, [(each) => inA.factorOf(each)]);
  const steps = mergeRuns(c.k, [(each) => inA.factorOf(each), (each) => inB.factorOf(each)]);
  const [rowRun] = rowRuns;
  const [step] = steps;
  const rows = rowRun?.extent ?? 1;
  if (rowRuns.length > 1 || steps.length !== 1 || rows > mostRows) return undefined;
  if (step.extent * c.n.extent < leastNumbers) return undefined;
  return new FewRowsRenderer(target, c, layout, {
    rows,
    rowFactor: rowRun?.factors[0] ?? 0,
    steps: step.extent,
    stepOfA: step.factors[0],
    stepOfB: step.factors[1],
  }).render();
}

interface Extents {
  readonly rows: number;
  /** Elements of A between rows. */
  readonly rowFactor: number;
  readonly steps: number;
  /** Elements between steps. */
  readonly stepOfA: number;
  readonly stepOfB: number;
}

class FewRowsRenderer {
  private readonly target: Target;
  private readonly c: Contraction;
  private readonly layout: Layout;
  private readonly e: Extents;
  /** Numbers between rows of sums: whole vectors. */
  private readonly width: number;
  private readonly passes = new Map<string, number>();

  constructor(target: Target, c: Contraction, layout: Layout, extents: Extents) {
    this.target = target;
    this.c = c;
    this.layout = layout;
    this.e = extents;
    this.width = Math.ceil(c.n.extent / target.numbers.lanes) * target.numbers.lanes;
  }

  render(): Launch[] {
    const { target, c, width } = this;
    const { steps } = this.e;
    const perChunk = Math.max(leastSteps, Math.ceil(Math.ceil(steps / mostChunks) / 4) * 4);
    const chunks = Math.ceil(steps / perChunk);
    const axes = [...c.m, c.n];
    const shape = [chunks, ...c.m.map((each) => each.extent), width];
    const { operand, address } = placeSums(target, chunks, axes, contiguousLayout(0, shape).strides);
    // Vectors go beyond the last row of B by three numbers at most.
    target.slackBytes = Math.max(target.slackBytes, 64);
    return [this.sums(address, perChunk, chunks), finishSums(target, c, this.layout, operand, axes)];
  }

  /** A task is one chunk of the sum for some columns. */
  private sums(address: number, perChunk: number, chunks: number): Launch {
    const { target, c, width } = this;
    const { bytes, lanes } = target.numbers;
    const { rows, rowFactor, steps, stepOfA, stepOfB } = this.e;
    const columns = Math.min(width, Math.max(64, Math.floor(sumBytes / bytes / rows / lanes) * lanes));
    const shares = Math.ceil(width / columns);
    const f = target.kernel();
    const [share, chunk, a, b, out, length, left] = [0, 1, 2, 3, 4, 5, 6].map(() => f.local("i32"));
    const [aRow, outRow] = [f.local("i32"), f.local("i32")];
    f.get(f.parameter(0)).i32(shares).op("i32.rem_u").set(share);
    f.get(f.parameter(0)).i32(shares).op("i32.div_u").set(chunk);
    f.get(share).i32(columns).op("i32.mul").set(share);
    const from = (
      operand: Operand,
      at: Contraction["a"]["at"],
      step: number,
      along: boolean,
      into: Local,
    ) => {
      const layout = target.layoutOf(operand);
      const linear = linearIndex(at, layout);
      f.i32(target.address({ ...layout, offset: 0 }) + bytes * linear.constant);
      addTerms(f, linear, new Map(), bytes);
      f.get(chunk)
        .i32(bytes * perChunk * step)
        .op("i32.mul", "i32.add");
      if (along) f.get(share).i32(bytes).op("i32.mul", "i32.add");
      f.set(into);
    };
    from(c.a.operand, c.a.at, stepOfA, false, a);
    from(c.b.operand, c.b.at, stepOfB, true, b);
    f.i32(address)
      .get(chunk)
      .i32(bytes * rows * width)
      .op("i32.mul", "i32.add")
      .get(share)
      .i32(bytes)
      .op("i32.mul", "i32.add")
      .set(out);
    f.i32(width).get(share).op("i32.sub").set(length);
    f.get(length)
      .i32(columns)
      .get(length)
      .i32(columns)
      .op("i32.lt_s", "select")
      .i32(bytes)
      .op("i32.mul")
      .set(length);
    f.i32(steps).get(chunk).i32(perChunk).op("i32.mul", "i32.sub").set(left);
    f.get(left).i32(perChunk).get(left).i32(perChunk).op("i32.lt_s", "select").set(left);
    for (let row = 0; row < rows; row++)
      f.get(out)
        .i32(bytes * row * width)
        .op("i32.add")
        .i32(0)
        .get(length)
        .memoryFill();
    const advance = (by: number) => {
      f.get(a)
        .i32(bytes * by * stepOfA)
        .op("i32.add")
        .set(a);
      f.get(b)
        .i32(bytes * by * stepOfB)
        .op("i32.add")
        .set(b);
      f.get(left).i32(by).op("i32.sub").set(left);
    };
    const pass = (together: number) => {
      f.get(a).set(aRow).get(out).set(outRow);
      for (let row = 0; row < rows; row += 2) {
        const height = Math.min(2, rows - row);
        f.get(aRow)
          .get(b)
          .get(outRow)
          .get(length)
          .call(this.pass(f.name, height, together));
        f.get(aRow)
          .i32(2 * bytes * rowFactor)
          .op("i32.add")
          .set(aRow);
        f.get(outRow)
          .i32(2 * bytes * width)
          .op("i32.add")
          .set(outRow);
      }
      advance(together);
    };
    const whileLeft = (atLeast: number) => f.get(left).i32(atLeast).op("i32.ge_s");
    for (const together of [4, 1]) {
      whileLeft(together);
      f.if(() =>
        f.loop(() => {
          pass(together);
          whileLeft(together);
        }),
      );
    }
    return { name: f.name, index: target.module.add(f), tasks: shares * chunks };
  }

  /** A function (a, b, sums, bytes) that adds a few steps of the sum to one or two rows. */
  private pass(name: string, rows: number, steps: number): number {
    const key = `${rows}x${steps}`;
    const known = this.passes.get(key);
    if (known !== undefined) return known;
    const { target, width } = this;
    const { rowFactor, stepOfA, stepOfB } = this.e;
    const f = target.helper(`${name}_${key}`, 4);
    const { bytes } = f.numbers;
    const [a, b, out, left] = [0, 1, 2, 3].map((i) => f.parameter(i));
    const places = Array.from({ length: steps }, (_, i) => i);
    const factors = Array.from({ length: rows }, (_, row) =>
      places.map((i) => {
        const local = f.local("v128");
        f.get(a)
          .memory("vector.load_splat", bytes * (row * rowFactor + i * stepOfA))
          .set(local);
        return local;
      }),
    );
    const read = places.map(() => f.local("v128"));
    const total = f.local("v128");
    f.loop(() => {
      for (const i of places)
        f.get(b)
          .memory("v128.load", bytes * i * stepOfB)
          .set(read[i]);
      for (const [row, factor] of factors.entries()) {
        f.get(out)
          .memory("v128.load", bytes * row * width)
          .set(total);
        for (const i of places)
          target.multiplyAdd(
            f,
            () => f.get(factor[i]),
            () => f.get(read[i]),
            total,
          );
        f.get(out)
          .get(total)
          .memory("v128.store", bytes * row * width);
      }
      f.get(b).i32(16).op("i32.add").set(b);
      f.get(out).i32(16).op("i32.add").set(out);
      f.get(left).i32(16).op("i32.sub").tee(left);
    });
    const number = target.module.add(f);
    this.passes.set(key, number);
    return number;
  }
}
