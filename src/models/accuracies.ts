/**
 * What published weights reach, as tables of the field state it: goals to train for, and what weights that are loaded should give.
 * Nothing here is measured by us.
 */

export interface PublishedAccuracy {
  /** What it was measured on. */
  readonly data: "ImageNet" | "CIFAR-10";
  /** Percent of pictures whose class is the first named. */
  readonly top1: number;
  /** Percent of pictures whose class is among the first five. */
  readonly top5?: number;
  /** Who states it, and how it was measured where that is not one centre crop. */
  readonly source: string;
}

interface AccuracyTable {
  readonly source: string;
  readonly data: PublishedAccuracy["data"];
  /** Percent right, or percent wrong where the source prints errors. */
  readonly prints: "accuracy" | "error";
  readonly rows: Readonly<Record<string, readonly [top1: number, top5?: number]>>;
}

// biome-ignore format: rows are the tables'
const tables: readonly AccuracyTable[] = [
  {
    source: "torchvision 0.14, IMAGENET1K_V1",
    data: "ImageNet",
    prints: "accuracy",
    rows: {
      "alexnet": [56.522, 79.066],
      "vgg11": [69.02, 88.628], "vgg13": [69.928, 89.246], "vgg16": [71.592, 90.382], "vgg19": [72.376, 90.876],
      "vgg11-bn": [70.37, 89.81], "vgg13-bn": [71.586, 90.374], "vgg16-bn": [73.36, 91.516], "vgg19-bn": [74.218, 91.842],
      "resnet18": [69.758, 89.078], "resnet34": [73.314, 91.42], "resnet50": [76.13, 92.862],
      "resnet101": [77.374, 93.546], "resnet152": [78.312, 94.046],
      "resnext50-32x4d": [77.618, 93.698], "resnext101-32x8d": [79.312, 94.526], "resnext101-64x4d": [83.246, 96.454],
      "wide-resnet50-2": [78.468, 94.086], "wide-resnet101-2": [78.848, 94.284],
      "squeezenet1-0": [58.092, 80.42], "squeezenet1-1": [58.178, 80.624],
      "densenet121": [74.434, 91.972], "densenet161": [77.138, 93.56], "densenet169": [75.6, 92.806], "densenet201": [76.896, 93.37],
      "mobilenet-v2": [71.878, 90.286], "mobilenet-v3-large": [74.042, 91.34], "mobilenet-v3-small": [67.668, 87.402],
      "mnasnet0-5": [67.734, 87.49], "mnasnet0-75": [71.18, 90.496], "mnasnet1-0": [73.456, 91.51], "mnasnet1-3": [76.506, 93.522],
      "efficientnet-b0": [77.692, 93.532], "efficientnet-b1": [78.642, 94.186],
      "efficientnet-b3": [82.008, 96.054], "efficientnet-b4": [83.384, 96.594], "efficientnet-b5": [83.444, 96.628],
      "efficientnet-b6": [84.008, 96.916], "efficientnet-b7": [84.122, 96.908],
      "shufflenet-v2-x0-5": [60.552, 81.746], "shufflenet-v2-x1-0": [69.362, 88.316],
      "shufflenet-v2-x1-5": [72.996, 91.086], "shufflenet-v2-x2-0": [76.23, 93.006],
      "googlenet-torchvision": [69.778, 89.53],
      "inception-v3": [77.294, 93.45],
    },
  },
  {
    source: "readme of BVLC's Caffe models",
    data: "ImageNet",
    prints: "accuracy",
    rows: { "alexnet-2gpu": [57.1, 80.2], "caffenet": [57.4, 80.4], "googlenet": [68.7, 88.9] },
  },
  {
    source: "MatConvNet's page of pretrained models",
    data: "ImageNet",
    prints: "accuracy",
    rows: { "cnn-f": [58.9, 81.2], "cnn-m": [62.7, 84.1] },
  },
  {
    source: "readme of KaimingHe/deep-residual-networks",
    data: "ImageNet",
    prints: "error",
    rows: { "resnet50-v1": [24.7, 7.8], "resnet101-v1": [23.6, 7.1], "resnet152-v1": [23.0, 6.7] },
  },
  {
    source: "the paper's Table 2, ten crops",
    data: "ImageNet",
    prints: "error",
    rows: { "plain18": [27.94], "plain34": [28.54] },
  },
  {
    source: "the paper's Table 3",
    data: "ImageNet",
    prints: "error",
    rows: { "inception-v2": [23.4] },
  },
  {
    source: "the paper's Table 3, pictures of 256 pixels, dense",
    data: "ImageNet",
    prints: "error",
    rows: { "vgg11-lrn": [29.7, 10.5], "vgg16-c": [28.1, 9.4] },
  },
  {
    source: "readme of Cadene/pretrained-models.pytorch",
    data: "ImageNet",
    prints: "accuracy",
    rows: {
      "se-resnet50": [77.636, 93.752], "se-resnet101": [78.396, 94.258], "se-resnet152": [78.658, 94.374],
      "se-resnext50-32x4d": [79.076, 94.434], "se-resnext101-32x4d": [80.236, 95.028], "senet154": [81.304, 95.498],
      "dpn68": [75.868, 92.774], "dpn98": [79.224, 94.488], "dpn131": [79.432, 94.574],
    },
  },
  {
    source: "readme of Cadene/pretrained-models.pytorch, trained with the pictures of ImageNet-5k too",
    data: "ImageNet",
    prints: "accuracy",
    rows: { "dpn68b": [77.034, 93.59], "dpn92": [79.4, 94.62], "dpn107": [79.746, 94.684] },
  },
  {
    source: "readme of megvii-model/ShuffleNet-Series",
    data: "ImageNet",
    prints: "error",
    rows: {
      "shufflenet-v1-g3-x0-5-megvii": [42.7, 20.0], "shufflenet-v1-g3-x1-0-megvii": [32.2, 12.3],
      "shufflenet-v1-g3-x1-5-megvii": [28.4, 9.8], "shufflenet-v1-g3-x2-0-megvii": [25.9, 8.6],
      "shufflenet-v1-g8-x0-5-megvii": [41.2, 19.0], "shufflenet-v1-g8-x1-0-megvii": [32.0, 13.6],
      "shufflenet-v1-g8-x1-5-megvii": [29.0, 10.4], "shufflenet-v1-g8-x2-0-megvii": [27.1, 9.2],
    },
  },
  {
    source: "pytorchcv's readme",
    data: "ImageNet",
    prints: "accuracy",
    rows: {
      "zfnet": [60.21, 82.73],
      "mobilenet-v1": [73.39, 91.05], "shufflenet-v1-g3": [65.61, 86.52], "inception-resnet-v1": [80.37, 95.2],
    },
  },
  {
    source: "readme of tensorflow/models, research/slim",
    data: "ImageNet",
    prints: "accuracy",
    rows: {
      "mobilenet-v1": [70.9, 89.9], "mobilenet-v1-0.75-224": [68.4, 88.2], "mobilenet-v1-0.5-224": [63.3, 84.9],
      "mobilenet-v1-0.25-224": [49.8, 74.2],
      "mobilenet-v1-1.0-192": [70.0, 89.2], "mobilenet-v1-1.0-160": [68.0, 87.7], "mobilenet-v1-1.0-128": [65.2, 85.8],
      "mobilenet-v2-1.4": [75.0, 92.5], "mobilenet-v2-0.75": [69.8, 89.6], "mobilenet-v2-0.5": [65.4, 86.4],
      "mobilenet-v2-0.35": [60.3, 82.9],
    },
  },
  {
    source: "the paper's Table 2",
    data: "ImageNet",
    prints: "error",
    rows: {
      "shufflenet-v1-g1": [33.6], "shufflenet-v1-g2": [32.7], "shufflenet-v1-g4": [32.8], "shufflenet-v1-g8": [32.4],
      "shufflenet-v1-g1-x0-5": [45.1], "shufflenet-v1-g3-x0-5": [43.2],
      "shufflenet-v1-g1-x0-25": [57.1], "shufflenet-v1-g3-x0-25": [55.0],
    },
  },
  {
    source: "readme of Cadene/pretrained-models.pytorch",
    data: "ImageNet",
    prints: "accuracy",
    rows: {
      "resnext101-32x4d": [78.188, 93.886],
      "bn-inception": [73.524, 91.562], "inception-v4": [80.062, 94.926], "inception-resnet-v2": [80.17, 95.234],
      "xception": [78.888, 94.292], "polynet": [81.002, 95.624],
      "nasnet-a-mobile": [74.08, 91.74], "nasnet-a-large": [82.566, 96.086], "pnasnet5-large": [82.736, 95.992],
    },
  },
  {
    source: "readme of Cadene/pretrained-models.pytorch",
    data: "ImageNet",
    prints: "accuracy",
    rows: { "resnet101-caffe": [76.2, 92.766], "resnet152-fb": [77.386, 93.594] },
  },
  {
    source: "readme of kuangliu/pytorch-cifar",
    data: "CIFAR-10",
    prints: "accuracy",
    rows: { "resnet18-cifar": [93.02], "preact-resnet18-cifar": [95.11] },
  },
  {
    source: "the paper's Table 3, the best of five",
    data: "CIFAR-10",
    prints: "accuracy",
    rows: { "highway-19": [92.4] },
  },
  {
    source: "the paper's abstract",
    data: "CIFAR-10",
    prints: "error",
    rows: { "cifar-resnet-1202-stochastic": [4.91], "cifar-preact-resnet-1001": [4.62] },
  },
  {
    source: "pytorchcv's readme",
    data: "CIFAR-10",
    prints: "error",
    rows: {
      "cifar-preact-resnet-20": [6.51], "cifar-preact-resnet-110": [3.86], "cifar-preact-resnet-164": [3.64],
      "nin-cifar": [7.43],
      "wrn-28-10": [2.39], "cifar-pyramidnet-110-48": [3.72], "cifar-densenet-bc-100-12": [4.16],
      "cifar-resnext-29-32x4d": [3.15], "cifar-resnext-29-16x64d": [2.41],
    },
  },
  {
    source: "readme of szagoruyko/wide-residual-networks, the median of five",
    data: "CIFAR-10",
    prints: "error",
    rows: { "wrn-28-10": [4.0], "wrn-28-10-dropout": [3.89] },
  },
  {
    source: "readme of liuzhuang13/DenseNet",
    data: "CIFAR-10",
    prints: "error",
    rows: {
      "cifar-densenet-40-12": [5.24], "cifar-densenet-100-12": [4.1], "cifar-densenet-100-24": [3.74],
      "cifar-densenet-bc-100-12": [4.51], "cifar-densenet-bc-250-24": [3.62], "cifar-densenet-bc-190-40": [3.46],
    },
  },
  {
    source: "readme of jiecaoyu/pytorch-nin-cifar10",
    data: "CIFAR-10",
    prints: "accuracy",
    rows: { "nin-cifar": [89.64] },
  },
  {
    source: "the paper's Table 6",
    data: "CIFAR-10",
    prints: "error",
    rows: { "cifar-resnet-44": [7.17], "cifar-resnet-110": [6.43], "cifar-resnet-1202": [7.93] },
  },
  {
    source: "readme of akamaster/pytorch_resnet_cifar10",
    data: "CIFAR-10",
    prints: "accuracy",
    rows: { "cifar-resnet-20": [91.73], "cifar-resnet-32": [92.63], "cifar-resnet-56": [93.39] },
  },
];

/** What is published for the model of this name, in the order of trust; empty where no table of the field has it. */
export function publishedAccuracies(model: string): readonly PublishedAccuracy[] {
  return tables.flatMap(({ source, data, prints, rows }) => {
    const row = rows[model];
    if (row === undefined) return [];
    // Errors have two digits at most: 100 − 29.7 is 70.3, not 70.30000000000001.
    const [top1, top5] = row.map((percent = 0) =>
      prints === "error" ? Math.round(1e3 * (100 - percent)) / 1e3 : percent,
    );
    return [{ data, top1, ...(top5 === undefined ? {} : { top5 }), source }];
  });
}

/** Models that some table has. */
export const measuredModels: readonly string[] = [
  ...new Set(tables.flatMap(({ rows }) => Object.keys(rows))),
];
