/** Residual networks whose records have other names than ours, or that the registry has in another form. */

import { cifarResNet } from "../src/models/cifar-resnet.ts";
import { modelNamed } from "../src/models/registry.ts";
import type { PublishedModel } from "./published-models.ts";

export const residualNetworks: readonly PublishedModel[] = [
  {
    name: "resnet18-cifar",
    recorded: "resnet18_cifar10_kuangliu",
    model: modelNamed("resnet18-cifar").build(),
    recordedName: (ours) => ours.replace("downsample", "shortcut").replace(/^fc/, "linear"),
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
