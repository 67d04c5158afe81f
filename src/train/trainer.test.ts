import { describe, expect, test } from "vitest";
import type { Batch } from "../data/dataset.ts";
import { memoryStore, type RunStore } from "../formats/store.ts";
import {
  CheckpointError,
  keyOf,
  OptionError,
  permutation,
  RandomStream,
  randomUniform,
  TrainingError,
} from "../tensor/index.ts";
import { decodeCheckpoint } from "./checkpoint.ts";
import type { TrainingEvent } from "./events.ts";
import type { Learner, StateTensor } from "./learner.ts";
import { sgd } from "./optimizer.ts";
import { type TrainingOptions, trainingOptions } from "./options.ts";
import { train } from "./trainer.ts";
import type { BatchSource, TrainingRun } from "./training-run.ts";

const features = 4;
const classes = 3;

/** Softmax regression with momentum, and noise drawn by step as dropout draws: all the state that a network can have. */
class SoftmaxRegression implements Learner {
  readonly parameterCount = features * classes;
  readonly classes = classes;
  readonly weight = new Float32Array(features * classes);
  readonly velocity = new Float32Array(features * classes);
  readonly steps: { step: number; learningRate: number; indices: number[] }[] = [];

  async trainStep(
    images: Float32Array,
    labels: Float32Array,
    count: number,
    at: { step: number; learningRate: number },
  ) {
    const { loss, logits, gradient } = this.#forward(
      images,
      labels,
      count,
      (i) => randomUniform(at.step, i) * 0.1,
    );
    for (let i = 0; i < this.weight.length; i++) {
      this.velocity[i] = 0.9 * this.velocity[i] + gradient[i];
      this.weight[i] -= at.learningRate * this.velocity[i];
    }
    this.steps.push({ ...at, indices: [...images.subarray(0, count)] });
    return { loss, logits, gradientNorm: Number.NaN };
  }

  async evaluate(images: Float32Array, labels: Float32Array, count: number) {
    return { ...this.#forward(images, labels, count, () => 0), gradientNorm: Number.NaN };
  }

  #forward(images: Float32Array, labels: Float32Array, count: number, noise: (i: number) => number) {
    const logits = new Float32Array(count * classes);
    const gradient = new Float32Array(this.weight.length);
    let loss = 0;
    for (let n = 0; n < count; n++) {
      const x = images.subarray(n * features, (n + 1) * features);
      const row = logits.subarray(n * classes, (n + 1) * classes);
      for (let k = 0; k < classes; k++) {
        for (let f = 0; f < features; f++)
          row[k] += (x[f] + noise(n * features + f)) * this.weight[f * classes + k];
      }
      const greatest = Math.max(...row);
      const total = row.reduce((sum, logit) => sum + Math.exp(logit - greatest), 0);
      for (let k = 0; k < classes; k++) {
        const p = Math.exp(row[k] - greatest) / total;
        const isLabel = labels[n] === k;
        if (isLabel) loss -= Math.log(p);
        for (let f = 0; f < features; f++)
          gradient[f * classes + k] += ((p - (isLabel ? 1 : 0)) * x[f]) / count;
      }
    }
    return { loss: loss / count, logits, gradient };
  }

  state(): Map<string, StateTensor> {
    const tensor = (data: Float32Array): StateTensor => ({
      kind: "matrix",
      shape: [features, classes],
      data: data.slice(),
    });
    return new Map([
      ["fc.weight", tensor(this.weight)],
      ["optimizer.fc.weight.velocity", tensor(this.velocity)],
    ]);
  }

  restore(state: ReadonlyMap<string, StateTensor>) {
    this.weight.set(state.get("fc.weight")?.data ?? []);
    this.velocity.set(state.get("optimizer.fc.weight.velocity")?.data ?? []);
  }

  dispose() {}
}

