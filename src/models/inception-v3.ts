/**
 * Inception v3: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception Architecture for Computer Vision", 2015,
 * arXiv:1512.00567.
 *
 * Table 1 as its authors released it and torchvision has it, whose names these are: modules of figure 5 (Mixed_5b to 5d),
 * figure 6 with n = 7 (Mixed_6b to 6e) and figure 7 (Mixed_7b, 7c), with the reductions of section 5 between them. The first
 * layers have a 1×1 of 80 filters where the table has a 3×3, and the stage of 35×35 has 288 channels after its first module.
 * 23,834,568 parameters, 27,161,264 with the auxiliary head, of the paper's section 4 with batch norm.
 *
 * Input [n, 299, 299, 3], other sizes pass but for the head, which needs 17×17 maps; output logits [n, classes]; with
 * `auxiliary`, a record: { logits, aux } in training, { logits } at inference.
 */

import * as nn from "../nn/index.ts";
import type { Tensor } from "../ops/operation.ts";
import { lossWithHeads, withHeads } from "./auxiliary-heads.ts";
import { column, expanded, firstSteps, joined, named, row, unit } from "./inception-modules.ts";

export interface InceptionV3Options {
  /** Whether training has the head on Mixed_6e. Its loss: `inceptionV3Loss`. Default false. */
  readonly auxiliary?: boolean;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.5, as torchvision; TensorFlow has 0.2. */
  readonly dropout?: number;
}

export function inceptionV3(options?: InceptionV3Options & { readonly auxiliary?: false }): nn.Layer;
export function inceptionV3(options: InceptionV3Options): nn.Layer<Tensor | nn.NamedTensors>;
export function inceptionV3(options: InceptionV3Options = {}): nn.Layer<Tensor | nn.NamedTensors> {
  const { auxiliary = false, classes = 1000, dropout = 0.5 } = options;
  const to6e = nn.sequential({
    ...named(firstNames, firstSteps),
    maxpool2: nn.maxPool2d(3, { stride: 2 }),
    Mixed_5b: figure5(32),
    Mixed_5c: figure5(64),
    Mixed_5d: figure5(64),
    ...stage17(),
  });
  const rest = nn.sequential({ ...stage8(), ...lastLayers(classes, dropout) });
  if (!auxiliary) return nn.inTurn(to6e, rest);
  const head = auxiliaryHead(unit(768, 5), classes);
  return withHeads([to6e, rest], [{ output: "aux", name: "AuxLogits", layer: head }]);
}

/** Cross-entropy of the logits, and 0.4 times that of the head where there is one, as the authors' code has it. */
export const inceptionV3Loss: nn.Loss = lossWithHeads(0.4);

const firstNames = [
  "Conv2d_1a_3x3",
  "Conv2d_2a_3x3",
  "Conv2d_2b_3x3",
  "maxpool1",
  "Conv2d_3b_1x1",
  "Conv2d_4a_3x3",
];

/** The module at 35×35: a 5×5 (3×3 in figure 5) beside two 3×3 in a row. */
export function figure5(pooled: number, kernel: 3 | 5 = 5): nn.Layer {
  const name = `branch${kernel}x${kernel}`;
  const padding = (kernel - 1) / 2;
  return joined(
    nn.sequential({ branch1x1: unit(64, 1) }),
    nn.sequential({ [`${name}_1`]: unit(48, 1), [`${name}_2`]: unit(64, kernel, { padding }) }),
    doubled3x3({ padding: 1 }),
    nn.sequential({ pool: averagePool(), branch_pool: unit(pooled, 1) }),
  );
}

/** Section 5's reduction and figure 6 with n = 7, at 17×17: the five modules of Table 1. */
export function stage17(): Readonly<Record<string, nn.Layer>> {
  return {
    Mixed_6a: reductionTo17(),
    Mixed_6b: figure6(128),
    Mixed_6c: figure6(160),
    Mixed_6d: figure6(160),
    Mixed_6e: figure6(192),
  };
}

/** Another reduction and figure 7, at 8×8. */
export function stage8(): Readonly<Record<string, nn.Layer>> {
  return { Mixed_7a: reductionTo8(), Mixed_7b: figure7(), Mixed_7c: figure7() };
}

export function lastLayers(classes: number, dropout: number): Readonly<Record<string, nn.Layer>> {
  return { avgpool: nn.globalAvgPool2d(), dropout: nn.dropout(dropout), fc: nn.linear(classes) };
}

/** Section 5: convolutions and pooling of stride 2 side by side, from 35×35 to 17×17. */
function reductionTo17(): nn.Layer {
  return joined(
    nn.sequential({ branch3x3: unit(384, 3, { stride: 2 }) }),
    doubled3x3({ stride: 2 }),
    nn.maxPool2d(3, { stride: 2 }),
  );
}

function doubled3x3(last: nn.Conv2dOptions): nn.Layer {
  return nn.sequential({
    branch3x3dbl_1: unit(64, 1),
    branch3x3dbl_2: unit(96, 3, { padding: 1 }),
    branch3x3dbl_3: unit(96, 3, last),
  });
}

/** Figure 6: 7×7 as 1×7 and 7×1, once and twice, with `inner` channels in between. */
function figure6(inner: number): nn.Layer {
  return joined(
    nn.sequential({ branch1x1: unit(192, 1) }),
    nn.sequential({ branch7x7_1: unit(inner, 1), branch7x7_2: row(inner, 7), branch7x7_3: column(192, 7) }),
    nn.sequential({
      branch7x7dbl_1: unit(inner, 1),
      branch7x7dbl_2: column(inner, 7),
      branch7x7dbl_3: row(inner, 7),
      branch7x7dbl_4: column(inner, 7),
      branch7x7dbl_5: row(192, 7),
    }),
    nn.sequential({ pool: averagePool(), branch_pool: unit(192, 1) }),
  );
}

/** From 17×17 to 8×8. */
function reductionTo8(): nn.Layer {
  return joined(
    nn.sequential({ branch3x3_1: unit(192, 1), branch3x3_2: unit(320, 3, { stride: 2 }) }),
    nn.sequential({
      branch7x7x3_1: unit(192, 1),
      branch7x7x3_2: row(192, 7),
      branch7x7x3_3: column(192, 7),
      branch7x7x3_4: unit(192, 3, { stride: 2 }),
    }),
    nn.maxPool2d(3, { stride: 2 }),
  );
}

/** Figure 7: 1×3 and 3×1 side by side, for many channels at few places. */
function figure7(): nn.Layer {
  return joined(
    nn.sequential({ branch1x1: unit(320, 1) }),
    nn.inTurn(nn.sequential({ branch3x3_1: unit(384, 1) }), expanded("branch3x3_2", 384)),
    nn.inTurn(
      nn.sequential({ branch3x3dbl_1: unit(448, 1), branch3x3dbl_2: unit(384, 3, { padding: 1 }) }),
      expanded("branch3x3dbl_3", 384),
    ),
    nn.sequential({ pool: averagePool(), branch_pool: unit(192, 1) }),
  );
}

/** The head of section 4: average pooling to 5×5, a 1×1 convolution, then `full`, which looks at all places. */
export function auxiliaryHead(full: nn.Layer, classes: number): nn.Layer {
  return nn.sequential({
    pool: nn.avgPool2d(5, { stride: 3 }),
    conv0: unit(128, 1),
    conv1: full,
    avgpool: nn.globalAvgPool2d(),
    fc: nn.linear(classes, { weightInitializer: nn.normal(0.001) }),
  });
}

function averagePool(): nn.Layer {
  return nn.avgPool2d(3, { stride: 1, padding: 1 });
}
