/**
 * MobileNetV3: Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le and Adam, "Searching for MobileNetV3",
 * 2019, arXiv:1905.02244.
 *
 * Tables 1 ("large") and 2 ("small"); names are torchvision's: features.0 is the first row, features.1 on are the bottlenecks,
 * a number each, then the last convolution; classifier.0 and classifier.3 are the two rows without batch norm. Hard swish and
 * hard sigmoid are those of section 5.2.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkAboveZero, checkOneOf } from "../nn/options.ts";

export type MobileNetV3Size = keyof typeof tables;

export interface MobileNetV3Options {
  /** "large" (Table 1, the default) or "small" (Table 2). */
  readonly size?: MobileNetV3Size;
  /** Channels by those of the tables, all layers alike as torchvision. Default 1, of which the counts of Table 3 are tested. */
  readonly width?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.2, section 6.1.1 (it keeps 0.8). */
  readonly dropout?: number;
}

export function mobilenetV3(options: MobileNetV3Options = {}): nn.Layer {
  const { size = "large", width = 1, classes = 1000, dropout = 0.2 } = options;
  checkOneOf("mobilenetV3", "size", size, ["large", "small"]);
  checkAboveZero("mobilenetV3", "width", width);
  const { rows, features } = tables[size];
  const channels = (ofTable: number) => nn.scaledChannels(ofTable, width);
  const norm = nn.batchNorm2d({ epsilon: 0.001, momentum: 0.01 });
  const activation = nn.hardSwish();
  const linear = (count: number) =>
    nn.linear(count, { weightInitializer: nn.normal(0.01), biasInitializer: nn.zeros });
  // Section 5.3: the squeezed layer has a quarter of the expanded channels.
  const excite = (expanded: number) =>
    nn.squeezeExcite(nn.scaledChannels(Math.floor(expanded / 4), 1), { gate: nn.hardSigmoid() });
  const [, , last] = rows[rows.length - 1];
  return nn.sequential({
    features: nn.sequential([
      nn.convNormActivation(channels(16), 3, { stride: 2, norm, activation }),
      ...rows.map(([kernel, expanded, out, se, nonlinearity, stride]) =>
        nn.invertedResidual(channels(expanded), channels(out), {
          ...{ kernel, stride, norm },
          ...(se ? { excite } : {}),
          activation: nonlinearity === "HS" ? activation : nn.relu(),
        }),
      ),
      nn.convNormActivation(6 * channels(last), 1, { norm, activation }),
    ]),
    avgpool: nn.globalAvgPool2d(),
    classifier: nn.sequential([
      linear(channels(features)),
      nn.hardSwish(),
      nn.dropout(dropout),
      linear(classes),
    ]),
  });
}

type Row = readonly [
  kernel: number,
  expanded: number,
  out: number,
  se: boolean,
  activation: "RE" | "HS",
  stride: number,
];

interface Table {
  readonly rows: readonly Row[];
  /** Channels of the row before the last. */
  readonly features: number;
}

// biome-ignore format: rows and columns are those of Tables 1 and 2
const tables: Readonly<Record<"large" | "small", Table>> = {
  large: {
    rows: [
      // kernel, exp size, #out, SE, NL, s
      [3,  16,  16, false, "RE", 1],
      [3,  64,  24, false, "RE", 2],
      [3,  72,  24, false, "RE", 1],
      [5,  72,  40, true,  "RE", 2],
      [5, 120,  40, true,  "RE", 1],
      [5, 120,  40, true,  "RE", 1],
      [3, 240,  80, false, "HS", 2],
      [3, 200,  80, false, "HS", 1],
      [3, 184,  80, false, "HS", 1],
      [3, 184,  80, false, "HS", 1],
      [3, 480, 112, true,  "HS", 1],
      [3, 672, 112, true,  "HS", 1],
      [5, 672, 160, true,  "HS", 2],
      [5, 960, 160, true,  "HS", 1],
      [5, 960, 160, true,  "HS", 1],
    ],
    features: 1280,
  },
  small: {
    rows: [
      [3,  16,  16, true,  "RE", 2],
      [3,  72,  24, false, "RE", 2],
      [3,  88,  24, false, "RE", 1],
      [5,  96,  40, true,  "HS", 2],
      [5, 240,  40, true,  "HS", 1],
      [5, 240,  40, true,  "HS", 1],
      [5, 120,  48, true,  "HS", 1],
      [5, 144,  48, true,  "HS", 1],
      [5, 288,  96, true,  "HS", 2],
      [5, 576,  96, true,  "HS", 1],
      [5, 576,  96, true,  "HS", 1],
    ],
    features: 1024,
  },
};
