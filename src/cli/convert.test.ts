/** `striate convert` on files of weights, and the other commands on what it writes. */

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePyTorch } from "../formats/pytorch-write.ts";
import { readSafetensors, type WritableTensor, writeSafetensors } from "../formats/safetensors.ts";
import { modelNamed } from "../models/registry.ts";
import { initialValues } from "../nn/initializers.ts";
import { build } from "../nn/network.ts";
import { referenceShape, toReferenceLayout } from "../train/layout.ts";
import { runCli } from "./program.ts";

let folder: string;
/** LeNet-5 for digits as another tool would publish it. */
let weights: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-convert-"));
  weights = join(folder, "lenet.safetensors");
  const network = build(modelNamed("lenet5").build(), { input: [1, 28, 28, 1] });
  const values = initialValues(network, 5);
  const tensors = network.parameters.map(({ name, shape, kind }) => {
    const data = values.get(name) ?? new Float32Array();
    return [name, toReferenceLayout({ shape, data }, kind)] as const;
  });
  await writeFile(weights, writeSafetensors(new Map(tensors)));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...args: readonly string[]) {
  let [out, log] = ["", ""];
  const code = await runCli(args, {
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
  });
  return { code, out, log };
}
const convert = (out: string, ...more: readonly string[]) =>
  run("convert", weights, "--model", "lenet5", "--out", join(folder, out), ...more);

