/**
 * PNASNet-5: Liu, Zoph, Neumann, Shlens, Hua, Li, Fei-Fei, Yuille, Huang and Murphy, "Progressive Neural Architecture Search", 2017,
 * arXiv:1712.00559.
 *
 * One cell (figure 1), with stride 2 where maps are halved, in the network for ImageNet that Table 5 has as PNASNet-5 (N = 4, F = 216):
 * a convolution, two halving cells, then four cells at 42×42, 21×21 and 11×11 each. Names are those of Cadene's
 * pretrained-models.pytorch, which were converted from the authors'. 86,057,668 parameters.
 *
 * Input [n, 331, 331, 3], other sizes pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf, checkRange } from "../nn/options.ts";
import {
  dropPathLayer,
  firstLayers,
  lastLayers,
  type SearchedCell,
  searchedCell,
  squeezeBoth,
  squeezeOne,
} from "./searched-cell.ts";

export interface PNASNetOptions {
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.5, as the authors' code. */
  readonly dropout?: number;
  /**
   * Probability that training drops the result of an operation of the last cell; it grows linearly from the first cell on.
   * 0.4 in the authors' network. Default 0.
   */
  readonly dropPath?: number;
  /** Steps of training over which it grows to that (ScheduledDropPath); the authors take all. Default 0: the same throughout. */
  readonly dropPathRamp?: number;
  /**
   * Zeros around maps that are halved: those of TensorFlow's "same" at any size of image (the default, as the authors'), or at 331
   * pixels and so at all sizes ("as at 331"), as in Cadene's port.
   */
  readonly padding?: "same" | "as at 331";
}

export function pnasnet(options: PNASNetOptions = {}): nn.Layer {
  const { classes = 1000, dropout = 0.5, dropPath = 0, dropPathRamp = 0, padding = "same" } = options;
  checkRange("pnasnet", "dropPath", dropPath, 0.99);
  checkOneOf("pnasnet", "padding", padding, ["same", "as at 331"]);
  const survivals = nn.linearDecay(cells.length, 1 - dropPath);
  const last = lastLayers(classes, dropout);
  return (x, scope) => {
    const maps = [scope.child("conv_0", firstLayers(96), x)];
    for (const [i, [name, channels, halved]] of cells.entries()) {
      const layer = searchedCell(figure1, {
        channels,
        squeeze: i === 0 ? squeezeOne(channels) : squeezeBoth(channels, "conv_prev_1x1"),
        stride: halved === "-" ? 1 : 2,
        padding: padding === "as at 331" && halved === "odd" ? "even" : "same",
        drop: dropPathLayer(survivals[i], dropPathRamp),
      });
      const [h, hPrev] = [maps[maps.length - 1], maps[Math.max(0, maps.length - 2)]];
      maps.push(scope.child(name, layer, { h, hPrev }));
    }
    return last(maps[maps.length - 1], scope);
  };
}

/** Figure 1. */
const figure1: SearchedCell = {
  rows: [
    ["sep5x5", "hPrev", "max3x3", "hPrev"],
    ["sep7x7", "h", "max3x3", "h"],
    ["sep5x5", "h", "sep3x3", "h"],
    ["sep3x3", 2, "max3x3", "h"],
    ["sep3x3", "hPrev", "identity", "h"],
  ],
  joined: [0, 1, 2, 3, 4],
};

/** Channels of each sum, and whether the cell halves maps that are odd or even at 331 pixels. */
// biome-ignore format: one cell a line
const cells: readonly (readonly [name: string, channels: number, halved: "odd" | "even" | "-"])[] = [
  ["cell_stem_0", 54, "odd"],
  ["cell_stem_1", 108, "odd"],
  ["cell_0", 216, "-"],
  ["cell_1", 216, "-"],
  ["cell_2", 216, "-"],
  ["cell_3", 216, "-"],
  ["cell_4", 432, "even"],
  ["cell_5", 432, "-"],
  ["cell_6", 432, "-"],
  ["cell_7", 432, "-"],
  ["cell_8", 864, "odd"],
  ["cell_9", 864, "-"],
  ["cell_10", 864, "-"],
  ["cell_11", 864, "-"],
];
