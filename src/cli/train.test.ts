/** The commands on each other's files: a folder of pictures is trained on, measured and named. */

import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RandomStream } from "../tensor/index.ts";
import type { Host, StopSignal } from "./host.ts";
import { runCli } from "./program.ts";

let folder: string;
let photos: string;

/** Pictures of bright left and bright right halves, in noise: a few steps learn to tell them apart. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-cli-"));
  photos = join(folder, "photos");
  const random = new RandomStream(1);
  for (const [split, count] of [
    ["train", 24],
    ["test", 4],
  ] as const) {
    for (const [place, side] of ["left", "right"].entries()) {
      await mkdir(join(photos, split, side), { recursive: true });
      for (let i = 0; i < count; i++) {
        const bright = (x: number) => (place === 0 ? x < 14 : x >= 14);
        const pixels = Uint8Array.from(
          { length: 784 },
          (_, p) => (bright(p % 28) ? 150 : 0) + random.integer(100),
        );
        await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
          .png()
          .toFile(join(photos, split, side, `${i}.png`));
      }
    }
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a command in this process; `stopAt` sends a signal when that text is logged. */
async function run(args: readonly string[], stopAt?: { readonly text: string; readonly signal: StopSignal }) {
  let [out, log] = ["", ""];
  let stop: (signal: StopSignal) => void = () => undefined;
  const host: Host = {
    out: (text) => {
      out += text;
    },
    log: (text) => {
      log += text;
      if (stopAt && text.includes(stopAt.text)) stop(stopAt.signal);
    },
    isTerminal: false,
    columns: () => 80,
    clock: () => performance.now(),
    args,
    onStop(callback) {
      stop = callback;
      return () => {
        stop = () => undefined;
      };
    },
  };
  const code = await runCli(args, host);
  return { code, out, log };
}

describe("a folder of pictures", () => {
  const input = ["--input", "28x28x1"];
  const small = [
    "--engine",
    "wasm",
    "--epochs",
    "3",
    "--batch",
    "8",
    "--validation",
    "8",
    "--learning-rate",
    "0.02",
    "--json",
  ];
  const train = (out: string) => [
    "train",
    "lenet5",
    "--data",
    photos,
    ...input,
    ...small,
    "--out",
    join(folder, out),
  ];

  test("is trained on, measured, and its pictures are named", async () => {
    const trained = await run(train("run"));
    expect(trained.code, trained.log).toBe(0);
    const result = JSON.parse(trained.out);
    expect(result).toMatchObject({
      model: "lenet5",
      data: "photos",
      epochs: 3,
      steps: 15,
      stopped: "finished",
      testTop1: 1,
    });
    expect(result.checkpoint).toBe(join(folder, "run", "last.safetensors"));
    expect(
      readFileSync(join(folder, "run", "metrics.jsonl"), "utf8")
        .trimEnd()
        .split("\n"),
    ).toHaveLength(3);

    const best = join(folder, "run", "best.safetensors");
    const measured = await run(["evaluate", best, "--data", photos, "--engine", "wasm", "--json"]);
    expect(measured.code, measured.log).toBe(0);
    expect(JSON.parse(measured.out)).toMatchObject({
      images: 8,
      top1: 1,
      top5: 1,
      classes: ["left", "right"],
      split: "test",
    });
    const table = await run(["evaluate", best, "--data", photos, "--split", "train", "--engine", "wasm"]);
    expect(table.out).toMatch(/^48 images at .*\ntop-1 {2}100\.00 %/);

    const pictures = [join(photos, "test", "right", "0.png"), join(photos, "test", "left", "1.png")];
    const named = await run(["predict", result.checkpoint, ...pictures, "--engine", "wasm", "--json"]);
    expect(named.code, named.log).toBe(0);
    const { images } = JSON.parse(named.out);
    expect(
      images.map(({ predictions }: { predictions: { class: string }[] }) => predictions[0].class),
    ).toEqual(["right", "left"]);
    expect(images[0].predictions[0].probability + images[0].predictions[1].probability).toBeCloseTo(1, 6);
  });

  test("is trained on in parts, with blocks computed again, to the same losses", async () => {
    const plain = await run(train("plain"));
    const spare = await run([...train("spare"), "--micro-batch", "3", "--recompute"]);
    expect(spare.code, spare.log).toBe(0);
    const { trainLoss, testLoss } = JSON.parse(plain.out);
    expect(JSON.parse(spare.out).trainLoss).toBeCloseTo(trainLoss, 4);
    expect(JSON.parse(spare.out).testLoss).toBeCloseTo(testLoss, 4);
    // Parts are of the run, which goes on with them; what is computed again does not touch its numbers.
    const file = readFileSync(join(folder, "spare", "last.safetensors"), "latin1");
    expect(file).toContain('\\"microBatch\\":3');
    expect(file).not.toContain("recompute");
  });

  test("is stopped between two epochs, and goes on with the command that was said", async () => {
    await run(train("whole"));
    const args = [...train("stopped"), "--checkpoint-steps", "2"];
    const stopped = await run(args, { text: "epoch 1/3", signal: "SIGTERM" });
    expect(stopped.code).toBe(143);
    expect(stopped.log).toContain(`Go on with it:\n  striate ${args.join(" ")} --resume\n`);
    expect(JSON.parse(stopped.out)).toMatchObject({ stopped: "aborted", testTop1: null });
    expect((await run([...args, "--resume"])).code).toBe(0);
    for (const name of ["last.safetensors", "best.safetensors"]) {
      expect(
        readFileSync(join(folder, "stopped", name)).equals(readFileSync(join(folder, "whole", name))),
      ).toBe(true);
    }
    expect((await run([...args, "--resume", "--seed", "9"])).log).toMatch(/seed was 1 and is 9/);
    expect(await run(args)).toMatchObject({
      code: 2,
      log: expect.stringMatching(/holds a run already\. Add --resume/),
    });
  });

  test("says that heads want larger images, or that there are none", async () => {
    const refused = (model: string, edge: number, ...flags: readonly string[]) => {
      const args = ["--data", photos, "--engine", "wasm", "--out", join(folder, "none"), ...flags];
      return run(["train", model, "--input", `${edge}x${edge}x3`, ...args]);
    };
    const small = await refused("googlenet", 64);
    expect(small.log).toMatch(/aux1\.pool: a kernel of 5 .* takes images of this size: --no-auxiliary\.\n$/);
    expect((await refused("googlenet", 20)).log).not.toContain("--no-auxiliary");
    const none = await refused("lenet5", 28, "--auxiliary");
    expect(none.log).toMatch(/lenet5 has no auxiliary heads to train with\./);
  });

  test("of other classes is refused by a checkpoint", async () => {
    const measured = await run([
      "evaluate",
      join(folder, "run", "best.safetensors"),
      "--data",
      "digits",
      "--engine",
      "wasm",
    ]);
    expect(measured).toMatchObject({
      code: 1,
      log: expect.stringMatching(/tells left, right apart, but digits has .*\(10\)/),
    });
  });

  test("cannot be told apart with fewer logits than it has classes", async () => {
    const refused = await run([...train("few"), "--classes", "1"]);
    expect(refused).toMatchObject({
      code: 2,
      log: expect.stringMatching(/--classes is 1, but .* has 2 classes/),
    });
    expect(existsSync(join(folder, "few"))).toBe(false);
  });
});
