import { describe, expect, it } from "vitest";
import { evaluate } from "../engines/js/evaluate.ts";
import { gradients } from "../graph/backward.ts";
import { build } from "../nn/index.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { input } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { googlenet, googlenetLoss, googlenetModule } from "./googlenet.ts";
import { summarize } from "./summary.ts";

describe("googlenet", () => {
  it.each([
    ["paper", false, 6_998_552, 1_582_671_872],
    ["paper", true, 13_378_280, 1_582_671_872],
    ["torchvision", false, 6_624_904, 1_498_376_192],
    ["torchvision", true, 13_004_888, 1_498_376_192],
  ] as const)(
    "%s with heads %s has %i parameters and %i multiply-adds",
    (variant, auxiliary, parameters, macs) => {
      const network = build(googlenet({ variant, auxiliary }), { input: [1, 224, 224, 3] });
      expect(summarize(network).totals).toMatchObject({ parameters, macs });
    },
  );

  // Outputs, and millions of operations, of Table 1. 5a is 51 by its own widths, which the table has as 54; the table's 34 for
  // the first convolution and its 2.7K parameters are no 7×7 of 64 filters, which has 118 and 9.4K.
  it.each([
    ["conv1", 112, 64, 118],
    ["3a", 28, 256, 128],
    ["3b", 28, 480, 304],
    ["4a", 14, 512, 73],
    ["4b", 14, 512, 88],
    ["4c", 14, 512, 100],
    ["4d", 14, 528, 119],
    ["4e", 14, 832, 170],
    ["5a", 7, 832, 51],
    ["5b", 7, 1024, 71],
    ["fc", 1, 1000, 1],
  ] as const)(
    "has row %s of Table 1: edge %i, %i channels, %i million operations",
    (row, edge, channels, millions) => {
      const network = build(googlenet(), { input: [1, 224, 224, 3] });
      const place = /^\d/.test(row) ? `inception${row}` : row;
      const { shape } = network.tap(place);
      expect([shape.length === 4 ? shape[1] : 1, shape[shape.length - 1]]).toEqual([edge, channels]);
      const { rows } = summarize(network);
      const macs = rows.reduce((sum, each) => sum + (each.name.split(".")[0] === place ? each.macs : 0), 0);
      // 4a's 73.6 million are cut, not rounded.
      expect(Math.abs(macs / 1e6 - millions)).toBeLessThan(row === "4a" ? 0.65 : 0.51);
    },
  );

  it("has two heads in training, none at inference, and the same parameters in both", () => {
    const model = googlenet({ auxiliary: true, classes: 7 });
    const training = build(model, { input: [2, 224, 224, 3], training: true });
    const inference = build(model, { input: [2, 224, 224, 3] });
    expect(Object.entries(training.outputs).map(([name, { shape }]) => [name, shape])).toEqual([
      ["logits", [2, 7]],
      ["aux1", [2, 7]],
      ["aux2", [2, 7]],
    ]);
    expect(Object.keys(inference.outputs)).toEqual(["logits"]);
    expect(inference.parameters.map(({ name }) => name)).toEqual(training.parameters.map(({ name }) => name));
    const loss = googlenetLoss(training.outputs, input("labels", [2]));
    const found = gradients(
      loss,
      training.parameters.map(({ tensor }) => tensor),
    );
    expect(found.filter((each) => each === undefined)).toEqual([]);
  });

  it("adds 0.3 of each head's loss", () => {
    const [logits, aux1, aux2] = ["logits", "aux1", "aux2"].map((name) => input(name, [1, 3]));
    const labels = input("labels", [1]);
    const terms = [logits, aux1, aux2].map((x) => crossEntropy({ x, labels }));
    const feeds = new Map([
      [logits, [1, 2, 3]],
      [aux1, [3, 0, 1]],
      [aux2, [0, 1, -1]],
      [labels, [1]],
    ]);
    const losses = [
      googlenetLoss({ logits, aux1, aux2 }, labels),
      googlenetLoss({ logits }, labels),
      ...terms,
    ];
    const [all, alone, a, b, c] = evaluate(losses, feeds).map(([value]) => value);
    expect(all).toBeCloseTo(a + 0.3 * (b + c), 6);
    expect(alone).toBe(a);
  });

  it("smooths the labels of all its losses", () => {
    const [logits, aux1, aux2] = ["logits", "aux1", "aux2"].map((name) => input(name, [1, 3]));
    const labels = input("labels", [1]);
    const options = { labelSmoothing: 0.3 };
    const losses = [
      googlenetLoss({ logits, aux1, aux2 }, labels, options),
      ...[logits, aux1, aux2].map((x) => crossEntropy({ x, labels }, options)),
    ];
    const feeds = new Map([
      [logits, [1, 2, 3]],
      [aux1, [3, 0, 1]],
      [aux2, [0, 1, -1]],
      [labels, [1]],
    ]);
    const [all, a, b, c] = evaluate(losses, feeds).map(([value]) => value);
    expect(all).toBeCloseTo(a + 0.3 * (b + c), 6);
  });

  // The lectures' example: 128, 192 and 96 filters on 28×28×256, and 64 in each reduction.
  it("has modules without reductions, of 854 million multiply-adds where 271 million do", () => {
    const row = [128, 64, 192, 64, 96, 64] as const;
    const of = (naive: boolean) => {
      const network = build(googlenetModule(row, { naive }), { input: [1, 28, 28, 256] });
      return [network.outputs.logits.shape[3], summarize(network).totals.macs];
    };
    expect(of(true)).toEqual([672, 854_196_224]);
    expect(of(false)).toEqual([480, 271_351_808]);
  });

  it("grows from module to module where pooling is not reduced", () => {
    const network = build(googlenet({ naive: true }), { input: [1, 224, 224, 3] });
    const channels = ["3a", "3b", "4a", "5b"].map((name) => network.tap(`inception${name}`).shape[3]);
    // 192 before the first module, and the filters of the 1×1, 3×3 and 5×5 of each so far.
    expect(channels).toEqual([416, 832, 1280, 4944]);
  });

  it("takes other sizes", () => {
    for (const variant of ["paper", "torchvision"] as const) {
      const network = build(googlenet({ variant, classes: 7 }), { input: [1, 65, 97, 3] });
      expect(network.outputs.logits.shape).toEqual([1, 7]);
    }
  });

  it("refuses what it does not know", () => {
    expect(() => googlenet({ variant: "caffe" as "paper" })).toThrow(OptionError);
    expect(() => googlenet({ dropout: 1 })).toThrow(OptionError);
  });
});
