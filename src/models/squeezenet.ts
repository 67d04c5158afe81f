/**
 * SqueezeNet: Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, "SqueezeNet: AlexNet-level accuracy with 50x fewer
 * parameters and <0.5MB model size", 2016, arXiv:1602.07360.
 *
 * Version "1.0" is Table 1: fire2 to fire9 and conv10 are features.3 to features.12 and classifier.1 in torchvision, whose names
 * these are. Version "1.1" is the authors' later one, with 2.4 times fewer multiply-adds: a 3×3 first layer of 64 filters, and
 * pooling after fire3 and fire5 in place of fire4 and fire8.
 *
 * Input [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";

export interface SqueezeNetOptions {
  /** The paper's (the default), or the authors' later one. */
  readonly version?: "1.0" | "1.1";
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before conv10 that training leaves out. Default 0.5, the paper's section 4.1. */
  readonly dropout?: number;
}

export function squeezenet(options: SqueezeNetOptions = {}): nn.Layer {
  const { version = "1.0", classes = 1000, dropout = 0.5 } = options;
  checkOneOf("squeezenet", "version", version, ["1.0", "1.1"]);
  const { conv1, poolAfter } = versions[version];
  const pool = () => nn.maxPool2d(3, { stride: 2, rounding: "ceil" });
  return nn.sequential({
    features: nn.sequential([
      convolution(conv1[0], conv1[1], { stride: 2 }),
      nn.relu(),
      pool(),
      ...table1.flatMap(([name, squeeze, expand1x1, expand3x3]) => [
        fire(squeeze, expand1x1, expand3x3),
        ...(poolAfter.includes(name) ? [pool()] : []),
      ]),
    ]),
    classifier: nn.sequential([
      nn.dropout(dropout),
      // Normal with deviation 0.01, as in the authors' and torchvision's files; the others are He's uniform in torchvision.
      nn.conv2d(classes, 1, { weightInitializer: nn.normal(0.01), biasInitializer: nn.zeros }),
      nn.relu(),
      nn.globalAvgPool2d(),
    ]),
  });
}

interface Version {
  readonly conv1: readonly [channels: number, kernel: number];
  readonly poolAfter: readonly FireName[];
}

const versions: Readonly<Record<"1.0" | "1.1", Version>> = {
  "1.0": { conv1: [96, 7], poolAfter: ["fire4", "fire8"] },
  "1.1": { conv1: [64, 3], poolAfter: ["fire3", "fire5"] },
};

type FireName = (typeof table1)[number][0];

// biome-ignore format: rows and columns are those of Table 1
const table1 = [
  //       s1×1  e1×1  e3×3
  ["fire2",  16,   64,   64],
  ["fire3",  16,   64,   64],
  ["fire4",  32,  128,  128],
  ["fire5",  32,  128,  128],
  ["fire6",  48,  192,  192],
  ["fire7",  48,  192,  192],
  ["fire8",  64,  256,  256],
  ["fire9",  64,  256,  256],
] as const;

/** Section 3.2: a 1×1 convolution that squeezes, then 1×1 and 3×3 side by side. */
function fire(squeeze: number, expand1x1: number, expand3x3: number): nn.Layer {
  const expand = nn.branches({
    expand1x1: convolution(expand1x1, 1),
    expand3x3: convolution(expand3x3, 3, { padding: 1 }),
  });
  const squeezed = nn.sequential({ squeeze: convolution(squeeze, 1), squeezeActivation: nn.relu() });
  return (x, scope) => nn.relu()(expand(squeezed(x, scope), scope), scope);
}

function convolution(channels: number, kernel: number, options: nn.Conv2dOptions = {}): nn.Layer {
  const initial = { weightInitializer: nn.heUniform, biasInitializer: nn.zeros };
  return nn.conv2d(channels, kernel, { ...initial, ...options });
}
