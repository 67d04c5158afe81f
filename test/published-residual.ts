/** Residual networks whose records have other names than ours, or that the registry has in another form. */

import { cifarResNet } from "../src/models/cifar-resnet.ts";
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
      preactName(ours, (stage, i) => `layer${stage}.${i}.`)
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
      preactName(ours, (stage, i) => `block${stage}.layer.${i}.`)
        .replace("identity_conv", "convShortcut")
        .replace("features.post_activ.bn", "bn1")
        .replace("output", "fc"),
  })),
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
  const unit = (_: string, stage: string, i: string) => `features.stage${stage}.unit${Number(i) + 1}.`;
  return ours
    .replace(/^layer(\d)\.(\d+)\./, unit)
    .replace(/^conv1\./, "features.init_block.conv.")
    .replace(/^bn1\./, "features.init_block.bn.")
    .replace(/\.conv(\d)\.(weight|bias)$/, ".body.conv$1.conv.$2")
    .replace(/\.bn(\d)\./, ".body.conv$1.bn.")
    .replace(/\.(?:shortcut|downsample)\.0\./, ".identity_conv.conv.")
    .replace(/\.(?:shortcut|downsample)\.1\./, ".identity_conv.bn.")
    .replace(/^(?:linear|fc)\./, "output.");
}

/** "features.stage1.unit1.body.conv2.bn.weight" is "layer1.0.bn2.weight" and the like in implementations by hand. */
function preactName(ours: string, unit: (stage: string, i: number) => string): string {
  return ours
    .replace(/^features\.stage(\d)\.unit(\d+)\./, (_, stage: string, i: string) => unit(stage, Number(i) - 1))
    .replace("features.init_block", "conv1")
    .replace(/body\.conv(\d)\.(bn|conv)/, "$2$1");
}
