/** `striate receptive-field`: what one place of a network looks at, by arithmetic and by its gradient. */

import type { Command } from "commander";
import {
  type EffectiveReceptiveField,
  effectiveReceptiveField,
  receptiveFieldPng,
  receptiveFieldSvg,
} from "../explain/index.ts";
import { writeFileAtomic } from "../formats/node.ts";
import { readCheckpoint } from "../inference/node.ts";
import { modelNamed } from "../models/registry.ts";
import { build } from "../nn/index.ts";
import { addEngineOptions, type EngineFlags, openEngine } from "./engines.ts";
import { count, type ImageShape, imageShape, whole } from "./flags.ts";
import type { Host } from "./host.ts";

interface ReceptiveFieldFlags extends EngineFlags {
  readonly at?: string;
  readonly weights?: string;
  readonly images: number;
  readonly seed: number;
  readonly input?: ImageShape;
  readonly svg?: string;
  readonly png?: string;
  readonly json?: boolean;
}

export function addReceptiveField(program: Command, host: Host): void {
  const command = program
    .command("receptive-field")
    .description("Show which pixels the middle place of a map looks at, and how much.")
    .argument("<model>", "a model by name; `striate models` lists them")
    .option("--at <place>", "the layer, such as layer3 (default: the last map)")
    .option("--weights <file>", "a checkpoint, or published weights (default: the model's first weights)")
    .option("--images <n>", "random images that are averaged over", count, 8)
    .option("--seed <n>", "of images and first weights", whole, 0)
    .option("--input <HxWxC>", "height, width and channels of the image", imageShape)
    .option("--svg <file>", "draw it with what arithmetic says around it")
    .option("--png <file>", "draw it alone, a pixel of the image each");
  addEngineOptions(command)
    .option("--json", "write one JSON object, with all values")
    .action((name: string, flags: ReceptiveFieldFlags) => runReceptiveField(name, flags, host));
}

async function runReceptiveField(name: string, flags: ReceptiveFieldFlags, host: Host): Promise<void> {
  const entry = modelNamed(name);
  const { at, images, seed } = flags;
  const checkpoint =
    flags.weights === undefined ? undefined : await readCheckpoint(flags.weights, { model: entry.name });
  const shape = flags.input ?? checkpoint?.data.imageShape ?? entry.input;
  const classes = checkpoint?.model.options.classes;
  const layers = entry.build(typeof classes === "number" ? { classes } : {});
  const network = build(layers, { input: [1, ...shape] });
  const state = checkpoint?.state;
  const values =
    state &&
    new Map(
      [...network.parameters, ...network.states].map((each) => [each.name, state.get(each.name)?.data ?? []]),
    );
  const engine = await openEngine(flags, host);
  try {
    const field = await effectiveReceptiveField(network, {
      engine,
      images,
      seed,
      ...(at === undefined ? {} : { at }),
      ...(values === undefined ? {} : { values }),
    });
    const svg = new TextEncoder().encode(receptiveFieldSvg(field, entry.name));
    if (flags.svg !== undefined) await writeFileAtomic(flags.svg, svg);
    if (flags.png !== undefined) await writeFileAtomic(flags.png, receptiveFieldPng(field));
    host.out(flags.json ? `${JSON.stringify(jsonOf(entry.name, field))}\n` : report(entry.name, field));
  } finally {
    engine.dispose();
  }
}

function jsonOf(model: string, { values, ...field }: EffectiveReceptiveField) {
  return { model, ...field, values: Array.from(values) };
}

function report(model: string, field: EffectiveReceptiveField): string {
  const { at, box, edge, height, map, theoretical, width } = field;
  const [vertical, horizontal] = theoretical;
  const [top, left, boxHeight, boxWidth] = box;
  const lines = [
    `${model} at ${at}, ${map.join("×")}`,
    `sees by arithmetic   ${vertical.size}×${horizontal.size} pixels, step ${vertical.stride}; of the image ${boxHeight}×${boxWidth} from row ${top} and column ${left}`,
    `looks at             as many as ${edge.toFixed(1)}×${edge.toFixed(1)} pixels of ${height}×${width}, those with more than 4.55 % of the greatest gradient`,
  ];
  return `${lines.join("\n")}\n`;
}
