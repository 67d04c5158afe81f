import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { ShapeError } from "../tensor/errors.ts";
import { bnInception } from "./bn-inception.ts";
import { summarize } from "./summary.ts";

const network = build(bnInception(), { input: [1, 224, 224, 3] });

describe("bnInception", () => {
  it("has the parameters and multiply-adds of the Caffe weights", () => {
    expect(summarize(network).totals).toMatchObject({ parameters: 11_295_240, macs: 2_032_600_064 });
  });

  // What the next module's first 1×1 sees. Figure 5 prints 576 channels after 4c, 576 after 4d and 1024 after 4e, but its own
  // columns add up to 608, 608 and 1056, which the weights have.
  it.each([
    ["3b", 28, 256],
    ["3c", 28, 320],
    ["4a", 14, 576],
    ["4b", 14, 576],
    ["4c", 14, 576],
    ["4d", 14, 608],
    ["4e", 14, 608],
    ["5a", 7, 1056],
    ["5b", 7, 1024],
  ])("gives module %s maps of %i×%s with %i channels", (name, edge, channels) => {
    const place = `inception_${name}_3x3_reduce`;
    const [filter] = network.parameters.filter((each) => each.name === `${place}.weight`);
    expect([filter.shape[2], network.tap(place).shape[1]]).toEqual([channels, edge]);
  });

  it("has two heads in training that look at 4×4 and 2×2 means", () => {
    const model = bnInception({ auxiliary: true, classes: 7 });
    const training = build(model, { input: [2, 224, 224, 3], training: true });
    const shapes = Object.entries(training.outputs).map(([name, { shape }]) => [name, shape]);
    expect(shapes).toEqual([
      ["logits", [2, 7]],
      ["aux1", [2, 7]],
      ["aux2", [2, 7]],
    ]);
    expect(["aux1.pool", "aux2.pool"].map((place) => training.tap(place).shape[1])).toEqual([4, 2]);
    const inference = build(model, { input: [2, 224, 224, 3] });
    expect(Object.keys(inference.outputs)).toEqual(["logits"]);
  });

  it("takes other sizes, its heads from 135 pixels on", () => {
    const small = build(bnInception({ classes: 7 }), { input: [1, 65, 97, 3] });
    expect(small.outputs.logits.shape).toEqual([1, 7]);
    const heads = bnInception({ auxiliary: true });
    expect(Object.keys(build(heads, { input: [1, 135, 135, 3] }).outputs)).toEqual(["logits"]);
    expect(() => build(heads, { input: [1, 134, 134, 3] })).toThrow(ShapeError);
  });
});
