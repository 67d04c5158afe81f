/**
 * Inception v2: Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception Architecture for Computer Vision", 2015,
 * arXiv:1512.00567.
 *
 * Table 1 as it is printed, which no published weights have: 3×3 convolutions of 80, 192 and 288 filters before the modules, and
 * the modules of figure 5, where the network that the authors released as Inception v3 has a 1×1 of 80, pooling, and a 5×5. The
 * paper gives no widths inside modules; those are v3's, and so are the names. Of the table's five modules at 17×17 the
 * first is the reduction to that size. The head's fully connected layer has no batch norm: with it, the paper calls the
 * network v3. (TensorFlow's Inception v2 is another: the network of the paper on batch norm, here `bn-inception`.)
 * 24,263,240 parameters, 27,589,168 with the head.
 *
 * Input [n, 299, 299, 3], other sizes pass but for the head, which needs 17×17 maps; output logits [n, classes]; with
 * `auxiliary`, a record: { logits, aux } in training, { logits } at inference.
 */

import * as nn from "../nn/index.ts";
import type { Tensor } from "../ops/operation.ts";
import { withHeads } from "./auxiliary-heads.ts";
import { firstSteps, named, unit } from "./inception-modules.ts";
import { auxiliaryHead, figure5, lastLayers, stage8, stage17 } from "./inception-v3.ts";

export interface InceptionV2Options {
  /** Whether training has the head on the last maps of 17×17. Its loss: `inceptionV3Loss`. Default false. */
  readonly auxiliary?: boolean;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.5, as torchvision has it for v3. */
  readonly dropout?: number;
}

export function inceptionV2(options?: InceptionV2Options & { readonly auxiliary?: false }): nn.Layer;
export function inceptionV2(options: InceptionV2Options): nn.Layer<Tensor | nn.NamedTensors>;
export function inceptionV2(options: InceptionV2Options = {}): nn.Layer<Tensor | nn.NamedTensors> {
  const { auxiliary = false, classes = 1000, dropout = 0.5 } = options;
  const to6e = nn.sequential({
    ...named(["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"], firstSteps),
    Conv2d_3b_3x3: unit(80, 3),
    Conv2d_4a_3x3: unit(192, 3, { stride: 2 }),
    Conv2d_4b_3x3: unit(288, 3, { padding: 1 }),
    Mixed_5b: figure5(64, 3),
    Mixed_5c: figure5(64, 3),
    Mixed_5d: figure5(64, 3),
    ...stage17(),
  });
  const rest = nn.sequential({ ...stage8(), ...lastLayers(classes, dropout) });
  if (!auxiliary) return nn.inTurn(to6e, rest);
  const full = nn.sequential({
    conv: nn.conv2d(768, 5, { weightInitializer: nn.heNormal }),
    relu: nn.relu(),
  });
  const head = auxiliaryHead(full, classes);
  return withHeads([to6e, rest], [{ output: "aux", name: "AuxLogits", layer: head }]);
}
