import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { DatasetError } from "../tensor/errors.ts";
import type { DatasetSource } from "./source.ts";
import { type ThreadStarter, WorkerPreparer } from "./worker-preparer.ts";

const preparation = { seed: 1, augment: [], normalization: { mean: [0], std: [1] } };
const source: DatasetSource = { kind: "digits", seed: 0, split: "test" };

/** Starts a real worker that runs this code in place of the loader's. */
const running =
  (code: string): ThreadStarter =>
  async (events) => {
    const worker = new Worker(`const { parentPort: port } = require("node:worker_threads"); ${code}`, {
      eval: true,
    });
    worker.on("message", events.message);
    worker.on("error", events.death);
    worker.on("exit", (exitCode) => events.death(new Error(`exit code ${exitCode}`)));
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      hold: () => undefined,
      stop: async () => {
        await worker.terminate();
      },
    };
  };

const opens = `
  port.postMessage({ type: "started" });
  port.on("message", ({ type }) => { if (type === "open") port.postMessage({ type: "opened" }); else END; });`;

describe("batches on a worker", () => {
  for (const [how, end] of [
    ["exits", "process.exit(3)"],
    ["throws", 'throw new Error("out of order")'],
  ]) {
    test(`fail with a DatasetError when it ${how}, those asked for and all later ones`, async () => {
      const preparer = await WorkerPreparer.start(source, preparation, running(opens.replace("END", end)));
      const asked = [0, 1, 2].map((i) => preparer?.prepare(Uint32Array.of(i), 0));
      for (const batch of asked) await expect(batch).rejects.toThrow(DatasetError);
      await expect(preparer?.prepare(Uint32Array.of(0), 0)).rejects.toThrow(
        "The worker that prepares batches has died",
      );
    });
  }

  test("are not tried where the worker's code does not run", async () => {
    expect(await WorkerPreparer.start(source, preparation, running("syntax error"))).toBeUndefined();
    expect(await WorkerPreparer.start(source, preparation, async () => undefined)).toBeUndefined();
  });

  const built = new URL("../../dist/data/node/loader-worker.js", import.meta.url);

  test.skipIf(!existsSync(built))("fail with the worker's own error", async () => {
    const wrong: DatasetSource = { kind: "digits", seed: 0, split: "other" as "test" };
    await expect(WorkerPreparer.start(wrong, preparation)).rejects.toThrow('not "other"');
    const facts = {
      name: "x",
      split: "train",
      classes: ["a"],
      imageShape: [8, 8, 1] as const,
      fingerprint: "",
    };
    const folder: DatasetSource = {
      kind: "folder",
      facts: { ...facts, normalization: preparation.normalization },
      paths: ["/nowhere/a.png"],
      labels: Uint16Array.of(0),
      fit: "crop",
      cropFraction: 1,
    };
    const preparer = await WorkerPreparer.start(folder, preparation);
    const error = await preparer?.prepare(Uint32Array.of(0), 0).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DatasetError);
    expect(error).toMatchObject({ facts: { file: "/nowhere/a.png" } });
    expect(String(error)).toContain("/nowhere/a.png: cannot be decoded");
    await preparer?.dispose();
  });
});