describe("convert", () => {
  test("writes a checkpoint with the same arrays, which evaluate and predict read", async () => {
    const converted = await convert("digits.safetensors", "--data", "digits", "--json");
    expect(converted.code, converted.log).toBe(0);
    const out = join(folder, "digits.safetensors");
    expect(JSON.parse(converted.out)).toMatchObject({
      model: "lenet5",
      file: weights,
      format: "safetensors",
      out,
      classes: 10,
      parameters: 61_706,
      arrays: 10,
      drawn: [],
    });
    const arrays = async (path: string) =>
      readSafetensors(new Uint8Array(await readFile(path)), path).tensors;
    expect(await arrays(out)).toEqual(await arrays(weights));

    const picture = join(folder, "picture.png");
    const grey = { create: { width: 28, height: 28, channels: 3, background: "#888" } } as const;
    await sharp(grey).png().toFile(picture);
    const named = await run("predict", out, picture, "--engine", "js", "--top", "10", "--json");
    expect(named.code, named.log).toBe(0);
    const [{ predictions }] = JSON.parse(named.out).images;
    expect(predictions.map(({ class: name }: { class: string }) => name).sort()).toEqual([..."0123456789"]);
  });

  test("says what it wrote, with the normalisation that was asked for", async () => {
    const { code, out } = await convert("plain.safetensors", "--mean", "0.25", "--std", "0.5");
    expect(code).toBe(0);
    expect(out).toMatch(/^lenet5, 61,706 parameters, 10 classes, 10 arrays taken\n/);
    expect(out).toContain("mean 0.25; deviation 0.5\n");
  });

  test("keeps the body and draws a new head for as many classes as are asked for", async () => {
    const { code, out } = await convert("100.safetensors", "--classes", "100", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ classes: 100, arrays: 8, drawn: ["fc3.weight", "fc3.bias"] });
  });

  test.each<[string, readonly string[], number, RegExp]>([
    ["its own input as output", ["--out", "WEIGHTS"], 2, /--out is .* itself/],
    [
      "a mean of three channels for grey",
      ["--mean", "1,2,3"],
      2,
      /--mean has 3 numbers for images of 1 channels/,
    ],
    ["a deviation of 0", ["--std", "0"], 2, /--std must be greater than 0/],
    ["a mean that is none", ["--mean", "x"], 2, /'x' is invalid/],
    [
      "fewer logits than classes",
      ["--data", "digits", "--classes", "3"],
      2,
      /--classes is 3, but digits has 10/,
    ],
    ["a model that is none", ["--model", "lenet"], 2, /no model "lenet"/],
    ["another model", ["--model", "mnist-cnn"], 1, /does not fit the model: missing: layer1/],
  ])("refuses %s", async (_title, more, code, message) => {
    const result = await convert(
      "refused.safetensors",
      ...more.map((each) => (each === "WEIGHTS" ? weights : each)),
    );
    expect(result).toMatchObject({ code, out: "" });
    expect(result.log).toMatch(message);
    expect(existsSync(join(folder, "refused.safetensors"))).toBe(false);
  });

  test("writes over a file only with --force", async () => {
    await writeFile(join(folder, "there.safetensors"), "precious");
    const refused = await convert("there.safetensors");
    expect(refused).toMatchObject({ code: 2, log: expect.stringContaining("is there already") });
    expect(await readFile(join(folder, "there.safetensors"), "utf8")).toBe("precious");
    expect((await convert("there.safetensors", "--force")).code).toBe(0);
  });

  test("leaves out the parts of a file that it is told to", async () => {
    const more = join(folder, "more.safetensors");
    const { tensors } = readSafetensors(new Uint8Array(await readFile(weights)), weights);
    const bias = { shape: [1], data: new Float32Array(1) };
    await writeFile(
      more,
      writeSafetensors(new Map<string, WritableTensor>([...tensors, ["aux.fc.bias", bias], ["aux2", bias]])),
    );
    const out = join(folder, "less.safetensors");
    const refused = await run("convert", more, "--model", "lenet5", "--out", out);
    expect(refused.log).toContain("not in the model: aux.fc.bias, aux2.");
    const half = await run("convert", more, "--model", "lenet5", "--out", out, "--ignore", "aux");
    expect(half.log).toContain("not in the model: aux2.");
    const { code } = await run("convert", more, "--model", "lenet5", "--out", out, "--ignore", "aux,aux2");
    expect(code).toBe(0);
  });

  test.each([44, 56])("reads ResNets for CIFAR of %i layers as training scripts save them", async (depth) => {
    const name = `cifar-resnet-${depth}`;
    const { build: make, input } = modelNamed(name);
    const network = build(make(), { input: [1, ...input] });
    const saved = new Map<string, WritableTensor>();
    for (const { name: own, shape, kind } of [...network.parameters, ...network.states]) {
      const theirs = referenceShape(shape, kind);
      const count = theirs.reduce((a, b) => a * b, 1);
      // Wrapped in DataParallel, as akamaster's are, with the counters of batch norm beside its statistics.
      saved.set(`module.${own}`, {
        shape: theirs,
        data: Float32Array.from({ length: count }, (_, i) => i % 7),
      });
      if (own.endsWith("running_var")) {
        const counter = own.replace("running_var", "num_batches_tracked");
        saved.set(`module.${counter}`, { type: "I64", shape: [], bytes: new Uint8Array(8) });
      }
    }
    const [file, out] = [join(folder, `${name}.pth`), join(folder, `${name}.safetensors`)];
    await writeFile(file, writePyTorch(saved));
    const { code, log, out: said } = await run("convert", file, "--model", name, "--out", out, "--json");
    expect(code, log).toBe(0);
    const arrays = network.parameters.length + network.states.length;
    expect(JSON.parse(said)).toMatchObject({
      format: "pytorch",
      model: name,
      arrays,
      drawn: [],
      leftOut: [],
    });
    const flags = ["--at", "layer1.0", "--images", "1", "--engine", "js", "--json"];
    const seen = await run("receptive-field", name, "--weights", out, ...flags);
    expect(seen.code, seen.log).toBe(0);
    expect(JSON.parse(seen.out)).toMatchObject({ at: "layer1.0", box: [12, 12, 7, 7] });
  });

  test("reads checkpoints of PyTorch, and refuses those that are programs", async () => {
    const golden = fileURLToPath(new URL("../../test/golden/pytorch-files/", import.meta.url));
    const out = join(folder, "none.safetensors");
    const other = await run("convert", `${golden}training-legacy.pt`, "--model", "lenet5", "--out", out);
    expect(other.log).toMatch(/training-legacy\.pt: does not fit the model: .*not in the model: bn1\.weight/);
    const program = await run("convert", `${golden}module-zip.pt`, "--model", "lenet5", "--out", out);
    expect(program).toMatchObject({ code: 1, log: expect.stringContaining("nothing is executed") });
  });
});
