/** One seed gives one run: the same bits for any number of threads, kind of memory, and whatever ran in between. */

import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../src/engines/engine.ts";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { type WasmEngineOptions, wasmEngine } from "../src/engines/wasm/engine.ts";
import { cifarResNet } from "../src/models/cifar-resnet.ts";
import { lenet5 } from "../src/models/lenet5.ts";
import * as nn from "../src/nn/index.ts";
import { conv2d } from "../src/ops/conv2d.ts";
import type { Tensor } from "../src/ops/operation.ts";
import { input } from "../src/ops/operation.ts";
import { size } from "../src/tensor/shape.ts";
import { type CompiledLearner, createLearner } from "../src/train/compiled-learner.ts";
import { sgd } from "../src/train/optimizer.ts";
import { randomNumbers } from "./gradients.ts";
import { openEmpty, valuesOn } from "./on-engine.ts";

interface Subject {
  readonly model: nn.Layer;
  readonly imageShape: readonly [h: number, w: number, c: number];
  readonly batch: number;
  readonly steps: number;
}

/** Batch statistics, dropout, Winograd's convolution, depthwise and 1×1 ones, and gradients of each. */
const mixed = nn.sequential({
  conv1: nn.conv2d(24, 3, { padding: 1, bias: false }),
  bn1: nn.batchNorm2d(),
  relu1: nn.relu(),
  conv2: nn.conv2d(32, 3, { padding: 1, bias: false }),
  bn2: nn.batchNorm2d(),
  relu2: nn.relu(),
  drop: nn.dropout(0.3),
  depthwise: nn.conv2d(32, 3, { padding: 1, stride: 2, groups: 32 }),
  pointwise: nn.conv2d(17, 1),
  relu3: nn.relu(),
  flatten: nn.flatten(),
  fc: nn.linear(10),
});

const subjects: Readonly<Record<string, Subject>> = {
  lenet5: { model: lenet5(), imageShape: [28, 28, 1], batch: 6, steps: 4 },
  "a network with batch norm and dropout": { model: mixed, imageShape: [10, 10, 3], batch: 5, steps: 4 },
  "a residual network with stochastic depth": {
    model: cifarResNet({ depth: 14, stochasticDepth: { survival: 0.5 } }),
    imageShape: [8, 8, 3],
    batch: 5,
    steps: 4,
  },
};

type Between = (learner: CompiledLearner, subject: Subject) => Promise<unknown>;

function batchOf({ imageShape: [h, w, c] }: Subject, count: number, number: number) {
  const images = Float32Array.from(randomNumbers(count * h * w * c, 100 + number));
  const labels = Float32Array.from({ length: count }, (_, i) => (7 * i + 3 * number) % 10);
  return { images, labels, count };
}

/** All bits that a run leaves: each state tensor, and losses and logits of each step. */
async function bitsOf(
  subject: Subject,
  options: WasmEngineOptions,
  between: Between = () => Promise.resolve(),
  start: (options: WasmEngineOptions) => Promise<Engine> = wasmEngine,
): Promise<Map<string, Uint32Array>> {
  // The subjects are small: all of them are shared among the threads that there are.
  const engine = await start({ leastSharedWork: 0, ...options });
  try {
    const { model, imageShape, batch, steps } = subject;
    const optimizer = sgd({ momentum: 0.9, weightDecay: 1e-3, clipNorm: 5 });
    const learner = await createLearner({ model, imageShape, engine, optimizer, seed: 11 });
    const bits = new Map<string, Uint32Array>();
    for (let step = 0; step < steps; step++) {
      const { images, labels, count } = batchOf(subject, batch, step);
      const { loss, logits, gradientNorm } = await learner.trainStep(images, labels, count, {
        step,
        learningRate: 0.05,
      });
      bits.set(`step ${step}`, bitsIn(Float32Array.of(loss, gradientNorm, ...logits)));
      if (step === 1) await between(learner, subject);
    }
    for (const [name, { data }] of learner.state()) bits.set(name, bitsIn(data));
    return bits;
  } finally {
    engine.dispose();
  }
}

function bitsIn(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}

/** Not `toEqual` on whole maps: what differs first is named, and nothing else printed. */
function expectSameBits(found: Map<string, Uint32Array>, expected: Map<string, Uint32Array>): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, bits] of expected) {
    const differs = found.get(name)?.findIndex((each, i) => each !== bits[i]);
    expect(differs, `${name} differs at`).toBe(-1);
  }
}

