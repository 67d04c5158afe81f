/** Small networks forwards and backwards: what operations become once they are fused, placed and share memory. */

import { gradients } from "../../src/graph/backward.ts";
import { add } from "../../src/ops/add.ts";
import { avgPool2d } from "../../src/ops/avg-pool2d.ts";
import { batchMoments } from "../../src/ops/batch-moments.ts";
import { batchNormInference } from "../../src/ops/batch-norm-inference.ts";
import { batchNormalize } from "../../src/ops/batch-normalize.ts";
import { concat } from "../../src/ops/concat.ts";
import { type Conv2dAttributes, conv2d } from "../../src/ops/conv2d.ts";
import { crossEntropy } from "../../src/ops/cross-entropy.ts";
import { batchDropout, dropout, imageDropout } from "../../src/ops/dropout.ts";
import { flatten } from "../../src/ops/flatten.ts";
import { globalAveragePool2d } from "../../src/ops/global-pool2d.ts";
import { linear } from "../../src/ops/linear.ts";
import { localResponseNorm } from "../../src/ops/local-response-norm.ts";
import { maxPool2d } from "../../src/ops/max-pool2d.ts";
import { multiply } from "../../src/ops/multiply.ts";
import { input, type ParameterKind, parameter, state, type Tensor } from "../../src/ops/operation.ts";
import { relu } from "../../src/ops/relu.ts";
import { relu6 } from "../../src/ops/relu6.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { upsampleBilinear2d } from "../../src/ops/resize2d.ts";
import { sigmoid } from "../../src/ops/sigmoid.ts";
import { pad } from "../../src/ops/slice.ts";
import { subsample } from "../../src/ops/subsample.ts";
import { subtract } from "../../src/ops/subtract.ts";
import { tanh } from "../../src/ops/tanh.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { size } from "../../src/tensor/shape.ts";
import { randomNumbers } from "../gradients.ts";
import { type Built, type Case, classes } from "./case.ts";

/** Builds layers, and keeps their parameters and the values to feed. */
class Net {
  readonly parameters: Tensor[] = [];
  readonly feeds = new Map<Tensor, ArrayLike<number>>();
  private made = 0;

  /** A parameter with values in −1/√fan … 1/√fan, around `around`. */
  private parameter(shape: Shape, kind: ParameterKind, fan: number, around = 0): Tensor {
    const tensor = parameter(`p${this.made++}`, shape, kind);
    this.parameters.push(tensor);
    this.feeds.set(
      tensor,
      randomNumbers(size(shape), 100 + this.made).map((each) => around + each / Math.sqrt(fan)),
    );
    return tensor;
  }

  conv(x: Tensor, k: number, kernel: number, attributes: Conv2dAttributes = {}): Tensor {
    const c = x.shape[3] / (attributes.groups ?? 1);
    const weight = this.parameter([kernel, kernel, c, k], "filter", kernel * kernel * c);
    return conv2d({ x, weight, bias: this.parameter([k], "vector", 4) }, attributes);
  }

  norm(x: Tensor): Tensor {
    const c = x.shape[3];
    const [weight, bias] = [this.parameter([c], "vector", 4, 1), this.parameter([c], "vector", 4)];
    return batchNormalize({ x, moments: batchMoments({ x }), weight, bias }, { epsilon: 1e-3 });
  }

  normInference(x: Tensor): Tensor {
    const c = x.shape[3];
    const [weight, bias] = [this.parameter([c], "vector", 4, 1), this.parameter([c], "vector", 4)];
    const [mean, variance] = [state(`mean${this.made}`, [c]), state(`variance${this.made}`, [c])];
    this.feeds.set(variance, new Float32Array(c).fill(0.7));
    return batchNormInference({ x, mean, variance, weight, bias });
  }

  linear(x: Tensor, k: number): Tensor {
    const rows = flatten({ x });
    const c = rows.shape[1];
    return linear(
      { x: rows, weight: this.parameter([c, k], "matrix", c), bias: this.parameter([k], "vector", 4) },
      {},
    );
  }

  /** The loss of logits and the gradients of all parameters. */
  trained(logits: Tensor, terms: number): Built {
    const labels = input("labels", logits.shape.slice(0, -1));
    const loss = crossEntropy({ x: logits, labels });
    const found = gradients(loss, this.parameters).map((gradient, i) => {
      if (gradient === undefined) throw new Error(`no gradient flows to parameter ${i}`);
      return gradient;
    });
    const [label, values] = classes(labels, logits.shape[logits.shape.length - 1]);
    return { outputs: [loss, logits, ...found], feeds: new Map([...this.feeds, [label, values]]), terms };
  }
}

