/** Models against recorded networks of torchvision and others: names, shapes, counts, and maps of each layer. */

import { describe, expect, it } from "vitest";
import { publishedRecord, referenceShape } from "../../test/networks.ts";
import { publishedModels } from "../../test/published-models.ts";
import { build } from "../nn/index.ts";
import { type Shape, size } from "../tensor/shape.ts";
import { summarize } from "./summary.ts";

/** [c, h, w] of a shape [n, h, w, c]; pooled maps may have lost their axes of 1. */
function channelsFirst([, ...shape]: Shape): readonly number[] {
  return shape.length === 3 ? [shape[2], shape[0], shape[1]] : shape;
}

const same = (name: string) => name;

describe.each(publishedModels)("$name", (compared) => {
  const { recorded, model, recordedName = same, unlikePlaces, cutOff = 0 } = compared;
  const published = publishedRecord(recorded);

  it.skipIf(published === undefined)(`has the names, shapes and counts of ${recorded}`, () => {
    if (published === undefined) return;
    const [, c, h, w] = published.input_shape;
    const network = build(model, { input: [1, h, w, c] });
    const declared = [...network.parameters, ...network.states].map(
      (each) => [recordedName(each.name), referenceShape(each)] as const,
    );
    // A linear layer over a whole map is a convolution in some references: [k, c, r, s] for our [k, c·r·s].
    const linear = new Set(
      network.parameters.filter(({ kind }) => kind === "matrix").map(({ name }) => recordedName(name)),
    );
    const expected = published.tensors.map(
      ([name, shape]) => [name, linear.has(name) ? [shape[0], size(shape.slice(1))] : shape] as const,
    );
    expect(new Map(declared)).toEqual(new Map(expected));
    const { parameters, macs } = published;
    expect(summarize(network).totals).toMatchObject({ parameters, macs: macs - cutOff });
    const trained = new Set(network.parameters.map((each) => recordedName(each.name)));
    const order = published.tensors.map(([tensor]) => tensor).filter((tensor) => trained.has(tensor));
    // Where names differ, so does the order.
    expect(recordedName === same ? [...trained] : [...trained].sort()).toEqual(
      recordedName === same ? order : order.sort(),
    );
    const places = new Set(network.places);
    for (const [place, [, ...shape]] of published.activations) {
      if (!places.has(place) || unlikePlaces?.test(place)) continue;
      const found = channelsFirst(network.tap(place).shape);
      expect([place, found]).toEqual([place, found.length === 1 ? shape.slice(0, 1) : shape]);
    }
  });
});
