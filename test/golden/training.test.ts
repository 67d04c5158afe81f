/**
 * Ten training steps of the recorded networks, compiled whole: forward and backward pass, update and running statistics on
 * an engine, against PyTorch from the same weights, images and labels.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { jsEngine } from "../../src/engines/js/engine.ts";
import { nativeEngine } from "../../src/engines/native/engine.ts";
import { wasmEngine } from "../../src/engines/wasm/engine.ts";
import { cifarResNet } from "../../src/models/cifar-resnet.ts";
import { lenet5 } from "../../src/models/lenet5.ts";
import { mnistCnn } from "../../src/models/mnist-cnn.ts";
import { build, type Layer } from "../../src/nn/index.ts";
import { type CompiledLearner, createLearner } from "../../src/train/compiled-learner.ts";
import type { StateTensor } from "../../src/train/learner.ts";
import { type OptimizerOptions, sgd } from "../../src/train/optimizer.ts";
import { filledImages, filledParameters } from "../networks.ts";
import { fillLabels } from "./fill.ts";
import { type RecordedRule, readTraining, type TrainingRecord } from "./records.ts";

type Name = "lenet5" | "lenet5-tanh" | "mnist-cnn" | "cifar-resnet-20";

/**
 * Each network with the greatest relative error allowed of losses. Float32 rounding alone moves those of the first two by
 * less than 1e-6 and those of the last by 3e-5; where batch norm stands before a ReLU or a maximum, one unit that another
 * order of summation tips moves them by 5e-5 (README.md).
 */
const networks: Readonly<Record<Name, { readonly model: Layer; readonly tolerance: number }>> = {
  lenet5: { model: lenet5(), tolerance: 2e-6 },
  "lenet5-tanh": { model: lenet5({ activation: "tanh", pooling: "average" }), tolerance: 2e-6 },
  "mnist-cnn": { model: mnistCnn(), tolerance: 1e-4 },
  "cifar-resnet-20": { model: cifarResNet(), tolerance: 1e-4 },
};

type Run = keyof TrainingRecord["runs"];
const allRuns: readonly Run[] = ["sgd", "nesterov", "alexnet", "sgdDecay", "alexnetDecay"];

/** What runs where: the reference engine is slow, so it does one run of each kind. */
const engines: readonly {
  readonly name: string;
  readonly start: () => Engine | Promise<Engine>;
  readonly runs: Partial<Record<Name, readonly Run[]>>;
  /** Greatest relative error of a gradient's norm. Default 3e-6. */
  readonly gradientTolerance?: number;
}[] = [
  {
    name: "wasm, 2 threads",
    start: () => wasmEngine({ threads: 2 }),
    runs: { lenet5: allRuns, "lenet5-tanh": allRuns, "mnist-cnn": allRuns, "cifar-resnet-20": allRuns },
    // Winograd's F(4×4, 3×3) rounds more than a direct sum, and tips units before a ReLU.
    gradientTolerance: 1e-2,
  },
  {
    name: "wasm, convolutions summed directly",
    start: () => wasmEngine({ threads: 2, exact: true }),
    runs: { "cifar-resnet-20": ["sgd"] },
  },
  {
    name: "native, 2 threads",
    start: () => nativeEngine({ threads: 2 }),
    runs: { lenet5: ["sgd", "alexnetDecay"], "mnist-cnn": ["sgdDecay"], "cifar-resnet-20": ["sgd"] },
    gradientTolerance: 1e-2,
  },
  {
    name: "native, convolutions summed directly",
    start: () => nativeEngine({ threads: 2, exact: true }),
    runs: { "lenet5-tanh": ["nesterov"], "cifar-resnet-20": ["nesterov"] },
  },
  { name: "js", start: jsEngine, runs: { lenet5: ["sgd", "alexnetDecay"], "lenet5-tanh": ["nesterov"] } },
];

function optimizerOf({ momentum }: TrainingRecord, { rule, weightDecay }: RecordedRule): OptimizerOptions {
  return sgd({
    momentum,
    weightDecay,
    nesterov: rule === "nesterov",
    rule: rule === "alexnet" ? "alexnet" : "pytorch",
  });
}