export const cases: readonly Case[] = [
  {
    name: "network: LeNet with tanh and average pooling",
    build() {
      const net = new Net();
      let x: Tensor = input("image", [3, 16, 16, 1]);
      x = avgPool2d({ x: tanh({ x: net.conv(x, 6, 5, { padding: 2 }) }, {}) }, { kernel: 2 });
      x = avgPool2d({ x: tanh({ x: net.conv(x, 16, 5) }, {}) }, { kernel: 2 });
      return net.trained(net.linear(tanh({ x: net.linear(x, 21) }, {}), 10), 1000);
    },
  },
  {
    name: "network: convolution, batch norm, ReLU, maximum, twice",
    build() {
      const net = new Net();
      let x: Tensor = input("image", [4, 10, 10, 1]);
      for (const k of [8, 16])
        x = maxPool2d({ x: relu({ x: net.norm(net.conv(x, k, 5, { padding: 2 })) }, {}) }, { kernel: 2 });
      return net.trained(net.linear(x, 10), 4000);
    },
  },
  {
    name: "network: residual blocks with shortcuts of option A",
    build() {
      const net = new Net();
      let x = relu({ x: net.norm(net.conv(input("image", [2, 9, 9, 3]), 8, 3, { padding: 1 })) }, {});
      for (const [k, stride] of [
        [8, 1],
        [16, 2],
      ] as const) {
        const inner = relu({ x: net.norm(net.conv(x, k, 3, { padding: 1, stride })) }, {});
        const y = net.norm(net.conv(inner, k, 3, { padding: 1 }));
        const added = (k - x.shape[3]) / 2;
        const sampled = subsample({ x }, { stride });
        const shortcut = pad({ x: sampled }, { before: [0, 0, 0, added], after: [0, 0, 0, added] });
        x = relu({ x: add({ a: y, b: shortcut }, {}) }, {});
      }
      return net.trained(net.linear(globalAveragePool2d({ x }, {}), 10), 8000);
    },
  },
  {
    name: "network: a block that some images go past, one that the batch may, and a highway",
    build() {
      const net = new Net();
      let x = relu({ x: net.norm(net.conv(input("image", [5, 7, 6, 3]), 9, 3, { padding: 1 })) }, {});
      for (const [stream, drop] of [imageDropout, batchDropout].entries()) {
        const y = net.norm(net.conv(x, 9, 3, { padding: 1 }));
        x = relu({ x: add({ a: drop({ x: y }, { probability: 0.4, stream }), b: x }, {}) }, {});
      }
      const h = relu({ x: net.conv(x, 9, 3, { padding: 1 }) }, {});
      const t = sigmoid({ x: net.conv(x, 9, 1) }, {});
      x = add({ a: x, b: multiply({ a: t, b: subtract({ a: h, b: x }, {}) }, {}) }, {});
      const logits = net.linear(globalAveragePool2d({ x }, {}), 10);
      return { ...net.trained(logits, 8000), scalars: { seed: 5, step: 9 } };
    },
  },
  {
    name: "network: residual blocks of few channels, dropout",
    build() {
      const net = new Net();
      let x = relu({ x: net.conv(input("image", [3, 7, 12, 1]), 6, 5, { padding: 2 }) }, {});
      for (let i = 0; i < 2; i++)
        x = relu({ x: add({ a: x, b: net.conv(x, 6, 3, { padding: 1 }) }, {}) }, {});
      const dropped = dropout({ x: net.conv(x, 4, 3, { padding: 1 }) }, { probability: 0.3, stream: 1 });
      return { ...net.trained(net.linear(dropped, 10), 2000), scalars: { seed: 5, step: 9 } };
    },
  },
  {
    name: "network: inception branches, joined",
    build() {
      const net = new Net();
      const x = relu({ x: net.conv(input("image", [2, 7, 7, 3]), 8, 3, { padding: 1 }) }, {});
      const branches = [
        relu({ x: net.conv(x, 8, 1) }, {}),
        relu({ x: net.conv(relu({ x: net.conv(x, 4, 1) }, {}), 12, 3, { padding: 1 }) }, {}),
        relu({ x: net.conv(maxPool2d({ x }, { kernel: 3, stride: 1, padding: 1 }), 5, 1) }, {}),
      ];
      const joined = concat({ ...branches }, {});
      const normed = localResponseNorm({ x: joined }, { size: 5, alpha: 0.5, k: 2 });
      const dropped = dropout({ x: globalAveragePool2d({ x: normed }, {}) }, { probability: 0.3, stream: 1 });
      return { ...net.trained(net.linear(dropped, 10), 1000), scalars: { seed: 5, step: 9 } };
    },
  },
  {
    name: "network: inverted residual with squeeze and excitation",
    build() {
      const net = new Net();
      const x = input("image", [2, 6, 6, 8]);
      let y = relu6({ x: net.norm(net.conv(x, 24, 1)) }, {});
      y = relu6({ x: net.norm(net.conv(y, 24, 3, { padding: 1, groups: 24 })) }, {});
      const squeezed = relu({ x: net.linear(globalAveragePool2d({ x: y }, {}), 6) }, {});
      const gate = reshape({ x: sigmoid({ x: net.linear(squeezed, 24) }, {}) }, { shape: [2, 1, 1, 24] });
      y = net.norm(net.conv(multiply({ a: y, b: gate }, {}), 8, 1));
      return net.trained(net.linear(add({ a: x, b: y }, {}), 10), 8000);
    },
  },
  {
    name: "network: down, up again and a class for each pixel",
    build() {
      const net = new Net();
      const x = relu({ x: net.conv(input("image", [1, 8, 8, 3]), 8, 3, { padding: 1 }) }, {});
      const down = relu({ x: net.conv(maxPool2d({ x }, { kernel: 2 }), 16, 3, { padding: 1 }) }, {});
      const up = upsampleBilinear2d({ x: down }, { scale: 2 });
      return net.trained(net.conv(concat({ 0: up, 1: x }, {}), 4, 1), 2000);
    },
  },
  {
    name: "network: inference with running statistics",
    build() {
      const net = new Net();
      let x: Tensor = input("image", [2, 9, 9, 3]);
      for (const k of [8, 16, 16])
        x = relu({ x: net.normInference(net.conv(x, k, 3, { padding: 1, stride: 2 })) }, {});
      const logits = net.linear(globalAveragePool2d({ x }, {}), 10);
      return { outputs: [logits], feeds: net.feeds, terms: 1000 };
    },
  },
];
