/**
 * ResNet for CIFAR: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385,
 * section 4.2.
 *
 * 6n + 2 layers: a 3×3 convolution, then n blocks of two for each of 32×32×16, 16×16×32 and 8×8×64, then a linear layer.
 * layer1 to layer3 are the rows of the section's table; shortcuts are its option A, without parameters: every second place,
 * new channels zero, half of them before and half after the old, as in akamaster/pytorch_resnet_cifar10, whose names these are.
 * The paper's table has 0.27, 0.46, 0.66, 0.85, 1.7 and 19.4 million parameters for 20, 32, 44, 56, 110 and 1202 layers.
 *
 * `residual: false` gives its plain networks, `stochasticDepth` those of Huang, Sun, Liu, Sedra and Weinberger, "Deep Networks with
 * Stochastic Depth", 2016, arXiv:1603.09382: 110 and 1202 layers with survival 0.5.
 *
 * Input [n, 32, 32, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";
import {
  basicBody,
  residualNetwork,
  type ShortcutOption,
  type StochasticDepthSchedule,
  shortcutTo,
} from "./residual-network.ts";

export interface CifarResNetOptions {
  /** Weighted layers, 6n + 2: 20 (the default), 32, 44, 56, 110 and 1202 in the paper. */
  readonly depth?: number;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
  /** Default "A". */
  readonly shortcuts?: ShortcutOption;
  /** false: the plain networks, without shortcuts, of 20 to 56 layers in the paper. Default true. */
  readonly residual?: boolean;
  /** Default: every block is there in every step. */
  readonly stochasticDepth?: StochasticDepthSchedule;
}

export function cifarResNet(options: CifarResNetOptions = {}): nn.Layer {
  const { depth = 20, classes = 10, shortcuts = "A", residual = true, stochasticDepth } = options;
  if (!Number.isInteger(depth) || depth < 8 || (depth - 2) % 6 !== 0)
    throw new OptionError(
      `cifar-resnet: depth is ${depth}, but must be 6n + 2, such as 20, 32, 44, 56 or 110.`,
      { depth },
    );
  checkOneOf("cifar-resnet", "shortcuts", shortcuts, ["A", "B", "C"]);
  if (!residual && stochasticDepth !== undefined)
    throw new OptionError(
      "cifar-resnet: plain networks have no shortcuts that stochastic depth could leave.",
    );
  const n = (depth - 2) / 6;
  return residualNetwork({
    counts: [n, n, n],
    width: 16,
    stem: "cifar",
    stochasticDepth,
    block: (width, stride, drop) => {
      const body = basicBody(width, stride);
      if (!residual) return nn.sequential({ ...body.layers, after: nn.relu() });
      const shortcut = shortcutTo(width, stride, { option: shortcuts, name: "shortcut" });
      return nn.residual(body, shortcut, { drop, after: nn.relu() });
    },
    head: { linear: nn.linear(classes, { weightInitializer: nn.heNormal }) },
  });
}
