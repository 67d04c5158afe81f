import { describe, expect, it } from "vitest";
import { parameter, state } from "../ops/operation.ts";
import { ShapeError } from "../tensor/errors.ts";
import { StateLayout } from "./state-layout.ts";

const entry = (name: string, ...shape: number[]) => ({ name, shape, kind: "vector" as const });

describe("StateLayout", () => {
  it("lays the tensors of a stretch side by side, and stretches on cache lines", () => {
    const layout = new StateLayout();
    const parameters = layout.append("parameters", [entry("a", 3), entry("b", 2, 5), entry("c")]);
    const states = layout.append("states", [entry("mean", 4)]);
    expect([...layout.entries.values()].map(({ name, offset }) => [name, offset])).toEqual([
      ["a", 0],
      ["b", 3],
      ["c", 13],
      ["mean", 16],
    ]);
    expect([parameters?.shape, states?.shape, layout.elements]).toEqual([[14], [4], 32]);
    expect(layout.offsetOf(states ?? state("none", [1]))).toBe(16);
    expect(layout.offsetOf(parameter("b", [2, 5], "matrix"))).toBe(3);
  });

  it("has no tensor for a stretch without tensors", () => {
    const layout = new StateLayout();
    expect(layout.append("states", [])).toBeUndefined();
    expect(layout.elements).toBe(0);
  });

  it("refuses two tensors of one name, names it does not know and other shapes", () => {
    const layout = new StateLayout();
    layout.append("parameters", [entry("fc.weight", 3, 4)]);
    expect(() => layout.append("states", [entry("fc.weight", 3)])).toThrow(ShapeError);
    expect(() => layout.offsetOf(parameter("fc.bias", [4], "vector"))).toThrow("fc.bias [4] has no place");
    expect(() => layout.offsetOf(parameter("fc.weight", [4, 3], "matrix"))).toThrow(
      "fc.weight has shape [4, 3], but the model's state holds [3, 4]",
    );
  });
});