/** Three clouds of points in an order that follows from (seed, epoch), as a Loader gives images. */
function points(length: number, seed: number, options: { size?: number; spread?: number } = {}): BatchSource {
  const { size = 8, spread = 1 } = options;
  const random = new RandomStream(seed);
  const labels = Uint8Array.from({ length }, (_, i) => i % classes);
  const values = Float32Array.from({ length: length * features }, (_, i) => {
    const centre = Math.floor(i / features) % classes === i % features ? 1.5 : 0;
    return centre + spread * random.normal();
  });
  const batches = Math.ceil(length / size);
  return {
    dataset: { length },
    batches,
    async *epoch(epoch, { from = 0 } = {}): AsyncGenerator<Batch> {
      const order = permutation(length, keyOf(seed, epoch));
      for (let b = from; b < batches; b++) {
        const indices = order.slice(b * size, (b + 1) * size);
        const images = Float32Array.from(
          [...indices].flatMap((i) => [...values.subarray(i * features, (i + 1) * features)]),
        );
        yield {
          images,
          labels: Float32Array.from(indices, (i) => labels[i]),
          count: indices.length,
          indices,
        };
      }
    },
  };
}

/** A clock that runs a millisecond a look: no test waits. */
function ticking(): () => number {
  let now = 0;
  return () => now++;
}

function runOf(
  options: Partial<TrainingOptions>,
  changes: Partial<TrainingRun> = {},
): Omit<TrainingRun, "learner"> & { learner: SoftmaxRegression } {
  return {
    model: { name: "softmax", options: {} },
    data: {
      name: "points",
      fingerprint: "p",
      classes: ["a", "b", "c"],
      normalization: { mean: [0], std: [1] },
      imageShape: [2, 2, 1],
    },
    options: trainingOptions({
      epochs: 4,
      batch: 8,
      learningRate: 0.1,
      optimizer: sgd({ momentum: 0.9 }),
      ...options,
    }),
    train: points(45, 1),
    validation: points(20, 2),
    clock: () => 0,
    ...changes,
    learner: new SoftmaxRegression(),
  };
}

const batches = 6; // of the 45 points

/** Runs until step `stopAt`, throws all but the store away, and goes on. */
async function stoppedAndResumed(stopAt: number, options: Partial<TrainingOptions>, store: RunStore) {
  const controller = new AbortController();
  const onEvent = (event: TrainingEvent) => {
    if (event.kind === "step" && event.step === stopAt) controller.abort();
  };
  const first = await train(runOf(options, { store, onEvent, signal: controller.signal }));
  expect(first).toMatchObject({ stopped: "aborted", steps: stopAt });
  const bytes = await store.read("last.safetensors");
  const resume = await decodeCheckpoint(bytes ?? new Uint8Array(), "last.safetensors");
  return train(runOf(options, { store, resume }));
}