for (const [name, subject] of Object.entries(subjects))
  describe(`training ${name}`, () => {
    let alone: Map<string, Uint32Array>;
    beforeAll(async () => {
      alone = await bitsOf(subject, { threads: 1 });
    });

    it("changes what it trains, and gives numbers", async () => {
      const start = await bitsOf({ ...subject, steps: 0 }, { threads: 1 });
      const end = alone;
      for (const [tensor, bits] of start) {
        const after = end.get(tensor) ?? new Uint32Array();
        expect(after.some((each, i) => each !== bits[i])).toBe(true);
        expect(new Float32Array(after.slice().buffer).every(Number.isFinite)).toBe(true);
      }
    });

    it.each<[string, WasmEngineOptions]>([
      ["one thread, again", { threads: 1 }],
      ["two threads", { threads: 2 }],
      ["two threads, again", { threads: 2 }],
      ["three threads", { threads: 3 }],
      ["memory that is not shared", { sharedMemory: false }],
    ])("gives the same bits on %s", async (_, options) => {
      expectSameBits(await bitsOf(subject, options), alone);
    });

    it("is not disturbed by evaluations of other sizes in between", async () => {
      const evaluations: Between = async (learner) => {
        for (const size of [1, 3, subject.batch + 2]) {
          const { images, labels, count } = batchOf(subject, size, 50);
          const { loss } = await learner.evaluate(images, labels, count);
          expect(loss).toBeGreaterThan(0);
        }
      };
      expectSameBits(await bitsOf(subject, { threads: 2 }, evaluations), alone);
    });

    it("takes the same step from a smaller batch in between, on one thread and on two", async () => {
      const smaller: Between = (learner) => {
        const { images, labels, count } = batchOf(subject, 3, 60);
        return learner.trainStep(images, labels, count, { step: 2, learningRate: 0.05 });
      };
      const one = await bitsOf(subject, { threads: 1 }, smaller);
      expectSameBits(await bitsOf(subject, { threads: 2 }, smaller), one);
      const plain = alone;
      expect([...one].some(([key, bits]) => bits.some((each, i) => each !== plain.get(key)?.[i]))).toBe(true);
    });

    it("goes on from a copy of its state as if it had never stopped", async () => {
      const swap: Between = async (learner) => {
        const copy = new Map(
          [...learner.state()].map(([key, value]) => [key, { ...value, data: value.data.slice() }]),
        );
        const { images, labels, count } = batchOf(subject, subject.batch, 70);
        await learner.trainStep(images, labels, count, { step: 9, learningRate: 0.5 });
        learner.restore(copy);
      };
      expectSameBits(await bitsOf(subject, { threads: 2 }, swap), alone);
    });

    it("stays near where multiply and add are rounded apart", async () => {
      const apart = await bitsOf(subject, { threads: 2, relaxed: false });
      for (const [key, bits] of alone) {
        const ours = new Float32Array(bits.slice().buffer);
        const theirs = new Float32Array(apart.get(key)?.slice().buffer ?? new ArrayBuffer(0));
        const scale = Math.max(1e-2, ...ours.map(Math.abs));
        // Not the other way round: a value that is not a number must be found.
        const far = ours.findIndex((value, i) => !(Math.abs(theirs[i] - value) < 1e-4 * scale));
        expect(far, `${key} is far at`).toBe(-1);
      }
    });

    it("gives the same bits where small programs run on one thread and others on two", async () => {
      expectSameBits(await bitsOf(subject, { threads: 2, leastSharedWork: 1e6 }), alone);
    });

    it("gives the same bits on one, two and three threads of native code, with evaluations in between", async () => {
      const evaluations: Between = (learner) => {
        const { images, labels, count } = batchOf(subject, 3, 50);
        return learner.evaluate(images, labels, count);
      };
      const nothing: Between = () => Promise.resolve();
      const one = await bitsOf(subject, { threads: 1 }, nothing, nativeEngine);
      expectSameBits(await bitsOf(subject, { threads: 2 }, evaluations, nativeEngine), one);
      expectSameBits(await bitsOf(subject, { threads: 3 }, nothing, nativeEngine), one);
      // Other sums than WebAssembly's, but of the same numbers.
      for (const [key, bits] of alone) expect(one.get(key)).toHaveLength(bits.length);
    });
  });

/** Sizes at which the time that Winograd's algorithms are estimated to take is near that of the direct sum. */
it.each([
  [[8, 4, 4, 16], 64],
  [[8, 4, 4, 16], 256],
  [[1, 14, 14, 64], 64],
] as const)(
  "native code takes one algorithm for %j, whatever the number of threads",
  async (shape, filters) => {
    const x = input("x", shape);
    const weight = input("weight", [3, 3, shape[3], filters]);
    const y = conv2d({ x, weight, bias: undefined }, { padding: 1 });
    const feeds = new Map<Tensor, ArrayLike<number>>(
      [x, weight].map((each, i) => [each, randomNumbers(size(each.shape), i + 1)]),
    );
    const found: Uint32Array[] = [];
    for (const threads of [1, 2, 4, 16]) {
      const engine = await nativeEngine({ threads, leastSharedWork: 0 });
      const [values] = await valuesOn(await openEmpty(engine), [y], feeds);
      found.push(bitsIn(values));
      engine.dispose();
    }
    for (const bits of found.slice(1)) expect(bits.findIndex((each, i) => each !== found[0][i])).toBe(-1);
  },
);
