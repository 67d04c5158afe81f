/**
 * Logits of the models against recorded ones, on the WASM engine: weights by the fill rule, one image, at the small
 * size that records have beside the published one.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, wasmEngine } from "../../src/engines/index.ts";
import { plan } from "../../src/graph/plan.ts";
import { StateLayout } from "../../src/graph/state-layout.ts";
import { build, type Declaration, type Network } from "../../src/nn/index.ts";
import { fillValues } from "../golden/fill.ts";
import { filledImages, filledParameters, type PublishedRecord, publishedRecord } from "../networks.ts";
import { publishedModels } from "../published-models.ts";

/** What the folder of published values says of a network besides what unit tests look at. */
interface ZooRecord extends PublishedRecord {
  readonly fill: { readonly bn_weight_scale: number };
  readonly small?: Pick<PublishedRecord, "input_shape" | "logits" | "logits_mean_std" | "macs">;
}

/** Values of all parameters and states by name, filled under the names of the record and scaled as it says. */
function valuesOf(
  network: Network,
  { fill: { bn_weight_scale: scale } }: ZooRecord,
  recordedName: (ours: string) => string,
): Map<string, Float32Array> {
  const renamed = (each: Declaration) => ({ ...each, name: recordedName(each.name) });
  const [parameters, states] = [network.parameters.map(renamed), network.states.map(renamed)];
  const values = new Map(
    [...filledParameters({ ...network, parameters, states })].map(([tensor, each]) => [tensor.name, each]),
  );
  for (const { name, shape, kind, tensor } of parameters)
    if (scale !== 1 && kind === "vector" && name.endsWith(".weight"))
      values.set(tensor.name, fillValues(name, shape, "bn_weight", scale));
  return values;
}

async function logitsOf(
  engine: Engine,
  network: Network,
  values: ReadonlyMap<string, Float32Array>,
  image: Float32Array,
): Promise<readonly number[]> {
  const layout = new StateLayout();
  layout.append("parameters", network.parameters);
  layout.append("states", network.states);
  const session = await engine.open(layout);
  try {
    for (const [name, each] of values) session.write(name, each);
    const program = await session.load(plan({ outputs: network.outputs, state: layout }));
    return Array.from((await program.run({ x: image })).logits);
  } finally {
    session.dispose();
  }
}

describe("the zoo", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await wasmEngine();
  });
  afterAll(() => engine.dispose());

  it.each(publishedModels)("$name gives the logits of $recorded", async (published) => {
    const { name, recorded, model, fullSize = false, recordedName = (ours) => ours } = published;
    // The record holds more than the tests beside the models read.
    const record = publishedRecord(recorded) as ZooRecord | undefined;
    if (record === undefined) return;
    const { input_shape, logits, logits_mean_std } = (fullSize ? undefined : record.small) ?? record;
    const [n, c, h, w] = input_shape;
    const network = build(model, { input: [n, h, w, c] });
    const image = filledImages("input", [n, h, w, c]);
    const found = await logitsOf(engine, network, valuesOf(network, record, recordedName), image);
    expect(found.length).toBe(logits.length);
    const [, std] = logits_mean_std;
    const error = Math.max(...logits.map((value, i) => Math.abs(found[i] - value))) / std;
    console.log(`${name}: greatest error ${error.toExponential(1)} of the logits' standard deviation`);
    expect(error).toBeLessThan(1e-3);
  });
});
