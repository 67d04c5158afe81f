/**
 * Inception-ResNet v1 and v2: Szegedy, Ioffe, Vanhoucke and Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual
 * Connections on Learning", 2016, arXiv:1602.07261.
 *
 * Residual blocks whose body is a small Inception module and a 1×1 convolution without activation, multiplied by 0.17, 0.10 or
 * 0.20 before it is added (section 3.3: above 1,000 filters training dies without). The last block has neither factor nor ReLU,
 * as in the authors' code.
 *
 * Version 1 is figure 15 left with FaceNet's end, a linear layer of 512 with batch norm before the logits, under the names of
 * facenet-pytorch: 23,995,624 parameters. Version 2 is what the authors released: the first layers of Inception v3, a module of
 * figure 5 of that paper, 10, 20 and 10 blocks on 320, 1088 and 2080 channels, where the paper's figures have the stem of Inception
 * v4 and 5, 10 and 5 blocks on 384, 1154 and 2048. Names are those of Cadene's pretrained-models.pytorch: 55,843,464 parameters.
 *
 * Input [n, 299, 299, 3], FaceNet's [n, 160, 160, 3], other sizes of at least 75 pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf, checkWhole } from "../nn/options.ts";
import { scale } from "../ops/scale.ts";
import { firstSteps, named, type Path, paths, reductionA, residualPaths, unit } from "./inception-modules.ts";

export interface InceptionResNetOptions {
  /** Default 2. */
  readonly version?: 1 | 2;
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layers that training leaves out. Default 0.2, figure 15; FaceNet has 0.6. */
  readonly dropout?: number;
  /** Of version 1: length of the vector before the logits; 0 leaves it out, as the paper. Default 512, FaceNet's. */
  readonly embedding?: number;
}

export function inceptionResNet(options: InceptionResNetOptions = {}): nn.Layer {
  const { version = 2, classes = 1000, dropout = 0.2, embedding = 512 } = options;
  checkOneOf("inceptionResNet", "version", version, [1, 2]);
  checkWhole("inceptionResNet", "embedding", embedding, 0);
  return version === 1 ? version1(classes, dropout, embedding) : version2(classes, dropout);
}

function version1(classes: number, dropout: number, embedding: number): nn.Layer {
  const { a, b, c, reductionB } = residualPaths["Inception-ResNet-v1"];
  const logits = nn.linear(classes);
  return nn.sequential({
    ...named(firstNames, firstSteps),
    conv2d_4b: unit(256, 3, { stride: 2 }),
    repeat_1: nn.repeat(5, () => block(a, factors.a)),
    mixed_6a: paths("branch", reductionA("Inception-ResNet-v1")),
    repeat_2: nn.repeat(10, () => block(b, factors.b)),
    mixed_7a: paths("branch", reductionB),
    repeat_3: nn.repeat(5, () => block(c, factors.c)),
    block8: lastBlock(c),
    avgpool_1a: nn.globalAvgPool2d(),
    dropout: nn.dropout(dropout),
    ...(embedding === 0
      ? { last_linear: logits }
      : {
          last_linear: nn.linear(embedding, { bias: false }),
          last_bn: nn.batchNorm2d({ epsilon: 1e-3 }),
          logits,
        }),
  });
}

function version2(classes: number, dropout: number): nn.Layer {
  const { a, b, c, reductionB } = residualPaths["Inception-ResNet-v2"];
  return nn.sequential({
    ...named(firstNames, firstSteps),
    maxpool_5a: nn.maxPool2d(3, { stride: 2 }),
    mixed_5b: paths("branch", mixed5b),
    repeat: nn.repeat(10, () => block(a, factors.a)),
    mixed_6a: paths("branch", reductionA("Inception-ResNet-v2")),
    repeat_1: nn.repeat(20, () => block(b, factors.b)),
    mixed_7a: paths("branch", reductionB),
    repeat_2: nn.repeat(9, () => block(c, factors.c)),
    block8: lastBlock(c),
    conv2d_7b: unit(1536, 1),
    avgpool_1a: nn.globalAvgPool2d(),
    dropout: nn.dropout(dropout),
    last_linear: nn.linear(classes),
  });
}

const firstNames = ["conv2d_1a", "conv2d_2a", "conv2d_2b", "maxpool_3a", "conv2d_3b", "conv2d_4a"];

/** What residuals are multiplied by at 35×35, 17×17 and 8×8, in the authors' code; section 3.3 has "between 0.1 and 0.3". */
const factors = { a: 0.17, b: 0.1, c: 0.2 } as const;

/** Inception v3's module at 35×35, with 320 channels out. */
// biome-ignore format: one path a line
const mixed5b: readonly Path[] = [
  [[96, 1]],
  [[48, 1], [64, 5]],
  [[64, 1], [96, 3], [96, 3]],
  ["average pool", [64, 1]],
];

/** max(0, x + factor·body(x)): figures 10, 11, 13 and 16, 17, 19, scaled as figure 20. */
function block(body: readonly Path[], factor: number): nn.Layer {
  const drop: nn.Layer = (y) => scale({ x: y }, { factor });
  return nn.residual(projected(body), nn.identity(), { drop, after: nn.relu() });
}

/** x + body(x). */
function lastBlock(body: readonly Path[]): nn.Layer {
  return nn.residual(projected(body));
}

/** Paths side by side, then a 1×1 convolution back to the channels of x. */
function projected(body: readonly Path[]): nn.Layer {
  const module = paths("branch", body);
  return (x, scope) => scope.child("conv2d", nn.conv2d(x.shape[3], 1), module(x, scope));
}
