/** How each recorded operation is built here: PyTorch's names and layouts on one side, ours on the other. */

import * as ops from "../../src/ops/index.ts";
import type { Tensor } from "../../src/ops/operation.ts";
import type { Pair } from "../../src/ops/window.ts";
import { size } from "../../src/tensor/shape.ts";

type Tensors = Readonly<Record<string, Tensor>>;
export type Builder = (
  tensors: Tensors,
  attributes: Readonly<Record<string, unknown>>,
) => Record<string, Tensor>;

/** The order of axes that turns a tensor of the reference into ours. */
export function turnOf(op: string, key: string, shape: readonly number[]): readonly number[] {
  if (op === "linear" && key === "weight") return [1, 0];
  if (shape.length < 4) return shape.map((_, axis) => axis);
  // Filters [k, c, r, s], and [c, k, r, s] of the transposed convolution, which is the filter of the one it transposes.
  return key === "weight" ? [2, 3, 1, 0] : [0, 2, 3, 1];
}

// biome-ignore lint/suspicious/noExplicitAny: recorded attributes are as record_ops.py wrote them
type Attributes = any;

const pooling = ({ kernel_size, ceil_mode, count_include_pad, ...rest }: Attributes) => ({
  kernel: kernel_size as Pair,
  ...(ceil_mode ? { rounding: "ceil" as const } : {}),
  ...(count_include_pad === undefined ? {} : { countIncludePad: count_include_pad as boolean }),
  ...rest,
});

const map =
  (op: (inputs: { x: Tensor }, attributes: Record<never, never>) => Tensor): Builder =>
  ({ x }) => ({ y: op({ x }, {}) });

export const builders: Readonly<Record<string, Builder | undefined>> = {
  conv2d: ({ x, weight, bias }, attributes) => ({ y: ops.conv2d({ x, weight, bias }, attributes) }),
  convTranspose2d: ({ x, weight, bias }, { output_padding, ...attributes }: Attributes) => ({
    y: ops.transposedConv2d(
      { x, weight, bias },
      { ...attributes, ...(output_padding === undefined ? {} : { outputPadding: output_padding }) },
    ),
  }),
  linear: ({ x, weight, bias }) => ({ y: ops.linear({ x, weight, bias }, {}) }),
  maxPool2d: ({ x }, attributes) => ({ y: ops.maxPool2d({ x }, pooling(attributes)) }),
  avgPool2d: ({ x }, attributes) => ({ y: ops.avgPool2d({ x }, pooling(attributes)) }),
  adaptiveAvgPool2d: ({ x }, { output_size }: Attributes) => ({
    y: ops.adaptiveAvgPool2d({ x }, { size: output_size }),
  }),
  relu: map(ops.relu),
  sigmoid: map(ops.sigmoid),
  tanh: map(ops.tanh),
  relu6: map(ops.relu6),
  leakyRelu: ({ x }, { negative_slope }: Attributes) => ({
    y: ops.leakyRelu({ x }, { slope: negative_slope }),
  }),
  elu: ({ x }, attributes) => ({ y: ops.elu({ x }, attributes) }),
  silu: map(ops.silu),
  softplus: map(ops.softplus),
  hardSigmoid: map(ops.hardSigmoid),
  hardSwish: map(ops.hardSwish),
  softmax: map(ops.softmax),
  logSoftmax: map(ops.logSoftmax),
  batchNorm({ x, weight, bias, runningMean, runningVar }, { training, momentum, eps }: Attributes) {
    if (!training) {
      const from = { mean: runningMean, variance: runningVar };
      return { y: ops.batchNormInference({ x, ...from, weight, bias }, { epsilon: eps }) };
    }
    const moments = ops.batchMoments({ x });
    const unbiased = size(x.shape) / moments.shape[1];
    return {
      y: ops.batchNormalize({ x, moments, weight, bias }, { epsilon: eps }),
      runningMean: ops.runningStatistics({ running: runningMean, moments }, { momentum, row: 0 }),
      runningVar: ops.runningStatistics({ running: runningVar, moments }, { momentum, row: 1, unbiased }),
    };
  },
  groupNorm: ({ x, weight, bias }, { num_groups, eps }: Attributes) => ({
    y: ops.groupNorm({ x, weight, bias }, { groups: num_groups, epsilon: eps }),
  }),
  localResponseNorm: ({ x }, attributes: Attributes) => ({ y: ops.localResponseNorm({ x }, attributes) }),
  interpolate: ({ x }, { mode, size, align_corners }: Attributes) => ({
    y:
      mode === "nearest"
        ? ops.upsampleNearest2d({ x }, { size })
        : ops.upsampleBilinear2d({ x }, { size, alignCorners: align_corners }),
  }),
  crossEntropy({ x, labels, target }, { label_smoothing, reduction, labelShape }: Attributes) {
    let targets = target ?? labels;
    if (labelShape !== undefined) targets = ops.reshape({ x: labels }, { shape: labelShape });
    return { y: ops.crossEntropy({ x, labels: targets }, { labelSmoothing: label_smoothing, reduction }) };
  },
};
