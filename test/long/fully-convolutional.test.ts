/** AlexNet read as a convolution, on the WASM engine: its own logits, and its linear layers slid over larger maps of features. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, wasmEngine } from "../../src/engines/index.ts";
import { plan } from "../../src/graph/plan.ts";
import { StateLayout } from "../../src/graph/state-layout.ts";
import { modelNamed } from "../../src/models/registry.ts";
import * as nn from "../../src/nn/index.ts";
import type { Tensor } from "../../src/ops/operation.ts";
import { filledImages, filledParameters } from "../networks.ts";

describe("AlexNet on larger images", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await wasmEngine();
  });
  afterAll(() => engine.dispose());

  const entry = modelNamed("alexnet-2gpu");
  const model = entry.build();
  const [edge] = entry.input;
  const larger = edge + 96;

  it("has the classifier's logits on its own images, and of each window of features on larger ones", async () => {
    const map = nn.fullyConvolutional(model, { patch: [edge, edge] });
    const plain = nn.build(model, { input: [1, edge, edge, 3] });
    const own = nn.build(map, { input: [1, edge, edge, 3] });
    const wide = nn.build(map, { input: [1, larger, larger, 3] });
    const layout = new StateLayout();
    layout.append("parameters", plain.parameters);
    const session = await engine.open(layout);
    for (const [{ name }, values] of filledParameters(plain)) session.write(name, values);
    const valuesOf = async (network: nn.Network, outputs: Readonly<Record<string, Tensor>>) => {
      const program = await session.load(plan({ outputs, state: layout }));
      const { shape } = network.inputs.x;
      const found = Object.entries(await program.run({ x: filledImages("input", shape) }));
      return Object.fromEntries(found.map(([name, each]) => [name, each.slice()]));
    };
    const { logits } = await valuesOf(plain, { logits: plain.outputs.logits });
    const ofOwn = await valuesOf(own, { logits: own.outputs.logits });
    expect(greatestDistance(ofOwn.logits, logits)).toBeLessThan(1e-5);

    expect(wide.outputs.logits.shape).toEqual([1, 4, 4, 1000]);
    const found = await valuesOf(wide, { logits: wide.outputs.logits, features: wide.tap("pool5") });
    // The linear layers alone, on windows of 6×6 features.
    const rest = nn.build(linearLayers, { input: [1, 6, 6, 256] });
    const program = await session.load(plan({ outputs: rest.outputs, state: layout }));
    for (const [i, j] of [
      [0, 0],
      [1, 3],
      [3, 2],
    ]) {
      const window = windowOf(found.features, 9, 256, 6, i, j);
      const at = 1000 * (4 * i + j);
      const { logits: expected } = await program.run({ x: window });
      expect(greatestDistance(found.logits.subarray(at, at + 1000), expected)).toBeLessThan(1e-5);
    }
    session.dispose();
  });
});

/** What AlexNet has behind its last pooling, under its names. */
const linearLayers = nn.sequential({
  flatten: nn.flatten(),
  fc6: nn.linear(4096),
  relu6: nn.relu(),
  fc7: nn.linear(4096),
  relu7: nn.relu(),
  fc8: nn.linear(1000),
});

/** The window of [size, size, channels] whose first place is (i, j), of a map of [edge, edge, channels]. */
function windowOf(map: Float32Array, edge: number, channels: number, size: number, i: number, j: number) {
  const rows = Array.from({ length: size }, (_, row) => {
    const start = ((i + row) * edge + j) * channels;
    return map.subarray(start, start + size * channels);
  });
  return Float32Array.from(rows.flatMap((row) => Array.from(row)));
}

/** In standard deviations of `expected`. */
function greatestDistance(found: Float32Array, expected: Float32Array): number {
  const mean = expected.reduce((a, b) => a + b, 0) / expected.length;
  const variance = expected.reduce((sum, each) => sum + (each - mean) ** 2, 0) / expected.length;
  const distances = expected.map((each, i) => Math.abs(found[i] - each));
  return Math.max(...distances) / Math.sqrt(variance);
}
