/** Which recorded network of the folder of published values a model must equal. */

import { cnnFMS } from "../src/models/cnn-fms.ts";
import { fcn } from "../src/models/fcn.ts";
import { fcnResNet, fcnResNetLoss } from "../src/models/fcn-resnet.ts";
import { googlenet, googlenetLoss } from "../src/models/googlenet.ts";
import { inceptionV3, inceptionV3Loss } from "../src/models/inception-v3.ts";
import { modelNamed } from "../src/models/registry.ts";
import type { Layer, NamedTensors } from "../src/nn/index.ts";
import type { Tensor } from "../src/ops/operation.ts";
import { publishedInceptions } from "./published-inceptions.ts";
import { mobileNetworks } from "./published-mobile.ts";
import { residualNetworks } from "./published-residual.ts";

export interface PublishedModel {
  readonly name: string;
  readonly recorded: string;
  readonly model: Layer<Tensor | NamedTensors>;
  /** What is trained where that is another form than `model`; dropout is off in any case. Default: `model`. */
  readonly training?: Layer<Tensor | NamedTensors>;
  /** Default: cross-entropy of "logits". */
  readonly loss?: (outputs: NamedTensors, labels: Tensor) => Tensor;
  /** Places where the record has another tensor than ours, such as the first of several that a block gives. */
  readonly unlikePlaces?: RegExp;
  /** Multiply-adds of places that the record computes and cuts off again. Default 0. */
  readonly cutOff?: number;
  /** What the record calls a parameter of ours, where names differ. */
  readonly recordedName?: (ours: string) => string;
}

/** Models of the registry, and the names of their records. */
const ofRegistry: Readonly<Record<string, string>> = {
  "cifar-resnet-20": "resnet20_cifar10",
  "cifar-resnet-32": "resnet32_cifar10",
  "cifar-resnet-56": "resnet56_cifar10",
  "cifar-preact-resnet-20": "preresnet20_cifar10",
  "cifar-preact-resnet-110": "preresnet110_cifar10",
  "cifar-preact-resnet-164": "preresnet164bn_cifar10",
  "cifar-pyramidnet-110-48": "pyramidnet110_a48_cifar10",
  "lenet5-cifar": "lenet_cifar10",
  "lenet-caffe": "lenet_caffe",
  "cifar10-quick": "cifar10_quick_caffe",
  "cifar10-full": "cifar10_full_caffe",
  alexnet: "alexnet",
  "alexnet-2gpu": "alexnet_caffe",
  caffenet: "caffenet",
  zfnet: "zfnet",
  "nin-cifar": "nin_cifar10",
  vgg11: "vgg11",
  "vgg13-bn": "vgg13_bn",
  vgg16: "vgg16",
  "vgg16-bn": "vgg16_bn",
  vgg19: "vgg19",
  resnet18: "resnet18",
  resnet50: "resnet50",
  resnet101: "resnet101",
  "resnet101-caffe": "cafferesnet101",
  "resnet152-fb": "fbresnet152",
  "resnext50-32x4d": "resnext50_32x4d",
  "resnext101-64x4d": "resnext101_64x4d",
  "wide-resnet50-2": "wide_resnet50_2",
  "squeezenet1-1": "squeezenet1_1",
  densenet121: "densenet121",
  densenet169: "densenet169",
};

