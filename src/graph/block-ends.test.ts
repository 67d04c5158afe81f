import { expect, it } from "vitest";
import { add } from "../ops/add.ts";
import { input, type Tensor } from "../ops/operation.ts";
import { relu } from "../ops/relu.ts";
import { blockEnds } from "./block-ends.ts";
import { orderOf } from "./order.ts";

const step = (x: Tensor) => relu({ x }, {});
/** Where on the way to the loss the ends of blocks are. */
function endsOf(y: Tensor): number[] {
  const path = orderOf([y]).filter(({ role }) => role === "computed");
  return blockEnds(path, (tensor) => [tensor], path).map((end) => path.indexOf(end));
}

it("cuts a chain of n equal tensors into about √n blocks", () => {
  let x = input("x", [10]);
  for (let i = 0; i < 16; i++) x = step(x);
  // 2 kept and 5 more in the longest block, in place of 16.
  expect(endsOf(x)).toEqual([5, 11]);
});

it("cuts only where nothing else is read later", () => {
  let x = input("x", [10]);
  for (let block = 0; block < 5; block++) {
    const inner = step(step(step(x)));
    x = add({ a: inner, b: x }, {});
  }
  const ends = endsOf(x);
  expect(ends.length).toBeGreaterThan(0);
  // Every fourth tensor is the end of a residual block.
  for (const end of ends) expect(end % 4).toBe(3);
});

it("keeps nothing where that would only cost memory", () => {
  expect(endsOf(step(input("x", [10])))).toEqual([]);
});