describe("the trainer", () => {
  test("learns: the loss falls and the classes are found", async () => {
    const run = runOf(
      { epochs: 8 },
      { train: points(45, 1, { spread: 0.2 }), validation: points(20, 2, { spread: 0.2 }) },
    );
    const events: TrainingEvent[] = [];
    const outcome = await train({ ...run, onEvent: (event) => events.push(event) });
    expect(outcome).toMatchObject({
      stopped: "finished",
      epochs: 8,
      steps: 48,
      valTop1: 1,
      checkpoint: null,
    });
    const losses = events.flatMap((event) => (event.kind === "epoch" ? [event.trainLoss] : []));
    expect(losses).toHaveLength(8);
    expect(losses[7]).toBeLessThan(losses[0] / 3);
    expect(outcome.trainLoss).toBe(losses[7]);
  });

  test("counts images a second with the clock it was given", async () => {
    const outcome = await train(runOf({ epochs: 1 }, { clock: ticking() }));
    expect(outcome.imagesPerSecond).toBeGreaterThan(0);
    expect(outcome.durationMs).toBeGreaterThan(0);
  });

  test("gives each step its number and the rate of schedule and warm-up", async () => {
    const run = runOf({ epochs: 3, schedule: "step:1:0.5", warmupEpochs: 0.5 });
    await train(run);
    expect(run.learner.steps.map(({ step }) => step)).toEqual([...Array(18).keys()]);
    const rates = run.learner.steps.map(({ learningRate }) => learningRate);
    expect(rates.slice(0, 4)).toEqual([
      0.1 * 0.01,
      0.1 * (0.01 + 0.99 / 3),
      0.1 * (0.01 + (0.99 * 2) / 3),
      0.1,
    ]);
    expect([rates[6], rates[12]]).toEqual([0.05, 0.025]);
  });

  for (const schedule of ["cosine", "plateau:0.5:1", "multistep:1,3:0.1"]) {
    test(`stopped at any step and resumed equals never stopped, with ${schedule}`, async () => {
      const options = { schedule, patience: 3, warmupEpochs: 1 };
      const whole = memoryStore();
      const outcome = await train(runOf(options, { store: whole }));
      const random = new RandomStream(keyOf(schedule.length));
      for (let i = 0; i < 6; i++) {
        // The first and last step of an epoch are the ones to get wrong; the rest are drawn.
        const stopAt = [batches, batches + 1, outcome.steps][i] ?? 1 + random.integer(outcome.steps);
        const store = memoryStore();
        expect(await stoppedAndResumed(stopAt, options, store)).toEqual({
          ...outcome,
          imagesPerSecond: null,
        });
        expect([...store.files.keys()].sort()).toEqual([
          "best.safetensors",
          "last.safetensors",
          "metrics.jsonl",
        ]);
        for (const [name, bytes] of whole.files)
          expect(store.files.get(name), `${name}, ${stopAt}`).toEqual(bytes);
      }
    });
  }

  test("stopped by a crash right after a checkpoint of steps, resumes to the same bytes and metrics", async () => {
    const whole = memoryStore();
    await train(runOf({}, { store: whole }));
    const store = memoryStore();
    const crash = (event: TrainingEvent) => {
      if (event.kind === "step" && event.step === 17) throw new Error("power cut");
    };
    await expect(train(runOf({}, { store, checkpointSteps: 5, onEvent: crash }))).rejects.toThrow(
      "power cut",
    );
    // What a run further on than its checkpoint leaves: the line of an epoch that will be run again, and a torn one.
    await store.append("metrics.jsonl", '{"epoch":3,"step":18}\n{"epoch":4,"st');
    const resume = await decodeCheckpoint(store.files.get("last.safetensors") ?? new Uint8Array(), "last");
    expect(resume.progress).toMatchObject({ step: 15, epoch: 2, batch: 3 });
    await train(runOf({}, { store, resume }));
    for (const [name, bytes] of whole.files) expect(store.files.get(name), name).toEqual(bytes);
  });

  test("writes a line of metrics for each epoch", async () => {
    const store = memoryStore();
    await train(runOf({ epochs: 2, schedule: "constant" }, { store, clock: ticking() }));
    const lines = new TextDecoder().decode(store.files.get("metrics.jsonl")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [1, 2].map((epoch) => ({
        epoch,
        step: batches * epoch,
        trainLoss: expect.any(Number),
        valLoss: expect.any(Number),
        valTop1: expect.any(Number),
        learningRate: 0.1,
        imagesPerSecond: expect.any(Number),
      })),
    );
  });

  test("goes on past the end with more epochs, unless the schedule was spread over them", async () => {
    const store = memoryStore();
    const options = { schedule: "step:2:0.1" };
    await train(runOf({ ...options, epochs: 2 }, { store }));
    const resume = await decodeCheckpoint(store.files.get("last.safetensors") ?? new Uint8Array(), "last");
    const longer = runOf({ ...options, epochs: 4 }, { store, resume });
    const whole = runOf({ ...options, epochs: 4 });
    await train(longer);
    await train(whole);
    expect(longer.learner.state()).toEqual(whole.learner.state());

    await train(runOf({ epochs: 2 }, { store }));
    const cosine = await decodeCheckpoint(store.files.get("last.safetensors") ?? new Uint8Array(), "last");
    await expect(train(runOf({ epochs: 4 }, { store, resume: cosine }))).rejects.toThrow(
      /epochs was 2 and is 4/,
    );
  });

  test("refuses to go on with other data, model or options, and lists them all", async () => {
    const store = memoryStore();
    await train(runOf({ epochs: 1 }, { store }));
    const resume = await decodeCheckpoint(store.files.get("last.safetensors") ?? new Uint8Array(), "last");
    const run = runOf({ epochs: 1, learningRate: 0.2, seed: 7 }, { store, resume });
    const other = {
      ...run,
      data: { ...run.data, fingerprint: "q" },
      model: { name: "mlp", options: { width: 3 } },
    };
    const error = await train(other).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toMatch(
      /last\.safetensors: .*model was softmax and is mlp; model options was \{\} and is \{"width":3\}; fingerprint.* was p and is q; learningRate was 0\.1 and is 0\.2; seed was 1 and is 7\. Leave/,
    );
  });

  test("stops when patience ends and takes the best weights back, resumed or not", async () => {
    const options = { epochs: 50, patience: 2, learningRate: 1, schedule: "constant" };
    const store = memoryStore();
    const run = runOf(options, { store });
    const outcome = await train(run);
    expect(outcome.stopped).toBe("early");
    expect(outcome.epochs).toBeLessThan(50);
    expect(outcome.checkpoint).toBe("best.safetensors");
    const best = await decodeCheckpoint(store.files.get("best.safetensors") ?? new Uint8Array(), "best");
    expect(best.progress.best?.epoch).toBe(outcome.epochs - 2);
    expect(best.progress.best?.top1).toBe(outcome.valTop1);
    expect(best.state.get("fc.weight")).toEqual(run.learner.state().get("fc.weight"));
    expect([...best.state.keys()]).toEqual(["fc.weight"]);

    const resume = await decodeCheckpoint(store.files.get("last.safetensors") ?? new Uint8Array(), "last");
    const again = runOf(options, { store, resume });
    expect(await train(again)).toEqual(outcome);
    expect(again.learner.state().get("fc.weight")).toEqual(run.learner.state().get("fc.weight"));
  });

  test("needs validation images for patience, and some images at all", async () => {
    const { validation: _, ...run } = runOf({ patience: 1 });
    await expect(train(run)).rejects.toThrow(OptionError);
    await expect(train(runOf({}, { train: points(0, 1) }))).rejects.toThrow(TrainingError);
  });

  test("trains without validation: plateau watches the training loss, and there is no best", async () => {
    const store = memoryStore();
    const { validation: _, ...run } = runOf({ schedule: "plateau:0.5:0" }, { store });
    expect(await train(run)).toMatchObject({ valLoss: null, valTop1: null, trainLoss: expect.any(Number) });
    expect([...store.files.keys()].sort()).toEqual(["last.safetensors", "metrics.jsonl"]);
    const { progress } = await decodeCheckpoint(
      store.files.get("last.safetensors") ?? new Uint8Array(),
      "last",
    );
    expect(progress.schedule.best).toBeCloseTo(progress.last?.trainLoss ?? 0, 0);
  });

  test("stops at a loss that is not finite and names step, epoch and the last good checkpoint", async () => {
    const store = memoryStore();
    const run = runOf({}, { store, checkpointSteps: 4 });
    const { learner } = run;
    const step = learner.trainStep.bind(learner);
    learner.trainStep = async (images, labels, count, at) => {
      const result = await step(images, labels, count, at);
      return at.step === 10 ? { ...result, loss: Number.NaN } : result;
    };
    const error = await train(run).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TrainingError);
    expect(String(error)).toMatch(
      /the loss is NaN at step 10 in epoch 2 of 4.*last\.safetensors, after 8 steps/,
    );
    expect(error).toMatchObject({ facts: { step: 10, epoch: 2, checkpoint: "last.safetensors" } });
  });

  test("never writes weights that are not finite over good ones", async () => {
    const store = memoryStore();
    const run = runOf({}, { store, checkpointSteps: 4 });
    const step = run.learner.trainStep.bind(run.learner);
    run.learner.trainStep = async (images, labels, count, at) => {
      const result = await step(images, labels, count, at);
      if (at.step === 7) run.learner.weight[0] = Number.POSITIVE_INFINITY;
      return result;
    };
    await expect(train(run)).rejects.toThrow(
      /fc\.weight has values that are not finite.*epoch 2.*after 6 steps/,
    );
    const { progress } = await decodeCheckpoint(
      store.files.get("last.safetensors") ?? new Uint8Array(),
      "last",
    );
    expect(progress.step).toBe(6);
  });

  test("lets timers run while it trains, so that a signal is heard", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1);
    const outcome = await train(
      runOf({ epochs: 100_000 }, { signal: controller.signal, clock: () => performance.now() }),
    );
    expect(outcome.stopped).toBe("aborted");
  });
});
