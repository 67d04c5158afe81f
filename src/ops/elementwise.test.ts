import { describe, expect, it } from "vitest";
import { compute, computeGradient, given } from "../../test/compute.ts";
import { expectGradients } from "../../test/gradients.ts";
import { anyShapes, forAll } from "../../test/shapes.ts";
import { size } from "../tensor/shape.ts";
import { clip } from "./clip.ts";
import { elu } from "./elu.ts";
import { exp } from "./exp.ts";
import { leakyRelu } from "./leaky-relu.ts";
import { log } from "./log.ts";
import { input, type Tensor } from "./operation.ts";
import { relu } from "./relu.ts";
import { relu6 } from "./relu6.ts";
import { scale } from "./scale.ts";
import { sigmoid } from "./sigmoid.ts";
import { hardSigmoid, hardSwish, silu } from "./silu.ts";
import { softplus } from "./softplus.ts";
import { sqrt } from "./sqrt.ts";
import { tanh } from "./tanh.ts";

/** Each with hand-computed values and gradients (dy = 1) at some x, and the range that random x are drawn from. */
const operations: readonly {
  name: string;
  apply: (x: Tensor) => Tensor;
  at: readonly number[];
  y: readonly number[];
  dx: readonly number[];
  from?: number;
  to?: number;
}[] = [
  { name: "relu", apply: (x) => relu({ x }, {}), at: [-2, 0, 3], y: [0, 0, 3], dx: [0, 0, 1] },
  {
    name: "relu6",
    apply: (x) => relu6({ x }, {}),
    at: [-2, 0, 3, 6, 9],
    y: [0, 0, 3, 6, 6],
    dx: [0, 0, 1, 0, 0],
  },
  {
    name: "leakyRelu",
    apply: (x) => leakyRelu({ x }, { slope: 0.25 }),
    at: [-4, 0, 3],
    y: [-1, 0, 3],
    dx: [0.25, 0.25, 1],
  },
  { name: "elu", apply: (x) => elu({ x }, { alpha: 2 }), at: [0, 3], y: [0, 3], dx: [2, 1] },
  { name: "sigmoid", apply: (x) => sigmoid({ x }, {}), at: [0], y: [0.5], dx: [0.25] },
  { name: "tanh", apply: (x) => tanh({ x }, {}), at: [0], y: [0], dx: [1] },
  { name: "silu", apply: (x) => silu({ x }), at: [0], y: [0], dx: [0.5] },
  {
    name: "hardSigmoid",
    apply: (x) => hardSigmoid({ x }),
    at: [-6, 0, 6],
    y: [0, 0.5, 1],
    dx: [0, 1 / 6, 0],
  },
  { name: "hardSwish", apply: (x) => hardSwish({ x }), at: [-6, 0, 6], y: [0, 0, 6], dx: [0, 0.5, 1] },
  { name: "softplus", apply: (x) => softplus({ x }, {}), at: [0, 800], y: [Math.LN2, 800], dx: [0.5, 1] },
  {
    name: "clip",
    apply: (x) => clip({ x }, { low: -1, high: 2 }),
    at: [-3, -1, 0, 5],
    y: [-1, -1, 0, 2],
    dx: [0, 1, 1, 0],
  },
  { name: "scale", apply: (x) => scale({ x }, { factor: 3, offset: -1 }), at: [2], y: [5], dx: [3] },
  { name: "exp", apply: (x) => exp({ x }, {}), at: [0], y: [1], dx: [1] },
  {
    name: "log",
    apply: (x) => log({ x }, {}),
    at: [1, 4],
    y: [0, Math.log(4)],
    dx: [1, 0.25],
    from: 0.5,
    to: 3,
  },
  {
    name: "sqrt",
    apply: (x) => sqrt({ x }, {}),
    at: [4, 16],
    y: [2, 4],
    dx: [0.25, 0.125],
    from: 0.5,
    to: 3,
  },
];

describe("elementwise operations", () => {
  for (const { name, apply, at, y, dx, from = -8, to = 8 } of operations) {
    it(`computes ${name} and its gradient`, () => {
      const x = given([at.length], at);
      expect(compute(apply(x))).toEqual(y);
      expect(computeGradient(apply(x), x)).toEqual(dx);
    });

    it(`finds the gradient of ${name} by differences`, () => {
      forAll(
        anyShapes,
        (shape) => {
          const x = input("x", shape);
          const length = size(shape);
          const spread = Float64Array.from({ length }, (_, i) => from + ((to - from) * (i + 0.37)) / length);
          expectGradients(apply(x), [x], { feeds: new Map([[x, spread]]), tolerance: 1e-5 });
        },
        6,
      );
    });
  }

  it("lets a broken value through", () => {
    const x = given([1], [Number.NaN]);
    for (const { name, apply } of operations) expect(compute(apply(x)), name).toEqual([Number.NaN]);
  });

  it("can differentiate sigmoid and tanh twice", () => {
    for (const op of [sigmoid, tanh]) {
      const [y, dy] = [input("y", [3]), input("dy", [3])];
      const x = input("x", [3]);
      const first = op.operation.gradient?.({ x }, dy, {}, y).x;
      if (first === undefined) throw new Error("no gradient");
      expectGradients(first, [y, dy]);
    }
  });

  it("refuses a slope and limits that make no sense", () => {
    const x = input("x", [1]);
    expect(() => leakyRelu({ x }, { slope: -1 })).toThrow("leakyRelu: slope is -1, but must be at least 0.");
    expect(() => clip({ x }, { low: 2, high: 1 })).toThrow("clip: low is 2, but must be at most high, 1.");
    expect(() => elu({ x }, { alpha: -1 })).toThrow("elu: alpha is -1, but must be at least 0.");
  });
});
