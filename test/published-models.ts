/** Which recorded network of the folder of published values a model must equal. */

import { cnnFMS } from "../src/models/cnn-fms.ts";
import { googlenet, googlenetLoss } from "../src/models/googlenet.ts";
import { inceptionV3 } from "../src/models/inception-v3.ts";
import { mobilenetV1 } from "../src/models/mobilenet-v1.ts";
import { mobilenetV2 } from "../src/models/mobilenet-v2.ts";
import { mobilenetV3 } from "../src/models/mobilenet-v3.ts";
import { modelNamed } from "../src/models/registry.ts";
import type { Layer, NamedTensors } from "../src/nn/index.ts";
import type { Tensor } from "../src/ops/operation.ts";
import { publishedInceptions } from "./published-inceptions.ts";
import { residualNetworks } from "./published-residual.ts";

export interface PublishedModel {
  readonly name: string;
  readonly recorded: string;
  readonly model: Layer<Tensor | NamedTensors>;
  /** The model without dropout, as first training steps were recorded; absent where those are not compared. */
  readonly training?: Layer<Tensor | NamedTensors>;
  /** Default: cross-entropy of "logits". */
  readonly loss?: (outputs: NamedTensors, labels: Tensor) => Tensor;
  /** Whether logits are compared at the published size because the model does not take the small one. Default false. */
  readonly fullSize?: boolean;
  /** What the record calls a parameter of ours, where names differ. */
  readonly recordedName?: (ours: string) => string;
}

/** Models of the registry, and the names of their records. */
const ofRegistry: Readonly<Record<string, string>> = {
  "cifar-resnet-20": "resnet20_cifar10",
  "cifar-resnet-32": "resnet32_cifar10",
  "cifar-resnet-56": "resnet56_cifar10",
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
  "mobilenet-v1": "mobilenet_v1",
};

const withoutDropout = /^(resnet|resnext|wide-resnet|densenet|mobilenet-v1)/;

export const publishedModels: readonly PublishedModel[] = [
  ...Object.entries(ofRegistry).map(([name, recorded]): PublishedModel => {
    const model = modelNamed(name).build();
    return { name, recorded, model, ...(withoutDropout.test(name) ? { training: model } : {}) };
  }),
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
  {
    name: "googlenet with heads",
    recorded: "googlenet_caffe",
    model: googlenet({ auxiliary: true }),
    recordedName: caffeNameOfGoogLeNet,
  },
  {
    name: "googlenet of torchvision with heads",
    recorded: "googlenet",
    model: googlenet({ variant: "torchvision", auxiliary: true }),
    training: googlenet({ variant: "torchvision", auxiliary: true, dropout: 0, auxiliaryDropout: 0 }),
    loss: googlenetLoss,
  },
  {
    name: "inception-v3 with its head",
    recorded: "inception_v3",
    model: inceptionV3({ auxiliary: true }),
    fullSize: true,
  },
  ...publishedInceptions,
  {
    name: "mobilenet-v1 under timm's names",
    recorded: "mobilenet_v1_timm",
    model: mobilenetV1({ activation: "relu6" }),
    training: mobilenetV1({ activation: "relu6" }),
    recordedName: timmNameOfMobileNet,
  },
  {
    name: "cifar-mobilenet-v1",
    recorded: "mobilenet_v1_cifar10",
    model: modelNamed("cifar-mobilenet-v1").build(),
    recordedName: kuangliuNameOfMobileNet,
  },
  {
    name: "mobilenet-v2",
    recorded: "mobilenet_v2",
    model: mobilenetV2(),
    training: mobilenetV2({ dropout: 0 }),
  },
  {
    name: "mobilenet-v3-small",
    recorded: "mobilenet_v3_small",
    model: mobilenetV3({ size: "small" }),
    training: mobilenetV3({ size: "small", dropout: 0 }),
  },
  ...residualNetworks,
];

/** From layers that the record numbers in place of naming. */
function renumbered(numbers: Readonly<Record<string, string>>) {
  return (ours: string) => {
    const [layer, leaf] = ours.split(".");
    return `${numbers[layer]}.${leaf}`;
  };
}

/** "features.stage2.unit1.dw_conv.bn.weight" is "blocks.1.0.bn1.weight" in timm's mobilenetv1_100. */
function timmNameOfMobileNet(ours: string): string {
  return ours
    .replace(/^features\.stage(\d)\.unit(\d)/, (_, stage, unit) => `blocks.${stage - 1}.${unit - 1}`)
    .replace("features.init_block.conv", "conv_stem")
    .replace("features.init_block.bn", "bn1")
    .replace(/(dw|pw)_conv\.conv/, "conv_$1")
    .replace("dw_conv.bn", "bn1")
    .replace("pw_conv.bn", "bn2")
    .replace("output", "classifier");
}

/** "features.stage2.unit1.dw_conv.bn.weight" is "layers.1.bn1.weight" in kuangliu's MobileNet. */
function kuangliuNameOfMobileNet(ours: string): string {
  const firstOfStage = [0, 1, 3, 5, 11];
  return ours
    .replace(
      /^features\.stage(\d)\.unit(\d)/,
      (_, stage, unit) => `layers.${firstOfStage[stage - 1] + Number(unit) - 1}`,
    )
    .replace(/^features\.init_block\.(conv|bn)/, "$11")
    .replace(/dw_conv\.(conv|bn)/, "$11")
    .replace(/pw_conv\.(conv|bn)/, "$12")
    .replace("output", "linear");
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
