/**
 * OverFeat: Sermanet, Eigen, Zhang, Mathieu, Fergus and LeCun, "OverFeat: Integrated Recognition, Localization and Detection
 * using Convolutional Networks", 2013, arXiv:1312.6229.
 *
 * Model "fast" is Table 1 (145,920,872 parameters), "accurate" Table 3 (144,656,488). Neither normalises, pooling does not
 * overlap. The paper slides the network over larger images by reading its last layers as convolutions: `fullyConvolutional` does.
 * Released weights are files without names; layers are conv1, conv2, … as the tables count them, the fully connected ones fc6 or fc7
 * and up.
 *
 * Input [n, 231, 231, 3] ("fast") or [n, 221, 221, 3] ("accurate"); output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";

export interface OverFeatOptions {
  /** Table 1 (the default) or Table 3. */
  readonly model?: "fast" | "accurate";
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the hidden units of the fully connected layers that training leaves out. Default 0.5, the paper's section 3.1. */
  readonly dropout?: number;
}

export function overfeat({ model = "fast", classes = 1000, dropout = 0.5 }: OverFeatOptions = {}): nn.Layer {
  checkOneOf("overfeat", "model", model, ["fast", "accurate"]);
  const { convolutions, hidden } = tables[model];
  const numberOf = (i: number) => convolutions.length + 1 + i;
  return nn.sequential({
    ...joined(
      convolutions.map(([channels, kernel, stride, pool, padding], i) => ({
        [`conv${i + 1}`]: nn.conv2d(channels, kernel, { stride, padding, ...initial }),
        [`relu${i + 1}`]: nn.relu(),
        ...(pool === 0 ? {} : { [`pool${i + 1}`]: nn.maxPool2d(pool) }),
      })),
    ),
    flatten: nn.flatten(),
    ...joined(
      hidden.map((features, i) => ({
        [`fc${numberOf(i)}`]: nn.linear(features, initial),
        [`relu${numberOf(i)}`]: nn.relu(),
        [`drop${numberOf(i)}`]: nn.dropout(dropout),
      })),
    ),
    [`fc${numberOf(hidden.length)}`]: nn.linear(classes, initial),
  });
}

/** Section 3.1: weights normal with deviation 0.01. */
const initial = { weightInitializer: nn.normal(0.01), biasInitializer: nn.zeros };

function joined(stages: readonly Readonly<Record<string, nn.Layer>>[]): Readonly<Record<string, nn.Layer>> {
  return Object.assign({}, ...stages);
}

// biome-ignore format: rows and columns are those of Tables 1 and 3
const tables = {
  fast: {
    convolutions: [
      // channels  filter  stride  pooling  padding
      [        96,     11,      4,       2,       0],
      [       256,      5,      1,       2,       0],
      [       512,      3,      1,       0,       1],
      [      1024,      3,      1,       0,       1],
      [      1024,      3,      1,       2,       1],
    ],
    hidden: [3072, 4096],
  },
  accurate: {
    convolutions: [
      [        96,      7,      2,       3,       0],
      [       256,      7,      1,       2,       0],
      [       512,      3,      1,       0,       1],
      [       512,      3,      1,       0,       1],
      [      1024,      3,      1,       0,       1],
      [      1024,      3,      1,       3,       1],
    ],
    hidden: [4096, 4096],
  },
} as const;
