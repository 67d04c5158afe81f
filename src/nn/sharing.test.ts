import { describe, expect, it } from "vitest";
import { evaluate } from "../engines/js/evaluate.ts";
import { gradients } from "../graph/backward.ts";
import { add } from "../ops/add.ts";
import { sum } from "../ops/sum.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import * as nn from "./index.ts";

/** fc(fc(x)) with one fc. */
const twice: nn.Layer = (x, scope) => {
  const shared = nn.sharing(scope);
  const fc = nn.sequential({ fc: nn.linear(2, { bias: false }) });
  return shared.child("body", fc, shared.child("body", fc, x));
};

describe("sharing", () => {
  it("declares a parameter once, uses it at both places, and adds up its gradient", () => {
    const { inputs, outputs, parameters } = nn.build(twice, { input: [1, 2] });
    expect(parameters.map(({ name }) => name)).toEqual(["body.fc.weight"]);
    const weight = parameters[0].tensor;
    const [dWeight] = gradients(sum({ x: outputs.logits }, { axes: [0, 1] }), [weight]);
    // x·W² with W = [[1, 2], [0, 3]]; the gradient of the sum is xᵀ·(W·1)ᵀ + (x·W)ᵀ·1ᵀ.
    const feeds = new Map([
      [inputs.x, [1, 10]],
      [weight, [1, 2, 0, 3]],
    ]);
    const [y, gradient] = evaluate([outputs.logits, ...(dWeight ? [dWeight] : [])], feeds);
    expect([...y]).toEqual([1, 98]);
    expect([...gradient]).toEqual([3 + 1, 3 + 1, 30 + 32, 30 + 32]);
  });

  it("refuses places that need other shapes, and leaves names outside it alone", () => {
    const layer = (features: number) => nn.linear(features);
    const unlike: nn.Layer = (x, scope) => {
      const shared = nn.sharing(scope);
      return add({ a: shared.child("fc", layer(2), x), b: shared.child("fc", layer(3), x) }, {});
    };
    expect(() => nn.build(unlike, { input: [1, 2] })).toThrow(ShapeError);
    expect(() => nn.build(unlike, { input: [1, 2] })).toThrow(
      "fc.weight is shared: it has shape [2, 2] at one place and [2, 3] at another.",
    );
    const apart: nn.Layer = (x, scope) => {
      nn.sharing(scope).child("fc", layer(2), x);
      return scope.child("fc", layer(2), x);
    };
    expect(() => nn.build(apart, { input: [1, 2] })).toThrow(OptionError);
  });

  it("does not share what a batch norm has seen", () => {
    const norms: nn.Layer = (x, scope) => {
      const shared = nn.sharing(scope);
      return shared.child("bn", nn.batchNorm2d(), shared.child("bn", nn.batchNorm2d(), x));
    };
    expect(() => nn.build(norms, { input: [1, 2, 2, 1] })).toThrow("bn.running_mean is declared twice");
  });
});
