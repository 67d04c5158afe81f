import { expect, test } from "vitest";
import { formatBytes, formatDuration, formatPercent, formatTable } from "./table.ts";

test("a table aligns its columns, numbers to the right, and leaves no spaces at the ends of lines", () => {
  const columns = [{ title: "layer" }, { title: "parameters", align: "right" as const }, { title: "note" }];
  const rows = [
    ["conv1", "156", ""],
    ["fc1.weight", "48,120", "most"],
  ];
  expect(formatTable(columns, rows).split("\n")).toEqual([
    "layer       parameters  note",
    "──────────  ──────────  ────",
    "conv1              156",
    "fc1.weight      48,120  most",
    "",
  ]);
});

test("quantities are written as people compare them", () => {
  expect([formatBytes(17), formatBytes(1536), formatBytes(5 * 2 ** 30)]).toEqual([
    "17 B",
    "1.5 KiB",
    "5.0 GiB",
  ]);
  expect([formatDuration(41_400), formatDuration(727_000), formatDuration(3_729_000)]).toEqual([
    "0:41",
    "12:07",
    "1:02:09",
  ]);
  expect([formatPercent(0.97531), formatPercent(null), formatPercent(Number.NaN)]).toEqual([
    "97.53 %",
    "–",
    "–",
  ]);
});
