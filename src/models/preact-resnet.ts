/**
 * Pre-activation ResNet: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks", 2016, arXiv:1603.05027.
 *
 * For CIFAR, stage1 to stage3 are 32×32, 16×16 and 8×8 places of 16, 32 and 64 channels, as in "Deep Residual Learning", in units of
 * two 3×3 convolutions, or of bottlenecks in the paper's 164 and 1001 layers (Table 3: 1.7 and 10.2 million parameters). For
 * ImageNet, stages have the counts of ResNet, and the paper's 200 layers those of section 5. Names are pytorchcv's.
 *
 * Input [n, 224, 224, 3] or [n, 32, 32, 3], other sizes pass; output logits [n, classes].
 */

import type * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";
import { doublingStages, imagenetStem, preactNetwork, preactUnit } from "./preact-network.ts";
import { type BottleneckVariant, convolution } from "./residual-network.ts";

export type PreactResNetDepth = keyof typeof depths;

export interface PreactResNetOptions {
  /** Weighted layers: 18, 34, 50 (the default), 101, 152 or 200. */
  readonly depth?: PreactResNetDepth;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Where a bottleneck strides: its 3×3 ("v1.5", the default) or its first 1×1 ("v1"). */
  readonly variant?: BottleneckVariant;
  /** "cifar" begins with a 3×3 convolution alone, for images of 32 pixels. Default "imagenet". */
  readonly stem?: "imagenet" | "cifar";
  /** Whether the last unit is followed by norm and ReLU, as in the paper; kuangliu/pytorch-cifar leaves them out. Default true. */
  readonly lastNorm?: boolean;
}

export function preactResNet(options: PreactResNetOptions = {}): nn.Layer {
  const { depth = 50, classes = 1000, variant = "v1.5", stem = "imagenet", lastNorm = true } = options;
  checkOneOf("preactResNet", "depth", depth, Object.keys(depths).map(Number) as PreactResNetDepth[]);
  checkOneOf("preactResNet", "variant", variant, ["v1", "v1.5"]);
  checkOneOf("preactResNet", "stem", stem, ["imagenet", "cifar"]);
  const { block, counts } = depths[depth];
  return preactNetwork({
    first: stem === "cifar" ? convolution(64, 3, { padding: 1 }) : imagenetStem(),
    stages: doublingStages(counts, 64, (width, stride) => preactUnit({ block, width, stride, variant })),
    lastNorm,
    classes,
  });
}

/** Units of each stage: those of ResNet's Table 1, and 200 layers. */
const depths = {
  18: { block: "basic", counts: [2, 2, 2, 2] },
  34: { block: "basic", counts: [3, 4, 6, 3] },
  50: { block: "bottleneck", counts: [3, 4, 6, 3] },
  101: { block: "bottleneck", counts: [3, 4, 23, 3] },
  152: { block: "bottleneck", counts: [3, 8, 36, 3] },
  200: { block: "bottleneck", counts: [3, 24, 36, 3] },
} as const;

export interface CifarPreactResNetOptions {
  /** Weighted layers, 6n + 2 in basic units and 9n + 2 in bottlenecks. Default 20; the paper has 110, 164 and 1001. */
  readonly depth?: number;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
  /** Default: "bottleneck" from 164 layers on, as in the paper. */
  readonly block?: "basic" | "bottleneck";
  /** Where a bottleneck strides: its 3×3 ("v1.5", the default, as pytorchcv) or its first 1×1 ("v1", as the authors' code). */
  readonly variant?: BottleneckVariant;
}

export function cifarPreactResNet(options: CifarPreactResNetOptions = {}): nn.Layer {
  const { depth = 20, classes = 10, variant = "v1.5" } = options;
  const { block = depth < 164 ? "basic" : "bottleneck" } = options;
  checkOneOf("cifarPreactResNet", "block", block, ["basic", "bottleneck"]);
  checkOneOf("cifarPreactResNet", "variant", variant, ["v1", "v1.5"]);
  const [layers, examples] = block === "basic" ? [6, "20, 56 or 110"] : [9, "164 or 1001"];
  const n = (depth - 2) / layers;
  if (!Number.isInteger(n) || n < 1)
    throw new OptionError(
      `cifarPreactResNet: depth is ${depth}, but must be ${layers}n + 2 in ${block} units, such as ${examples}.`,
      { depth, block },
    );
  return preactNetwork({
    first: convolution(16, 3, { padding: 1 }),
    stages: doublingStages([n, n, n], 16, (width, stride) => preactUnit({ block, width, stride, variant })),
    classes,
  });
}
