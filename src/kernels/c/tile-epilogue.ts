/** What follows the sums of a tile: the rest of the formula around them, and where the results go. */

import { visit } from "../formula.ts";
import { type Axis, axis, Index, index } from "../index-expression.ts";
import type { Access } from "../schedule-nest.ts";
import type { Value } from "../value.ts";
import { type Lanes, storing, storingMasked } from "./library.ts";
import { CKernel } from "./target.ts";
import type { Finish } from "./tile.ts";
import { Values } from "./values.ts";
import type { Walk } from "./walk.ts";

/** The tile at hand: rows in so many stretches, and columns that are stored, where their number does not depend on the panel. */
export interface TileAtHand {
  readonly height: number;
  readonly deep: number;
  readonly width: number;
  readonly columns: number | undefined;
}

/**
 * What follows the sums while they are in a tile's registers: with 27 or 64 steps of the sum, to store them and read them again takes a
 * fifth to two fifths of the tile's time. Undefined where it needs what a tile is not given: scalars of the run.
 */
export function finishInRegisters({
  c,
  rows,
  along,
  around,
  target,
  tiling: { lanes },
}: Walk): Finish | undefined {
  let hasScalar = false;
  visit(c.part.value, ({ node }) => {
    hasScalar ||= node.kind === "scalar";
  });
  if (hasScalar) return undefined;
  // What is read row by row may lie where results go.
  const readsRows = around.some(({ linear }) => c.m.some((each) => linear.factorOf(each) !== 0));
  const stored = readsRows ? storing : storingMasked;
  return {
    pointers: around.map((_, i) => `e${i}`),
    store: (to, sum, { row, stretch, column, count }) => {
      // A kernel of its own, so that equal tiles have equal names.
      const values = new Values(new CKernel(target), {
        accesses: new Map(),
        counters: new Map(),
        reductions: new Map(),
      });
      values.give(c.sum, () => sum, [c.n]);
      for (const [i, { value, linear }] of around.entries()) {
        const places =
          row * (rows[along]?.factors[2 + i] ?? 0) + stretch * (rows[along - 1]?.factors[2 + i] ?? 0);
        if (linear.factorOf(c.n) === 0) values.give(value, () => `e${i}[${places}]`, []);
        else values.give(value, (wide) => `load_${wide}(e${i} + ${places + column})`, [c.n]);
      }
      values.vectorAt(c.n, lanes, String(column), () =>
        values.line(stored(to, values.emit(c.part.value), lanes, count)),
      );
      return values.lines.join("\n");
    },
  };
}

/** Lines that store a tile, vector by vector: what columns share is read once for all rows. */
export function epilogueLines(
  walk: Walk,
  kernel: CKernel,
  variables: ReadonlyMap<Axis, string>,
  { height, deep, width, columns }: TileAtHand,
): readonly string[] {
  const { c, rows, along, around, out, outFactor, blocksRows, target } = walk;
  const { lanes } = walk.tiling;
  const accesses = new Map<Value, Access>();
  // The runs of rows are the axes here, and what is fixed in a task.
  const runs = rows.map((run, i) => axis(`r${i}`, run.extent));
  const fixed = [...variables.keys()];
  const linearOf = (constant: number, factorOf: (axis: Axis) => number, table: number) => {
    let linear = index(constant);
    runs.forEach((run, i) => {
      linear = linear.plus(new Index([{ atom: run, factor: rows[i].factors[table] }], 0));
    });
    for (const each of [...fixed, c.n])
      if (factorOf(each) !== 0) linear = linear.plus(new Index([{ atom: each, factor: factorOf(each) }], 0));
    return new Index(
      linear.terms.filter(({ factor }) => factor !== 0),
      linear.constant,
    );
  };
  for (const [i, { value, linear, operand }] of around.entries())
    accesses.set(value, {
      operand,
      layout: target.layoutOf(operand),
      linear: linearOf(linear.constant, (each) => linear.factorOf(each), 2 + i),
      guards: [],
      fill: 0,
    });
  const values = new Values(kernel, { accesses, counters: new Map(), reductions: new Map() });
  runs.forEach((run, i) => {
    // A box's block begins at `from`.
    const start = i === 0 && blocksRows ? "from + " : "";
    const within = i === along ? " + i" : i === along - 1 ? " + d" : "";
    values.indices.setAxis(run, `(${start}r${i}${within})`);
  });
  for (const [each, name] of variables) values.indices.setAxis(each, name);
  values.indices.setAxis(c.n, "column");
  const rowAxes = runs.filter((_, i) => i === along || i === along - 1);
  values.give(c.sum, (wide) => `load_${wide}(sums + column - n)`, [c.n, ...rowAxes]);
  const eachRow = (inside: () => void) => {
    const row = `const real *const sums = tile + (d * ${height} + i) * ${width};`;
    const loops = `for (long d = 0; d < ${deep}; d++) for (long i = 0; i < ${height}; i++) {`;
    if (rowAxes.length > 0) values.scoped(rowAxes, `${loops}\n${row}`, inside);
    else inside();
  };
  if (rowAxes.length === 0) values.line("const real *const sums = tile;");
  const store = () => values.store(c.part.value, linearOf(0, outFactor, 1), kernel.pointerTo(out));
  if (columns === undefined)
    eachRow(() =>
      values.vectorLoop(c.n, lanes, store, { from: "n", to: `least(n + ${width}, ${c.n.extent})` }),
    );
  // As many of the widest vectors as there are, then narrower ones.
  else
    for (let at = 0, wide = lanes; at < columns; at += wide) {
      while (wide > columns - at) wide = (wide / 2) as Lanes;
      values.vectorAt(c.n, wide, `n + ${at}`, () => eachRow(store));
    }
  return values.lines;
}
