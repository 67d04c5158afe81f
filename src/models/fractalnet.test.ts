import { describe, expect, it } from "vitest";
import { orderOf } from "../graph/order.ts";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { type FractalNetOptions, fractalNet } from "./fractalnet.ts";
import { summarize } from "./summary.ts";

const networkOf = (options: FractalNetOptions, training = false) =>
  build(fractalNet(options), { input: [1, 32, 32, 3], training });

describe("fractalNet", () => {
  it("of three columns is 20 convolutions deep, seven in each block", () => {
    const network = networkOf({});
    // pytorchcv's; the paper's Table 3 gives its 20 layers 38.6 million.
    expect(summarize(network).totals).toMatchObject({ parameters: 33_724_618, macs: 845_222_912 });
    const convolutions = network.parameters.filter(({ kind }) => kind === "filter");
    expect(convolutions.length).toBe(5 * 7);
    const deepest = convolutions.filter(({ name }) => name.includes("subblock1"));
    expect(deepest.length).toBe(5 * 4);
  });

  it("halves the number of convolutions from column to column", () => {
    const { parameters } = networkOf({ columns: 4, widths: [8] });
    const counts = [1, 2, 3, 4].map(
      (column) => parameters.filter(({ name }) => name.endsWith(`subblock${column}.conv.weight`)).length,
    );
    expect(counts).toEqual([8, 4, 2, 1]);
  });

  it("joins by the mean at inference, and by what each image keeps in training", () => {
    const joins = (options: FractalNetOptions, training: boolean) =>
      orderOf([networkOf(options, training).outputs.logits]).filter(
        ({ node }) => node?.operation.name === "dropPathJoin",
      );
    expect(joins({}, false)).toEqual([]);
    expect(joins({ localDrop: 0, globalDrop: 0 }, true)).toEqual([]);
    const found = joins({}, true);
    // Two rows of each block end in several columns.
    expect(found.map(({ node }) => Object.keys(node?.inputs ?? {}).length)).toEqual([
      2, 3, 2, 3, 2, 3, 2, 3, 2, 3,
    ]);
    const streams = found.map(
      ({ node }) => node?.attributes as { localStream: number; globalStream: number },
    );
    expect(new Set(streams.map(({ globalStream }) => globalStream)).size).toBe(1);
    expect(new Set(streams.map(({ localStream }) => localStream)).size).toBe(10);
  });

  it("takes larger images and other classes, and refuses what it does not know", () => {
    const network = build(fractalNet({ widths: [4, 8], classes: 7 }), { input: [1, 40, 24, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
    expect(() => fractalNet({ columns: 0 })).toThrow(OptionError);
    expect(() => fractalNet({ localDrop: 1 })).toThrow("localDrop is 1, but must be at least 0 and below 1.");
    expect(() => fractalNet({ globalDrop: 1.5 })).toThrow(OptionError);
    expect(() => fractalNet({ widths: [4], dropout: [0, 0] })).toThrow(
      "dropout has 2 numbers, but there are 1",
    );
  });
});
