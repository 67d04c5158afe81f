/** Classifiers of the zoo read as convolutions: maps of logits from larger images, with the parameters that they have. */

import { describe, expect, it } from "vitest";
import { evaluate } from "../src/engines/index.ts";
import { modelNamed } from "../src/models/registry.ts";
import { build, fullyConvolutional } from "../src/nn/index.ts";
import { OptionError } from "../src/tensor/errors.ts";
import { filledImages, filledParameters } from "./networks.ts";

const shapesOf = (network: ReturnType<typeof build>) =>
  network.parameters.map(({ name, shape }) => [name, shape]);

describe("fullyConvolutional over the zoo", () => {
  // Pixels more than the classifier's, and the map of an image that is larger by them: one place more each stride.
  it.each([
    ["lenet5", 8, 3],
    ["alexnet", 64, 3],
    ["alexnet-2gpu", 64, 3],
    ["zfnet", 64, 3],
    ["overfeat-fast", 144, 5],
    ["overfeat-accurate", 72, 3],
    ["cnn-s", 72, 3],
    ["nin", 64, 3],
    ["vgg16", 64, 3],
    ["googlenet", 64, 3],
    ["resnet50", 64, 3],
    ["resnext50-32x4d", 64, 3],
    ["densenet121", 64, 3],
    ["squeezenet1-1", 64, 5],
    ["mobilenet-v1", 64, 3],
    ["inception-v3", 64, 3],
    ["cifar-resnet-20", 8, 3],
  ] as const)("%s gives a map from an image %i pixels larger", (name, more, places) => {
    const {
      build: make,
      input: [h, w, c],
      classes,
    } = modelNamed(name);
    const plain = build(make(), { input: [1, h, w, c] });
    const model = fullyConvolutional(make(), { patch: [h, w] });
    const same = build(model, { input: [1, h, w, c] });
    expect(same.outputs.logits.shape).toEqual([1, 1, 1, classes]);
    expect(shapesOf(same)).toEqual(shapesOf(plain));
    const larger = build(model, { input: [1, h + more, w + more, c] });
    expect(larger.outputs.logits.shape).toEqual([1, places, places, classes]);
    expect(shapesOf(larger)).toEqual(shapesOf(plain));
  });

  it("gives the logits of LeNet-5, which pads nothing on 32×32, on every patch: section VII of its paper", () => {
    const model = modelNamed("lenet5-cifar").build();
    const [h, w] = [40, 44];
    const image = filledImages("input", [1, h, w, 3]);
    const map = build(fullyConvolutional(model, { patch: [32, 32] }), { input: [1, h, w, 3] });
    const [found] = evaluate([map.outputs.logits], filledParameters(map).set(map.inputs.x, image));
    expect(map.outputs.logits.shape).toEqual([1, 3, 4, 10]);
    const patch = build(model, { input: [1, 32, 32, 3] });
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 4; j++) {
        // Patches lie 4 pixels apart, the product of two poolings.
        const rows = Array.from({ length: 32 }, (_, row) => {
          const start = ((4 * i + row) * w + 4 * j) * 3;
          return Array.from(image.subarray(start, start + 32 * 3));
        });
        const feeds = filledParameters(patch).set(patch.inputs.x, Float32Array.from(rows.flat()));
        const [expected] = evaluate([patch.outputs.logits], feeds);
        for (const [k, each] of expected.entries()) expect(found[(4 * i + j) * 10 + k]).toBeCloseTo(each, 5);
      }
  });

  it("says why it cannot where gates are pooled from the whole image", () => {
    const model = fullyConvolutional(modelNamed("se-resnet50").build(), { patch: [224, 224] });
    const larger = () => build(model, { input: [1, 288, 288, 3] });
    expect(larger).toThrow(OptionError);
    expect(larger).toThrow(/reshape at layer1.0.se_module.avgpool gives .* which does not slide/);
    expect(() =>
      build(fullyConvolutional(modelNamed("vgg16").build(), { patch: [160, 160] }), {
        input: [1, 224, 224, 3],
      }),
    ).toThrow(OptionError);
  });
});
