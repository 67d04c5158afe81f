/**
 * The MNIST network of many courses: Choi, "PyTorch Tutorial", 2017, github.com/yunjey/pytorch-tutorial, and from there
 * Finkler and Zhang's lecture on high-performance machine learning (NYU, CSCI-GA 3033).
 *
 * Twice convolution, batch norm, ReLU and pooling, then one linear layer; 29,034 parameters.
 *
 * Input [n, 28, 28, 1]; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";

export interface MnistCnnOptions {
  /** Length of the logits. Default 10. */
  readonly classes?: number;
}

export function mnistCnn({ classes = 10 }: MnistCnnOptions = {}): nn.Layer {
  return nn.sequential({
    layer1: stage(16),
    layer2: stage(32),
    flatten: nn.flatten(),
    fc: nn.linear(classes),
  });
}

function stage(channels: number): nn.Layer {
  return nn.sequential([
    nn.conv2d(channels, 5, { padding: 2 }),
    nn.batchNorm2d(),
    nn.relu(),
    nn.maxPool2d(2),
  ]);
}
