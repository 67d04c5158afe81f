import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../engines/engine.ts";
import { jsEngine } from "../engines/js/engine.ts";
import { wasmEngine } from "../engines/wasm/engine.ts";
import { lossWithHeads, withHeads } from "../models/auxiliary-heads.ts";
import * as nn from "../nn/index.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import type { Tensor } from "../ops/operation.ts";
import { relu } from "../ops/relu.ts";
import { scale } from "../ops/scale.ts";
import { sum } from "../ops/sum.ts";
import { CheckpointError, EngineError, ShapeError } from "../tensor/errors.ts";
import { type CompiledLearner, createLearner } from "./compiled-learner.ts";
import type { StateTensor } from "./learner.ts";
import type { LearnerOptions } from "./learner-options.ts";
import { sgd } from "./optimizer.ts";

/** Two classes from two numbers: small enough for numbers by hand. */
const tiny = nn.sequential({ flatten: nn.flatten(), fc: nn.linear(2) });
/** Batch norm and dropout, whose training and inference forms differ. */
const small = nn.sequential({
  conv: nn.conv2d(4, 3, { padding: 1 }),
  bn: nn.batchNorm2d(),
  relu: nn.relu(),
  drop: nn.dropout(0.5),
  flatten: nn.flatten(),
  fc: nn.linear(3),
});

const vector = (data: readonly number[], ...shape: number[]): StateTensor => ({
  kind: "vector",
  shape: shape.length === 0 ? [data.length] : shape,
  data: Float32Array.from(data),
});

/** Logits are x₀, x₁ plus 0 and log 3: with x = 0 the classes have probabilities ¼ and ¾. */
const knownWeights = new Map([
  ["fc.weight", vector([1, 0, 0, 1], 2, 2)],
  ["fc.bias", vector([0, Math.log(3)])],
]);

const engines = [
  ["js", jsEngine],
  ["wasm", () => wasmEngine({ threads: 1 })],
] as const;

