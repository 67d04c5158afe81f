import { describe, expect, it } from "vitest";
import { compute, given } from "../../test/compute.ts";
import { add } from "../ops/add.ts";
import { argmax } from "../ops/argmax.ts";
import { conv2d } from "../ops/conv2d.ts";
import { multiply } from "../ops/multiply.ts";
import { input } from "../ops/operation.ts";
import { relu } from "../ops/relu.ts";
import { scale } from "../ops/scale.ts";
import { sum } from "../ops/sum.ts";
import { ShapeError } from "../tensor/errors.ts";
import { gradients } from "./backward.ts";
import { orderOf } from "./order.ts";

const total = (x: Parameters<typeof relu>[0]["x"]) => sum({ x: x ?? input("none", []) }, { axes: [0] });

describe("gradients", () => {
  it("adds up what flows along all paths", () => {
    const x = given([3], [1, -2, 3]);
    const y = add(
      { a: multiply({ a: x, b: x }, {}), b: add({ a: scale({ x }, { factor: 5 }), b: x }, {}) },
      {},
    );
    const [dx] = gradients(total(y), [x]);
    // x² + 5x + x
    expect(dx && compute(dx)).toEqual([8, 2, 12]);
  });

  it("goes to inputs, to tensors on the way and to the loss itself", () => {
    const x = given([2], [3, 4]);
    const squares = multiply({ a: x, b: x }, {});
    const loss = total(scale({ x: squares }, { factor: 10 }));
    const found = gradients(loss, [x, squares, loss]).map((each) => each && compute(each));
    expect(found).toEqual([[60, 80], [10, 10], [1]]);
  });

  it("is undefined where the loss does not depend on a tensor, or no gradient flows", () => {
    const [x, other] = [given([1, 2], [3, 4]), input("other", [2])];
    const places = argmax({ x }, {});
    expect(gradients(total(places), [x, other])).toEqual([undefined, undefined]);
  });

  it("computes only what was asked for", () => {
    const [x, weight] = [input("x", [1, 4, 4, 2]), input("weight", [3, 3, 2, 2])];
    const loss = sum({ x: conv2d({ x, weight, bias: undefined }, {}) }, { axes: [0, 1, 2, 3] });
    const operations = (wrt: typeof x) =>
      orderOf(gradients(loss, [wrt]).filter((each) => each !== undefined)).map(
        (each) => each.node?.operation.name,
      );
    expect(operations(weight)).toContain("conv2dWeightGradient");
    expect(operations(weight)).not.toContain("conv2dInputGradient");
    expect(operations(x)).not.toContain("conv2dWeightGradient");
  });

  it("names tensors of the backward pass after the layers they belong to", () => {
    const x = given([2], [1, -1]);
    const [dx] = gradients(total(relu({ x }, {})), [x]);
    expect(dx?.name).toBe("backward.relu");
  });

  it("refuses a loss that is more than one number", () => {
    const x = input("x", [3]);
    expect(() => gradients(relu({ x }, {}), [x])).toThrow(ShapeError);
    expect(() => gradients(relu({ x }, {}), [x])).toThrow("the loss has shape [3], but must be one number");
  });
});
