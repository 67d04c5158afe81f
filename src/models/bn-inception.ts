/**
 * Inception with batch normalisation: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
 * Internal Covariate Shift", 2015, arXiv:1502.03167.
 *
 * The table of figure 5, under the names of the Caffe weights that people use (Cadene's pretrained-models.pytorch), whose first
 * 7×7 is an ordinary convolution where the paper's is separable: 11,295,240 parameters, 2.03 billion multiply-adds. There is no
 * dropout (section 4.2.1). The paper is silent about auxiliary heads; those here are where its Caffe and tensorpack
 * versions have them, after 3c and 4e.
 *
 * Input [n, 224, 224, 3], other sizes pass but for the heads, which need at least 135 pixels; output logits [n, classes]; with
 * `auxiliary`, a record: { logits, aux1, aux2 } in training, { logits } at inference.
 */

import * as nn from "../nn/index.ts";
import type { Tensor } from "../ops/operation.ts";
import { lossWithHeads, pooledHead, withHeads } from "./auxiliary-heads.ts";
import { joined, unit } from "./inception-modules.ts";

export interface BnInceptionOptions {
  /** Whether training has heads on 3c and 4e. Their loss: `bnInceptionLoss`. Default false. */
  readonly auxiliary?: boolean;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0. */
  readonly dropout?: number;
}

export function bnInception(options?: BnInceptionOptions & { readonly auxiliary?: false }): nn.Layer;
export function bnInception(options: BnInceptionOptions): nn.Layer<Tensor | nn.NamedTensors>;
export function bnInception(options: BnInceptionOptions = {}): nn.Layer<Tensor | nn.NamedTensors> {
  const { auxiliary = false, classes = 1000, dropout = 0 } = options;
  const modules = (...names: readonly (keyof typeof figure5)[]) =>
    nn.inTurn(...names.map((name) => module(`inception_${name}`, figure5[name])));
  const parts = [
    nn.inTurn(
      convolution("conv1_7x7_s2", 64, 7, { stride: 2, padding: 3 }),
      halvingPool(),
      convolution("conv2_3x3_reduce", 64, 1),
      convolution("conv2_3x3", 192, 3, { padding: 1 }),
      halvingPool(),
      modules("3a", "3b", "3c"),
    ),
    modules("4a", "4b", "4c", "4d", "4e"),
    nn.inTurn(
      modules("5a", "5b"),
      nn.sequential({
        global_pool: nn.globalAvgPool2d(),
        dropout: nn.dropout(dropout),
        last_linear: nn.linear(classes),
      }),
    ),
  ];
  if (!auxiliary) return nn.inTurn(...parts);
  const layer = pooledHead({
    pool: nn.avgPool2d(5, { stride: 3, rounding: "ceil" }),
    conv: unit(128, 1, { epsilon: 1e-5 }),
    classes,
  });
  return withHeads(parts, [
    { output: "aux1", layer },
    { output: "aux2", layer },
  ]);
}

/** Cross-entropy of the logits, and 0.3 times that of each head where there are heads, as GoogLeNet's. */
export const bnInceptionLoss: nn.Loss = lossWithHeads(0.3);

// biome-ignore format: rows and columns are those of figure 5; without a 1×1 a module halves the size, without a projection pooling is passed on
const figure5 = {
  // #1×1  #3×3 reduce  #3×3  double #3×3 reduce  double #3×3  pool, proj
  "3a": [ 64,       64,   64,                64,          96, "average",  32],
  "3b": [ 64,       64,   96,                64,          96, "average",  64],
  "3c": [  0,      128,  160,                64,          96, "max",       0],
  "4a": [224,       64,   96,                96,         128, "average", 128],
  "4b": [192,       96,  128,                96,         128, "average", 128],
  "4c": [160,      128,  160,               128,         160, "average", 128],
  "4d": [ 96,      128,  192,               160,         192, "average", 128],
  "4e": [  0,      128,  192,               192,         256, "max",       0],
  "5a": [352,      192,  320,               160,         224, "average", 128],
  "5b": [352,      192,  320,               192,         224, "max",     128],
} as const;

/** A row of figure 5, its paths side by side. The names of all parts begin with the module's. */
function module(name: string, row: (typeof figure5)[keyof typeof figure5]): nn.Layer {
  const [one, reduce3, three, reduceDouble, double, pool, proj] = row;
  const part = (layer: string, channels: number, kernel: number, options?: nn.Conv2dOptions) =>
    convolution(`${name}_${layer}`, channels, kernel, options);
  const last = { stride: one === 0 ? 2 : 1, padding: 1 };
  return joined(
    ...(one === 0 ? [] : [part("1x1", one, 1)]),
    nn.inTurn(part("3x3_reduce", reduce3, 1), part("3x3", three, 3, last)),
    nn.inTurn(
      part("double_3x3_reduce", reduceDouble, 1),
      part("double_3x3_1", double, 3, { padding: 1 }),
      part("double_3x3_2", double, 3, last),
    ),
    // Caffe's pooling at the even sizes that come from 224 pixels; at odd ones it is as large as the convolutions beside it.
    proj === 0
      ? nn.maxPool2d(3, { stride: 2, padding: "same" })
      : nn.inTurn(
          pool === "max"
            ? nn.maxPool2d(3, { stride: 1, padding: 1 })
            : nn.avgPool2d(3, { stride: 1, padding: 1 }),
          part("pool_proj", proj, 1),
        ),
  );
}

/** A convolution, its batch norm and a ReLU. */
function convolution(
  name: string,
  channels: number,
  kernel: number,
  options: nn.Conv2dOptions = {},
): nn.Layer {
  return nn.sequential({
    [name]: nn.conv2d(channels, kernel, { weightInitializer: nn.heNormal, ...options }),
    [`${name}_bn`]: nn.batchNorm2d(),
    [`${name}_relu`]: nn.relu(),
  });
}

function halvingPool(): nn.Layer {
  return nn.maxPool2d(3, { stride: 2, rounding: "ceil" });
}
