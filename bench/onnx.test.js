// @ts-check
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { evaluate } from "../dist/engines/index.js";
import * as nn from "../dist/nn/index.js";
import { build, initialValues } from "../dist/nn/index.js";
import { toReferenceLayout } from "../dist/train/index.js";
import { layersOf } from "./layers.js";
import { onnxModel } from "./onnx.js";
import { float, integer, message, string } from "./protobuf.js";

test("fields are written as in the guide to the encoding", () => {
  expect(Buffer.concat(integer(1, 150)).toString("hex")).toBe("089601");
  expect(Buffer.concat(string(2, "testing")).toString("hex")).toBe("120774657374696e67");
  expect(Buffer.concat(message(3, integer(1, 150))).toString("hex")).toBe("1a03089601");
  expect(Buffer.concat(float(1, 1)).toString("hex")).toBe("0d0000803f");
  expect(Buffer.concat(integer(1, 2 ** 40)).toString("hex")).toBe("08808080808020");
  expect(() => integer(1, -1)).toThrow(/-1 is no whole number/);
});

/** All that the nets of the bench are made of. */
const model = nn.sequential({
  conv: nn.conv2d(6, 3, { stride: 2, padding: 1 }),
  bn: nn.batchNorm2d({ epsilon: 1e-3 }),
  relu: nn.relu(),
  pool: nn.maxPool2d(3, { stride: 2, rounding: "ceil" }),
  depthwise: nn.depthwiseConv2d(3, { padding: 1, bias: false }),
  branches: nn.branches([nn.conv2d(2, 1), nn.avgPool2d(1)]),
  residual: nn.residual(nn.conv2d(12, 3, { stride: 2, padding: 1 }), nn.paddedShortcut(12, 2)),
  flatten: nn.flatten(),
  fc: nn.linear(20),
});
const network = build(model, { input: [2, 15, 13, 3] });
const layers = layersOf(network);

test("layers have the names of parameters, and windows the overhang of rounding up", () => {
  expect(layers.map(({ kind }) => kind)).toEqual([
    ...["conv2d", "batchNorm", "relu", "maxPool2d", "conv2d", "conv2d", "avgPool2d", "concat"],
    ...["conv2d", "subsample", "padChannels", "add", "flatten", "linear"],
  ]);
  expect(layers[1]).toMatchObject({ weight: "bn.weight", mean: "bn.running_mean", epsilon: 1e-3 });
  // 8×7 places under windows of 3 at stride 2: rounded up they are 4×3, and the fourth row ends one place below the image.
  expect(layers[3]).toMatchObject({ window: { padding: { top: 0, bottom: 1, left: 0, right: 0 } } });
  expect(layers.at(-1)).toMatchObject({ y: "logits", weight: "fc.weight" });
});

test("batch norm of training has no running statistics to read", () => {
  const training = layersOf(build(model, { input: [2, 15, 13, 3], training: true }));
  expect(training.map(({ kind }) => kind)).toEqual(layers.map(({ kind }) => kind));
  expect(training[1]).toEqual({
    ...{ kind: "batchNorm", x: training[0].y, y: training[1].y },
    ...{ weight: "bn.weight", bias: "bn.bias", epsilon: 1e-3 },
  });
});

test("an operation that has no translation is named", () => {
  const tanh = build(nn.sequential({ fc: nn.linear(2), tanh: nn.activation("tanh") }), { input: [1, 3] });
  expect(() => layersOf(tanh)).toThrow(/the operation tanh has no translation/);
});

const runtime = optional("onnxruntime-node");

test.skipIf(runtime === undefined)(
  "ONNX Runtime computes from the exported model what we compute",
  async () => {
    const values = new Map(
      [...initialValues(network, 3)].map(([name, each]) => [
        name,
        each.map((value, i) => value + 0.1 * ((i % 7) + 1)),
      ]),
    );
    const declared = [...network.parameters, ...network.states];
    const weights = new Map(
      declared.map(({ name, shape, kind }) => [
        name,
        toReferenceLayout({ shape, data: values.get(name) ?? new Float32Array() }, kind),
      ]),
    );
    const images = Float32Array.from({ length: 2 * 15 * 13 * 3 }, (_, i) => ((i * 37) % 101) / 50 - 1);
    const feeds = new Map(
      declared.map(({ tensor, name }) => [tensor, values.get(name) ?? new Float32Array()]),
    );
    feeds.set(network.inputs.x, images);
    const [expected] = evaluate([network.outputs.logits], feeds);

    const bytes = Buffer.concat(onnxModel(layers, weights, { imageShape: [15, 13, 3], classes: 20 }));
    const session = await runtime.InferenceSession.create(bytes);
    const turned = images.map(
      (_, i) => images[(Math.floor(i / 585) * 195 + (i % 195)) * 3 + (Math.floor(i / 195) % 3)],
    );
    const { logits } = await session.run({ x: new runtime.Tensor("float32", turned, [2, 3, 15, 13]) });
    expect(logits.dims).toEqual([2, 20]);
    const greatest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of logits.data.entries())
      expect(Math.abs(value - expected[i])).toBeLessThan(1e-5 * greatest);
  },
);

/**
 * @param {string} name
 * @returns {any} A peer; undefined, with a warning, where it is not installed.
 */
function optional(name) {
  try {
    return createRequire(import.meta.url)(name);
  } catch {
    console.warn(`\n*** SKIPPED: ${name} is not installed in bench/, so exported models are not run. ***\n`);
    return undefined;
  }
}
