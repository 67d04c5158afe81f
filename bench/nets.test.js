// @ts-check
import { expect, test } from "vitest";
import { layersOf } from "./layers.js";
import { flopPerImage, modelOf, netNamed, nets, networkOf } from "./nets.js";

test("an image of LeNet-5 costs two operations a multiply-add, in training three times less the first gradient", () => {
  expect(flopPerImage("lenet5", "infer")).toBe(2 * 416_520);
  expect(flopPerImage("lenet5", "train")).toBe(2 * (3 * 416_520 - 117_600));
});

test("every net is in the registry, and all its operations can be told to peers in both forms", () => {
  for (const { name, trainBatch } of nets) {
    expect(modelOf(name).classes).toBeGreaterThan(0);
    expect(trainBatch).toBeGreaterThan(0);
    for (const mode of /** @type {const} */ (["infer", "train"]))
      expect(layersOf(networkOf(name, mode)).at(-1)?.y).toBe("logits");
  }
});

test("a net that is not there is named, with those that are", () => {
  expect(() => netNamed("lenet6")).toThrow(/No net lenet6; there are lenet5, /);
});
