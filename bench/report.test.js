// @ts-check
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Csv, figures, formatTable, netCells, netColumns } from "./report.js";

/**
 * @param {string} id
 * @param {readonly number[]} msPerStep Of each round.
 */
function entry(id, msPerStep, failure = "") {
  const isOurs = id === "wasm";
  /** @type {import("./contestants.js").Contestant} */
  const contestant = {
    id,
    name: id,
    command: [],
    backend: "",
    modes: [],
    isOurs,
    isSlow: false,
    is128: isOurs,
  };
  const rounds = msPerStep.map((ms) => ({ msPerStep: ms, steps: 3 }));
  return {
    contestant,
    version: `${id} 1`,
    threads: 2,
    distance: 1e-6,
    rounds,
    peakRssBytes: 2 ** 20,
    failure,
  };
}

const of = /** @type {const} */ ({ net: "lenet5", mode: "infer", batch: 4, threads: 2, flop: 8e6 });
const peak = { lanes: 16, wide: 200, at128: 100, median: 190 };
const rows = figures(
  of,
  [entry("wasm", [2, 1, 4]), entry("torch", [4, 4, 4]), entry("ort", [1, 1, 8])],
  peak,
);

describe("figures", () => {
  test("speed is the median over the rounds, with the slowest and fastest beside it", () => {
    expect(rows[0].measured).toMatchObject({
      imagesPerSecond: 2000,
      slowest: 1000,
      fastest: 4000,
      msPerStep: 2,
    });
  });

  test("ratios are medians of the ratios within a round, to PyTorch and to the fastest peer", () => {
    expect(rows[0].measured?.toTorch).toBe(2); // of 2, 4, 1
    expect(rows[0].measured?.toBestPeer).toBe(1); // of 1/2, 1, 2
    expect(rows[2].measured?.toBestPeer).toBe(1);
  });

  test("GFLOP/s count the step's operations, and their limit is that of the vectors used", () => {
    expect(rows[0].measured).toMatchObject({ gflops: 4, ofPeak: 4 / 200, ofLimit: 4 / 100 });
    expect(rows[1].measured?.ofLimit).toBe(2 / 200);
  });

  test("who has no round has no figures, and is not the fastest peer", () => {
    const [ours, ort] = figures(of, [entry("wasm", [2]), entry("ort", [], "killed")], undefined);
    expect(ours.measured).toMatchObject({ toTorch: undefined, toBestPeer: undefined, ofPeak: undefined });
    expect(ort).toMatchObject({ measured: undefined, failure: "killed" });
  });
});

test("the table has a row for each contestant with a result, columns aligned", () => {
  const [title, head, ...body] = formatTable(of, [
    ...rows,
    ...figures(of, [entry("js", [], "late")], peak),
  ]).split("\n");
  expect(title).toBe("lenet5, infer, batch 4, 2 threads");
  expect(body.map((line) => line.split(/\s+/)[0])).toEqual(["wasm", "torch", "ort"]);
  expect(new Set([head, ...body].map((line) => line.length)).size).toBe(1);
});

describe("CSV", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "striate-report-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("a row has a cell for each column, quoted where it must be, also of who has no result", () => {
    const file = path.join(folder, "some", "nets.csv");
    const failed = figures(of, [entry("ort", [], 'said "no", twice')], peak);
    new Csv(file, netColumns).append(netCells(of, [rows[0], ...failed], peak));
    const [head, first, second, end] = readFileSync(file, "utf8").split("\n");
    const cellsOf = (/** @type {string} */ line) =>
      [...line.matchAll(/(?:^|,)("(?:[^"]|"")*"|[^,]*)/g)].map((match) => match[1]);
    expect(head.split(",").slice(0, 5)).toEqual(["date", "commit", "machine", "node", "net"]);
    expect(cellsOf(first)).toHaveLength(head.split(",").length);
    expect(cellsOf(first)[head.split(",").indexOf("imagesPerSecond")]).toBe("2000");
    expect(cellsOf(second)).toHaveLength(head.split(",").length);
    expect(cellsOf(second).at(-1)).toBe('"said ""no"", twice"');
    expect(end).toBe("");
  });

  test("rows are added to a file with the same columns, and another is refused", () => {
    const file = path.join(folder, "nets.csv");
    new Csv(file, ["a"]).append([[1]]);
    new Csv(file, ["a"]).append([[2]]);
    expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(3);
    writeFileSync(file, "other\n1\n");
    expect(() => new Csv(file, ["a"])).toThrow(/nets\.csv has columns other, but date,commit,machine,node,a/);
  });
});
