/**
 * NASNet-A: Zoph, Vasudevan, Shlens and Le, "Learning Transferable Architectures for Scalable Image Recognition", 2017,
 * arXiv:1707.07012.
 *
 * Figure 4's cells in the network for ImageNet of figure 2: a convolution, two reduction cells, then three stages of N normal cells
 * with a reduction cell between them. "mobile" is NASNet-A (4 @ 1056), "large" NASNet-A (6 @ 4032) of Tables 2 and 3: 5,289,978 and
 * 88,753,150 parameters. Names are those of Cadene's pretrained-models.pytorch, which were converted from the authors'; cells are
 * numbered as in the large network. What is halved is padded as in the authors' TensorFlow ("same").
 *
 * Input [n, 224, 224, 3] of "mobile", [n, 331, 331, 3] of "large", other sizes pass; output logits [n, classes].
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

export interface NASNetOptions {
  /** Default "mobile". */
  readonly size?: keyof typeof networks;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.5, as the authors' code. */
  readonly dropout?: number;
  /**
   * Probability that training drops the result of an operation of the last cell; it grows linearly from the first cell on.
   * 0.3 in the authors' large network, 0 in their mobile one. Default 0.
   */
  readonly dropPath?: number;
  /** Steps of training over which it grows to that (ScheduledDropPath); the authors take all. Default 0: the same throughout. */
  readonly dropPathRamp?: number;
}

export function nasnet(options: NASNetOptions = {}): nn.Layer {
  const { size = "mobile", classes = 1000, dropout = 0.5, dropPath = 0, dropPathRamp = 0 } = options;
  checkOneOf("nasnet", "size", size, Object.keys(networks) as (keyof typeof networks)[]);
  checkRange("nasnet", "dropPath", dropPath, 0.99);
  const { first, repeats, channels, fromBeforeReduction } = networks[size];
  const last = lastLayers(classes, dropout);
  return (x, scope) => {
    const survivals = nn.linearDecay(3 * repeats + 4, 1 - dropPath);
    const maps = [scope.child("conv0", firstLayers(first), x)];
    const append = (name: string, cell: SearchedCell, width: number, back = 2) => {
      const drop = dropPathLayer(survivals[maps.length - 1], dropPathRamp);
      const stride = cell === reduction ? 2 : 1;
      const squeeze = maps.length === 1 ? squeezeOne(width) : squeezeBoth(width, "cell");
      const layer = searchedCell(cell, { channels: width, squeeze, stride, drop });
      const [h, hPrev] = [maps[maps.length - 1], maps[Math.max(0, maps.length - back)]];
      maps.push(scope.child(name, layer, { h, hPrev }));
    };
    append("cell_stem_0", reduction, channels / 4);
    append("cell_stem_1", reduction, channels / 2);
    for (const stage of [0, 1, 2]) {
      const width = channels * 2 ** stage;
      if (stage > 0) append(`reduction_cell_${stage - 1}`, reduction, width);
      for (let i = 0; i < repeats; i++)
        append(`cell_${6 * stage + i}`, normal, width, stage > 0 && i === 0 ? fromBeforeReduction : 2);
    }
    return last(maps[maps.length - 1], scope);
  };
}

/**
 * N, and channels of the first convolution and of the first normal cells: a twenty-fourth of what the last cell gives. Behind a
 * reduction, hPrev is the input of the reduction cell (2 cells back) or what came before that (3).
 */
const networks = {
  mobile: { repeats: 4, channels: 1056 / 24, first: 32, fromBeforeReduction: 2 },
  large: { repeats: 6, channels: 4032 / 24, first: 96, fromBeforeReduction: 3 },
} as const;

/** Figure 4, left. */
const normal: SearchedCell = {
  rows: [
    ["sep5x5", "h", "sep3x3", "hPrev"],
    ["sep5x5", "hPrev", "sep3x3", "hPrev"],
    ["avg3x3", "h", "identity", "hPrev"],
    ["avg3x3", "hPrev", "avg3x3", "hPrev"],
    ["sep3x3", "h", "identity", "h"],
  ],
  joined: ["hPrev", 0, 1, 2, 3, 4],
};

/** Figure 4, right. */
const reduction: SearchedCell = {
  rows: [
    ["sep5x5", "h", "sep7x7", "hPrev"],
    ["max3x3", "h", "sep7x7", "hPrev"],
    ["avg3x3", "h", "sep5x5", "hPrev"],
    ["identity", 1, "avg3x3", 0],
    ["sep3x3", 0, "max3x3", "h"],
  ],
  joined: [1, 2, 3, 4],
};
