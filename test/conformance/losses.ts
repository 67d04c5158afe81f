import { argmax } from "../../src/ops/argmax.ts";
import { crossEntropy } from "../../src/ops/cross-entropy.ts";
import { meanSquaredError } from "../../src/ops/mean-squared-error.ts";
import { input } from "../../src/ops/operation.ts";
import { logSoftmax, softmax } from "../../src/ops/softmax.ts";
import { type Case, classes, spread, withGradients } from "./case.ts";

const rows = [
  [5, 7],
  [1, 1000],
  [33, 10],
  [2, 3, 2, 4],
];

export const cases: readonly Case[] = rows.flatMap((shape) => {
  const of = shape.join(", ");
  const k = shape[shape.length - 1];
  const logits = () => {
    const x = input("x", shape);
    return { x, feeds: spread(x, -8, 8) };
  };
  return [
    {
      name: `softmax: [${of}]`,
      build() {
        const { x, feeds } = logits();
        return { outputs: withGradients(softmax({ x }), [x]), feeds: new Map([feeds]), terms: 2 * k };
      },
    },
    {
      name: `logSoftmax and argmax: [${of}]`,
      build() {
        const { x, feeds } = logits();
        return {
          outputs: [...withGradients(logSoftmax({ x }), [x]), argmax({ x }, {})],
          feeds: new Map([feeds]),
          terms: 2 * k,
        };
      },
    },
    ...[0, 0.1].map((labelSmoothing) => ({
      name: `crossEntropy: [${of}], smoothing ${labelSmoothing}`,
      build() {
        const { x, feeds } = logits();
        const labels = input("labels", shape.slice(0, -1));
        const loss = crossEntropy({ x, labels }, { labelSmoothing });
        return {
          outputs: withGradients(loss, [x]),
          feeds: new Map([feeds, classes(labels, k)]),
          terms: 2 * k,
        };
      },
    })),
    {
      name: `crossEntropy: [${of}], a class ignored`,
      build() {
        const { x, feeds } = logits();
        const labels = input("labels", shape.slice(0, -1));
        const loss = crossEntropy({ x, labels }, { labelSmoothing: 0.1, ignoreLabel: 3 });
        return {
          outputs: withGradients(loss, [x]),
          feeds: new Map([feeds, classes(labels, k)]),
          terms: 2 * k,
        };
      },
    },
    {
      name: `crossEntropy: [${of}], shares of classes`,
      build() {
        const { x, feeds } = logits();
        const labels = input("labels", shape);
        const loss = crossEntropy({ x, labels }, { reduction: "none" });
        return { outputs: withGradients(loss, [x, labels]), feeds: new Map([feeds]), terms: 16 * k };
      },
    },
    {
      name: `meanSquaredError: [${of}]`,
      build() {
        const [x, target] = [input("x", shape), input("target", shape)];
        return {
          outputs: withGradients(meanSquaredError({ x, target }), [x]),
          terms: shape.reduce((a, b) => a * b),
        };
      },
    },
  ];
});
