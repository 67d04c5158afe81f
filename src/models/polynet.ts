/**
 * Very Deep PolyNet: Zhang, Li, Loy and Lin, "PolyNet: A Pursuit of Structural Diversity in Very Deep Networks", 2016,
 * arXiv:1611.05725.
 *
 * Inception-ResNet-v2 as its paper has it, with modules that add polynomials of its blocks in place of one block: a 2-way module is
 * I + F + G, a poly-3 module I + F + F² + F³ with one F, whose batch norms and last 1×1 alone are new in each order. Ten 2-way
 * modules at 39×39, ten pairs of poly-3 and 2-way at 19×19 and five at 9×9. What is added is scaled, from 1 in the first module to
 * 0.7 in the last, as in the released weights, whose names in Cadene's pretrained-models.pytorch these are. 95,366,600 parameters.
 *
 * Input [n, 331, 331, 3], other sizes of at least 75 pass; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { add } from "../ops/add.ts";
import { relu } from "../ops/relu.ts";
import { scale } from "../ops/scale.ts";
import {
  figure3,
  joined,
  type Path,
  path,
  paths,
  reductionA,
  residualPaths,
  type UnitOptions,
  unit,
} from "./inception-modules.ts";

export interface PolyNetOptions {
  /** Length of the logits. Default 1000, ImageNet. */
  readonly classes?: number;
  /** Part of the values before the last layer that training leaves out. Default 0.2. */
  readonly dropout?: number;
  /**
   * Stochastic paths: the probability that training keeps each term of the last module's sum, which falls linearly from 1 at the
   * input. Default 1: all terms are kept.
   */
  readonly survival?: number;
}

export function polynet({ classes = 1000, dropout = 0.2, survival = 1 }: PolyNetOptions = {}): nn.Layer {
  const { a, b, c } = residualPaths["Inception-ResNet-v2"];
  const survivals = nn.linearDecay(modules, survival);
  const termsOf = (index: number): Terms => ({
    // Six digits, as released: batch norm over few places tells the others from them in training.
    factor: Number((1 - (0.3 * index) / (modules - 1)).toFixed(6)),
    drop: nn.stochasticDepth(survivals[index]),
  });
  const pairs = (count: number, block: readonly Path[], from: number) =>
    nn.repeat(count, (i) => (i % 2 === 0 ? poly3 : twoWay)(block, termsOf(from + i)));
  return nn.sequential({
    stem: stem(),
    stage_a: nn.repeat(10, (i) => twoWay(a, termsOf(i))),
    reduction_a: paths("path", longestFirst(reductionA("Inception-ResNet-v2")), caffe),
    stage_b: pairs(20, b, 10),
    // The filters of Inception-ResNet-v1: 256 everywhere but for one of 384.
    reduction_b: paths("path", longestFirst(residualPaths["Inception-ResNet-v1"].reductionB), caffe),
    stage_c: pairs(10, c, 30),
    avg_pool: nn.globalAvgPool2d(),
    dropout: nn.dropout(dropout),
    last_linear: nn.linear(classes),
  });
}

/** Modules of all three stages. */
const modules = 40;

/** The weights come from Caffe, whose batch norm has this epsilon. */
const caffe: UnitOptions = { epsilon: 1e-5 };

/** How a module adds what its blocks give. */
interface Terms {
  readonly factor: number;
  readonly drop: nn.Layer;
}

/** Figure 3 of Inception v4, its maps of pooling first at both joints. */
function stem(): nn.Layer {
  const beside = (pool: string, conv: string, step: Path[number]) =>
    nn.branches({ [pool]: path(["max pool"]), [conv]: path([step], caffe) });
  return nn.inTurn(
    nn.sequential({ conv1: path(figure3.first, caffe) }),
    beside("conv1_pool_branch", "conv1_branch", figure3.half),
    nn.branches({ conv2_short: path(figure3.short, caffe), conv2_long: path(figure3.long, caffe) }),
    beside("conv2_pool_branch", "conv2_branch", figure3.last),
  );
}

/** The names of paths count from the longest; pooling stays last. */
function longestFirst(all: readonly Path[]): readonly Path[] {
  const isPool = ([step]: Path) => step === "max pool";
  return [...all.filter((each) => !isPool(each)).reverse(), ...all.filter(isPool)];
}

/** max(0, x + F(x) + G(x)). */
function twoWay(block: readonly Path[], { factor, drop }: Terms): nn.Layer {
  const body: nn.Layer = (x, scope) => {
    const y = paths("path", longestFirst(block), caffe)(x, scope);
    return scope.child("conv2d", unit(x.shape[3], 1, { ...caffe, relu: false }), y);
  };
  return (x, scope) => {
    let sum = x;
    for (const name of ["blocks.0", "blocks.1"]) {
      const y = drop(scope.child(name, body, x), scope);
      sum = add({ a: sum, b: scale({ x: y }, { factor }) }, {});
    }
    return relu({ x: sum }, {});
  };
}

/** max(0, x + F(x) + F(F(x)) + F(F(F(x)))), with a ReLU between two F. */
function poly3(block: readonly Path[], { factor, drop }: Terms): nn.Layer {
  return (x, scope) => {
    const shared = nn.sharing(scope);
    let [sum, power] = [x, x];
    for (const order of [0, 1, 2]) {
      const y = joined(...longestFirst(block).map((each, i) => ofOrder(order, `path${i}`, each)))(
        power,
        shared,
      );
      const term = shared.child(`conv2d_blocks.${order}`, unit(x.shape[3], 1, { ...caffe, relu: false }), y);
      sum = add({ a: sum, b: scale({ x: drop(term, scope) }, { factor }) }, {});
      power = relu({ x: term }, {});
    }
    return relu({ x: sum }, {});
  };
}

/** A path of F: convolutions that all orders share, batch norms that belong to one. */
function ofOrder(order: number, name: string, steps: Path): nn.Layer {
  const layers = steps.flatMap((step) => {
    if (typeof step === "string") return [];
    const [channels, kernel] = step;
    const [r, s] = typeof kernel === "number" ? [kernel, kernel] : kernel;
    const layer = nn.sequential({
      conv: nn.conv2d(channels, kernel, { padding: "same", bias: false, weightInitializer: nn.heNormal }),
      [`bn_blocks.${order}`]: nn.batchNorm2d(),
      relu: nn.relu(),
    });
    return [[steps.length === 1 ? name : `${name}_${r}x${s}`, layer] as const];
  });
  return nn.sequential(Object.fromEntries(layers));
}
