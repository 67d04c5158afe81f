import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { models } from "../models/registry.ts";
import { version } from "../train/version.ts";
import type { Host } from "./host.ts";
import { runCli } from "./program.ts";
import { resumeCommand } from "./resume-command.ts";

/** Runs a command in this process. */
async function run(...args: string[]) {
  let out = "";
  let log = "";
  const host: Host = {
    out: (text) => {
      out += text;
    },
    log: (text) => {
      log += text;
    },
    isTerminal: false,
    columns: () => 80,
    clock: () => 0,
    args,
    onStop: () => () => undefined,
  };
  const code = await runCli(args, host);
  return { code, out, log };
}

describe("the command line", () => {
  test.each([
    "train",
    "evaluate",
    "predict",
    "convert",
    "export",
    "summary",
    "receptive-field",
    "profile",
    "models",
    "doctor",
  ])("%s has --help and --json", async (command) => {
    const { code, out, log } = await run(command, "--help");
    expect({ code, log }).toEqual({ code: 0, log: "" });
    expect(out).toContain(`Usage: striate ${command}`);
    expect(out).toContain("--json");
  });

  test("doctor tells what computes and what is kept, as a text and as JSON", async () => {
    const { code, out, log } = await run("doctor");
    expect([code, log]).toEqual([0, ""]);
    for (const name of [
      "striate",
      "native",
      "wasm",
      "wasm-256",
      "js",
      "auto takes",
      "compiler",
      "vectors",
      "koffi",
      "cache",
    ])
      expect(out).toMatch(new RegExp(`^${name}  +\\S`, "m"));
    expect(out).toMatch(/^WebAssembly +SIMD yes, relaxed SIMD (yes|no), shared memory yes$/m);
    const json = JSON.parse((await run("doctor", "--json")).out);
    expect(json).toMatchObject({ striate: version, node: process.version, wasm: { simd: true } });
    expect(["native", "wasm"]).toContain(json.auto);
  });

  test("lists the models, as a table and as JSON", async () => {
    const table = await run("models");
    expect(table.code).toBe(0);
    for (const { name } of models) expect(table.out).toContain(name);
    const json = await run("models", "--json");
    expect(JSON.parse(json.out).models).toHaveLength(models.length);
  });

  test("lists only the models of a name, a paper or a year", async () => {
    const { out } = await run("models", "simonyan", "--json");
    const found = JSON.parse(out).models;
    expect(found.length).toBeGreaterThan(9);
    expect(found.find(({ name }: { name: string }) => name === "vgg16")).toMatchObject({
      published: [{ data: "ImageNet", top1: 71.592, top5: 90.382 }],
      preprocessing: { channels: "rgb", mean: [0.485, 0.456, 0.406] },
    });
    const none = await run("models", "vggnet");
    expect([none.code, none.log]).toEqual([2, expect.stringContaining('there is no model with "vggnet"')]);
  });

  test("tells what a training step takes, when asked for a batch", async () => {
    const text = await run("summary", "cifar-resnet-20", "--batch", "64");
    expect(text.out).toMatch(
      /MiB of buffers to train with 64 at a time; [\d.]+ MiB with --recompute activations/,
    );
    const { training } = JSON.parse((await run("summary", "lenet5", "--batch", "8", "--json")).out);
    expect(training).toMatchObject({ batch: 8, stateBytes: expect.any(Number) });
    expect(training.workBytes.activations).toBeLessThanOrEqual(training.workBytes.none);
    const heads = await run("summary", "googlenet", "--batch", "2", "--json");
    // 13,378,280 parameters with the two heads, and as many velocities.
    expect(JSON.parse(heads.out).training.stateBytes).toBeCloseTo(8 * 13_378_280, -3);
  });

  test("draws networks, and what their places look at", async () => {
    const folder = await mkdtemp(join(tmpdir(), "striate-pictures-"));
    const [diagram, field, png] = ["net.svg", "field.svg", "field.png"].map((name) => join(folder, name));
    const drawn = await run("summary", "lenet5", "--svg", diagram);
    expect(drawn.code, drawn.log).toBe(0);
    expect(await readFile(diagram, "utf8")).toMatch(/^<svg .*<title>lenet5<\/title>/s);
    const flags = ["--at", "conv2", "--images", "1", "--engine", "js"];
    const seen = await run("receptive-field", "lenet5", ...flags, "--svg", field, "--png", png);
    expect(seen.code, seen.log).toBe(0);
    expect(seen.out).toMatch(
      /^lenet5 at conv2, 10×10×16\nsees by arithmetic {3}14×14 pixels, step 2; of the image 14×14 from row 6 /,
    );
    expect(await readFile(field, "utf8")).toContain("lenet5, effective receptive field");
    expect((await readFile(png)).subarray(1, 4).toString()).toBe("PNG");
    const json = JSON.parse((await run("receptive-field", "lenet5", ...flags, "--json")).out);
    expect(json).toMatchObject({ model: "lenet5", at: "conv2", box: [6, 6, 14, 14] });
    expect(json.values).toHaveLength(784);
    const none = await run("receptive-field", "lenet5", "--at", "conv3");
    expect(none).toMatchObject({ code: 2, log: expect.stringContaining('no tensor at "conv3"') });
    await rm(folder, { recursive: true });
  });

  test("summarises LeNet-5 with the numbers of its paper's layers", async () => {
    const json = await run("summary", "lenet5", "--json");
    expect(json.code).toBe(0);
    expect(JSON.parse(json.out)).toMatchObject({
      model: "lenet5",
      inputShape: [28, 28, 1],
      parameters: 61_706,
    });
    const table = await run("summary", "lenet5", "--classes", "7");
    expect(table.out).toContain("28×28×6");
    expect(table.out).toMatch(/fc3 +linear\S* +7 /);
  });

  test.each<[string, string[], RegExp]>([
    ["a command that is none", ["trian"], /unknown command 'trian'.*Did you mean train\?/s],
    ["a flag that is none", ["models", "--jsn"], /unknown option '--jsn'/],
    ["a missing flag", ["train", "lenet5"], /required option '--data/],
    ["a missing argument", ["summary"], /missing required argument 'model'/],
    [
      "a number that is none",
      ["train", "lenet5", "--data", "digits", "--epochs", "x"],
      /'x' is invalid. It is a whole/,
    ],
    ["zero images", ["train", "lenet5", "--data", "digits", "--batch", "0"], /at least 1/],
    [
      "an engine that is none",
      ["train", "lenet5", "--data", "digits", "--engine", "gpu"],
      /auto, native, wasm, wasm-256, js/,
    ],
    ["a shape that is none", ["summary", "lenet5", "--input", "28x28"], /such as 28x28x1/],
    ["a model that is none", ["summary", "lenet"], /no model "lenet".*lenet5/],
    [
      "a schedule that is none",
      ["train", "lenet5", "--data", "digits", "--schedule", "x"],
      /none of this name.*cosine/,
    ],
    [
      "a recomputation that is none",
      ["train", "lenet5", "--data", "digits", "--recompute", "all"],
      /none, activations, blocks/,
    ],
    ["a momentum over 1", ["train", "lenet5", "--data", "digits", "--momentum", "2"], /momentum is 2/],
  ])("refuses %s with code 2 and without a stack", async (_title, args, message) => {
    const { code, out, log } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(log).toMatch(message);
    expect(log).not.toMatch(/\n {4}at /);
  });

  test("fails with code 1 and a message when data or a file is not there", async () => {
    const data = await run("train", "lenet5", "--data", "no-such-folder", "--out", "/nonexistent/run");
    expect(data).toMatchObject({
      code: 1,
      out: "",
      log: expect.stringMatching(/^error: There is no data set and no folder/),
    });
    const file = await run("evaluate", "/nonexistent/x.safetensors", "--data", "digits");
    expect(file).toMatchObject({
      code: 1,
      log: "error: /nonexistent/x.safetensors: there is no such file.\n",
    });
  });
});

test("the command that goes on is the one that began, quoted, with --resume once", () => {
  expect(resumeCommand(["train", "lenet5", "--data", "my photos"])).toBe(
    "striate train lenet5 --data 'my photos' --resume",
  );
  expect(resumeCommand(["train", "--resume", "--out=it's"])).toBe("striate train --resume '--out=it'\\''s'");
});
