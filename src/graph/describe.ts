/** A plan as text: what will run, on which memory, and how much of it. */

import { operandsOf } from "../kernels/formula.ts";
import type { Tensor } from "../ops/operation.ts";
import { formatShape, size } from "../tensor/shape.ts";
import { memories, type Plan } from "./planned.ts";

/** Names of the memories, by their numbers. */
const placeNames = Object.fromEntries(Object.entries(memories).map(([name, buffer]) => [buffer, name]));

/** Steps with shapes, multiply-adds and memory, then buffers with lifetimes, then totals. */
export function describe(plan: Plan): string {
  const rows = plan.steps.map((step, i) => {
    const operands = operandsOf(step.formula) as Tensor[];
    const place = placeNames[step.target.buffer];
    return [
      String(i),
      step.name,
      formatShape(step.tensor.shape),
      operands.map((operand) => operand.name).join(", "),
      count(step.macs),
      `${place} +${formatBytes(4 * step.target.offset)}`,
      formatBytes(4 * size(step.tensor.shape)),
      step.inPlaceOf === undefined ? "" : `in place of ${step.inPlaceOf.name}`,
    ];
  });
  const buffers = plan.buffers
    .toSorted((a, b) => a.from - b.from || a.offset - b.offset)
    .map((buffer) => [
      buffer.name,
      formatBytes(4 * buffer.elements),
      `+${formatBytes(4 * buffer.offset)}`,
      buffer.from < 0 ? "input" : `step ${buffer.from}`,
      buffer.to >= plan.steps.length ? "end" : `step ${buffer.to}`,
    ]);
  const macs = plan.steps.reduce((sum, step) => sum + step.macs, 0);
  const separate = plan.buffers.reduce((sum, buffer) => sum + buffer.elements, 0);
  return [
    table(["step", "what", "shape", "reads", "MACs", "at", "bytes", ""], rows),
    "",
    table(["buffer", "bytes", "at", "from", "to"], buffers),
    "",
    `${plan.steps.length} steps, ${macs.toLocaleString("en-US")} multiply-adds`,
    ...(plan.preparation === 0
      ? []
      : [
          `the first ${plan.preparation} read the state alone, and run when it has changed: ` +
            `they keep ${formatBytes(4 * plan.preparedElements)}`,
        ]),
    `work memory: peak ${formatBytes(4 * plan.workElements)} (${formatBytes(4 * separate)} without reuse)`,
    `state memory: ${formatBytes(4 * plan.state.elements)}`,
  ].join("\n");
}

/** "12.3 MiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let power = 0;
  let value = bytes;
  while (value >= 1024 && power < units.length - 1) {
    value /= 1024;
    power++;
  }
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

function count(macs: number): string {
  return macs === 0 ? "" : macs.toLocaleString("en-US");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}
