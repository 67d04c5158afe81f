import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Host } from "./host.ts";
import { runCli } from "./program.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-profile-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...args: string[]) {
  let [out, log] = ["", ""];
  const host: Host = {
    out: (text) => {
      out += text;
    },
    log: (text) => {
      log += text;
    },
    isTerminal: false,
    columns: () => 80,
    clock: () => performance.now(),
    args,
    onStop: () => () => undefined,
  };
  const code = await runCli(["profile", ...args], host);
  return { code, out, log };
}

describe("striate profile", () => {
  test("shows the steps of inference with their figures, then the kinds of steps, then the whole", async () => {
    const { code, out, log } = await run("lenet5", "--engine", "wasm", "--threads", "1", "--runs", "2");
    expect(code, log).toBe(0);
    expect(out).toMatch(/^lenet5, inference, 1 image 28×28×1, engine wasm, 1 thread\n/);
    expect(out).toMatch(
      /\n +0 {2}conv1 +conv2d \+ relu +1×28×28×6 +\d+\.\d{3} +\d+\.\d\d % +[\d.]+ +[\d.]+\n/,
    );
    expect(out).toMatch(/\nconv2d \+ relu +2 /);
    expect(out).toMatch(/ms a run, median of 2: .* images\/s, 416,520 multiply-adds/);
  });

  test("times a training step, shows its slowest steps, and writes a run for a trace viewer", async () => {
    const file = join(folder, "trace.json");
    const flags = ["--engine", "js", "--train", "--batch", "2", "--runs", "1"];
    const { code, out, log } = await run("lenet5", ...flags, "--top", "3", "--trace", file);
    expect(code, log).toBe(0);
    expect(out).toMatch(/^lenet5, training, 2 images/);
    const [, table] = out.split("\n\n");
    expect(table.split("\n")).toHaveLength(2 + 3);
    const { traceEvents } = JSON.parse(await readFile(file, "utf8"));
    const names = traceEvents.map(({ name }: { name: string }) => name);
    expect(names).toContain("backward");
    expect(names).toContain("conv2dWeightGradient + sgdVelocity");
  });

  test("writes all figures as one JSON object, shares that add up to 1", async () => {
    const { code, out, log } = await run("mnist-cnn", "--engine", "js", "--runs", "1", "--json");
    expect(code, log).toBe(0);
    const { steps, kinds, ...rest } = JSON.parse(out);
    expect(rest).toMatchObject({
      model: "mnist-cnn",
      form: "inference",
      batch: 1,
      engine: "js",
      threads: 1,
      runs: 1,
    });
    expect(rest).not.toHaveProperty("timeline");
    for (const rows of [steps, kinds])
      expect(rows.reduce((sum: number, { share }: { share: number }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(steps[0]).toMatchObject({
      layer: expect.any(String),
      macs: expect.any(Number),
      bytes: expect.any(Number),
    });
  });

  test("times the steps that compute again what was not kept", async () => {
    const flags = ["lenet5", "--engine", "js", "--train", "--batch", "2", "--runs", "1", "--json"];
    const stepsOf = async (...more: string[]) => JSON.parse((await run(...flags, ...more)).out).steps.length;
    expect(await stepsOf("--recompute")).toBeGreaterThan(await stepsOf());
  });

  test("refuses a model that is none with code 2", async () => {
    const { code, log } = await run("lenet");
    expect(code).toBe(2);
    expect(log).toMatch(/no model "lenet"/);
  });
});
