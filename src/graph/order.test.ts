import { describe, expect, it } from "vitest";
import { add } from "../ops/add.ts";
import { input, type Tensor } from "../ops/operation.ts";
import { relu } from "../ops/relu.ts";
import { orderOf } from "./order.ts";

describe("orderOf", () => {
  it("puts each tensor after all it is computed from, once", () => {
    const [x, y] = [input("x", [2]), input("y", [2])];
    const a = add({ a: x, b: y }, {});
    const b = relu({ x: a }, {});
    const c = add({ a, b }, {});
    const order = orderOf([c, b, x]);
    expect(new Set(order)).toEqual(new Set([x, y, a, b, c]));
    expect(order).toHaveLength(5);
    for (const [i, tensor] of order.entries())
      for (const each of Object.values(tensor.node?.inputs ?? {}))
        expect(order.indexOf(each)).toBeLessThan(i);
  });

  it("leaves out what no output needs", () => {
    const x = input("x", [2]);
    const y = relu({ x }, {});
    relu({ x: y }, {});
    expect(orderOf([y])).toEqual([x, y]);
  });

  it("walks networks deeper than the language's stack, and diamonds in linear time", () => {
    let deep: Tensor = input("x", [1]);
    for (let i = 0; i < 20_000; i++) deep = add({ a: deep, b: deep }, {});
    expect(orderOf([deep])).toHaveLength(20_001);
  });
});