describe.each(engines)("a learner on engine %s", (_, start) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(() => engine.dispose());

  const tinyLearner = async (options: Partial<LearnerOptions> = {}, weights = knownWeights) => {
    const learner = await createLearner({ model: tiny, imageShape: [1, 1, 2], engine, ...options });
    learner.restore(weights);
    return learner;
  };
  const smallLearner = (options: Partial<LearnerOptions> = {}) =>
    createLearner({ model: small, imageShape: [4, 4, 2], engine, seed: 5, ...options });

  const images = (count: number, from = 0) =>
    Float32Array.from({ length: count * 32 }, (_, i) => Math.sin(7 * (i + 32 * from)));
  const labels = (count: number, from = 0) => Float32Array.from({ length: count }, (_, i) => (i + from) % 3);

  it("gives the loss of the batch before the step, its logits, and takes the step", async () => {
    const learner = await tinyLearner();
    const { loss, logits, gradientNorm } = await learner.trainStep(
      new Float32Array([0, 0, 2, 0]),
      new Float32Array([0, 1]),
      2,
      { step: 0, learningRate: 1 },
    );
    // Probabilities of the classes: ¼ and ¾ for the first image, e²/(e² + 3) and 3/(e² + 3) for the second.
    const p = Math.exp(2) / (Math.exp(2) + 3);
    expect(loss).toBeCloseTo((Math.log(4) - Math.log(1 - p)) / 2, 6);
    expect([...logits]).toEqual([0, Math.log(3), 2, Math.log(3)].map((each) => expect.closeTo(each, 6)));
    expect(gradientNorm).toBeNaN();
    // Gradients of logits: (probability − label) / 2; of the weight, those of the second image times its x₀ = 2.
    const state = learner.state();
    expect([...(state.get("fc.bias")?.data ?? [])]).toEqual([
      expect.closeTo(0.375 - p / 2, 6),
      expect.closeTo(Math.log(3) - 0.375 + p / 2, 6),
    ]);
    expect([...(state.get("fc.weight")?.data ?? [])]).toEqual(
      [1 - p, p, 0, 1].map((each) => expect.closeTo(each, 6)),
    );
  });

  it.each([undefined, 1])(
    "learns classes of pixels as those of images, %s images at a time",
    async (microBatch) => {
      // Two images of 1×2 pixels are four of 1×1 to a layer that looks at one pixel.
      const x = Float32Array.from([0, 0, 2, 0, 1, 3, -1, 1]);
      const wanted = Float32Array.from([0, 1, 1, 0]);
      const at = { step: 0, learningRate: 1 };
      const ofImages = await tinyLearner();
      const ofPixels = await createLearner({
        model: nn.sequential({ fc: nn.conv2d(2, 1) }),
        imageShape: [1, 2, 2],
        engine,
        ...(microBatch === undefined ? {} : { microBatch }),
      });
      const filter = { kind: "filter", shape: [1, 1, 2, 2], data: Float32Array.from([1, 0, 0, 1]) } as const;
      const given = [
        ["fc.weight", filter],
        ["fc.bias", vector([0, Math.log(3)])],
      ] as const;
      ofPixels.restore(new Map<string, StateTensor>([...ofPixels.state(), ...given]));
      expect(ofPixels.classes).toBe(2);
      const expected = await ofImages.trainStep(x, wanted, 4, at);
      const found = await ofPixels.trainStep(x, wanted, 2, at);
      expect(found.loss).toBeCloseTo(expected.loss, 6);
      expect([...found.logits]).toEqual([...expected.logits].map((each) => expect.closeTo(each, 6)));
      const weightOf = (learner: CompiledLearner) => [...(learner.state().get("fc.weight")?.data ?? [])];
      expect(weightOf(ofPixels)).toEqual(weightOf(ofImages).map((each) => expect.closeTo(each, 6)));
    },
  );

  it("says how many parameters and classes there are, and names what lasts as checkpoints do", async () => {
    const learner = await smallLearner({ optimizer: sgd({ momentum: 0.9 }) });
    expect([learner.parameterCount, learner.classes]).toEqual([9 * 2 * 4 + 4 + 8 + 64 * 3 + 3, 3]);
    const parameters = ["conv.weight", "conv.bias", "bn.weight", "bn.bias", "fc.weight", "fc.bias"];
    expect([...learner.state().keys()]).toEqual([
      ...parameters,
      ...parameters.map((name) => `optimizer.${name}.velocity`),
      "bn.running_mean",
      "bn.running_var",
    ]);
    expect(learner.state().get("fc.weight")).toMatchObject({ kind: "matrix", shape: [64, 3] });
    expect(learner.state().get("optimizer.conv.weight.velocity")).toMatchObject({
      kind: "filter",
      shape: [3, 3, 2, 4],
    });
    const plain = await smallLearner();
    expect([...plain.state().keys()]).toEqual([...parameters, "bn.running_mean", "bn.running_var"]);
  });

  it("draws initial values from the seed alone", async () => {
    const weightOf = (learner: CompiledLearner) => [...(learner.state().get("conv.weight")?.data ?? [])];
    const [one, again, other] = [await smallLearner(), await smallLearner(), await smallLearner({ seed: 6 })];
    expect(weightOf(one)).toEqual(weightOf(again));
    expect(weightOf(one)).not.toEqual(weightOf(other));
  });

  it("shares its state between batches of all sizes and both forms", async () => {
    const learner = await smallLearner({ optimizer: sgd({ momentum: 0.9 }) });
    for (const [step, count] of [4, 2, 4, 5, 2].entries())
      await learner.trainStep(images(count, step), labels(count, step), count, { step, learningRate: 0.1 });
    const all = await learner.evaluate(images(6), labels(6), 6);
    const [logits, loss] = [all.logits.slice(), all.loss];
    let total = 0;
    for (const [count, from] of [
      [1, 0],
      [3, 1],
      [2, 4],
    ]) {
      const part = await learner.evaluate(images(count, from), labels(count, from), count);
      total += part.loss * count;
      for (const [i, each] of part.logits.entries()) expect(each).toBeCloseTo(logits[3 * from + i], 5);
    }
    expect(total / 6).toBeCloseTo(loss, 5);
  });

  it("does not change by evaluation, and does by training: weights, velocities and running statistics", async () => {
    const learner = await smallLearner({ optimizer: sgd({ momentum: 0.9 }) });
    const before = learner.state();
    await learner.evaluate(images(3), labels(3), 3);
    expect(learner.state()).toEqual(before);
    await learner.trainStep(images(3), labels(3), 3, { step: 0, learningRate: 0.1 });
    for (const [name, { data }] of learner.state()) {
      // The bias of a convolution before a batch norm has no gradient but rounding.
      if (!name.includes("conv.bias"))
        expect([...data], name).not.toEqual([...(before.get(name)?.data ?? [])]);
    }
  });

  it("drops out by seed and step while it trains, and not at all while it evaluates", async () => {
    const lossAt = async (seed: number, step: number) => {
      const learner = await smallLearner({ seed });
      learner.restore(start.state());
      return (await learner.trainStep(images(4), labels(4), 4, { step, learningRate: 0 })).loss;
    };
    const start = await smallLearner();
    expect(await lossAt(1, 7)).toBe(await lossAt(1, 7));
    expect(await lossAt(1, 7)).not.toBe(await lossAt(1, 8));
    expect(await lossAt(1, 7)).not.toBe(await lossAt(2, 7));
    const first = (await start.evaluate(images(4), labels(4), 4)).loss;
    expect((await start.evaluate(images(4), labels(4), 4)).loss).toBe(first);
  });

  it("goes on from a restored state as the one it came from", async () => {
    const options = { optimizer: sgd({ momentum: 0.9, weightDecay: 0.01 }) };
    const [one, other] = [await smallLearner(options), await smallLearner({ ...options })];
    for (let step = 0; step < 3; step++)
      await one.trainStep(images(4, step), labels(4), 4, { step, learningRate: 0.1 });
    other.restore(one.state());
    expect(other.state()).toEqual(one.state());
    const at = { step: 3, learningRate: 0.1 };
    const [a, b] = [
      await one.trainStep(images(4), labels(4), 4, at),
      await other.trainStep(images(4), labels(4), 4, at),
    ];
    expect([...b.logits, b.loss]).toEqual([...a.logits, a.loss]);
    expect(other.state()).toEqual(one.state());
  });

  it("refuses a state that does not fit, with all that is wrong with it, and keeps its own", async () => {
    const learner = await tinyLearner(
      { optimizer: sgd({ momentum: 0.9 }) },
      new Map([...knownWeights, ...velocities()]),
    );
    const before = learner.state();
    const wrong = new Map([
      ["fc.weight", vector([1, 2, 3, 4, 5, 6], 3, 2)],
      ["fc.bias", vector([9, 9])],
      ["optimizer.fc.weight.velocity", vector([0, 0, 0, 0], 2, 2)],
      ["fc2.weight", vector([1])],
    ]);
    let error: unknown;
    try {
      learner.restore(wrong);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).facts.problems).toEqual([
      "fc.weight has shape [3, 2], but the model takes [2, 2]",
      "optimizer.fc.bias.velocity [2] is missing",
      "fc2.weight is not in the model",
    ]);
    for (const problem of (error as CheckpointError).facts.problems as string[])
      expect(String(error)).toContain(problem);
    expect(learner.state()).toEqual(before);
  });

  const velocities = (): [string, StateTensor][] => [
    ["optimizer.fc.weight.velocity", vector([0, 0, 0, 0], 2, 2)],
    ["optimizer.fc.bias.velocity", vector([0, 0])],
  ];

  it("gives copies of its state", async () => {
    const learner = await tinyLearner();
    learner.state().get("fc.bias")?.data.fill(100);
    expect([...(learner.state().get("fc.bias")?.data ?? [])][0]).toBe(0);
  });

  it("smooths labels: each class has its share of the loss", async () => {
    const learner = await tinyLearner({ labelSmoothing: 0.2 });
    const { loss } = await learner.evaluate(new Float32Array(2), new Float32Array([1]), 1);
    // 0.9 of the weight on the label, 0.1 on the other class
    expect(loss).toBeCloseTo(-0.9 * Math.log(3 / 4) - 0.1 * Math.log(1 / 4), 6);
  });

  it("takes a loss of the caller's over all outputs, in both forms", async () => {
    const model: nn.Layer<nn.NamedTensors> = (x, scope) => {
      const logits = scope.child("fc", nn.linear(2), scope.child("flatten", nn.flatten(), x));
      return { logits, doubled: scale({ x: logits }, { factor: 2 }) };
    };
    const learner = await tinyLearner({
      model,
      loss: ({ doubled }, labels) => crossEntropy({ x: doubled, labels }),
    });
    // Doubled logits: 0 and log 9.
    const { loss } = await learner.evaluate(new Float32Array(2), new Float32Array([0]), 1);
    expect(loss).toBeCloseTo(Math.log(10), 6);
    const step = await learner.trainStep(new Float32Array(2), new Float32Array([0]), 1, {
      step: 0,
      learningRate: 1,
    });
    expect([step.loss, step.logits[1]]).toEqual([
      expect.closeTo(Math.log(10), 6),
      expect.closeTo(Math.log(3), 6),
    ]);
    // The gradient of the doubled logits is 1/10 − 1 and 9/10, twice.
    expect([...(learner.state().get("fc.bias")?.data ?? [])][0]).toBeCloseTo(1.8, 6);
  });

  it("trains a head with the loss that counts it, evaluates without it, and smooths the labels of both", async () => {
    const fc = nn.sequential({ fc: nn.linear(2) });
    const learner = await createLearner({
      model: withHeads([nn.flatten(), fc], [{ output: "aux", layer: nn.linear(2) }]),
      loss: lossWithHeads(0.5),
      labelSmoothing: 0.2,
      imageShape: [1, 1, 2],
      engine,
    });
    learner.restore(
      new Map([
        ...knownWeights,
        ["aux.weight", { ...vector([1, 0, 0, 1], 2, 2), kind: "matrix" }],
        ["aux.bias", vector([0, 0])],
      ]),
    );
    const [x, labels] = [new Float32Array(2), Float32Array.of(1)];
    // Of the logits 0.9·ln(4/3) + 0.1·ln 4, of the head ln 2 whatever the label.
    const own = 0.9 * Math.log(4 / 3) + 0.1 * Math.log(4);
    expect((await learner.evaluate(x, labels, 1)).loss).toBeCloseTo(own, 5);
    const { loss } = await learner.trainStep(x, labels, 1, { step: 0, learningRate: 1 });
    expect(loss).toBeCloseTo(own + 0.5 * Math.log(2), 5);
    // The head's logits have gradients softmax − target = ±0.4, of which the loss counts half.
    const bias = learner.state().get("aux.bias")?.data ?? [];
    expect(bias[0]).toBeCloseTo(-0.2, 5);
    expect(bias[1]).toBeCloseTo(0.2, 5);
  });

  it("tells the norm of gradients before they are clipped", async () => {
    const learner = await tinyLearner({ optimizer: sgd({ clipNorm: 0.5 }) });
    const at = { step: 0, learningRate: 1 };
    const { gradientNorm } = await learner.trainStep(new Float32Array([3, 4]), new Float32Array([1]), 1, at);
    // dLogits = ±d with d = e³ / (e³ + 3e⁴); dBias and dWeight make d·√2·√(1 + 9 + 16) of it.
    const d = Math.exp(3) / (Math.exp(3) + 3 * Math.exp(4));
    const norm = d * Math.sqrt(2 * 26);
    expect(gradientNorm).toBeCloseTo(norm, 6);
    expect([...(learner.state().get("fc.bias")?.data ?? [])][0]).toBeCloseTo((-d * 0.5) / norm, 5);
  });

  it("refuses models that cannot be trained, when it is made or its first step is planned", async () => {
    const make = (model: nn.Layer<Tensor | nn.NamedTensors>) =>
      createLearner({ model, imageShape: [1, 1, 2], engine });
    await expect(make(nn.flatten())).rejects.toThrow(ShapeError);
    await expect(make((x, scope) => ({ scores: nn.conv2d(3, 1)(x, scope) }))).rejects.toThrow(
      "must return logits [n, classes] or [n, h, w, classes]; it returns scores [2, 1, 1, 3]",
    );
    const unused: nn.Layer = (x, scope) => {
      scope.child("aside", nn.linear(3), scope.child("flat", nn.flatten(), x));
      return tiny(x, scope);
    };
    const learner = await createLearner({ model: unused, imageShape: [1, 1, 2], engine });
    expect(() => learner.plan("train", 1)).toThrow("aside.weight, aside.bias");
    const detached = await createLearner({
      model: tiny,
      imageShape: [1, 1, 2],
      engine,
      loss: (_, labels) => sum({ x: relu({ x: labels }, {}) }, { axes: [0] }),
    });
    await expect(
      detached.trainStep(new Float32Array(2), new Float32Array([1]), 1, { step: 0, learningRate: 1 }),
    ).rejects.toThrow("the loss does not depend on fc.weight, fc.bias");
    await expect(learner.evaluate(new Float32Array(3), new Float32Array(1), 1)).rejects.toThrow(
      "input x [1, 1, 1, 2]",
    );
  });
});

describe("a learner that was disposed of", () => {
  it("does not run any more, while its engine does", async () => {
    const engine = await wasmEngine({ threads: 2 });
    const make = () => createLearner({ model: tiny, imageShape: [1, 1, 2], engine });
    const [gone, kept] = [await make(), await make()];
    await gone.evaluate(new Float32Array(2), new Float32Array(1), 1);
    gone.dispose();
    await expect(gone.evaluate(new Float32Array(2), new Float32Array(1), 1)).rejects.toThrow(EngineError);
    expect((await kept.evaluate(new Float32Array(2), new Float32Array(1), 1)).logits).toHaveLength(2);
    engine.dispose();
  });
});
