/**
 * The small networks that Caffe's examples train: Jia, Shelhamer, Donahue, Karayev, Long, Girshick, Guadarrama and Darrell,
 * "Caffe: Convolutional Architecture for Fast Feature Embedding", 2014, arXiv:1408.5093.
 *
 * "lenet" is examples/mnist, wider than LeNet-5 and without activations after its convolutions, 431,080 parameters. "cifar10-quick"
 * (145,578, about 75% on CIFAR-10) and "cifar10-full" (89,578, about 81%) are examples/cifar10, after Krizhevsky's cuda-convnet.
 * Names and first weights are those of the prototxt files.
 *
 * Input [n, 28, 28, 1] or, for CIFAR-10, [n, 32, 32, 3]; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { avgPool2d } from "../ops/avg-pool2d.ts";
import { divide } from "../ops/divide.ts";
import { multiply } from "../ops/multiply.ts";
import { scale } from "../ops/scale.ts";
import { sqrt } from "../ops/sqrt.ts";

export interface CaffeExampleOptions {
  /** Which example. Default "lenet". */
  readonly network?: "lenet" | "cifar10-quick" | "cifar10-full";
  /** Length of the logits. Default 10. */
  readonly classes?: number;
}

export function caffeExample({ network = "lenet", classes = 10 }: CaffeExampleOptions = {}): nn.Layer {
  checkOneOf("caffeExample", "network", network, ["lenet", "cifar10-quick", "cifar10-full"]);
  if (network === "lenet") return lenet(classes);
  return network === "cifar10-quick" ? quick(classes) : full(classes);
}

function lenet(classes: number): nn.Layer {
  const initial = { weightInitializer: caffeXavier, biasInitializer: nn.zeros };
  return nn.sequential({
    conv1: nn.conv2d(20, 5, initial),
    pool1: nn.maxPool2d(2),
    conv2: nn.conv2d(50, 5, initial),
    pool2: nn.maxPool2d(2),
    flatten: nn.flatten(),
    ip1: nn.linear(500, initial),
    relu1: nn.relu(),
    ip2: nn.linear(classes, initial),
  });
}

function quick(classes: number): nn.Layer {
  return nn.sequential({
    conv1: convolution(32, 0.0001),
    pool1: maxPool(),
    relu1: nn.relu(),
    conv2: convolution(32, 0.01),
    relu2: nn.relu(),
    pool2: avgPool(),
    conv3: convolution(64, 0.01),
    relu3: nn.relu(),
    pool3: avgPool(),
    flatten: nn.flatten(),
    ip1: nn.linear(64, normal(0.1)),
    ip2: nn.linear(classes, normal(0.1)),
  });
}

function full(classes: number): nn.Layer {
  return nn.sequential({
    conv1: convolution(32, 0.0001),
    pool1: maxPool(),
    relu1: nn.relu(),
    norm1: withinChannelNorm(),
    conv2: convolution(32, 0.01),
    relu2: nn.relu(),
    pool2: avgPool(),
    norm2: withinChannelNorm(),
    conv3: convolution(64, 0.01),
    relu3: nn.relu(),
    pool3: avgPool(),
    flatten: nn.flatten(),
    ip1: nn.linear(classes, normal(0.01)),
  });
}

const normal = (std: number) => ({ weightInitializer: nn.normal(std), biasInitializer: nn.zeros });

function convolution(channels: number, std: number): nn.Layer {
  return nn.conv2d(channels, 5, { padding: 2, ...normal(std) });
}

const maxPool = () => nn.maxPool2d(3, { stride: 2, rounding: "ceil" });
const avgPool = () => nn.avgPool2d(3, { stride: 2, rounding: "ceil" });

/** Caffe's "xavier" is uniform with variance 1 / fanIn. */
const caffeXavier: nn.Initializer = (shape, kind, key) =>
  nn.uniform(Math.sqrt(3 / nn.fans(shape, kind).fanIn))(shape, kind, key);

/** x · (1 + α·m)^−β with m the mean of x² over the 3×3 places around, zeros in the padding; α = 5·10⁻⁵, β = 0.75. */
function withinChannelNorm(): nn.Layer {
  return (x) => {
    const squares = multiply({ a: x, b: x }, {});
    const around = avgPool2d({ x: squares }, { kernel: 3, stride: 1, padding: 1 });
    const base = scale({ x: around }, { factor: 5e-5, offset: 1 });
    const root = sqrt({ x: base }, {});
    return divide({ a: x, b: multiply({ a: root, b: sqrt({ x: root }, {}) }, {}) }, {});
  };
}
