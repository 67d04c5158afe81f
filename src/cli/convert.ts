/** `striate convert`: makes a checkpoint of ours from published weights. */

import { existsSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { namedSets } from "../data/named.ts";
import { availableSplits } from "../data/node.ts";
import { readFileBytes, writeFileAtomic } from "../formats/node.ts";
import { modelNamed } from "../models/registry.ts";
import { initialValues } from "../nn/initializers.ts";
import { build } from "../nn/network.ts";
import { OptionError, size } from "../tensor/index.ts";
import { type DataRecord, encodeCheckpoint } from "../train/checkpoint.ts";
import { trainingOptions } from "../train/options.ts";
import { initialProgress } from "../train/progress.ts";
import { recipeFor } from "../train/recipes.ts";
import { version } from "../train/version.ts";
import { auxiliaryOf, headOf, weightsFor } from "../train/weights.ts";
import { readWeights } from "../train/weights-file.ts";
import { count, type ImageShape, number, imageShape as parseShape, whole } from "./flags.ts";
import type { Host } from "./host.ts";
import { formatCount } from "./table.ts";
import { dataLabel, openPart } from "./training-data.ts";

interface ConvertFlags {
  readonly model: string;
  readonly classes?: number;
  readonly data?: string;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly input?: ImageShape;
  readonly newHead?: boolean;
  readonly ignore?: string;
  readonly seed: number;
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** What weights for colour pictures are published with, if nothing else is said: the statistics of ImageNet. */
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

export function addConvert(program: Command, host: Host): void {
  program
    .command("convert")
    .description("Make a checkpoint of published weights, to evaluate and predict with.")
    .argument(
      "<file>",
      "a checkpoint of PyTorch (.pth, .pt, .th) or a safetensors file, named as in the reference",
    )
    .requiredOption("--model <name>", "the model that they are of; `striate models` lists them")
    .option("--classes <n>", "length of the logits (default: the data's classes, else the model's)", count)
    .option(
      "--data <name|dir>",
      "data set whose classes these are, and whose normalisation unless --mean says",
    )
    .option(
      "--mean <list>",
      "mean of each channel that images are normalised with, such as 0.5,0.5,0.5",
      numbers,
    )
    .option("--std <list>", "standard deviation of each channel", numbers)
    .option("--input <HxWxC>", "height, width and channels of the image", parseShape)
    .option("--new-head", "where the classes differ, keep the body and draw a new head")
    .option("--ignore <list>", "parts of the file that the model does not have, such as aux1,aux2")
    .option("--seed <n>", "of a new head", whole, 1)
    .option("--out <file>", "where to write (default: <file>.<model>.safetensors in this folder)")
    .option("--force", "write over a file that is there")
    .option("--json", "write one JSON object")
    .action((path: string, flags: ConvertFlags) => runConvert(path, flags, host));
}

async function runConvert(path: string, flags: ConvertFlags, host: Host): Promise<void> {
  const entry = modelNamed(flags.model);
  const out = flags.out ?? `${basename(path, extname(path))}.${entry.name}.safetensors`;
  if (resolve(out) === resolve(path)) throw new OptionError(`--out is ${path} itself. Name another file.`);
  if (!flags.force && existsSync(out))
    throw new OptionError(`${out} is there already. Name another file with --out, or add --force.`);

  const data = await dataRecord(flags, entry, host);
  const classes = flags.classes ?? (flags.data === undefined ? entry.classes : data.classes.length);
  if (flags.data !== undefined && classes < data.classes.length)
    throw new OptionError(`--classes is ${classes}, but ${flags.data} has ${data.classes.length} classes.`);

  const { format, tensors } = await readWeights(await readFileBytes(path), path);
  const model = entry.build({ classes });
  const network = build(model, { input: [1, ...data.imageShape], training: true });
  const declared = [...network.parameters, ...network.states];
  const head = flags.newHead ? headOf((count) => entry.build({ classes: count }), data.imageShape) : [];
  const weights = weightsFor(declared, tensors, {
    file: path,
    head,
    optional: auxiliaryOf(model, data.imageShape),
    rename: leaveOut(flags.ignore?.split(",") ?? []),
  });
  const initial = initialValues(network, flags.seed);
  const state = declared.map(({ name, shape, kind }) => {
    const fresh = { shape, kind, data: initial.get(name) ?? new Float32Array(size(shape)) };
    return [name, weights.get(name) ?? fresh] as const;
  });
  const checkpoint = {
    version,
    model: { name: entry.name, options: { classes } },
    data: flags.data === undefined ? { ...data, classes: numbered(classes) } : data,
    training: trainingOptions(recipeFor(entry.name)),
    progress: initialProgress,
    state: new Map(state),
  };
  await writeFileAtomic(out, await encodeCheckpoint(checkpoint));

  const drawn = declared.map(({ name }) => name).filter((name) => !weights.has(name));
  const parameters = network.parameters.reduce((sum, { shape }) => sum + size(shape), 0);
  const { normalization } = data;
  const result = { model: entry.name, file: path, format, out, classes, parameters, arrays: weights.size };
  if (flags.json) host.out(`${JSON.stringify({ ...result, drawn, normalization })}\n`);
  else host.out(report({ ...result, drawn, normalization }));
}

/** What the checkpoint says of its data: known sets are described without their files. */
async function dataRecord(
  flags: ConvertFlags,
  entry: { readonly input: ImageShape },
  host: Host,
): Promise<DataRecord> {
  const described = await describedData(flags, entry.input, host);
  const shape = flags.input ?? described.imageShape;
  const channels = shape[2];
  const plain = { mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) };
  const known = described.normalization ?? (channels === 3 ? imagenet : plain);
  const normalization = { mean: flags.mean ?? known.mean, std: flags.std ?? known.std };
  for (const [flag, values] of [
    ["--mean", normalization.mean],
    ["--std", normalization.std],
  ] as const) {
    if (values.length !== channels)
      throw new OptionError(`${flag} has ${values.length} numbers for images of ${channels} channels.`);
  }
  if (!normalization.std.every((each) => each > 0)) throw new OptionError("--std must be greater than 0.");
  const { name, classes } = described;
  // No fingerprint: the images that the weights were trained on are not known.
  return { name, fingerprint: "", classes, normalization, imageShape: shape };
}

async function describedData(
  flags: ConvertFlags,
  input: ImageShape,
  host: Host,
): Promise<Pick<DataRecord, "name" | "classes" | "imageShape"> & Partial<Pick<DataRecord, "normalization">>> {
  const { data } = flags;
  if (data === undefined) return { name: "unknown", classes: [], imageShape: input };
  const set = namedSets.find(({ name }) => name === data);
  if (set) return set;
  const [split] = await availableSplits(data);
  const { classes, imageShape, normalization } = await openPart({ data }, split, flags.input ?? input, host);
  return { name: dataLabel(data), classes, imageShape, normalization };
}

/** Names as they are, but for those of these parts: "aux1" is "aux1.fc.weight" too. */
function leaveOut(parts: readonly string[]): (name: string) => string | undefined {
  return (name) => (parts.some((part) => name === part || name.startsWith(`${part}.`)) ? undefined : name);
}

function numbered(classes: number): string[] {
  return Array.from({ length: classes }, (_, label) => `${label}`);
}

function numbers(text: string): readonly number[] {
  if (text.trim() === "") throw new InvalidArgumentError("It is numbers, such as 0.5,0.5,0.5.");
  return text.split(",").map(number);
}

function report(result: {
  readonly model: string;
  readonly out: string;
  readonly classes: number;
  readonly parameters: number;
  readonly arrays: number;
  readonly drawn: readonly string[];
  readonly normalization: DataRecord["normalization"];
}): string {
  const { arrays, classes, model, drawn, normalization, out, parameters } = result;
  const lines = [
    `${model}, ${formatCount(parameters)} parameters, ${formatCount(classes)} classes, ${formatCount(arrays)} arrays taken`,
    ...(drawn.length > 0 ? [`drawn anew        ${drawn.join(", ")}`] : []),
    `normalisation     mean ${normalization.mean.join(", ")}; deviation ${normalization.std.join(", ")}`,
    `checkpoint        ${out}`,
  ];
  return `${lines.join("\n")}\n`;
}
