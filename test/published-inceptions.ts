/** Recorded networks of the inceptions and of what followed them. */

import { pnasnet } from "../src/models/pnasnet.ts";
import { modelNamed } from "../src/models/registry.ts";
import type { PublishedModel } from "./published-models.ts";

/** Models of the registry, and the names of their records. */
const ofRegistry: Readonly<Record<string, string>> = {
  "bn-inception": "bninception",
  "inception-v4": "inceptionv4",
  "inception-resnet-v1": "inception_resnet_v1_facenet",
  "inception-resnet-v2": "inceptionresnetv2",
  xception: "xception",
};

export const publishedInceptions: readonly PublishedModel[] = [
  ...Object.entries(ofRegistry).map(([name, recorded]) => ({
    name,
    recorded,
    model: modelNamed(name).build(),
  })),
  {
    name: "inception-resnet-v1 of pytorchcv",
    recorded: "inception_resnet_v1",
    model: modelNamed("inception-resnet-v1").build(),
    recordedName: pytorchcvNameOfInceptionResNet,
  },
  // These records pad maps of even size by one more row and column, and cut off the first of what comes out.
  {
    name: "nasnet-a-mobile",
    recorded: "nasnetamobile",
    model: modelNamed("nasnet-a-mobile").build(),
    cutOff: reductionAt(28, 22) + reductionAt(14, 88) + reductionAt(7, 176),
  },
  {
    name: "pnasnet5-large",
    recorded: "pnasnet5large",
    model: pnasnet({ padding: "as at 331" }),
    cutOff: rim(21) * (2 * separable(5, 432) + separable(7, 432) + 2 * separable(3, 432)),
  },
  {
    name: "polynet",
    recorded: "polynet",
    model: modelNamed("polynet").build(),
    // The same names, but in the order of computation: the record has all batch norms of a shared convolution together.
    recordedName: (ours) => ours,
  },
];

/** Places that maps of n × n have less than those of one more row and column. */
function rim(n: number): number {
  return (n + 1) ** 2 - n ** 2;
}

/** Multiply-adds of a separable convolution at one place. */
function separable(kernel: number, channels: number): number {
  return kernel ** 2 * channels + channels ** 2;
}

/** What is cut off in a reduction cell of NASNet-A that gives maps of n × n. */
function reductionAt(n: number, channels: number): number {
  return rim(n) * (2 * separable(5, channels) + 2 * separable(7, channels) + separable(3, channels));
}

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
