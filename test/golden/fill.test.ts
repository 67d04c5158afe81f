/** The worked example of the fill rule, and the turns between layouts. */

import { describe, expect, test } from "vitest";
import {
  crc32,
  fillLabels,
  fillUniform,
  fillValues,
  hwioToOihw,
  nchwToNhwc,
  nhwcToNchw,
  oihwToHwio,
  turnMatrix,
} from "./fill.ts";
import { readOperations, readTraining } from "./records.ts";

/** As printed with nine digits: the float32 nearest to each. */
const float32 = (...printed: number[]) => Float32Array.from(printed);

describe("the fill rule", () => {
  test("seeds by the CRC-32 of the name", () => {
    expect(crc32("conv1.weight")).toBe(0xcb487135);
    expect(crc32("labels")).toBe(3050373649);
  });

  test("gives the uniform numbers of the worked example exactly", () => {
    const u = fillUniform("conv1.weight", 8);
    expect(u[0]).toBe(0.068117011338472366);
    expect(u[7]).toBe(0.096507309470325708);
    expect(Array.from(u, (x) => x * 4294967296)).toEqual([
      292560336, 180180901, 1961939539, 1622713501, 816117786, 3709087578, 1357747325, 414495738,
    ]);
  });

  test("gives the weights of the worked example to the bit", () => {
    const weight = fillValues("conv1.weight", [64, 3, 7, 7], "weight");
    expect(weight.length).toBe(64 * 3 * 49);
    expect(weight.subarray(0, 8)).toEqual(
      float32(
        -0.174507082,
        -0.185079485,
        -0.0174555797,
        -0.0493692122,
        -0.125251949,
        0.146912247,
        -0.0742966458,
        -0.163035661,
      ),
    );
  });

  test("gives the input of the worked example to the bit", () => {
    expect(fillValues("input", [1, 3, 2, 2], "input").subarray(0, 8)).toEqual(
      float32(
        0.378885388,
        -0.947786272,
        -0.122542806,
        -0.123842783,
        0.0488888957,
        -0.93070215,
        -0.945931911,
        -0.823516965,
      ),
    );
  });

  test("gives the labels of the worked example", () => {
    expect([...fillLabels("labels", 4, 1000)]).toEqual([553, 372, 834, 563]);
    expect([...fillLabels("labels", 4, 10)]).toEqual([3, 2, 4, 3]);
  });

  test("keeps each kind in its range", () => {
    const values = (kind: Parameters<typeof fillValues>[2]) => fillValues("some.name", [40, 5], kind);
    expect(values("bias").every((x) => Math.abs(x) <= Math.fround(0.1))).toBe(true);
    expect(values("bn_weight").every((x) => x >= 0.5 && x <= 1.5)).toBe(true);
    expect([...new Set(values("integer"))].sort()).toEqual([0, 1, 2, 3]);
    expect(fillValues("some.name", [9], "input", 3)[4]).toBeCloseTo(3 * values("input")[4], 6);
    const distribution = values("distribution");
    expect(distribution.subarray(0, 5).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  });
});

describe("turning layouts", () => {
  const count = Float32Array.from({ length: 12 }, (_, i) => i);

  test("puts channels last", () => {
    expect([...nchwToNhwc(count, [1, 3, 2, 2])]).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
  });

  test("puts filters last", () => {
    expect([...oihwToHwio(count, [3, 2, 1, 2])]).toEqual([0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11]);
  });

  test("turns a matrix", () => {
    expect([...turnMatrix(count, [2, 6])]).toEqual([0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]);
  });

  test("comes back where it started", () => {
    const x = fillValues("x", [2, 3, 4, 5], "input");
    expect(nhwcToNchw(nchwToNhwc(x, [2, 3, 4, 5]), [2, 4, 5, 3])).toEqual(x);
    expect(hwioToOihw(oihwToHwio(x, [2, 3, 4, 5]), [4, 5, 3, 2])).toEqual(x);
  });
});

describe("the recorded files", () => {
  test("hold ten finite losses a run, and a norm for every parameter", () => {
    for (const net of ["lenet5", "lenet5-tanh", "mnist-cnn", "cifar-resnet-20"] as const) {
      const record = readTraining(net);
      for (const rule of Object.values(record.runs)) {
        for (const run of [rule.float32, rule.float64]) {
          expect(run.losses.filter(Number.isFinite)).toHaveLength(10);
          expect(run.parameterNorms).toHaveLength(record.parameters.length);
        }
      }
      expect(record.runs.sgd.float64.gradientNorms).toHaveLength(record.parameters.length);
    }
  });

  test("can be recomputed from the fill rule: a recorded ReLU is the ReLU of the filled input", () => {
    const [relu] = readOperations("relu");
    const x = fillValues("relu.plain.x", [2, 3, 3, 3], "input", 2);
    const dy = fillValues("relu.plain.dy", [2, 3, 3, 3], "input");
    relu.outputs.y.first.forEach((y, i) => {
      expect(Math.max(0, x[i])).toBeCloseTo(y, 8);
    });
    relu.gradients.x.first.forEach((dx, i) => {
      expect(x[i] > 0 ? dy[i] : 0).toBeCloseTo(dx, 8);
    });
  });

  test("can be recomputed from the fill rule: a recorded soft-label loss needs the filled distribution", () => {
    const recorded = readOperations("crossEntropy").find((entry) => entry.name === "crossEntropy.soft");
    const x = fillValues("crossEntropy.soft.x", [5, 7], "input", 4);
    const target = fillValues("crossEntropy.soft.target", [5, 7], "distribution");
    let loss = 0;
    for (let row = 0; row < 35; row += 7) {
      const logits = x.subarray(row, row + 7);
      const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      logits.forEach((logit, i) => {
        loss += (target[row + i] * (logSum - logit)) / 5;
      });
    }
    expect(loss).toBeCloseTo(recorded?.outputs.y.first[0] ?? Number.NaN, 7);
  });
});
