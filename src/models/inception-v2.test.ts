import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { inceptionV2 } from "./inception-v2.ts";
import { summarize } from "./summary.ts";

describe("inceptionV2", () => {
  it.each([
    [false, 24_263_240],
    [true, 27_589_168],
  ])("with a head %s has %i parameters", (auxiliary, parameters) => {
    const network = build(inceptionV2({ auxiliary }), { input: [1, 299, 299, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs: 5_864_860_256 });
  });

  // "input size" of each row is what the row before it gives.
  it("has the sizes of Table 1", () => {
    const network = build(inceptionV2(), { input: [1, 299, 299, 3] });
    const places = {
      Conv2d_1a_3x3: [149, 149, 32],
      Conv2d_2a_3x3: [147, 147, 32],
      Conv2d_2b_3x3: [147, 147, 64],
      maxpool1: [73, 73, 64],
      Conv2d_3b_3x3: [71, 71, 80],
      Conv2d_4a_3x3: [35, 35, 192],
      Conv2d_4b_3x3: [35, 35, 288],
      Mixed_5d: [35, 35, 288],
      Mixed_6e: [17, 17, 768],
      Mixed_7a: [8, 8, 1280],
      Mixed_7c: [8, 8, 2048],
      avgpool: [2048],
      fc: [1000],
    };
    for (const [place, shape] of Object.entries(places))
      expect([place, network.tap(place).shape.slice(1)]).toEqual([place, shape]);
  });

  it("has a head in training whose fully connected layer has no batch norm", () => {
    const model = inceptionV2({ auxiliary: true, classes: 7 });
    const training = build(model, { input: [2, 299, 299, 3], training: true });
    expect(training.outputs.aux.shape).toEqual([2, 7]);
    const head = training.parameters.map(({ name }) => name).filter((name) => name.startsWith("AuxLogits"));
    expect(head).toEqual([
      "AuxLogits.conv0.conv.weight",
      "AuxLogits.conv0.bn.weight",
      "AuxLogits.conv0.bn.bias",
      "AuxLogits.conv1.conv.weight",
      "AuxLogits.conv1.conv.bias",
      "AuxLogits.fc.weight",
      "AuxLogits.fc.bias",
    ]);
  });

  it("takes other sizes", () => {
    const network = build(inceptionV2({ classes: 7 }), { input: [1, 107, 139, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });
});
