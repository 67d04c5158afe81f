/** Checkpoints that PyTorch wrote, in both of its forms, against what was saved: test/golden/pytorch-files/make.py. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { elementBytes } from "./element-types.ts";
import { isPyTorch, type PyTorchFile, readPyTorch } from "./pytorch.ts";
import { float32Values } from "./safetensors.ts";

const folder = fileURLToPath(new URL("../../test/golden/pytorch-files/", import.meta.url));
const bytesOf = (name: string) => new Uint8Array(readFileSync(`${folder}${name}`));
const counting = (count: number) => Array.from({ length: count }, (_, i) => i);

function valuesOf({ tensors }: PyTorchFile, name: string) {
  const tensor = tensors.get(name);
  return tensor && { shape: tensor.shape, values: [...float32Values(tensor)] };
}

for (const form of ["zip", "legacy"]) {
  const read = (name: string) => readPyTorch(bytesOf(`${name}-${form}.pt`), `${name}-${form}.pt`);

  describe(`a checkpoint of the ${form} form`, () => {
    test("of a training gives the state dict without DataParallel's prefix, and what stands beside it", () => {
      const file = read("training");
      expect([...file.tensors].map(([name, { shape }]) => `${name} [${shape}]`)).toEqual([
        "conv1.weight [4,3,2,2]",
        "conv1.bias [4]",
        "bn1.weight [4]",
        "bn1.bias [4]",
        "bn1.running_mean [4]",
        "bn1.running_var [4]",
        "bn1.num_batches_tracked []",
        "fc.weight [2,4]",
        "fc.bias [2]",
      ]);
      expect(valuesOf(file, "conv1.weight")?.values).toEqual(counting(48));
      expect(Object.fromEntries(file.entries)).toEqual({ epoch: 7, arch: "net", best_prec1: 91.5 });
    });

    test("holds its ten element types", () => {
      const { tensors } = read("types");
      const types = [...tensors.values()].map(({ type }) => type);
      expect(types).toEqual(["F32", "F16", "BF16", "F64", "I64", "I32", "I16", "I8", "U8", "BOOL"]);
      for (const tensor of tensors.values()) {
        const expected = counting(6).map((i) => (tensor.type === "BOOL" ? i % 2 : i));
        expect([...float32Values(tensor)]).toEqual(expected);
        expect(tensor.bytes.length).toBe(6 * elementBytes[tensor.type]);
      }
    });

    test("gives views of any strides as rows, and a storage to all that share it", () => {
      const file = read("views");
      const base = { shape: [4, 6], values: counting(24) };
      const transposed = counting(24).map((i) => (i % 4) * 6 + Math.floor(i / 4));
      expect(valuesOf(file, "base")).toEqual(base);
      expect(valuesOf(file, "tied")).toEqual(base);
      expect(valuesOf(file, "transposed")).toEqual({ shape: [6, 4], values: transposed });
      expect(valuesOf(file, "columns")).toEqual({ shape: [2, 2], values: [8, 10, 14, 16] });
      expect(valuesOf(file, "expanded")?.values).toEqual(counting(15).map((i) => Math.floor(i / 5)));
      expect(valuesOf(file, "parameter")).toEqual({ shape: [2, 2], values: counting(4) });
      expect(valuesOf(file, "scalar")).toEqual({ shape: [], values: [5] });
      expect(valuesOf(file, "empty")).toEqual({ shape: [0, 3], values: [] });
      expect(valuesOf(file, "channelsLast")).toEqual({ shape: [2, 3, 2, 2], values: counting(24) });
      expect(file.tensors.get("tied")?.bytes.buffer).toBe(file.tensors.get("base")?.bytes.buffer);
    });

    test("is known by its first bytes", () => {
      expect(isPyTorch(bytesOf(`types-${form}.pt`))).toBe(true);
    });
  });
}

test.each([2, 3, 4, 5])("pickles of protocol %i are read, whatever plain values they hold", (protocol) => {
  const name = `protocol${protocol}-legacy.pt`;
  const file = readPyTorch(bytesOf(name), name);
  expect([...file.tensors.keys()]).toEqual(["weight"]);
  expect(valuesOf(file, "weight")).toEqual({ shape: [2, 2], values: counting(4) });
  expect(Object.fromEntries(file.entries)).toEqual({
    lr: 0.1,
    seed: -5,
    steps: 2 ** 40,
    done: false,
    note: null,
  });
});

test("a whole module is refused by the class that it asks for, with a way out", () => {
  expect(() => readPyTorch(bytesOf("module-zip.pt"), "net.pt")).toThrow(
    "net.pt: it asks for torch.nn.modules.container.Sequential: arrays, numbers and texts are read, and nothing is executed. Save the state dict alone",
  );
});
