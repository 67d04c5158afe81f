import { describe, expect, it } from "vitest";
import { filledImages, filledParameters } from "../../test/networks.ts";
import { evaluate } from "../engines/index.ts";
import { gradients } from "../graph/backward.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { input, type Tensor } from "../ops/operation.ts";
import { slice } from "../ops/slice.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import * as nn from "./index.ts";

/** LeNet-5 on 16×16 pixels without padding, so that nothing tells a patch from a part of an image. */
const lenet = (pool: () => nn.Layer = () => nn.maxPool2d(2)) =>
  nn.sequential({
    conv1: nn.conv2d(6, 5),
    relu1: nn.relu(),
    pool1: pool(),
    conv2: nn.conv2d(8, 3),
    bn2: nn.batchNorm2d(),
    relu2: nn.relu(),
    pool2: pool(),
    flatten: nn.flatten(),
    drop: nn.dropout(),
    fc1: nn.linear(20),
    relu3: nn.relu(),
    fc2: nn.linear(3),
  });

/** Logits of the classifier on each patch of an image, and the map of the same weights. */
function both(model: nn.Layer, patch: number, [h, w]: readonly [number, number], stride: number) {
  const map = nn.build(nn.fullyConvolutional(model, { patch: [patch, patch] }), { input: [1, h, w, 1] });
  const image = filledImages("input", [1, h, w, 1]);
  const values = new Map([...filledParameters(map)].map(([{ name }, each]) => [name, each]));
  const [found] = evaluate([map.outputs.logits], filledParameters(map).set(map.inputs.x, image));
  const [, p, q, classes] = map.outputs.logits.shape;
  const expected: number[] = [];
  const whole = input("image", [1, h, w, 1]);
  for (let i = 0; i < p; i++)
    for (let j = 0; j < q; j++) {
      const network = nn.build(model, { input: [1, patch, patch, 1] });
      const rows = slice({ x: whole }, { axis: 1, from: i * stride, length: patch });
      const [part] = evaluate(
        [slice({ x: rows }, { axis: 2, from: j * stride, length: patch })],
        new Map([[whole, image]]),
      );
      const feeds = new Map<Tensor, ArrayLike<number>>(
        [...network.parameters, ...network.states].map((each) => [each.tensor, values.get(each.name) ?? []]),
      );
      expected.push(...evaluate([network.outputs.logits], feeds.set(network.inputs.x, part))[0]);
    }
  return { found: Array.from(found), expected, shape: [p, q, classes] };
}

describe("fullyConvolutional", () => {
  it.each([
    ["max", () => nn.maxPool2d(2)],
    ["average", () => nn.avgPool2d(2)],
  ] as const)("gives the classifier's logits on every patch, with %s pooling", (_, pool) => {
    const { found, expected, shape } = both(lenet(pool), 16, [24, 33], 4);
    expect(shape).toEqual([3, 5, 3]);
    for (const [i, each] of expected.entries()) expect(found[i]).toBeCloseTo(each, 5);
  });

  it.each([
    ["means", () => nn.globalAvgPool2d()],
    ["maxima", () => nn.globalMaxPool2d()],
  ] as const)("slides global %s", (_, global) => {
    const model = nn.sequential({ conv: nn.conv2d(4, 3, { stride: 2 }), pool: global(), fc: nn.linear(2) });
    const { found, expected, shape } = both(model, 7, [11, 9], 2);
    expect(shape).toEqual([3, 2, 2]);
    for (const [i, each] of expected.entries()) expect(found[i]).toBeCloseTo(each, 5);
  });

  it("keeps names, shapes and kinds of parameters, and the places of its layers", () => {
    const plain = nn.build(lenet(), { input: [1, 16, 16, 1] });
    const map = nn.build(nn.fullyConvolutional(lenet(), { patch: [16, 16] }), { input: [1, 40, 40, 1] });
    const declared = ({ parameters, states }: nn.Network) =>
      [...parameters, ...states].map(({ name, shape, kind }) => ({ name, shape, kind }));
    expect(declared(map)).toEqual(declared(plain));
    expect(map.tap("conv2").shape).toEqual([1, 16, 16, 8]);
    expect(map.tap("fc1").shape).toEqual([1, 7, 7, 20]);
  });

  it("learns: gradients reach every parameter, statistics are updated", () => {
    const model = nn.fullyConvolutional(lenet(), { patch: [16, 16] });
    const network = nn.build(model, { input: [2, 20, 24, 1], training: true });
    const loss = crossEntropy({ x: network.outputs.logits, labels: input("labels", [2, 2, 3]) });
    const found = gradients(
      loss,
      network.parameters.map(({ tensor }) => tensor),
    );
    expect(found.filter((each) => each === undefined)).toEqual([]);
    expect(network.updates.map(({ state }) => state.name)).toEqual(network.states.map(({ name }) => name));
  });

  it("refuses smaller images, and layers that do not slide", () => {
    const small = () =>
      nn.build(nn.fullyConvolutional(lenet(), { patch: [16, 16] }), { input: [1, 15, 16, 1] });
    expect(small).toThrow(ShapeError);
    expect(small).toThrow(
      "fullyConvolutional: x [1, 15, 16, 1] must be images of at least 16×16, the classifier's patch.",
    );
    const resized = nn.sequential({ up: nn.upsample(2), conv: nn.conv2d(3, 3) });
    const build = (model: nn.Layer) => () =>
      nn.build(nn.fullyConvolutional(model, { patch: [8, 8] }), { input: [1, 16, 16, 1] });
    expect(build(resized)).toThrow(OptionError);
    expect(build(resized)).toThrow(
      /resample at up gives \[1, 16, 16, 1\] for the patch, which does not slide/,
    );
    expect(build(nn.sequential([nn.conv2d(2, 3), nn.flatten()]))).toThrow(/ends in a flattened map/);
  });
});
