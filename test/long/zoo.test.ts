/**
 * Logits of the registry's models against recorded ones, on the WASM engine: weights by the fill rule, one image, at the small
 * size that records have beside the published one.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, wasmEngine } from "../../src/engines/index.ts";
import { plan } from "../../src/graph/plan.ts";
import { StateLayout } from "../../src/graph/state-layout.ts";
import { modelNamed } from "../../src/models/registry.ts";
import { build, type Network } from "../../src/nn/index.ts";
import { fillValues } from "../golden/fill.ts";
import { filledImages, filledParameters, type PublishedRecord, publishedRecord } from "../networks.ts";
import { publishedModels } from "../published-models.ts";

/** What the folder of published values says of a network besides what unit tests look at. */
interface ZooRecord extends PublishedRecord {
  readonly fill: { readonly bn_weight_scale: number };
  readonly small?: Pick<PublishedRecord, "input_shape" | "logits" | "logits_mean_std" | "macs">;
}

/** Values of all parameters and states by name, with the factors of batch norm scaled as the record says. */
function valuesOf(network: Network, scale: number): Map<string, Float32Array> {
  const values = new Map([...filledParameters(network)].map(([tensor, each]) => [tensor.name, each]));
  for (const { name, shape, kind } of network.parameters)
    if (scale !== 1 && kind === "vector" && name.endsWith(".weight"))
      values.set(name, fillValues(name, shape, "bn_weight", scale));
  return values;
}

async function logitsOf(engine: Engine, network: Network, scale: number, image: Float32Array) {
  const layout = new StateLayout();
  layout.append("parameters", network.parameters);
  layout.append("states", network.states);
  const session = await engine.open(layout);
  try {
    for (const [name, values] of valuesOf(network, scale)) session.write(name, values);
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

  it.each(Object.entries(publishedModels))("%s gives the logits of %s", async (name, recorded) => {
    // The record holds more than the tests beside the models read.
    const published = publishedRecord(recorded) as ZooRecord | undefined;
    if (published === undefined) return;
    const { input_shape, logits, logits_mean_std } = published.small ?? published;
    const [n, c, h, w] = input_shape;
    const network = build(modelNamed(name).build(), { input: [n, h, w, c] });
    const image = filledImages("input", [n, h, w, c]);
    const found = await logitsOf(engine, network, published.fill.bn_weight_scale, image);
    expect(found.length).toBe(logits.length);
    const [, std] = logits_mean_std;
    const error = Math.max(...logits.map((value, i) => Math.abs(found[i] - value))) / std;
    console.log(`${name}: greatest error ${error.toExponential(1)} of the logits' standard deviation`);
    expect(error).toBeLessThan(1e-3);
  });
});
