/**
 * GoogLeNet: Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke and Rabinovich, "Going Deeper with Convolutions",
 * 2014, arXiv:1409.4842.
 *
 * Variant "paper" is Table 1 with local response normalisation, as in Caffe's bvlc_googlenet: 6,998,552 parameters, 13,378,280
 * with the two auxiliary heads. Variant "torchvision" has batch normalisation, 3×3 convolutions where the table has 5×5, and
 * a last pooling of 2×2: 6,624,904 and 13,004,888. Names are torchvision's in both. `naive` is the network without the 1×1
 * convolutions that reduce channels, which section 4 begins with: maps grow from module to module.
 *
 * Input [n, 224, 224, 3]; other sizes pass but for the paper's heads, which need 5×5 maps after 4a. Output logits
 * [n, classes]; with `auxiliary`, a record: { logits, aux1, aux2 } in training, { logits } at inference.
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import type { Tensor } from "../ops/operation.ts";
import { lossWithHeads, pooledHead, withHeads } from "./auxiliary-heads.ts";
import { responseNorm } from "./response-norm.ts";

export interface GoogLeNetOptions {
  /** The paper's 5×5 and local response normalisation (the default), or torchvision's 3×3 and batch normalisation. */
  readonly variant?: "paper" | "torchvision";
  /** Whether modules are those of figure 2a, without reductions. Default false, figure 2b. */
  readonly naive?: boolean;
  /** Whether training has the two heads of section 5 on 4a and 4d. Their loss: `googlenetLoss`. Default false. */
  readonly auxiliary?: boolean;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.4, Table 1; torchvision has 0.2. */
  readonly dropout?: number;
  /** The same before the last layer of each head. Default 0.7, section 5. */
  readonly auxiliaryDropout?: number;
}

export function googlenet(options?: GoogLeNetOptions & { readonly auxiliary?: false }): nn.Layer;
export function googlenet(options: GoogLeNetOptions): nn.Layer<Tensor | nn.NamedTensors>;
export function googlenet(options: GoogLeNetOptions = {}): nn.Layer<Tensor | nn.NamedTensors> {
  const { variant = "paper", naive = false, auxiliary = false, classes = 1000 } = options;
  checkOneOf("googlenet", "variant", variant, ["paper", "torchvision"]);
  const unit = units[variant];
  const { dropout = variant === "paper" ? 0.4 : 0.2, auxiliaryDropout = 0.7 } = options;
  const inception = (name: keyof typeof table1) => googlenetModule(table1[name], { variant, naive });
  const normalized = (name: string): Readonly<Record<string, nn.Layer>> =>
    variant === "paper" ? { [name]: responseNorm("googlenet", "caffe") } : {};
  const parts = [
    nn.sequential({
      conv1: unit(64, 7, { stride: 2, padding: 3 }),
      maxpool1: pool(3),
      ...normalized("norm1"),
      conv2: unit(64, 1),
      conv3: unit(192, 3, { padding: 1 }),
      ...normalized("norm2"),
      maxpool2: pool(3),
      inception3a: inception("3a"),
      inception3b: inception("3b"),
      maxpool3: pool(3),
      inception4a: inception("4a"),
    }),
    nn.sequential({
      inception4b: inception("4b"),
      inception4c: inception("4c"),
      inception4d: inception("4d"),
    }),
    nn.sequential({
      inception4e: inception("4e"),
      maxpool4: pool(variant === "paper" ? 3 : 2),
      inception5a: inception("5a"),
      inception5b: inception("5b"),
    }),
    nn.sequential({
      avgpool: nn.globalAvgPool2d(),
      dropout: nn.dropout(dropout),
      fc: nn.linear(classes),
    }),
  ];
  if (!auxiliary) return nn.inTurn(...parts);
  const layer = pooledHead({
    pool: variant === "paper" ? nn.avgPool2d(5, { stride: 3 }) : nn.adaptiveAvgPool2d(4),
    conv: unit(128, 1),
    classes,
    dropout: auxiliaryDropout,
  });
  return withHeads(parts, [
    { output: "aux1", layer },
    { output: "aux2", layer },
  ]);
}

/** Section 5: cross-entropy of the logits, and 0.3 times that of each head where there are heads. */
export const googlenetLoss: nn.Loss = lossWithHeads(0.3);

// biome-ignore format: rows and columns are those of Table 1
const table1 = {
  // #1×1  #3×3 reduce  #3×3  #5×5 reduce  #5×5  pool proj
  "3a": [ 64,       96,  128,          16,   32,        32],
  "3b": [128,      128,  192,          32,   96,        64],
  "4a": [192,       96,  208,          16,   48,        64],
  "4b": [160,      112,  224,          24,   64,        64],
  "4c": [128,      128,  256,          24,   64,        64],
  "4d": [112,      144,  288,          32,   64,        64],
  "4e": [256,      160,  320,          32,  128,       128],
  "5a": [256,      160,  320,          32,  128,       128],
  "5b": [384,      192,  384,          48,  128,       128],
} as const;

type Variant = "paper" | "torchvision";

export interface GoogLeNetModuleOptions {
  /** Default "paper". */
  readonly variant?: Variant;
  /** Whether it is figure 2a, without 1×1 convolutions before the 3×3 and 5×5 and after pooling. Default false, figure 2b. */
  readonly naive?: boolean;
}

/** A row of Table 1: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5 and pool proj. */
export type GoogLeNetRow = readonly [number, number, number, number, number, number];

/** Figure 2: filters of three sizes and pooling side by side. */
export function googlenetModule(row: GoogLeNetRow, options: GoogLeNetModuleOptions = {}): nn.Layer {
  const [one, reduce3, three, reduce5, five, proj] = row;
  const { variant = "paper", naive = false } = options;
  const unit = units[variant];
  const kernel5 = variant === "paper" ? 5 : 3;
  const through = (reduced: number, layer: nn.Layer) =>
    naive ? layer : nn.sequential([unit(reduced, 1), layer]);
  const pooled = nn.maxPool2d(3, { stride: 1, padding: 1 });
  return nn.branches({
    branch1: unit(one, 1),
    branch2: through(reduce3, unit(three, 3, { padding: 1 })),
    branch3: through(reduce5, unit(five, kernel5, { padding: (kernel5 - 1) / 2 })),
    branch4: naive ? pooled : nn.sequential([pooled, unit(proj, 1)]),
  });
}

function pool(kernel: number): nn.Layer {
  return nn.maxPool2d(kernel, { stride: 2, rounding: "ceil" });
}

/** A convolution and what follows it. First values of "paper" are those of Caffe's model; the paper has none. */
const units = {
  paper: (channels: number, kernel: number, options: nn.Conv2dOptions = {}) =>
    nn.sequential({
      conv: nn.conv2d(channels, kernel, {
        ...options,
        weightInitializer: nn.xavierUniform,
        biasInitializer: nn.constant(0.2),
      }),
      relu: nn.relu(),
    }),
  torchvision: (channels: number, kernel: number, options: nn.Conv2dOptions = {}) =>
    nn.sequential({
      conv: nn.conv2d(channels, kernel, { ...options, bias: false, weightInitializer: nn.heNormal }),
      bn: nn.batchNorm2d({ epsilon: 1e-3 }),
      relu: nn.relu(),
    }),
} as const;
