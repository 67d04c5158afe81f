/** Training that computes again what it does not keep: the same bits, in less memory. */

import { describe, expect, it } from "vitest";
import { jsEngine } from "../src/engines/js/engine.ts";
import { wasmEngine } from "../src/engines/wasm/engine.ts";
import { gradients } from "../src/graph/backward.ts";
import { plan } from "../src/graph/plan.ts";
import { type Recomputation, recomputing } from "../src/graph/recompute.ts";
import { StateLayout } from "../src/graph/state-layout.ts";
import { cifarResNet } from "../src/models/cifar-resnet.ts";
import { densenet } from "../src/models/densenet.ts";
import { resnet } from "../src/models/resnet.ts";
import { vgg } from "../src/models/vgg.ts";
import * as nn from "../src/nn/index.ts";
import { crossEntropy } from "../src/ops/cross-entropy.ts";
import { input } from "../src/ops/operation.ts";
import { createLearner } from "../src/train/compiled-learner.ts";
import { sgd } from "../src/train/optimizer.ts";
import { sgdUpdates } from "../src/train/update.ts";
import { randomNumbers } from "./gradients.ts";

/** Activations whose gradients read x or y, dropout, groups, branches and a reshape between. */
const mixed = nn.sequential({
  conv1: nn.conv2d(8, 3, { padding: 1 }),
  silu1: nn.silu(),
  norm1: nn.groupNorm(2),
  drop1: nn.dropout(0.2),
  inception: nn.branches({
    a: nn.sequential({ conv: nn.conv2d(4, 1), relu: nn.relu() }),
    b: nn.sequential({
      conv: nn.conv2d(6, 3, { padding: 1, bias: false }),
      bn: nn.batchNorm2d(),
      elu: nn.elu(),
    }),
    pool: nn.sequential({ pool: nn.maxPool2d(3, { stride: 1, padding: 1 }), conv: nn.conv2d(2, 1) }),
  }),
  residual: nn.residual(nn.sequential({ conv: nn.conv2d(12, 3, { padding: 1 }), tanh: nn.tanh() })),
  norm2: nn.batchNorm2d(),
  relu2: nn.relu(),
  conv3: nn.conv2d(8, 3, { stride: 2 }),
  sigmoid: nn.sigmoid(),
  drop3: nn.dropout(0.5),
  flatten: nn.flatten(),
  fc1: nn.linear(20),
  relu3: nn.relu(),
  fc2: nn.linear(10),
});

const subjects: readonly [string, nn.Layer, readonly [h: number, w: number, c: number], number][] = [
  ["a network of many kinds of layers", mixed, [9, 9, 3], 3],
  ["a residual network", cifarResNet({ depth: 8 }), [8, 8, 3], 2],
];

describe.each(subjects)("%s", (_, model, imageShape, batch) => {
  /** Bits of losses, logits and state after some steps. */
  async function bitsOf(engineName: "js" | "wasm", recompute: Recomputation) {
    const engine = engineName === "js" ? jsEngine() : await wasmEngine({ threads: 2 });
    const optimizer = sgd({ momentum: 0.9, weightDecay: 1e-3 });
    const learner = await createLearner({ model, imageShape, engine, optimizer, seed: 3, recompute });
    const bits: Record<string, Uint32Array> = {};
    const keep = (name: string, values: Float32Array) => {
      bits[name] = new Uint32Array(values.slice().buffer);
    };
    for (let step = 0; step < 3; step++) {
      const [h, w, c] = imageShape;
      const images = Float32Array.from(randomNumbers(batch * h * w * c, 50 + step));
      const labels = Float32Array.from({ length: batch }, (_, i) => (3 * i + step) % 10);
      const { loss, logits } = await learner.trainStep(images, labels, batch, { step, learningRate: 0.05 });
      keep(`loss ${step}`, Float32Array.of(loss));
      keep(`logits ${step}`, logits);
    }
    for (const [name, { data }] of learner.state()) keep(name, data);
    learner.dispose();
    engine.dispose();
    return bits;
  }

  it.each(["js", "wasm"] as const)("has the same bits on %s", async (engine) => {
    const plain = await bitsOf(engine, "none");
    expect(await bitsOf(engine, "activations")).toEqual(plain);
    expect(await bitsOf(engine, "blocks")).toEqual(plain);
  });
});

/** The work memory, in elements, of a step of plain SGD on images of 224×224. */
function workElements(model: nn.Layer, batch: number, recompute: Recomputation): number {
  const network = nn.build(model, { input: [batch, 224, 224, 3], training: true });
  const loss = crossEntropy({ x: network.outputs.logits, labels: input("labels", [batch]) }, {});
  const found = gradients(
    loss,
    network.parameters.map(({ tensor }) => tensor),
  ).filter((each) => each !== undefined);
  const state = new StateLayout();
  const parameters = state.append("parameters", network.parameters);
  state.append("states", network.states);
  if (parameters === undefined) throw new Error("no parameters");
  const step = sgdUpdates({ parameters, velocity: undefined, gradients: found }, sgd());
  const statistics = network.updates.map(({ state: target, value }) => ({ target, value }));
  const results = { outputs: { loss }, updates: [...statistics, ...step.updates] };
  return plan({ ...recomputing(results, loss, recompute), state }).workElements;
}

describe("memory to train", () => {
  // Shares of what plain training takes. VGG has little but convolutions, and its weights' gradients are most of the rest.
  it.each<[string, () => nn.Layer, number, number, number]>([
    ["ResNet-50", () => resnet({ depth: 50 }), 8, 0.67, 0.4],
    ["DenseNet-121", densenet, 2, 0.45, 0.3],
    ["VGG-16", () => vgg({ configuration: "D" }), 8, 1, 0.9],
  ])("%s", (_, model, batch, activations, blocks) => {
    const plain = workElements(model(), batch, "none");
    expect(workElements(model(), batch, "activations")).toBeLessThanOrEqual(activations * plain);
    expect(workElements(model(), batch, "blocks")).toBeLessThan(blocks * plain);
  });
});
