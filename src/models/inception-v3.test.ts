import { describe, expect, it } from "vitest";
import { gradients } from "../graph/backward.ts";
import { build } from "../nn/index.ts";
import { input } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { inceptionV3, inceptionV3Loss } from "./inception-v3.ts";
import { summarize } from "./summary.ts";

describe("inceptionV3", () => {
  // torchvision's 27,161,264 are with the head; section 6 of the paper has 5 billion multiply-adds.
  it.each([
    [false, 23_834_568],
    [true, 27_161_264],
  ])("with a head %s has %i parameters", (auxiliary, parameters) => {
    const network = build(inceptionV3({ auxiliary }), { input: [1, 299, 299, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters, macs: 5_713_216_096 });
  });

  it("has the sizes of Table 1", () => {
    const network = build(inceptionV3(), { input: [1, 299, 299, 3] });
    const places = {
      Conv2d_1a_3x3: [149, 149, 32],
      Conv2d_2a_3x3: [147, 147, 32],
      Conv2d_2b_3x3: [147, 147, 64],
      maxpool1: [73, 73, 64],
      // The table has a 3×3 here; 71×71 come from the next layer.
      Conv2d_3b_1x1: [73, 73, 80],
      Conv2d_4a_3x3: [71, 71, 192],
      maxpool2: [35, 35, 192],
      Mixed_5d: [35, 35, 288],
      Mixed_6e: [17, 17, 768],
      Mixed_7a: [8, 8, 1280],
      Mixed_7c: [8, 8, 2048],
      avgpool: [2048],
    };
    for (const [place, shape] of Object.entries(places))
      expect([place, network.tap(place).shape.slice(1)]).toEqual([place, shape]);
  });

  it("has a head in training, none at inference, and the same parameters in both", () => {
    const model = inceptionV3({ auxiliary: true, classes: 7 });
    const training = build(model, { input: [2, 299, 299, 3], training: true });
    const inference = build(model, { input: [2, 299, 299, 3] });
    expect(Object.keys(training.outputs)).toEqual(["logits", "aux"]);
    expect(training.outputs.aux.shape).toEqual([2, 7]);
    expect(Object.keys(inference.outputs)).toEqual(["logits"]);
    expect(inference.parameters.map(({ name }) => name)).toEqual(training.parameters.map(({ name }) => name));
    const loss = inceptionV3Loss(training.outputs, input("labels", [2]));
    const found = gradients(
      loss,
      training.parameters.map(({ tensor }) => tensor),
    );
    expect(found.filter((each) => each === undefined)).toEqual([]);
  });

  it("takes other sizes", () => {
    const network = build(inceptionV3({ classes: 7 }), { input: [1, 107, 139, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => inceptionV3({ classes: 0 })).toThrow(OptionError);
    expect(() => inceptionV3({ dropout: 1 })).toThrow(OptionError);
  });
});
