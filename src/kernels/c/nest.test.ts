import { expect, test } from "vitest";
import { axis, index } from "../index-expression.ts";
import { contiguousLayout } from "../layout.ts";
import { Source } from "../value.ts";
import { renderNest } from "./nest.ts";
import { buffers, CTarget } from "./target.ts";

/** How a kernel that writes the rows of x in the other order loads and stores, where its result lies so many numbers behind x. */
function accesses(distance: number, rows = 2): string[] {
  const x = { shape: [rows, 8] };
  const layout = contiguousLayout(buffers.work, x.shape);
  const machine = { threads: 1, numberBytes: 4, lanes: 8, registers: 16 } as const;
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
