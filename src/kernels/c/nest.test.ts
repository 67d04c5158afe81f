import { expect, test } from "vitest";
import { axis, index } from "../index-expression.ts";
import { contiguousLayout } from "../layout.ts";
import { Source, sum, Value } from "../value.ts";
import { renderNest } from "./nest.ts";
import { buffers, CTarget } from "./target.ts";

const machine = { threads: 1, numberBytes: 4, lanes: 8, registers: 16 } as const;

/** How a kernel that writes the rows of x in the other order loads and stores, where its result lies so many numbers behind x. */
function accesses(distance: number, rows = 2): string[] {
  const x = { shape: [rows, 8] };
  const layout = contiguousLayout(buffers.work, x.shape);
  const target = new CTarget(new Map([[x, layout]]), machine, true, new Set());
  const i = axis("i", 8);
  const parts = Array.from({ length: rows }, (_, row) => ({
    part: { axes: [i], at: [index(row), index(i)], value: new Source(x).at(rows - 1 - row, i) },
    layout: { ...layout, offset: layout.offset + distance },
  }));
  renderNest(target, parts);
  return target.kernels[0].text.match(/load|store/g) ?? [];
}

test("results are stored as soon as they are computed, but where they take the memory of what others read", () => {
  expect(accesses(16)).toEqual(["load", "store", "load", "store"]);
  expect(accesses(0)).toEqual(["load", "load", "store", "store"]);
  // Row 1 of x goes to its own place, row 0 behind x.
  expect(accesses(8)).toEqual(["load", "store", "load", "store"]);
  // However many wait: what was read is not read again where others are stored by then.
  expect(accesses(0, 60).filter((each) => each === "load")).toHaveLength(60);
});

/** Loops over 100 places and loads in the kernel of channels' sums and sums of squares. */
function sumsOf(channels: number): { loops: number; loads: number } {
  const x = { shape: [100, channels] };
  const target = new CTarget(new Map([[x, contiguousLayout(0, x.shape)]]), machine, true, new Set());
  const c = axis("c", channels);
  const sums = sum([100], (p) => new Source(x).at(p, c));
  const { axes } = sums.node as Extract<typeof sums.node, { kind: "reduce" }>;
  const [place] = axes;
  const squares = new Value({
    ...{ kind: "reduce", operator: "sum", axes },
    body: new Source(x).at(place, c).times(new Source(x).at(place, c)),
  });
  const layout = contiguousLayout(1, [2, channels]);
  renderNest(
    target,
    [sums, squares].map((value, i) => ({ part: { axes: [c], at: [index(i), index(c)], value }, layout })),
  );
  const [{ text }] = target.kernels;
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0;
  return { loops: count(/< 100;/g), loads: count(/load_/g) };
}

test("sums over the same places are taken in one loop, those of neighbouring vectors with them, as registers allow", () => {
  expect(sumsOf(8)).toEqual({ loops: 1, loads: 1 });
  // Of 16 registers 8 are for sums: four vectors side by side.
  expect(sumsOf(64)).toEqual({ loops: 1, loads: 4 });
  expect(sumsOf(48)).toEqual({ loops: 1, loads: 3 });
});
