/**
 * PyramidNet: Han, Kim and Kim, "Deep Pyramidal Residual Networks", 2016, arXiv:1610.02915.
 *
 * Pre-activation residual units whose channels grow by α/N in each of the N units, not at once where the size halves (equation 3).
 * A unit (figure 6d) has no ReLU before its first convolution and a norm after its last; shortcuts pad new channels with zeros, behind
 * the old ones, and average where the size halves. For CIFAR, Table 4 has 1.7, 3.8 and 28.3 million parameters for 110 layers with
 * α = 48, 84 and 270, and 27.0, 26.6, 26.8 and 26.0 for bottlenecks of 164, 200, 236 and 272 layers with α = 270, 240, 220 and 200.
 * Names are pytorchcv's.
 *
 * Input [n, 32, 32, 3] or [n, 224, 224, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { pad } from "../ops/slice.ts";
import { OptionError } from "../tensor/errors.ts";
import { activation, imagenetStem, preactNetwork, unitConvolutions } from "./preact-network.ts";
import { convolution } from "./residual-network.ts";

export interface CifarPyramidNetOptions {
  /** Weighted layers, 6n + 2 in basic units and 9n + 2 in bottlenecks. Default 110. */
  readonly depth?: number;
  /** The paper's α: how many channels are added from the first unit to the last, in bottlenecks a quarter of them. Default 48. */
  readonly alpha?: number;
  /** Default: "bottleneck" from 164 layers on, as in the paper. */
  readonly block?: "basic" | "bottleneck";
  /** Length of the logits. Default 10. */
  readonly classes?: number;
}

export function cifarPyramidNet(options: CifarPyramidNetOptions = {}): nn.Layer {
  const { depth = 110, alpha = 48, classes = 10 } = options;
  const { block = depth < 164 ? "basic" : "bottleneck" } = options;
  checkOneOf("cifarPyramidNet", "block", block, ["basic", "bottleneck"]);
  const layers = block === "basic" ? 6 : 9;
  const n = (depth - 2) / layers;
  if (!Number.isInteger(n) || n < 1)
    throw new OptionError(
      `cifarPyramidNet: depth is ${depth}, but must be ${layers}n + 2 in ${block} units, such as 110 or 164.`,
      { depth, block },
    );
  return preactNetwork({
    first: nn.sequential({ conv: convolution(16, 3, { padding: 1 }), bn: nn.batchNorm2d() }),
    stages: growingStages("cifarPyramidNet", [n, n, n], 16, alpha, block),
    classes,
  });
}

export interface PyramidNetOptions {
  /** Weighted layers: 101 (the default) or 200. */
  readonly depth?: keyof typeof depths;
  /** The paper's α. Default 360; the paper has 300 and 450 for 200 layers. */
  readonly alpha?: number;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
}

export function pyramidNet({ depth = 101, alpha = 360, classes = 1000 }: PyramidNetOptions = {}): nn.Layer {
  checkOneOf("pyramidNet", "depth", depth, [101, 200]);
  return preactNetwork({
    first: imagenetStem(),
    stages: growingStages("pyramidNet", depths[depth], 64, alpha, "bottleneck"),
    classes,
  });
}

const depths = { 101: [3, 4, 23, 3], 200: [3, 24, 36, 3] } as const;

/** Units whose widths grow evenly from `first` to `first` + α, rounded as in the authors' code. */
function growingStages(
  where: string,
  counts: readonly number[],
  first: number,
  alpha: number,
  block: "basic" | "bottleneck",
): readonly (readonly nn.Layer[])[] {
  if (!(alpha >= 0 && Number.isFinite(alpha)))
    throw new OptionError(`${where}: alpha is ${alpha}, but must be a number of at least 0.`, { alpha });
  const all = counts.reduce((a, b) => a + b, 0);
  return counts.map((count, stage) => {
    const before = counts.slice(0, stage).reduce((a, b) => a + b, 0);
    return Array.from({ length: count }, (_, i) => {
      const width = Math.round(first + ((before + i + 1) * alpha) / all);
      return pyramidUnit(block, width, stage > 0 && i === 0 ? 2 : 1);
    });
  });
}

/** Figure 6d; a bottleneck gives four times its width. */
function pyramidUnit(block: "basic" | "bottleneck", width: number, stride: number): nn.Layer {
  const { convolutions, channels } = unitConvolutions({ block, width, stride });
  const [conv1, ...others] = convolutions;
  const { bn, activ } = activation();
  const rest = others.map((conv, i) => [`conv${i + 2}`, nn.sequential({ bn, activ, conv })]);
  const body = nn.sequential({ conv1: nn.sequential({ bn, conv: conv1 }), ...Object.fromEntries(rest) });
  return nn.residual(nn.sequential({ body, bn }), shortcut(channels, stride));
}

function shortcut(channels: number, stride: number): nn.Layer {
  const halved = stride === 1 ? nn.identity() : nn.avgPool2d(2, { rounding: "ceil" });
  return (x, scope) => {
    const y = halved(x, scope);
    const added = channels - y.shape[3];
    return added === 0 ? y : pad({ x: y }, { before: [0, 0, 0, 0], after: [0, 0, 0, added] });
  };
}