export const publishedModels: readonly PublishedModel[] = [
  ...Object.entries(ofRegistry).map(
    ([name, recorded]): PublishedModel => ({ name, recorded, model: modelNamed(name).build() }),
  ),
  {
    name: "nin-cifar of pytorchcv",
    recorded: "nin_cifar10_pytorchcv",
    model: modelNamed("nin-cifar").build(),
    recordedName: pytorchcvNameOfNin,
  },
  {
    name: "overfeat-accurate",
    recorded: "overfeat_accurate",
    model: modelNamed("overfeat-accurate").build(),
    // biome-ignore format: a line for convolutions, a line for the rest
    recordedName: renumbered({
      conv1: "1", conv2: "4", conv3: "7", conv4: "9", conv5: "11", conv6: "13",
      fc7: "16", fc8: "18", fc9: "20",
    }),
  },
  {
    name: "cnn-m",
    recorded: "vggm",
    model: cnnFMS(),
    // biome-ignore format: a line for convolutions, a line for the rest
    recordedName: renumbered({
      conv1: "features.0", conv2: "features.4", conv3: "features.8", conv4: "features.10", conv5: "features.12",
      fc6: "classif.0", fc7: "classif.3", fc8: "classif.6",
    }),
  },
  ...(["F", "M"] as const).map((network) => ({
    name: `cnn-${network.toLowerCase()} as MatConvNet trains it`,
    recorded: `cnn_${network.toLowerCase()}`,
    model: cnnFMS({ network, responseNorm: "caffe" }),
  })),
  ...([32, 8] as const).map((stride) => ({
    name: `fcn${stride}s`,
    recorded: `fcn${stride}s`,
    model: fcn({ stride }),
    // The names are the same, the order of the layers is not.
    recordedName: (ours: string) => ours,
  })),
  {
    name: "fcn-resnet50 with its head",
    recorded: "fcn_resnet50",
    model: fcnResNet(),
    loss: fcnResNetLoss,
  },
  {
    name: "googlenet with heads",
    recorded: "googlenet_caffe",
    model: googlenet({ auxiliary: true }),
    loss: googlenetLoss,
    recordedName: caffeNameOfGoogLeNet,
  },
  {
    name: "googlenet of torchvision with heads",
    recorded: "googlenet",
    model: googlenet({ variant: "torchvision", auxiliary: true }),
    loss: googlenetLoss,
  },
  {
    name: "inception-v3 with its head",
    recorded: "inception_v3",
    model: inceptionV3({ auxiliary: true }),
    loss: inceptionV3Loss,
  },
  ...publishedInceptions,
  ...mobileNetworks,
  ...residualNetworks,
];

/** "classifier.10.weight" is "features.stage2.unit2.conv.weight" in pytorchcv. */
function pytorchcvNameOfNin(ours: string): string {
  const [, place, leaf] = ours.split(".");
  const [stage, unit] = [Math.floor(Number(place) / 8) + 1, (Number(place) % 8) / 2 + 1];
  return place === "20"
    ? `output.final_conv.conv.${leaf}`
    : `features.stage${stage}.unit${unit}.conv.${leaf}`;
}

/** From layers that the record numbers in place of naming. */
function renumbered(numbers: Readonly<Record<string, string>>) {
  return (ours: string) => {
    const [layer, leaf] = ours.split(".");
    return `${numbers[layer]}.${leaf}`;
  };
}

/** "inception3a.branch2.1.conv.weight" is "inception_3a/3x3.weight" in Caffe's bvlc_googlenet. */
function caffeNameOfGoogLeNet(ours: string): string {
  const parts = {
    conv1: "conv1/7x7_s2",
    conv2: "conv2/3x3_reduce",
    conv3: "conv2/3x3",
    branch1: "1x1",
    "branch2.0": "3x3_reduce",
    "branch2.1": "3x3",
    "branch3.0": "5x5_reduce",
    "branch3.1": "5x5",
    "branch4.1": "pool_proj",
    "aux1.conv": "loss1/conv",
    "aux1.fc1": "loss1/fc",
    "aux1.fc2": "loss1/classifier",
    "aux2.conv": "loss2/conv",
    "aux2.fc1": "loss2/fc",
    "aux2.fc2": "loss2/classifier",
    fc: "loss3/classifier",
  };
  const [, module, place, leaf] = /^(?:inception(\d.)\.)?(.*?)(?:\.conv)?\.(weight|bias)$/.exec(ours) ?? [];
  const part = Object.entries(parts).find(([name]) => name === place)?.[1];
  return `${module === undefined ? "" : `inception_${module}/`}${part}.${leaf}`;
}
