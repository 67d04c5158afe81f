/** `striate convert`: makes a checkpoint of ours from published weights. */

import { existsSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { namedSets } from "../data/named.ts";
import { availableSplits } from "../data/node.ts";
import type { Normalization } from "../data/normalization.ts";
import { readFileBytes, writeFileAtomic } from "../formats/node.ts";
import { modelNamed } from "../models/registry.ts";
import { formatShape, OptionError } from "../tensor/index.ts";
import { adoptWeights } from "../train/adopt-weights.ts";
import { type DataRecord, encodeCheckpoint } from "../train/checkpoint.ts";
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

export function addConvert(program: Command, host: Host): void {
  program
    .command("convert")
    .description("Make a checkpoint of published weights, to evaluate and predict with.")
    .argument(
      "<file>",
      "a checkpoint of PyTorch (.pth, .pt, .th), safetensors or their index, with the reference's names or Caffe's",
    )
    .requiredOption("--model <name>", "the model that they are of; `striate models` lists them")
    .option(
      "--classes <n>",
      "length of the logits (default: the data's classes, else the model's); keeps the body and draws a new head where it differs",
      count,
    )
    .option("--data <name|dir>", "data set whose classes these are")
    .option(
      "--mean <list>",
      "mean of each channel that images are normalised with, such as 0.5,0.5,0.5 (default: as the model's published weights)",
      numbers,
    )
    .option("--std <list>", "standard deviation of each channel", numbers)
    .option("--input <HxWxC>", "height, width and channels of the image", parseShape)
    .option("--new-head", "draw a new head too where the data's classes are not the file's")
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

  const described = await describedData(flags, entry.input, host);
  const { classes } = flags;
  if (described.classes !== undefined && classes !== undefined && classes < described.classes.length)
    throw new OptionError(
      `--classes is ${classes}, but ${flags.data} has ${described.classes.length} classes.`,
    );
  const {
    format,
    tensors,
    data: own,
  } = await readWeights(await readFileBytes(path), path, (name) => readFileBytes(join(dirname(path), name)));
  const { checkpoint, drawn, leftOut, namesOf, parameters } = adoptWeights(entry, tensors, {
    file: path,
    ...(classes === undefined ? {} : { classes }),
    data: {
      ...(own === undefined ? {} : ofFile(own, classes === undefined)),
      ...described,
      ...(flags.input === undefined ? {} : { imageShape: flags.input }),
    },
    // Who says how many classes wants them: the head that does not fit is drawn anew.
    newHead: flags.newHead ?? classes !== undefined,
    ignore: flags.ignore?.split(",") ?? [],
    seed: flags.seed,
  });
  const data = { ...checkpoint.data, normalization: normalizationOf(checkpoint.data, flags) };
  await writeFileAtomic(out, await encodeCheckpoint({ ...checkpoint, data }));

  const result = {
    model: entry.name,
    file: path,
    format,
    namesOf,
    out,
    classes: checkpoint.model.options.classes as number, // adoptWeights has put it there
    parameters,
    arrays: checkpoint.state.size - drawn.length,
    drawn,
    leftOut,
    normalization: data.normalization,
  };
  host.out(flags.json ? `${JSON.stringify(result)}\n` : report(result));
}

/** What the checkpoint says, but for what --mean and --std say. */
function normalizationOf({ imageShape, normalization }: DataRecord, flags: ConvertFlags): Normalization {
  const given = {
    ...normalization,
    ...(flags.mean === undefined ? {} : { mean: flags.mean }),
    ...(flags.std === undefined ? {} : { std: flags.std }),
  };
  for (const flag of ["mean", "std"] as const) {
    if (given[flag].length !== imageShape[2])
      throw new OptionError(
        `--${flag} has ${given[flag].length} numbers for images of ${imageShape[2]} channels.`,
      );
  }
  if (!given.std.every((each) => each > 0)) throw new OptionError("--std must be greater than 0.");
  return given;
}

/** Name, classes and image of the data that is named: known sets are described without their files. */
async function describedData(
  { data, input: given }: ConvertFlags,
  input: ImageShape,
  host: Host,
): Promise<Partial<Pick<DataRecord, "name" | "classes" | "imageShape">>> {
  if (data === undefined) return {};
  const set = namedSets.find(({ name }) => name === data);
  if (set) return { name: set.name, classes: set.classes, imageShape: set.imageShape };
  const [split] = await availableSplits(data);
  const { classes, imageShape } = await openPart({ data }, split, given ?? input, host);
  // Pictures take any size: that of the weights is told by the file. Other data has its own.
  const isOwnSize = formatShape(imageShape) !== formatShape(given ?? input);
  return { name: dataLabel(data), classes, ...(isOwnSize ? { imageShape } : {}) };
}

/** What a file says of its own pictures, and of its classes where no others are wanted. */
function ofFile(own: DataRecord, keepsClasses: boolean): Partial<DataRecord> {
  const { classes, ...pictures } = own;
  return keepsClasses ? own : pictures;
}

function numbers(text: string): readonly number[] {
  if (text.trim() === "") throw new InvalidArgumentError("It is numbers, such as 0.5,0.5,0.5.");
  return text.split(",").map(number);
}

function report(result: {
  readonly model: string;
  readonly namesOf: string | null;
  readonly out: string;
  readonly classes: number;
  readonly parameters: number;
  readonly arrays: number;
  readonly drawn: readonly string[];
  readonly leftOut: readonly string[];
  readonly normalization: Normalization;
}): string {
  const { arrays, classes, model, drawn, leftOut, namesOf, normalization, out, parameters } = result;
  const lines = [
    `${model}, ${formatCount(parameters)} parameters, ${formatCount(classes)} classes, ${formatCount(arrays)} arrays taken`,
    ...(namesOf === null ? [] : [`names             those of ${namesOf}`]),
    ...(leftOut.length > 0
      ? [`left out          ${leftOut.length} arrays of heads that only training has`]
      : []),
    ...(drawn.length > 0 ? [`drawn anew        ${drawn.join(", ")}`] : []),
    `normalisation     ${shownNormalization(normalization)}`,
    `checkpoint        ${out}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** "mean 0.5; deviation 0.25", in units of 0…1. */
export function shownNormalization({ channels, mean, std }: Normalization): string {
  return `mean ${rounded(mean)}; deviation ${rounded(std)}${channels === "bgr" ? "; blue first" : ""}`;
}

function rounded(values: readonly number[]): string {
  return values.map((each) => Number(each.toPrecision(6))).join(", ");
}
