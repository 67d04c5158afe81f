import { describe, expect, it } from "vitest";
import * as ops from "../ops/index.ts";
import { input, type Tensor } from "../ops/operation.ts";
import { fuse } from "./fuse.ts";
import { orderOf } from "./order.ts";

/** The operations that each kernel of a graph does. */
function kernelsOf(outputs: readonly Tensor[], kept: readonly Tensor[] = []): string[] {
  const order = orderOf(outputs).sort((a, b) => a.id - b.id);
  const groups = fuse(order, new Set([...outputs, ...kept]), () => false);
  return groups.map(({ chain }) => chain.map((each) => each.node?.operation.name).join(" + "));
}

const x = input("x", [2, 6, 6, 4]);
const convolution = () =>
  ops.conv2d({ x, weight: input("w", [3, 3, 4, 4]), bias: input("b", [4]) }, { padding: 1 });

describe("fuse", () => {
  it("puts what follows a sum, element by element, into its kernel", () => {
    const y = ops.relu({ x: ops.add({ a: convolution(), b: input("residual", [2, 6, 6, 4]) }, {}) }, {});
    expect(kernelsOf([ops.scale({ x: y }, { factor: 2 })])).toEqual(["conv2d + add + relu + scale"]);
  });

  it("puts a map into the window that looks at each element once, not into one that looks several times", () => {
    const y = ops.relu({ x }, {});
    expect(kernelsOf([ops.maxPool2d({ x: y }, { kernel: 2 })])).toEqual(["relu", "maxPool2d"]);
    expect(kernelsOf([ops.flatten({ x: y })])).toEqual(["relu + flatten"]);
  });

  it("keeps apart what two need, and what is asked for", () => {
    const y = convolution();
    expect(kernelsOf([ops.relu({ x: y }, {}), ops.tanh({ x: y }, {})])).toEqual(["conv2d", "relu", "tanh"]);
    const z = convolution();
    expect(kernelsOf([ops.relu({ x: z }, {})], [z])).toEqual(["conv2d", "relu"]);
  });

  it("takes a tensor that one kernel uses twice for one user", () => {
    const y = convolution();
    expect(kernelsOf([ops.multiply({ a: y, b: y }, {})])).toEqual(["conv2d + multiply"]);
  });

  it("takes what one kernel reads in several places into it, however it gets there", () => {
    const gated = (x: Tensor) => ops.multiply({ a: ops.sigmoid({ x }, {}), b: x }, {});
    expect(kernelsOf([gated(convolution())])).toEqual(["conv2d + sigmoid + multiply"]);
    expect(kernelsOf([ops.relu({ x: gated(ops.scale({ x: convolution() }, { factor: 2 })) }, {})])).toEqual([
      "conv2d + scale + sigmoid + multiply + relu",
    ]);
    const y = convolution();
    const sum = ops.add({ a: ops.relu({ x: y }, {}), b: ops.tanh({ x: y }, {}) }, {});
    expect(kernelsOf([ops.subtract({ a: sum, b: y }, {})])).toEqual([
      "conv2d + relu + tanh + add + subtract",
    ]);
    // One of the two is asked for, or looks around.
    const z = ops.scale({ x }, { factor: 2 });
    const sigmoid = ops.sigmoid({ x: z }, {});
    expect(kernelsOf([ops.multiply({ a: sigmoid, b: z }, {}), sigmoid])).toEqual([
      "scale",
      "sigmoid",
      "multiply",
    ]);
    const pooled = ops.maxPool2d({ x: z }, { kernel: 3, stride: 1, padding: 1 });
    expect(kernelsOf([ops.multiply({ a: pooled, b: z }, {})])).toEqual(["scale", "maxPool2d + multiply"]);
  });

  it("does not put a sum into a sum, nor a result elsewhere than its sum puts it", () => {
    const first = convolution();
    const second = ops.conv2d({ x: first, weight: input("w2", [1, 1, 4, 4]), bias: undefined }, {});
    expect(kernelsOf([second])).toEqual(["conv2d", "conv2d"]);
    expect(kernelsOf([ops.flatten({ x: convolution() })])).toEqual(["conv2d", "flatten"]);
  });

  it("goes through results of several parts, one after the other", () => {
    const padded = ops.pad({ x }, { before: [0, 0, 0, 1], after: [0, 0, 0, 2] });
    expect(kernelsOf([ops.relu({ x: padded }, {})])).toEqual(["pad + relu"]);
    const sized = ops.upsampleNearest2d({ x }, { scale: 2 });
    expect(kernelsOf([ops.add({ a: sized, b: input("b", sized.shape) }, {})])).toHaveLength(1);
  });

  it("broadcasts a smaller tensor, but does not compute it again for each element", () => {
    const gate = ops.sigmoid({ x: input("gate", [2, 1, 1, 4]) }, {});
    expect(kernelsOf([ops.multiply({ a: x, b: gate }, {})])).toEqual(["sigmoid", "multiply"]);
  });

  it("runs a kernel where its first operation stands, after what it reads", () => {
    const first = convolution();
    const between = ops.tanh({ x: input("y", [2]) }, {});
    const late = ops.add({ a: first, b: input("late", first.shape) }, {});
    expect(kernelsOf([between, late])).toEqual(["conv2d + add", "tanh"]);
    const second = convolution();
    const read = ops.tanh({ x }, {});
    expect(kernelsOf([read, ops.add({ a: second, b: read }, {})])).toEqual(["tanh", "conv2d + add"]);
  });
});