/** A learner with the weights and running statistics of the fill rule, and no velocity. */
async function learnerOf(
  engine: Engine,
  model: Layer,
  { imageShape: [c, h, w] }: TrainingRecord,
  optimizer: OptimizerOptions,
): Promise<CompiledLearner> {
  const learner = await createLearner({ model, imageShape: [h, w, c], engine, optimizer });
  const network = build(model, { input: [1, h, w, c], training: true });
  const filled = new Map([...filledParameters(network)].map(([tensor, values]) => [tensor.name, values]));
  const state = [...learner.state()].map(([name, tensor]): [string, StateTensor] => [
    name,
    { ...tensor, data: filled.get(name) ?? new Float32Array(tensor.data.length) },
  ]);
  learner.restore(new Map(state));
  return learner;
}

function trainStep(learner: CompiledLearner, record: TrainingRecord, step: number, learningRate: number) {
  const [c, h, w] = record.imageShape;
  return learner.trainStep(
    filledImages(`input.${step}`, [record.batch, h, w, c]),
    fillLabels(`labels.${step}`, record.batch, record.classes),
    record.batch,
    { step, learningRate },
  );
}

const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, each) => sum + each * each, 0));

/** Each value within `tolerance` of the recorded one, relative to `scale` or to the value itself. */
function expectNear(
  found: ArrayLike<number>,
  expected: readonly number[],
  tolerance: number,
  what: string,
  scale = 0,
): void {
  expect(found.length, what).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(found[i] - value) / Math.max(scale, Math.abs(value));
    expect(error, `${what} ${i}: ${found[i]} against ${value}`).toBeLessThan(tolerance);
  }
}

for (const { name: engineName, start, runs, gradientTolerance = 3e-6 } of engines)
  describe(`training on engine ${engineName}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await start();
    });
    afterAll(() => engine.dispose());

    for (const [name, chosen] of Object.entries(runs) as [Name, readonly Run[]][]) {
      const record = readTraining(name);
      const { model, tolerance } = networks[name];
      for (const run of chosen)
        it(`gives the losses, then the weights, of ${name} by rule ${run} that PyTorch gives`, async () => {
          const rule = record.runs[run];
          const { losses, logits, parameterNorms, runningStats } = rule.float64;
          const learner = await learnerOf(engine, model, record, optimizerOf(record, rule));
          const found: number[] = [];
          for (let step = 0; step < losses.length; step++) {
            const drop = rule.learningRateDrop;
            const factor = drop !== undefined && step >= drop.fromStep ? drop.factor : 1;
            const result = await trainStep(learner, record, step, record.learningRate * factor);
            found.push(result.loss);
            if (step === 0 && logits !== undefined)
              expectNear(
                result.logits.subarray(0, record.classes),
                logits,
                4e-6,
                "logit",
                Math.max(...logits.map(Math.abs)),
              );
          }
          expectNear(found, losses, tolerance, "loss");
          const state = learner.state();
          const dataOf = (tensor: string) => state.get(tensor)?.data ?? new Float32Array();
          const norms = record.parameters.map(([parameter]) => norm(dataOf(parameter)));
          expectNear(norms, parameterNorms, tolerance, "norm of parameter");
          for (const [statistic, first, length] of runningStats ?? []) {
            const values = dataOf(statistic);
            expectNear(
              [...values.subarray(0, 4), norm(values)],
              [...first, length],
              tolerance,
              statistic,
              length,
            );
          }
          learner.dispose();
        });

      it(`gives gradients of ${name} as long as PyTorch's`, async () => {
        // With a learning rate of 0 and no decay, the velocity after one step is the gradient.
        const learner = await learnerOf(engine, model, record, sgd({ momentum: 0.5 }));
        await trainStep(learner, record, 0, 0);
        const state = learner.state();
        const norms = record.parameters.map(([parameter]) =>
          norm(state.get(`optimizer.${parameter}.velocity`)?.data ?? new Float32Array()),
        );
        // Biases before a batch norm have no gradient but rounding.
        const expected = record.runs.sgd.float64.gradientNorms ?? [];
        expectNear(norms, expected, gradientTolerance, "norm of gradient", 0.01 * Math.max(...expected));
        learner.dispose();
      });
    }
  });
