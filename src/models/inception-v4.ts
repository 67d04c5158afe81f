/**
 * Inception v4: Szegedy, Ioffe, Vanhoucke and Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
 * Learning", 2016, arXiv:1602.07261.
 *
 * Figure 9: the stem of figure 3 (features.0 to features.5), four Inception-A of figure 4 (6 to 9), Reduction-A of figure 7 (10),
 * seven Inception-B of figure 5 (11 to 17), Reduction-B of figure 8 (18), three Inception-C of figure 6 (19 to 21). Names are
 * those of the weights that were converted from the authors' (Cadene's pretrained-models.pytorch), and so is the order of 1×7 and
 * 7×1 in the stem, which is the other one in figure 3. 42,679,816 parameters.
 *
 * Input [n, 299, 299, 3], other sizes of at least 75 pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import {
  column,
  expanded,
  figure3,
  joined,
  type Path,
  path,
  paths,
  reductionA,
  row,
  unit,
} from "./inception-modules.ts";

export interface InceptionV4Options {
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.2, figure 9. */
  readonly dropout?: number;
}

export function inceptionV4({ classes = 1000, dropout = 0.2 }: InceptionV4Options = {}): nn.Layer {
  const blocks = (count: number, make: () => nn.Layer) => Array.from({ length: count }, make);
  return nn.sequential({
    features: nn.sequential([
      ...figure3.first.map((step) => path([step])),
      nn.branches({ maxpool: path(["max pool"]), conv: path([figure3.half]) }),
      paths("branch", [figure3.short, long]),
      nn.branches({ conv: path([figure3.last]), maxpool: path(["max pool"]) }),
      ...blocks(4, () => paths("branch", figure4)),
      paths("branch", reductionA("Inception-v4")),
      ...blocks(7, () => paths("branch", figure5)),
      paths("branch", figure8),
      ...blocks(3, inceptionC),
    ]),
    avg_pool: nn.globalAvgPool2d(),
    dropout: nn.dropout(dropout),
    last_linear: nn.linear(classes),
  });
}

/** The longer path of figure 3, its 1×7 before the 7×1. */
// biome-ignore format: one path a line
const long: Path = [[64, 1], [64, [1, 7]], [64, [7, 1]], [96, 3, "V"]];

/** Inception-A, at 35×35. */
// biome-ignore format: one path a line
const figure4: readonly Path[] = [
  [[96, 1]],
  [[64, 1], [96, 3]],
  [[64, 1], [96, 3], [96, 3]],
  ["average pool", [96, 1]],
];

/** Inception-B, at 17×17. */
// biome-ignore format: one path a line
const figure5: readonly Path[] = [
  [[384, 1]],
  [[192, 1], [224, [1, 7]], [256, [7, 1]]],
  [[192, 1], [192, [7, 1]], [224, [1, 7]], [224, [7, 1]], [256, [1, 7]]],
  ["average pool", [128, 1]],
];

/** Reduction-B, from 17×17 to 8×8. */
// biome-ignore format: one path a line
const figure8: readonly Path[] = [
  [[192, 1], [192, 3, "stride 2 V"]],
  [[256, 1], [256, [1, 7]], [320, [7, 1]], [320, 3, "stride 2 V"]],
  ["max pool"],
];

/** Figure 6, at 8×8: two paths end in 1×3 and 3×1 side by side. */
function inceptionC(): nn.Layer {
  return joined(
    nn.sequential({ branch0: unit(256, 1) }),
    nn.inTurn(nn.sequential({ branch1_0: unit(384, 1) }), expanded("branch1_1", 256)),
    nn.inTurn(
      nn.sequential({ branch2_0: unit(384, 1), branch2_1: column(448, 3), branch2_2: row(512, 3) }),
      expanded("branch2_3", 256),
    ),
    nn.sequential({ branch3: path(["average pool", [256, 1]]) }),
  );
}
