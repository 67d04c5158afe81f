import { describe, expect, it } from "vitest";
import { add } from "../ops/add.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { identity, repeat, residual, sequential } from "./combinators.ts";
import { conv2d, depthwiseConv2d, separableConv2d } from "./conv2d.ts";
import { constant, zeros } from "./initializers.ts";
import { build } from "./network.ts";
import type { Layer } from "./scope.ts";

const names = (network: { parameters: readonly { name: string }[] }) =>
  network.parameters.map(({ name }) => name);

describe("build", () => {
  it("names parameters after the keys they stand under, in the order of declaration", () => {
    const model = sequential({
      conv1: conv2d(4, 3),
      layer1: repeat(2, () => sequential([conv2d(4, 1, { bias: false })])),
    });
    const network = build(model, { input: [2, 8, 8, 3] });
    expect(names(network)).toEqual(["conv1.weight", "conv1.bias", "layer1.0.0.weight", "layer1.1.0.weight"]);
    expect(network.parameters.map(({ shape }) => shape)).toEqual([
      [3, 3, 3, 4],
      [4],
      [1, 1, 4, 4],
      [1, 1, 4, 4],
    ]);
    expect(network.inputs.x.shape).toEqual([2, 8, 8, 3]);
    expect(network.outputs.logits.shape).toEqual([2, 6, 6, 4]);
  });

  it("finds inner tensors by their place, and lists near ones on a miss", () => {
    const block = residual(sequential({ conv1: conv2d(3, 1), conv2: conv2d(3, 1) }));
    const network = build(sequential({ layer1: repeat(2, () => block) }), { input: [1, 4, 4, 3] });
    expect(network.tap("layer1.0.conv1").node?.operation.name).toBe("conv2d");
    expect(network.tap("layer1.0").node?.operation.name).toBe("add");
    expect(network.tap("layer1")).toBe(network.outputs.logits);
    expect(() => network.tap("layer1.0.conv3")).toThrow(/layer1\.0\.conv1.*layer1\.0\.conv2/);
  });

  it("takes and returns records of tensors", () => {
    const siamese: Layer<
      Record<string, ReturnType<typeof add>>,
      Readonly<Record<string, ReturnType<typeof add>>>
    > = ({ left, right }, scope) => ({
      sum: add({ a: left, b: right }, {}),
      features: scope.child("conv", conv2d(2, 1), left),
    });
    const shape = [1, 2, 2, 1];
    const network = build(siamese, { inputs: { left: shape, right: shape } });
    expect(Object.keys(network.inputs)).toEqual(["left", "right"]);
    expect(network.outputs.features.shape).toEqual([1, 2, 2, 2]);
  });

  it("refuses a name that is taken, and says what both are", () => {
    const twice: Layer = (x, scope) => {
      scope.parameter("gain", [3], "vector", zeros);
      scope.state("gain", [4], zeros);
      return x;
    };
    expect(() => build(sequential({ norm: twice }), { input: [1, 2, 2, 3] })).toThrow(
      "norm.gain is declared twice, as parameter [3] and as state [4].",
    );
  });

  it("records updates of state, of its shape only", () => {
    const counting =
      (shape: number[]): Layer =>
      (x, scope) => {
        const count = scope.state("count", shape, constant(1));
        scope.update(count, add({ a: count, b: count }, {}));
        return x;
      };
    const network = build(sequential({ a: counting([2]) }), { input: [1, 1, 1, 1], training: true });
    expect(network.updates[0].state).toBe(network.states[0].tensor);
    const wrong: Layer = (x, scope) => {
      scope.update(scope.state("count", [2], zeros), x);
      return x;
    };
    expect(() => build(wrong, { input: [1, 1, 1, 1] })).toThrow(ShapeError);
  });

  it("says which layer a shape does not fit", () => {
    const model = sequential({ layer1: sequential([conv2d(4, 9)]) });
    expect(() => build(model, { input: [1, 4, 4, 1] })).toThrow(/conv2d at layer1\.0/);
  });

  it("gives every layer that asks a random stream of its own", () => {
    const seen: number[] = [];
    const asking: Layer = (x, scope) => {
      seen.push(scope.randomStream());
      return x;
    };
    build(sequential([asking, repeat(2, () => asking)]), { input: [1] });
    expect(new Set(seen).size).toBe(3);
  });
});

describe("combinators", () => {
  it("refuse names whose order JavaScript would change", () => {
    expect(() => sequential({ conv: identity(), "0": identity() })).toThrow(OptionError);
    expect(Object.keys(sequential([identity(), identity()]).layers)).toEqual(["0", "1"]);
  });
  it("refuse empty and dotted-off names", () => {
    expect(() => build(sequential({ "": identity() }), { input: [1] })).toThrow(OptionError);
    expect(() => build(sequential({ "a.": identity() }), { input: [1] })).toThrow(OptionError);
  });
});

describe("convolutions", () => {
  it("check their options when they are made", () => {
    expect(() => conv2d(0, 3)).toThrow(OptionError);
    expect(() => conv2d(4, 0)).toThrow(OptionError);
    expect(() => conv2d(4, 3, { stride: 0.5 })).toThrow(OptionError);
    expect(() => conv2d(4, 3, { padding: -1 })).toThrow(OptionError);
    expect(() => conv2d(4, 3, { padding: { top: 0, bottom: 1, left: 0, right: 1 } })).not.toThrow();
  });
  it("split channels into groups", () => {
    const grouped = build(conv2d(8, 3, { groups: 2 }), { input: [1, 5, 5, 4] });
    expect(grouped.parameters[0].shape).toEqual([3, 3, 2, 8]);
    const depthwise = build(depthwiseConv2d(3, { multiplier: 2, padding: "same" }), { input: [1, 5, 5, 4] });
    expect(depthwise.parameters[0].shape).toEqual([3, 3, 1, 8]);
    expect(depthwise.outputs.logits.shape).toEqual([1, 5, 5, 8]);
    const separable = build(separableConv2d(6, 3, { bias: false }), { input: [1, 5, 5, 4] });
    expect(names(separable)).toEqual(["depthwise.weight", "pointwise.weight"]);
  });
});
