/** Networks for small devices and with gates, whose records have other names than ours, or that the registry has in another form. */

import { mobilenetV1 } from "../src/models/mobilenet-v1.ts";
import { mobilenetV2 } from "../src/models/mobilenet-v2.ts";
import { mobilenetV3 } from "../src/models/mobilenet-v3.ts";
import { modelNamed } from "../src/models/registry.ts";
import { senet154 } from "../src/models/senet.ts";
import type { PublishedModel } from "./published-models.ts";

export const mobileNetworks: readonly PublishedModel[] = [
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
  {
    name: "senet154",
    recorded: "senet154",
    model: senet154(),
    training: senet154({ dropout: 0 }),
  },
  ...[
    ["shufflenet-v1-g3", "shufflenet_v1_g3_pytorchcv"],
    ["shufflenet-v1-g3-x1-0-megvii", "shufflenet_v1_g3"],
    ["shufflenet-v1-g3-x0-5-megvii", "shufflenet_v1_g3_x0_5"],
    ["shufflenet-v2-x1-0", "shufflenet_v2_x1_0"],
    ["shufflenet-v2-x1-5", "shufflenet_v2_x1_5"],
  ].map(([name, recorded]): PublishedModel => {
    const model = modelNamed(name).build();
    return { name, recorded, model, training: model };
  }),
  ...["dpn68", "dpn68b", "dpn98"].map((name): PublishedModel => {
    const model = modelNamed(name).build();
    // The record has the residual path of each block, whose last tensor is the dense one.
    return { name, recorded: name, model, training: model, unlikePlaces: /^features\.conv\d_\d+$/ };
  }),
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
