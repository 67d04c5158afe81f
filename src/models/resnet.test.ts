import { describe, expect, it } from "vitest";
import { build } from "../nn/index.ts";
import { OptionError } from "../tensor/errors.ts";
import { type ResNetOptions, resnet } from "./resnet.ts";
import { summarize } from "./summary.ts";

const networkOf = (options: ResNetOptions) => build(resnet(options), { input: [1, 224, 224, 3] });
const totalsOf = (options: ResNetOptions) => summarize(networkOf(options)).totals;

describe("resnet", () => {
  // Parameters are torchvision's; the billions are the FLOPs of Table 1, multiply-adds of variant "v1".
  it.each([
    [18, 11_689_512, 1_814_073_344, 1.8],
    [34, 21_797_672, 3_663_761_408, 3.6],
    [50, 25_557_032, 3_857_973_248, 3.8],
    [101, 44_549_160, 7_570_194_432, 7.6],
    [152, 60_192_808, 11_282_415_616, 11.3],
  ] as const)(
    "of %i layers has %i parameters and the operations of Table 1",
    (depth, parameters, macs, billions) => {
      expect(totalsOf({ depth, variant: "v1" })).toMatchObject({ parameters, macs });
      // 34 layers make 3.66 billion, which the table has as 3.6; 50 make 3.86, there 3.8.
      expect(Math.abs(macs / 1e9 - billions)).toBeLessThan(0.07);
    },
  );

  it.each([
    [50, 4_089_184_256],
    [101, 7_801_405_440],
    [152, 11_513_626_624],
  ] as const)("of %i layers has %i multiply-adds where the 3×3 strides", (depth, macs) => {
    expect(totalsOf({ depth })).toMatchObject({ macs });
  });

  it("has the sizes and widths of Table 1", () => {
    const network = networkOf({ depth: 50 });
    const shapes = ["conv1", "layer1", "layer2", "layer3", "layer4", "avgpool"].map((place) =>
      network.tap(place).shape.slice(1),
    );
    expect(shapes).toEqual([
      [112, 112, 64],
      [56, 56, 256],
      [28, 28, 512],
      [14, 14, 1024],
      [7, 7, 2048],
      [2048],
    ]);
  });

  it("strides in the first 1×1 of a bottleneck in v1, in its 3×3 in v1.5", () => {
    const size = (variant: "v1" | "v1.5") => networkOf({ variant }).tap("layer2.0.conv1").shape[1];
    expect([size("v1"), size("v1.5")]).toEqual([28, 56]);
  });

  it("has shortcuts without parameters in option A, projections everywhere in option C", () => {
    const parametersOf = (shortcuts: "A" | "B" | "C") => totalsOf({ depth: 34, shortcuts }).parameters;
    // Projections from 64 to 128, 128 to 256 and 256 to 512 channels, each with the two vectors of its norm.
    const projections = [64, 128, 256].map((c) => 2 * c * c + 4 * c);
    const b = projections.reduce((x, y) => x + y, 0);
    expect(parametersOf("B") - parametersOf("A")).toBe(b);
    const others = [64, 64, 64, 128, 128, 128, 256, 256, 256, 256, 256, 512, 512];
    const c = others.reduce((sum, width) => sum + width * width + 2 * width, 0);
    expect(parametersOf("C") - parametersOf("B")).toBe(c);
  });

  it("without shortcuts is the plain network, with as many parameters as option A", () => {
    for (const [depth, parameters, macs] of [
      [18, 11_515_688, 1_794_805_760],
      [34, 21_623_848, 3_644_493_824],
    ] as const) {
      const plain = networkOf({ depth, residual: false });
      expect(summarize(plain).totals).toMatchObject({ parameters, macs });
      expect(summarize(plain).totals).toEqual(totalsOf({ depth, shortcuts: "A" }));
      expect(plain.parameters.map(({ name }) => name)).toContain("layer4.1.conv2.weight");
      expect(plain.parameters.some(({ name }) => name.includes("downsample"))).toBe(false);
    }
  });

  it("of the authors' release pools without padding, rounding up, and strides in the first 1×1", () => {
    const network = networkOf({ depth: 101, variant: "caffe" });
    expect(network.tap("maxpool").shape).toEqual([1, 56, 56, 64]);
    expect(network.tap("layer2.0.conv1").shape[1]).toBe(28);
    // The paper's 7.6 billion.
    expect(summarize(network).totals).toMatchObject({ parameters: 44_549_160, macs: 7_570_194_432 });
    // 113 rows: without padding, pooling from 57 gives 28; with it, 29.
    const odd = (variant: "caffe" | "v1") =>
      build(resnet({ depth: 18, variant }), { input: [1, 113, 113, 3] }).tap("maxpool").shape[1];
    expect([odd("caffe"), odd("v1")]).toEqual([28, 29]);
  });

  it("of fb.resnet.torch has a bias in each convolution", () => {
    const { parameters } = networkOf({ depth: 152, variant: "facebook" });
    const convolutions = parameters.filter(({ kind }) => kind === "filter");
    const biases = convolutions.map(({ name }) => name.replace(/weight$/, "bias"));
    const names = new Set(parameters.map(({ name }) => name));
    expect(convolutions.length).toBe(151 + 4);
    expect(biases.every((name) => names.has(name))).toBe(true);
    expect(totalsOf({ depth: 152, variant: "facebook" }).parameters).toBe(60_268_520);
  });

  it("begins small where images are small", () => {
    const network = build(resnet({ depth: 18, classes: 10, stem: "cifar" }), { input: [1, 32, 32, 3] });
    expect(summarize(network).totals).toMatchObject({ parameters: 11_173_962, macs: 555_422_720 });
    const sizes = ["conv1", "layer1", "layer2", "layer3", "layer4"].map(
      (place) => network.tap(place).shape[1],
    );
    expect(sizes).toEqual([32, 32, 16, 8, 4]);
  });

  it("takes images of any size", () => {
    const network = build(resnet({ depth: 18, classes: 7 }), { input: [1, 65, 97, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 7]);
  });

  it("refuses what it does not know", () => {
    expect(() => resnet({ depth: 51 as 50 })).toThrow(OptionError);
    expect(() => resnet({ variant: "v2" as "v1" })).toThrow(OptionError);
    expect(() => resnet({ shortcuts: "D" as "C" })).toThrow(OptionError);
    expect(() => resnet({ depth: 50, residual: false })).toThrow("plain networks have 18 or 34 layers");
    expect(() => resnet({ stem: "caffe" as "cifar" })).toThrow(OptionError);
    const stochasticDepth = { survival: 0.5 };
    expect(() => resnet({ depth: 18, residual: false, stochasticDepth })).toThrow("plain networks have no");
    expect(() => resnet({ stochasticDepth: { survival: 0 } })).toThrow("survival is 0, but must be above 0");
  });
});
