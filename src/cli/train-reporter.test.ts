import { describe, expect, test } from "vitest";
import type { TrainingEvent } from "../train/events.ts";
import type { Host } from "./host.ts";
import { trainReporter } from "./train-reporter.ts";

function hostOf(isTerminal: boolean) {
  const written = { log: "", now: 0 };
  const host: Host = {
    out: () => undefined,
    log: (text) => {
      written.log += text;
    },
    isTerminal,
    columns: () => 80,
    clock: () => written.now,
    args: [],
    onStop: () => () => undefined,
  };
  return { host, written };
}

const start: TrainingEvent = { kind: "start", epoch: 0, step: 0, epochs: 2, batches: 4, images: 500 };
const step = (batch: number): TrainingEvent => ({
  kind: "step",
  epoch: 1,
  step: batch,
  batch,
  batches: 4,
  loss: 2,
  meanLoss: 2.25,
  learningRate: 0.1,
  imagesPerSecond: 12_345,
  gradientNorm: Number.NaN,
});
const epoch: TrainingEvent = {
  kind: "epoch",
  epochs: 2,
  isBest: true,
  epoch: 1,
  step: 4,
  trainLoss: 0.5,
  valLoss: 0.25,
  valTop1: 0.9753,
  learningRate: 0.1,
  imagesPerSecond: 12_000,
};

describe("the reporter of a training", () => {
  test("draws a bar with speed, loss and time left on a terminal, at most every tenth of a second", () => {
    const { host, written } = hostOf(true);
    const report = trainReporter(host);
    report(start);
    written.now = 1000;
    report(step(1));
    expect(written.log).toContain(
      "epoch 1/2 [█████···············]  25 %  12,345 images/s  loss 2.2500  0:07 left",
    );
    const drawn = written.log;
    written.now = 1050;
    report(step(2));
    expect(written.log).toBe(drawn);
    report(epoch);
    expect(written.log.slice(drawn.length)).toBe(
      "\r\x1b[Kepoch 1/2  loss 0.5000  val loss 0.2500  val top-1 97.53 %  12,000 images/s  best so far\n",
    );
  });

  test("writes plain lines elsewhere: one an epoch, and one each half minute", () => {
    const { host, written } = hostOf(false);
    const report = trainReporter(host);
    report({ ...start, epoch: 1, step: 5 });
    written.now = 29_000;
    report(step(1));
    written.now = 30_000;
    report(step(2));
    report({ kind: "validate", epoch: 1, images: 10, of: 20 });
    report({ ...epoch, valTop1: null, imagesPerSecond: null, isBest: false });
    expect(written.log.split("\n")).toEqual([
      "Training for 2 epochs: 500 images, 4 steps an epoch, going on after step 5 in epoch 2.",
      "epoch 1/2 step 2/4  12,345 images/s  loss 2.2500  – left",
      "epoch 1/2  loss 0.5000",
      "",
    ]);
    expect(written.log).not.toContain("\r");
  });
});
