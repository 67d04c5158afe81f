/** Files for `torch.load`: read back as they were written, of every type and shape. test/long/torch.test.ts asks PyTorch itself. */

import { describe, expect, test } from "vitest";
import { CheckpointError } from "../tensor/errors.ts";
import type { ElementType, WritableTensor } from "./index.ts";
import { elementBytes } from "./index.ts";
import { isPyTorch, readPyTorch } from "./pytorch.ts";
import { writePyTorch } from "./pytorch-write.ts";

const values = (...shape: number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i - 2.5),
});

const types: readonly ElementType[] = ["F32", "F16", "BF16", "F64", "I64", "I32", "I16", "I8", "U8", "BOOL"];

describe("a state dict", () => {
  test("is read as it was written: names, shapes, order and values", () => {
    const tensors = new Map<string, WritableTensor>([
      ["features.0.weight", values(4, 3, 2, 2)],
      ["name with é and 名", values(5)],
      ["scalar", values()],
      ["nothing", values(0, 3)],
    ]);
    const file = writePyTorch(tensors);
    expect(isPyTorch(file)).toBe(true);
    const read = readPyTorch(file, "x.pth").tensors;
    expect([...read.keys()]).toEqual([...tensors.keys()]);
    for (const [name, { shape, type, bytes }] of read) {
      const { data } = tensors.get(name) as { data: Float32Array };
      expect([name, type, shape]).toEqual([name, "F32", tensors.get(name)?.shape]);
      expect([...new Float32Array(bytes.slice().buffer)]).toEqual([...data]);
    }
  });

  test.each(types)("keeps elements of %s bit for bit", (type) => {
    const bytes = Uint8Array.from({ length: 6 * elementBytes[type] }, (_, i) =>
      type === "BOOL" ? i & 1 : 7 * i,
    );
    const { tensors } = readPyTorch(writePyTorch(new Map([["w", { type, shape: [2, 3], bytes }]])), "x.pth");
    expect(tensors.get("w")).toMatchObject({ type, shape: [2, 3] });
    expect([...(tensors.get("w")?.bytes ?? [])]).toEqual([...bytes]);
  });

  test("is the same bytes each time, its elements from multiples of 64 on", () => {
    const tensors = new Map([
      ["a", values(3)],
      ["b.weight", values(7, 5)],
    ]);
    const file = writePyTorch(tensors);
    expect(writePyTorch(tensors)).toEqual(file);
    const { bytes } = readPyTorch(file, "x.pth").tensors.get("b.weight") ?? { bytes: new Uint8Array(1) };
    expect(bytes.byteOffset % 64).toBe(0);
  });

  test("is refused where values do not fill their shape, or PyTorch has no such type", () => {
    expect(() => writePyTorch(new Map([["w", { shape: [3], data: new Float32Array(2) }]]))).toThrow(
      "w: shape [3] of F32 takes 12 bytes, but it has 8.",
    );
    const odd = { type: "U32", shape: [1], bytes: new Uint8Array(4) } as const;
    expect(() => writePyTorch(new Map([["w", odd]]))).toThrow(CheckpointError);
    expect(() => writePyTorch(new Map([["w", odd]]))).toThrow("w: PyTorch has no tensors of U32.");
  });
});
