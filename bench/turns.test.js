// @ts-check
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCase } from "./turns.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "striate-turns-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A process that speaks the lines of measure.js, notes its turns in a file, and ends in the turn that it is told to. */
const program = `
  const { appendFileSync } = require("node:fs");
  const [options, job] = process.argv.slice(1).map((text) => JSON.parse(text));
  const say = (value) => console.log(JSON.stringify(value));
  const outputs = [Buffer.from(Float32Array.from(options.logits).buffer).toString("base64")];
  say({ version: options.id + " " + job.form, threads: 1, outputs });
  let turns = 0;
  process.stdin.on("data", () => {
    if (++turns === options.endsInTurn) throw new Error("out of luck");
    appendFileSync(options.log, options.id + job.form + " ");
    say({ times: [1, options.ms[job.form] ?? options.ms[""], 1e6], peakRssBytes: 1000 + turns });
  });
`;

/**
 * @param {string} id
 * @param {{ logits?: number[], ms?: Record<string, number>, endsInTurn?: number, forms?: string[] }} [behaviour]
 */
function contestant(id, { logits = [0, 1, 2], ms = { "": 2 }, endsInTurn = 0, forms } = {}) {
  const options = JSON.stringify({ id, logits, ms, endsInTurn, log: path.join(folder, "log") });
  return {
    ...{ id, name: id, backend: "", isOurs: false, isSlow: false, is128: false },
    ...{ command: [process.execPath, "-e", program, "--", options], modes: /** @type {const} */ (["infer"]) },
    ...(forms && { forms: { infer: forms } }),
  };
}

const of = /** @type {const} */ ({ net: "lenet5", mode: "infer", batch: 1, threads: 1, flop: 1e6 });
const material = { weights: "", onnx: "", images: "" };
const limits = { rounds: 3, seconds: 0.01, answerMs: 20_000 };
const turns = () => readFileSync(path.join(folder, "log"), "utf8").trim();

test("contestants take turns, and a round is the median of one's steps", async () => {
  const entries = await runCase([contestant("a"), contestant("b", { ms: { "": 3 } })], of, material, limits);
  expect(turns()).toBe("a b a b a b");
  expect(entries.map(({ rounds }) => rounds.map(({ msPerStep }) => msPerStep))).toEqual([
    [2, 2, 2],
    [3, 3, 3],
  ]);
  expect(entries[0]).toMatchObject({ version: "a ", peakRssBytes: 1003, failure: "" });
});

test("who computes something else is not timed", async () => {
  const entries = await runCase(
    [contestant("c"), contestant("d", { logits: [0, 1, 2.1] })],
    of,
    material,
    limits,
  );
  expect(turns()).toBe("c c c");
  expect(entries[1]).toMatchObject({
    rounds: [],
    failure: expect.stringMatching(/^computes something else: logits: 0\.1/),
  });
});

test("who ends is named with its error and keeps its rounds, and the others go on", async () => {
  const entries = await runCase([contestant("e", { endsInTurn: 2 }), contestant("f")], of, material, limits);
  expect(turns()).toBe("e f f f");
  expect(entries[0].failure).toBe("ended with exit code 1: Error: out of luck");
  expect(entries.map(({ rounds }) => rounds.length)).toEqual([1, 3]);
});

test("of several forms the fastest takes the turns", async () => {
  const forms = ["plain", "fast"];
  const entries = await runCase(
    [contestant("g", { forms, ms: { plain: 5, fast: 2 } })],
    of,
    material,
    limits,
  );
  expect(turns()).toBe("gplain gfast gfast gfast gfast");
  expect(entries[0].version).toBe("g fast");
});

test("who has no such mode, or whose step would take a minute, is not started", async () => {
  await runCase([contestant("h", { ms: { "": 10 } })], of, material, limits);
  const entries = await runCase(
    [contestant("h"), contestant("ort")],
    { ...of, flop: 1e10 },
    material,
    limits,
  );
  expect(entries[0].failure).toBe("not started: at its 0.10 GFLOP/s a step would take 100 s");
  const [training] = await runCase([contestant("ort")], { ...of, mode: "train" }, material, limits);
  expect(training.failure).toBe("it does not train in JavaScript");
});

test("a slow contestant has one round", async () => {
  const [slow] = await runCase([contestant("i", { ms: { "": 30_000 } })], of, material, {
    ...limits,
    rounds: 2,
  });
  expect(slow.rounds).toHaveLength(1);
});
