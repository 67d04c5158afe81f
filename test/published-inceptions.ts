/** Recorded networks of the inceptions and of what followed them. */

import { bnInception } from "../src/models/bn-inception.ts";
import { inceptionResNet } from "../src/models/inception-resnet.ts";
import { inceptionV4 } from "../src/models/inception-v4.ts";
import { xception } from "../src/models/xception.ts";
import type { PublishedModel } from "./published-models.ts";

/** Models that are made without dropout, so that training steps can be compared. */
const withoutDropout: Readonly<Record<string, Omit<PublishedModel, "name" | "training">>> = {
  "bn-inception": { recorded: "bninception", model: bnInception() },
  "inception-resnet-v1": {
    recorded: "inception_resnet_v1_facenet",
    model: inceptionResNet({ version: 1, dropout: 0 }),
  },
  "inception-resnet-v1 of pytorchcv": {
    recorded: "inception_resnet_v1",
    model: inceptionResNet({ version: 1, dropout: 0 }),
    recordedName: pytorchcvNameOfInceptionResNet,
  },
  "inception-resnet-v2": { recorded: "inceptionresnetv2", model: inceptionResNet({ dropout: 0 }) },
  xception: { recorded: "xception", model: xception({ dropout: 0 }) },
};

export const publishedInceptions: readonly PublishedModel[] = [
  // At 107 pixels the last maps are 2×2, and some channels nearly constant: the gradients of the record in float32 and in
  // float64 part by 4e-3 already.
  { name: "inception-v4", recorded: "inceptionv4", model: inceptionV4() },
  ...Object.entries(withoutDropout).map(([name, each]) => ({ ...each, name, training: each.model })),
];

/** "repeat_2.0.branch1.2.conv.weight" is "features.stage2.unit2.branches.branch2.conv_list.conv3.conv.weight" in pytorchcv. */
function pytorchcvNameOfInceptionResNet(ours: string): string {
  const first = ["conv2d_1a", "conv2d_2a", "conv2d_2b", "conv2d_3b", "conv2d_4a", "conv2d_4b"];
  const last = { last_linear: "fc1", last_bn: "bn", logits: "fc2" };
  const [top, ...rest] = ours.split(".");
  if (first.includes(top)) return ["features.init_block", `conv${first.indexOf(top) + 1}`, ...rest].join(".");
  if (top in last) return ["output", last[top as keyof typeof last], ...rest].join(".");
  // A reduction is the first unit of its stage; the last block is one more of the third.
  const stage = { repeat_1: 1, mixed_6a: 2, repeat_2: 2, mixed_7a: 3, repeat_3: 3, block8: 3 }[top];
  const index = top.startsWith("repeat") ? Number(rest.shift()) : 0;
  const unit = top === "block8" ? 7 : top.startsWith("mixed") ? 1 : index + (stage === 1 ? 1 : 2);
  const place = `features.stage${stage}.unit${unit}`;
  const [part, ...within] = rest;
  if (part === "conv2d") return [place, "conv", ...within].join(".");
  const branch = `${place}.branches.branch${Number(part.slice(-1)) + 1}`;
  if (/^\d$/.test(within[0]))
    return [branch, `conv_list.conv${Number(within[0]) + 1}`, ...within.slice(1)].join(".");
  return [branch, top === "mixed_6a" ? "conv_list.conv1" : "conv", ...within].join(".");
}
