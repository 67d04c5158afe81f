/**
 * CNN-F, CNN-M and CNN-S (fast, medium, slow; also known as VGG-F, -M and -S): Chatfield, Simonyan, Vedaldi and Zisserman,
 * "Return of the Devil in the Details: Delving Deep into Convolutional Nets", 2014, arXiv:1405.3531.
 *
 * Table 1: 60.8, 102.9 and 102.9 million parameters. Section 5 makes the features of CNN-M shorter: `features` 2048, 1024 or 128.
 * Names are those of the authors' Caffe models (VGG_CNN_F, _M, _S). Table 1 prints a padding of 1 in conv2 of CNN-S; the released
 * network has none, and neither has this one, unless `variant` is "paper".
 *
 * Input [n, 224, 224, 3]; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { type ResponseNormConstants, responseNorm } from "./response-norm.ts";

export interface CnnFMSOptions {
  /** Row of Table 1. Default "M". */
  readonly network?: keyof typeof table1;
  /** Units of fc7, the features that the paper looks at. Default 4096. */
  readonly features?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** CNN-S as its weights were released (the default) or as Table 1 prints it; F and M are the same in both. */
  readonly variant?: "released" | "paper";
  /** Constants of the normalisation. Default "paper", which the released weights have; MatConvNet trains with "caffe". */
  readonly responseNorm?: ResponseNormConstants;
  /** Part of the hidden units of fc6 and fc7 that training leaves out. Default 0.5, Table 1. */
  readonly dropout?: number;
}

export function cnnFMS(options: CnnFMSOptions = {}): nn.Layer {
  const { network = "M", features = 4096, classes = 1000, variant = "released", dropout = 0.5 } = options;
  checkOneOf("cnnFMS", "network", network, Object.keys(table1) as (keyof typeof table1)[]);
  checkOneOf("cnnFMS", "variant", variant, ["released", "paper"]);
  const rows = table1[network].map(([channels, kernel, stride, padding, norm, pool], i) => ({
    [`conv${i + 1}`]: nn.conv2d(channels, kernel, {
      stride,
      padding: network === "S" && i === 1 && variant === "released" ? 0 : padding,
      ...initial,
    }),
    [`relu${i + 1}`]: nn.relu(),
    ...(norm === "LRN" ? { [`norm${i + 1}`]: responseNorm("cnnFMS", options.responseNorm ?? "paper") } : {}),
    // Smaller windows at the edges, as Caffe's, and as MatConvNet's paddings at the bottom and right amount to.
    ...(pool === "-"
      ? {}
      : { [`pool${i + 1}`]: nn.maxPool2d(pool[0], { stride: pool[1], rounding: "ceil" }) }),
  }));
  const convolutions: Readonly<Record<string, nn.Layer>> = Object.assign({}, ...rows);
  return nn.sequential({
    ...convolutions,
    flatten: nn.flatten(),
    fc6: nn.linear(4096, initial),
    relu6: nn.relu(),
    drop6: nn.dropout(dropout),
    fc7: nn.linear(features, initial),
    relu7: nn.relu(),
    drop7: nn.dropout(dropout),
    fc8: nn.linear(classes, initial),
  });
}

/** As in cnn_imagenet_init.m of MatConvNet, by the same group: normal with deviation 0.01. */
const initial = { weightInitializer: nn.normal(0.01), biasInitializer: nn.zeros };

// Table 1 says how much a pooling shrinks its map; the windows are those of the released networks.
// biome-ignore format: rows and columns are those of Table 1
const table1 = {
  // channels  filter  stride  pad     LRN  pool: window, stride
  F: [
    [      64,     11,      4,   0, "LRN", [3, 2]],
    [     256,      5,      1,   2, "LRN", [3, 2]],
    [     256,      3,      1,   1,   "-",    "-"],
    [     256,      3,      1,   1,   "-",    "-"],
    [     256,      3,      1,   1,   "-", [3, 2]],
  ],
  M: [
    [      96,      7,      2,   0, "LRN", [3, 2]],
    [     256,      5,      2,   1, "LRN", [3, 2]],
    [     512,      3,      1,   1,   "-",    "-"],
    [     512,      3,      1,   1,   "-",    "-"],
    [     512,      3,      1,   1,   "-", [3, 2]],
  ],
  S: [
    [      96,      7,      2,   0, "LRN", [3, 3]],
    [     256,      5,      1,   1,   "-", [2, 2]],
    [     512,      3,      1,   1,   "-",    "-"],
    [     512,      3,      1,   1,   "-",    "-"],
    [     512,      3,      1,   1,   "-", [3, 3]],
  ],
} as const;
