/** A model with auxiliary heads on the command line: trained with them, gone on with, measured and used without them. */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "striate-heads-"));
const photos = join(folder, "photos");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  for (const split of ["train", "test"])
    for (const [name, background] of [
      ["dark", { r: 40, g: 30, b: 20 }],
      ["light", { r: 230, g: 220, b: 200 }],
    ] as const) {
      mkdirSync(join(photos, split, name), { recursive: true });
      for (let i = 0; i < 4; i++)
        await sharp({ create: { width: 32, height: 32, channels: 3, background } })
          .png()
          .toFile(join(photos, split, name, `${i}.png`));
    }
});

const striate = (...args: readonly string[]) =>
  JSON.parse(execFileSync(process.execPath, [program, ...args, "--json"], { encoding: "utf8" }));

describe("googlenet-torchvision", () => {
  const train = (out: string, ...flags: readonly string[]) => {
    const data = ["--data", photos, "--input", "32x32x3", "--batch", "4", "--validation", "0"];
    return striate("train", "googlenet-torchvision", ...data, "--out", join(folder, out), ...flags);
  };

  it("trains with its heads, or without them, and goes on as it began", () => {
    const heads = train("heads", "--epochs", "1");
    const plain = train("plain", "--epochs", "1", "--no-auxiliary");
    // Heads of 128 and 1,024 channels on maps of 512 and 528, for two classes.
    const head = (c: number) => c * 128 + 2 * 128 + (2048 + 1) * 1024 + (1024 + 1) * 2;
    expect(heads.parameters - plain.parameters).toBe(head(512) + head(528));
    // About ln 2 for the logits, and 0.3 of it for each head.
    expect(heads.trainLoss).toBeGreaterThan(plain.trainLoss + 0.2);
    for (const [out, { parameters }] of Object.entries({ heads, plain }))
      expect(train(out, "--epochs", "1", "--resume").parameters).toBe(parameters);
  });

  it("is measured and names pictures without the heads that its checkpoint has", () => {
    const checkpoint = join(folder, "heads", "last.safetensors");
    expect(striate("evaluate", checkpoint, "--data", photos)).toMatchObject({ images: 8, split: "test" });
    const { images } = striate("predict", checkpoint, join(photos, "test", "dark", "0.png"));
    expect(images[0].predictions.length).toBe(2);
  });
});
