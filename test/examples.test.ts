/** Runs the programs of examples/ as a reader would, against the built package. */

import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { DigitsDataset } from "../src/data/index.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "striate-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const example = async (name: string, ...args: string[]) => {
  const { stdout } = await run(process.execPath, ["examples/run.js", name, ...args], { cwd: root });
  return stdout;
};

const topOf = (text: string) => Number(/test top-1 ([\d.]+) %/.exec(text)?.[1]);

test("first-steps trains LeNet-5 in ten lines, those of the README", async () => {
  const text = readFileSync(join(root, "examples", "first-steps.ts"), "utf8");
  expect(text.split("\n").filter((line) => line !== "")).toHaveLength(10);
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(text);
  expect(topOf(await example("first-steps"))).toBeGreaterThan(85);
});

test("own-model prints its table, its plan and a tapped tensor", async () => {
  const output = await example("own-model");
  expect(output).toMatch(/^block1\.conv1 +\[14,14,16\] +1152 parameters, 225792 multiply-adds$/m);
  expect(output).toContain("block1.conv1: conv2d + batchNormalize + relu");
  expect(output).toContain("block1 gives 3136 numbers, the network 10 logits");
});

test("train-digits keeps a run that classify-picture names a picture by", async () => {
  const out = join(folder, "run");
  expect(topOf(await example("train-digits", out, "2"))).toBeGreaterThan(85);
  // A second start goes on from the checkpoint: there is nothing left to do.
  expect(await example("train-digits", out, "2")).not.toContain("epoch");

  const { default: sharp } = await import("sharp");
  const digits = new DigitsDataset({ split: "test" });
  const [height, width, channels] = digits.imageShape;
  const pixels = new Uint8Array(height * width * channels);
  let right = 0;
  for (const index of [0, 1, 2]) {
    digits.read(index, pixels);
    const picture = join(folder, `${index}.png`);
    await sharp(pixels, { raw: { width, height, channels } }).png().toFile(picture);
    const output = await example("classify-picture", join(out, "best.safetensors"), picture);
    if (output.includes(`.png: ${digits.label(index)} (`)) right++;
  }
  expect(right).toBeGreaterThanOrEqual(2);
});

test("every example is run here, and none is left half compiled", () => {
  const names = readdirSync(join(root, "examples")).filter((name) => name !== "run.js");
  expect(names.sort()).toEqual(["classify-picture.ts", "first-steps.ts", "own-model.ts", "train-digits.ts"]);
});
