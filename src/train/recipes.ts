/**
 * Training options that suit a model, from its paper where that says them. What the command line gives wins over a recipe,
 * and a recipe over the defaults.
 */

import { sgd } from "./optimizer.ts";
import type { TrainingOptions } from "./options.ts";

export type Recipe = Partial<TrainingOptions>;

/**
 * LeNet-5 on MNIST and its like. The paper (LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
 * Recognition", 1998, section III.C) used second-order steps on squared errors; this is today's way to the same network. Of MNIST's
 * 60,000 images the customary 5,000 validate.
 */
const lenet5: Recipe = {
  epochs: 12,
  batch: 64,
  learningRate: 0.05,
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  schedule: "cosine",
  validation: 1 / 12,
};

/**
 * ResNet on CIFAR-10: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, section 4.2. The paper's
 * 64k iterations are 164 epochs of 50,000 images, its drops at 32k and 48k epochs 82 and 123; of the training images 5,000
 * validate.
 */
const cifarResnet: Recipe = {
  epochs: 164,
  batch: 128,
  learningRate: 0.1,
  optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
  schedule: "multistep:82,123:0.1",
  augment: "crop,flip",
  validation: 0.1,
};

/**
 * Depths from which warm-up is needed. The paper trains its 110 layers at 0.01 until the training error is below 80 %,
 * which takes about 400 steps; ours rises linearly over the 391 of the first epoch.
 */
const warmupDepth = 110;

/**
 * Residual networks with stochastic depth on CIFAR-10: Huang, Sun, Liu, Sedra and Weinberger, "Deep Networks with Stochastic
 * Depth", 2016, section 4: 500 epochs, a tenth of the rate after half and after three quarters.
 */
const stochasticDepth: Recipe = {
  ...cifarResnet,
  epochs: 500,
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  schedule: "multistep:250,375:0.1",
};

/**
 * Wide ResNets on CIFAR-10: Zagoruyko and Komodakis, "Wide Residual Networks", 2016, section 3: 200 epochs, a fifth of the rate after
 * 60, 120 and 160.
 */
const wideResnet: Recipe = {
  ...cifarResnet,
  epochs: 200,
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
  schedule: "multistep:60,120,160:0.2",
};

/**
 * DenseNets on CIFAR-10: Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks", 2016, section 4.2: 300
 * epochs, a tenth of the rate after half and after three quarters.
 */
const cifarDensenet: Recipe = {
  ...cifarResnet,
  epochs: 300,
  batch: 64,
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  schedule: "multistep:150,225:0.1",
};

/** PyramidNet on CIFAR-10: Han, Kim and Kim, "Deep Pyramidal Residual Networks", 2016, section 4.1. */
const cifarPyramidnet: Recipe = {
  ...cifarResnet,
  epochs: 300,
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  schedule: "multistep:150,225:0.1",
};

/**
 * Highway networks on CIFAR-10, as their authors' release trains them: Srivastava, Greff and Schmidhuber, "Training Very Deep
 * Networks", 2015. Its 200,000 steps of 100 images are 400 epochs.
 */
const highway: Recipe = {
  ...cifarResnet,
  epochs: 400,
  batch: 100,
  learningRate: 0.025,
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-3 }),
  schedule: "multistep:200,300,350:0.1",
};

/**
 * FractalNet on CIFAR-10: Larsson, Maire and Shakhnarovich, "FractalNet: Ultra-Deep Neural Networks without Residuals", 2016, section
 * 4.2: a tenth of the rate whenever half of the epochs that are left have passed.
 */
const cifarFractalnet: Recipe = {
  ...cifarResnet,
  epochs: 400,
  batch: 100,
  learningRate: 0.02,
  optimizer: sgd({ momentum: 0.9 }),
  schedule: "multistep:200,300,350,375:0.1",
};

/**
 * ResNeXt on CIFAR-10: Xie, Girshick, Dollár, Tu and He, "Aggregated Residual Transformations for Deep Neural Networks", 2016,
 * section 5.3.
 */
const cifarResnext: Recipe = {
  ...cifarResnet,
  epochs: 300,
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  schedule: "multistep:150,225:0.1",
};

const recipes: Readonly<Record<string, Recipe>> = {
  lenet5,
  "lenet5-1998": lenet5,
  "mnist-cnn": lenet5,
};

/** Recipes of families: what names of the registry look like, with their depth, and what suits it. */
const families: readonly (readonly [name: RegExp, recipe: (depth: number) => Recipe])[] = [
  [/^cifar-(?:resnet|plain)-(\d+)$/, (depth) => warmed(cifarResnet, depth)],
  [/^cifar-resnet-(\d+)-stochastic$/, (depth) => warmed(stochasticDepth, depth)],
  // "Identity Mappings in Deep Residual Networks", 2016, warms all its networks up.
  [/^cifar-preact-resnet-(\d+)$/, () => ({ ...cifarResnet, warmupEpochs: 1 })],
  [/^wrn-(\d+)/, () => wideResnet],
  [/^cifar-densenet-(?:bc-)?(\d+)/, () => cifarDensenet],
  [/^cifar-pyramidnet-(\d+)/, () => cifarPyramidnet],
  [/^cifar-fractalnet-(\d+)/, () => cifarFractalnet],
  [/^highway-(\d+)/, () => highway],
  [/^cifar-resnext-(\d+)/, () => cifarResnext],
];

function warmed(recipe: Recipe, depth: number): Recipe {
  return depth >= warmupDepth ? { ...recipe, warmupEpochs: 1 } : recipe;
}

/** The recipe for a model of the registry, or {} where there is none. */
export function recipeFor(model: string): Recipe {
  for (const [name, recipe] of families) {
    const match = name.exec(model);
    if (match !== null) return recipe(Number(match[1]));
  }
  return recipes[model] ?? {};
}
