/** Real runs of the command line, killed and started again, against one that was left alone. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RandomStream } from "../../src/tensor/index.ts";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "striate-resume-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A few seconds of training that write a checkpoint every few steps, so that a kill often falls into a write. */
const options = [
  "train",
  "lenet5",
  "--data",
  "digits",
  "--epochs",
  "4",
  "--limit",
  "2000",
  "--batch",
  "32",
].concat(["--augment", "shift:2", "--seed", "3", "--patience", "4", "--checkpoint-steps", "3", "--json"]);

interface Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: string | null; out: string; log: string }>;
}

function start(out: string, ...more: string[]): Run {
  const child = spawn(process.execPath, [program, ...options, "--out", out, ...more]);
  let [output, log] = ["", ""];
  child.stdout.on("data", (piece) => {
    output += piece;
  });
  child.stderr.on("data", (piece) => {
    log += piece;
  });
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, out: output, log }));
  return { child, ended };
}

/** Waits until the run has written `checkpoints` checkpoints, or has ended. */
async function written(run: Run, out: string, checkpoints: number): Promise<void> {
  const path = join(out, "last.safetensors");
  const stamp = () => (existsSync(path) ? statSync(path).mtimeMs : 0);
  let ended = false;
  run.ended.then(() => {
    ended = true;
  });
  for (let seen = 0, last = stamp(); seen < checkpoints && !ended; ) {
    await sleep(2);
    const now = stamp();
    if (now === last) continue;
    last = now;
    seen++;
  }
}

/** All that a run leaves, without its speed. */
function left(out: string) {
  const lines = readFileSync(join(out, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return {
    last: readFileSync(join(out, "last.safetensors")).toString("base64"),
    best: readFileSync(join(out, "best.safetensors")).toString("base64"),
    metrics: lines.map((line) => ({ ...JSON.parse(line), imagesPerSecond: null })),
  };
}

describe("a run that was stopped ends with the same bytes as one that was not:", () => {
  const whole = join(folder, "whole");
  let result: Record<string, unknown>;
  beforeAll(async () => {
    const { code, out, log } = await start(whole).ended;
    expect(code, log).toBe(0);
    result = JSON.parse(out);
  });

  test("the run itself learns, and says what it did", () => {
    expect(result).toMatchObject({ model: "lenet5", parameters: 61_706, epochs: 4, stopped: "finished" });
    expect(result.valTop1).toBeGreaterThan(0.5);
    expect(left(whole).metrics).toHaveLength(4);
  });

  test("killed at three random moments (kill -9) and resumed", async () => {
    const out = join(folder, "killed");
    const random = new RandomStream(11);
    for (let kill = 0; kill < 3; kill++) {
      const run = start(out, "--resume");
      await written(run, out, 2 + random.integer(12));
      await sleep(random.integer(60));
      run.child.kill("SIGKILL");
      const { signal, log } = await run.ended;
      expect(signal, `the run ended before kill ${kill + 1}: ${log}`).toBe("SIGKILL");
    }
    const { code, out: text, log } = await start(out, "--resume").ended;
    expect(code, log).toBe(0);
    expect(log).toMatch(/going on after step/);
    expect(left(out)).toEqual(left(whole));
    const { trainLoss, valLoss, valTop1, testTop1, testLoss, steps } = JSON.parse(text);
    expect(result).toMatchObject({ trainLoss, valLoss, valTop1, testTop1, testLoss, steps });
  });

  test("stopped by Ctrl-C, which saves and says the command that goes on", async () => {
    const out = join(folder, "stopped");
    const run = start(out);
    await written(run, out, 4);
    run.child.kill("SIGINT");
    const { code, log } = await run.ended;
    expect(code, log).toBe(130);
    expect(log).toContain(`striate ${options.join(" ")} --out ${out} --resume`);
    expect((await start(out, "--resume").ended).code).toBe(0);
    expect(left(out)).toEqual(left(whole));
  });

  for (const threads of ["1", "2"]) {
    test(`computed with --threads ${threads}`, async () => {
      const out = join(folder, `threads-${threads}`);
      const { code, log } = await start(out, "--threads", threads).ended;
      expect(code, log).toBe(0);
      expect(left(out)).toEqual(left(whole));
    });
  }

  test("and is not begun over without --resume", async () => {
    const { code, log } = await start(whole).ended;
    expect(code).toBe(2);
    expect(log).toMatch(/holds a run already. Add --resume/);
  });
});
