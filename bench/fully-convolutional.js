// @ts-check
/**
 * A classifier on every patch of a larger image, against the same classifier read as a convolution:
 * node bench/fully-convolutional.js [--quick] [--nets alexnet,vgg16] [--places 2,4,8] [--engine wasm] [--threads n] [--rounds n]
 *
 * Patches lie a stride of 32 pixels apart, as places of the map do, and go through the classifier eight at a time. Both take turns.
 * The share of multiply-adds is what sharing features saves; results go to results/fully-convolutional.csv, those of quick runs to
 * results/local/.
 */

import os from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { plan, StateLayout } from "../dist/graph/index.js";
import { modelNamed, summarize } from "../dist/models/index.js";
import { build, fullyConvolutional, initialValues } from "../dist/nn/index.js";
import { randomUniform } from "../dist/tensor/index.js";
import { engineNames, hasEngine, openEngine } from "./engine.js";
import { median } from "./measure.js";
import { alignColumns, Csv, machine, percent, short } from "./report.js";

/** Pixels from place to place in the maps of the nets here: the product of their strides. */
const stride = 32;

/** Patches that go through the classifier together. */
const batch = 8;

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    nets: { type: "string" },
    places: { type: "string" },
    engine: { type: "string", default: engineNames.find(hasEngine) },
    threads: { type: "string", default: String(os.availableParallelism()) },
    rounds: { type: "string" },
  },
});
const names = (options.nets ?? (options.quick ? "alexnet" : "alexnet,zfnet,nin,resnet18,vgg16")).split(",");
const sizes = (options.places ?? (options.quick ? "2,4" : "2,4,8")).split(",").map(Number);
const rounds = Number(options.rounds ?? (options.quick ? 3 : 7));
const engine = await openEngine(options.engine ?? "wasm", Number(options.threads));
const folder = options.quick ? "results/local" : "results";
const csv = new Csv(fileURLToPath(new URL(`${folder}/fully-convolutional.csv`, import.meta.url)), [
  ...["net", "engine", "threads", "edge", "places", "patches_ms", "map_ms", "times_faster", "share_of_macs"],
]);

console.log(`${machine()}, ${engine.name}, ${engine.threads} threads, medians of ${rounds} rounds`);
const table = [["net", "image", "patches", "patches ms", "map ms", "times faster", "multiply-adds"]];
for (const name of names)
  for (const places of sizes) {
    const { edge, patchesMs, mapMs, share } = await measured(name, places);
    table.push([
      ...[name, `${edge}×${edge}`, String(places ** 2), short(patchesMs), short(mapMs)],
      ...[short(patchesMs / mapMs), percent(share)],
    ]);
    csv.append([
      [name, engine.name, engine.threads, edge, places ** 2, patchesMs, mapMs, patchesMs / mapMs, share],
    ]);
  }
for (const line of alignColumns(table)) console.log(line);
engine.dispose();

/**
 * @param {string} name
 * @param {number} places Of the map, along each side.
 */
async function measured(name, places) {
  const { build: make, input } = modelNamed(name);
  const [patch, , channels] = input;
  const edge = patch + stride * (places - 1);
  const model = make();
  const classifier = build(model, { input: [batch, patch, patch, channels] });
  const map = build(fullyConvolutional(model, { patch: [patch, patch] }), {
    input: [1, edge, edge, channels],
  });
  const { shape } = map.outputs.logits;
  if (shape[1] !== places) throw new Error(`${name} has a map of ${shape[1]} places, not ${places}`);
  const state = new StateLayout();
  state.append("parameters", classifier.parameters);
  state.append("states", classifier.states);
  const session = await engine.open(state);
  for (const [parameter, values] of initialValues(classifier, 0)) session.write(parameter, values);
  const onPatches = await session.load(plan({ outputs: classifier.outputs, state }));
  const onImage = await session.load(plan({ outputs: map.outputs, state }));
  const patches = { x: pixels(batch * patch * patch * channels) };
  const image = { x: pixels(edge * edge * channels) };
  const [ofPatches, ofImage] = await takingTurns(
    () => onPatches.run(patches),
    () => onImage.run(image),
  );
  session.dispose();
  return {
    edge,
    patchesMs: (median(ofPatches) * places ** 2) / batch,
    mapMs: median(ofImage),
    share: macs(map) / (macs(classifier) * places ** 2),
  };
}

/** @param {import("../dist/nn/index.js").Network} network */
function macs(network) {
  return summarize(network).totals.macs;
}

/**
 * Milliseconds of each step in every round, after two to warm up.
 * @param {readonly (() => Promise<unknown>)[]} steps
 */
async function takingTurns(...steps) {
  /** @type {number[][]} */
  const found = steps.map(() => []);
  for (let round = -2; round < rounds; round++)
    for (const [i, step] of steps.entries()) {
      const start = performance.now();
      await step();
      if (round >= 0) found[i].push(performance.now() - start);
    }
  return found;
}

/** @param {number} count */
function pixels(count) {
  return Float32Array.from({ length: count }, (_, i) => 2 * randomUniform(1, i) - 1);
}
