/** All conformance cases: what every engine must compute. */

import type { Case } from "./case.ts";
import { cases as conv2d } from "./conv2d.ts";
import { cases as dropPathJoin } from "./drop-path-join.ts";
import { cases as dropout } from "./dropout.ts";
import { cases as elementwise } from "./elementwise.ts";
import { cases as filterOfMatrix } from "./filter-of-matrix.ts";
import { cases as linear } from "./linear.ts";
import { cases as losses } from "./losses.ts";
import { cases as networks } from "./networks.ts";
import { cases as normalization } from "./normalization.ts";
import { cases as placing } from "./placing.ts";
import { cases as pooling } from "./pooling.ts";
import { cases as prelu } from "./prelu.ts";
import { cases as reductions } from "./reductions.ts";
import { cases as resize2d } from "./resize2d.ts";
import { cases as transposedConv2d } from "./transposed-conv2d.ts";
import { cases as winograd } from "./winograd.ts";

export const cases: readonly Case[] = [
  ...conv2d,
  ...transposedConv2d,
  ...winograd,
  ...linear,
  ...filterOfMatrix,
  ...pooling,
  ...prelu,
  ...elementwise,
  ...placing,
  ...resize2d,
  ...normalization,
  ...losses,
  ...reductions,
  ...dropout,
  ...dropPathJoin,
  ...networks,
];
