/** Residual networks whose records have other names than ours, or that the registry has in another form. */

import { cifarResNet } from "../src/models/cifar-resnet.ts";
import { cifarDenseNet } from "../src/models/densenet.ts";
import { fractalNet } from "../src/models/fractalnet.ts";
import { modelNamed } from "../src/models/registry.ts";
import type { PublishedModel } from "./published-models.ts";

export const residualNetworks: readonly PublishedModel[] = [
  {
    name: "resnet18-cifar",
    recorded: "resnet18_cifar10_kuangliu",
    model: modelNamed("resnet18-cifar").build(),
    training: modelNamed("resnet18-cifar").build(),
    recordedName: (ours) => ours.replace("downsample", "shortcut").replace(/^fc/, "linear"),
  },
  {
    name: "preact-resnet18-cifar",
    recorded: "preact_resnet18_cifar10",
    model: modelNamed("preact-resnet18-cifar").build(),
    training: modelNamed("preact-resnet18-cifar").build(),
    recordedName: (ours) =>
      preactName(ours, (stage, i) => `layer${stage}.${i}`)
        .replace("identity_conv", "shortcut.0")
        .replace("output", "linear"),
  },
  ...[
    ["wrn-16-4", "wide_resnet16_4_cifar10"],
    ["wrn-28-10", "wide_resnet28_10_cifar10"],
  ].map(([name, recorded]) => ({
    name,
    recorded,
    model: modelNamed(name).build(),
    training: modelNamed(name).build(),
    recordedName: (ours: string) =>
      preactName(ours, (stage, i) => `block${stage}.layer.${i}`)
        .replace("identity_conv", "convShortcut")
        .replace("features.post_activ.bn", "bn1")
        .replace("output", "fc"),
  })),
  ...[
    ["cifar-resnext-29-32x4d", "resnext29_32x4d_cifar10"],
    ["cifar-resnext-29-16x64d", "resnext29_16x64d_cifar10"],
  ].map(([name, recorded]) => ({
    name,
    recorded,
    model: modelNamed(name).build(),
    training: modelNamed(name).build(),
    recordedName: pytorchcvName,
  })),
  ...[40, 100].map((depth) => {
    const model = cifarDenseNet({ depth, bottleneck: false, compression: 0.5, initialChannels: 24 });
    return {
      name: `cifar-densenet-${depth}-12 with compression`,
      recorded: `densenet${depth}_k12_cifar10`,
      model,
      training: model,
      recordedName: pytorchcvNameOfDenseNet,
      // They are pooled there.
      unlikePlaces: /^features$/,
    };
  }),
  {
    name: "cifar-densenet-40-12 from 24 channels",
    recorded: "densenet40_k12_cifar10_andreasveit",
    model: cifarDenseNet({ depth: 40, bottleneck: false, initialChannels: 24 }),
    training: cifarDenseNet({ depth: 40, bottleneck: false, initialChannels: 24 }),
    recordedName: andreasveitName,
  },
  {
    name: "cifar-densenet-bc-100-12",
    recorded: "densenet_bc100_k12_cifar10",
    model: modelNamed("cifar-densenet-bc-100-12").build(),
    training: modelNamed("cifar-densenet-bc-100-12").build(),
    recordedName: andreasveitName,
  },
  {
    name: "cifar-fractalnet-20",
    recorded: "fractalnet_cifar10",
    model: fractalNet(),
    training: fractalNet({ localDrop: 0, globalDrop: 0 }),
  },
  {
    name: "cifar-resnet-20 with projections and stochastic depth",
    recorded: "stochastic_depth_resnet20_cifar10",
    model: cifarResNet({ shortcuts: "B", stochasticDepth: { survival: 0.5, rescale: "training" } }),
    training: cifarResNet({ shortcuts: "B" }),
    recordedName: pytorchcvName,
  },
];

/** "layer1.0.conv1.weight" is "features.stage1.unit1.body.conv1.conv.weight" in pytorchcv. */
function pytorchcvName(ours: string): string {
  const unit = (_: string, stage: string, i: string) => `features.stage${stage}.unit${Number(i) + 1}`;
  return ours
    .replace(/^layer(\d)\.(\d+)/, unit)
    .replace(/^layer(\d)$/, "features.stage$1")
    .replace(/^conv1\./, "features.init_block.conv.")
    .replace(/^bn1\./, "features.init_block.bn.")
    .replace(/\.conv(\d)\.(weight|bias)$/, ".body.conv$1.conv.$2")
    .replace(/\.bn(\d)\./, ".body.conv$1.bn.")
    .replace(/\.(?:shortcut|downsample)\.0\./, ".identity_conv.conv.")
    .replace(/\.(?:shortcut|downsample)\.1\./, ".identity_conv.bn.")
    .replace(/^(?:linear|fc)\./, "output.");
}

/** "features.denseblock1.denselayer1.norm1.weight" is "features.stage1.unit1.conv.bn.weight" in pytorchcv. */
function pytorchcvNameOfDenseNet(ours: string): string {
  return ours
    .replace(/denseblock(\d)\.denselayer/, "stage$1.unit")
    .replace(
      /transition(\d)/,
      (_, stage: string) => `stage${Number(stage) + 1}.trans${Number(stage) + 1}.conv`,
    )
    .replace(/(unit\d+)\.(norm|conv)1/, "$1.conv.$2")
    .replace("norm5", "post_activ.norm")
    .replace("norm", "bn")
    .replace("conv0", "init_block")
    .replace("classifier", "output");
}

/** "features.denseblock1.denselayer1.norm1.weight" is "block1.layer.0.bn1.weight" in andreasveit/densenet-pytorch. */
function andreasveitName(ours: string): string {
  return ours
    .replace("features.", "")
    .replace(/denselayer(\d+)/, (_, layer: string) => `layer.${Number(layer) - 1}`)
    .replace("denseblock", "block")
    .replace(/transition(\d)\.(\w+)/, "trans$1.$21")
    .replace("norm5", "norm1")
    .replace("norm", "bn")
    .replace("conv0", "conv1")
    .replace("classifier", "fc");
}

/** "features.stage1.unit1.body.conv2.bn.weight" is "layer1.0.bn2.weight" and the like in implementations by hand. */
function preactName(ours: string, unit: (stage: string, i: number) => string): string {
  return ours
    .replace(/^features\.stage(\d)\.unit(\d+)/, (_, stage: string, i: string) => unit(stage, Number(i) - 1))
    .replace("features.init_block", "conv1")
    .replace(/body\.conv(\d)\.(bn|conv)/, "$2$1");
}
