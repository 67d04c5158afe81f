/** Networks for small devices, networks whose channels are gated, and dual path networks. */

import { mobilenetV1 } from "../src/models/mobilenet-v1.ts";
import { modelNamed } from "../src/models/registry.ts";
import type { PublishedModel } from "./published-models.ts";

/** Models of the registry, and the names of their records. */
const ofRegistry: Readonly<Record<string, string>> = {
  "mobilenet-v1": "mobilenet_v1",
  "mobilenet-v2": "mobilenet_v2",
  "mobilenet-v3-small": "mobilenet_v3_small",
  "mnasnet1-0": "mnasnet1_0",
  "efficientnet-b0": "efficientnet_b0",
  "shufflenet-v1-g3": "shufflenet_v1_g3_pytorchcv",
  "shufflenet-v1-g3-x1-0-megvii": "shufflenet_v1_g3",
  "shufflenet-v1-g3-x0-5-megvii": "shufflenet_v1_g3_x0_5",
  "shufflenet-v2-x1-0": "shufflenet_v2_x1_0",
  "shufflenet-v2-x1-5": "shufflenet_v2_x1_5",
  "se-resnet50": "se_resnet50",
  "se-resnext50-32x4d": "se_resnext50_32x4d",
  senet154: "senet154",
};

export const mobileNetworks: readonly PublishedModel[] = [
  ...Object.entries(ofRegistry).map(([name, recorded]) => ({
    name,
    recorded,
    model: modelNamed(name).build(),
  })),
  ...["dpn68", "dpn68b", "dpn98"].map((name) => ({
    name,
    recorded: name,
    model: modelNamed(name).build(),
    // The record has the residual path of each block, whose last tensor is the dense one.
    unlikePlaces: /^features\.conv\d_\d+$/,
  })),
  {
    name: "mobilenet-v1 under timm's names",
    recorded: "mobilenet_v1_timm",
    model: mobilenetV1({ activation: "relu6" }),
    recordedName: timmNameOfMobileNet,
  },
  {
    name: "efficientnet-b0 under timm's names",
    recorded: "efficientnet_b0_timm",
    model: modelNamed("efficientnet-b0").build(),
    recordedName: timmNameOfEfficientNet,
  },
  {
    name: "cifar-mobilenet-v1",
    recorded: "mobilenet_v1_cifar10",
    model: modelNamed("cifar-mobilenet-v1").build(),
    recordedName: kuangliuNameOfMobileNet,
  },
];

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

/** "features.2.0.block.3.1.weight" is "blocks.1.0.bn3.weight" in timm's efficientnet_b0. */
function timmNameOfEfficientNet(ours: string): string {
  const parts = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"];
  const partsOfFirst = ["conv_dw", "bn1", "conv_pw", "bn2"];
  return ours
    .replace(/\d\.fc1/, "se.conv_reduce")
    .replace(/\d\.fc2/, "se.conv_expand")
    .replace(/^features\.0\.0/, "conv_stem")
    .replace(/^features\.0\.1/, "bn1")
    .replace(/^features\.8\.0/, "conv_head")
    .replace(/^features\.8\.1/, "bn2")
    .replace(/^features\.(\d)\.(\d)\.block/, (_, stage, i) => `blocks.${stage - 1}.${i}`)
    .replace("classifier.1", "classifier")
    .replace(/^(blocks\.(\d)\.\d)\.(\d)\.(\d)/, (_, block, stage, unit, layer) => {
      const [names, gate] = stage === "0" ? [partsOfFirst, 1] : [parts, 2];
      const before = Number(unit) > gate ? Number(unit) - 1 : Number(unit);
      return `${block}.${names[2 * before + Number(layer)]}`;
    });
}
