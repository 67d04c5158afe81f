/**
 * What published files call the weights of our networks, where that is not what we call them: one table a file of the field,
 * and nothing of it in code. A file is known by its names; whose pictures it expects stands beside them.
 */

import { caffe, type Preprocessing } from "../models/preprocessing.ts";
import type { DeclaredWeight } from "./weights.ts";

/** The names of one published file. */
export interface WeightNames {
  /** Whose they are: "Caffe's bvlc_googlenet". */
  readonly of: string;
  /** Models of the registry that have these weights. */
  readonly models: readonly string[];
  /** [theirs, ours] of every layer; ".weight" and ".bias" follow both. */
  readonly layers: readonly (readonly [theirs: string, ours: string])[];
  /** How pictures become inputs of these weights, where that is not as the registry says. */
  readonly preprocessing?: Preprocessing;
  /** The image they were made for, where that is not the registry's. */
  readonly input?: readonly [h: number, w: number, c: number];
}

const modules = ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"];
const branches = [
  ["1x1", "branch1"],
  ["3x3_reduce", "branch2.0"],
  ["3x3", "branch2.1"],
  ["5x5_reduce", "branch3.0"],
  ["5x5", "branch3.1"],
  ["pool_proj", "branch4.1"],
] as const;

/** Fire modules of SqueezeNet and where they stand in torchvision's `features`. */
function fires(first: number, places: readonly number[]): readonly (readonly [string, string])[] {
  return places.flatMap((place, i) =>
    (
      [
        ["squeeze1x1", "squeeze"],
        ["expand1x1", "expand1x1"],
        ["expand3x3", "expand3x3"],
      ] as const
    ).map(([theirs, ours]) => [`fire${first + i}/${theirs}`, `features.${place}.${ours}`] as const),
  );
}

/** pytorchcv's residual networks for CIFAR: three stages of three bottlenecks. */
const pytorchcvResNeXt = [1, 2, 3].flatMap((stage) =>
  [1, 2, 3].flatMap((unit) => {
    const [theirs, ours] = [`features.stage${stage}.unit${unit}`, `layer${stage}.${unit - 1}`];
    const body = [1, 2, 3].flatMap((i) => [
      [`${theirs}.body.conv${i}.conv`, `${ours}.conv${i}`] as const,
      [`${theirs}.body.conv${i}.bn`, `${ours}.bn${i}`] as const,
    ]);
    const shortcut = [
      [`${theirs}.identity_conv.conv`, `${ours}.downsample.0`],
      [`${theirs}.identity_conv.bn`, `${ours}.downsample.1`],
    ] as const;
    return unit === 1 ? [...body, ...shortcut] : body;
  }),
);

/** pytorchcv's DenseNets for CIFAR: three blocks, of 41 layers where they have most. */
const pytorchcvDenseNet = [1, 2, 3].flatMap((stage) => {
  const units = Array.from({ length: 41 }, (_, i) => i + 1).flatMap((unit) => {
    const theirs = `features.stage${stage}.unit${unit}`;
    const ours = `features.denseblock${stage}.denselayer${unit}`;
    return [1, 2].flatMap((i) => [
      [`${theirs}.conv${i}.bn`, `${ours}.norm${i}`] as const,
      [`${theirs}.conv${i}.conv`, `${ours}.conv${i}`] as const,
    ]);
  });
  const [theirs, ours] = [`features.stage${stage}.trans${stage}.conv`, `features.transition${stage - 1}`];
  return [[`${theirs}.bn`, `${ours}.norm`] as const, [`${theirs}.conv`, `${ours}.conv`] as const, ...units];
});

export const weightNames: readonly WeightNames[] = [
  {
    of: "Caffe's bvlc_googlenet",
    models: ["googlenet"],
    layers: [
      ["conv1/7x7_s2", "conv1.conv"],
      ["conv2/3x3_reduce", "conv2.conv"],
      ["conv2/3x3", "conv3.conv"],
      ...modules.flatMap((module) =>
        branches.map(
          ([theirs, ours]) => [`inception_${module}/${theirs}`, `inception${module}.${ours}.conv`] as const,
        ),
      ),
      ["loss1/conv", "aux1.conv.conv"],
      ["loss1/fc", "aux1.fc1"],
      ["loss1/classifier", "aux1.fc2"],
      ["loss2/conv", "aux2.conv.conv"],
      ["loss2/fc", "aux2.fc1"],
      ["loss2/classifier", "aux2.fc2"],
      ["loss3/classifier", "fc"],
    ],
  },
  {
    of: "Caffe's SqueezeNet v1.0",
    models: ["squeezenet1-0"],
    layers: [["conv1", "features.0"], ...fires(2, [3, 4, 5, 7, 8, 9, 10, 12]), ["conv10", "classifier.1"]],
    preprocessing: { ...caffe, cropFraction: 227 / 256 },
    input: [227, 227, 3],
  },
  {
    of: "Caffe's SqueezeNet v1.1",
    models: ["squeezenet1-1"],
    layers: [["conv1", "features.0"], ...fires(2, [3, 4, 6, 7, 9, 10, 11, 12]), ["conv10", "classifier.1"]],
    preprocessing: { ...caffe, cropFraction: 227 / 256 },
    input: [227, 227, 3],
  },
  {
    of: "pytorchcv's ResNeXt for CIFAR",
    models: ["cifar-resnext-29-32x4d", "cifar-resnext-29-8x64d", "cifar-resnext-29-16x64d"],
    layers: [
      ["features.init_block.conv", "conv1"],
      ["features.init_block.bn", "bn1"],
      ...pytorchcvResNeXt,
      ["output", "fc"],
    ],
  },
  {
    of: "pytorchcv's DenseNet-BC for CIFAR",
    models: ["cifar-densenet-bc-100-12", "cifar-densenet-bc-250-24", "cifar-densenet-bc-190-40"],
    layers: [
      ["features.init_block", "features.conv0"],
      ...pytorchcvDenseNet,
      ["features.post_activ.bn", "features.norm5"],
      ["output", "classifier"],
    ],
  },
];

/** Our name for theirs; a name that the table does not have stays, so that it is told as what the file calls it. */
export function renamed({ layers }: WeightNames, theirs: string): string {
  const dot = theirs.lastIndexOf(".");
  const ours = layers.find(([layer]) => layer === theirs.slice(0, dot))?.[1];
  return ours === undefined ? theirs : ours + theirs.slice(dot);
}

/**
 * The names by which a file's arrays are those of a network: undefined where they are the network's own, or nobody's we know. Of
 * several tables the one that finds most counts.
 */
export function namesOf(
  model: string,
  declared: Iterable<Pick<DeclaredWeight, "name">>,
  fileNames: Iterable<string>,
): WeightNames | undefined {
  const wanted = new Set([...declared].map(({ name }) => name));
  const names = [...fileNames];
  const found = (rename: (name: string) => string) => names.filter((name) => wanted.has(rename(name))).length;
  let [best, most]: [WeightNames | undefined, number] = [undefined, found((name) => name)];
  for (const table of weightNames.filter(({ models }) => models.includes(model))) {
    const count = found((name) => renamed(table, name));
    if (count > most) [best, most] = [table, count];
  }
  return best;
}
