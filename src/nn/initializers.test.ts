import { describe, expect, it } from "vitest";
import type { ParameterKind } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import type { Shape } from "../tensor/shape.ts";
import * as init from "./initializers.ts";

/** Mean and standard deviation. */
function moments(values: Float32Array): [mean: number, std: number] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  return [mean, Math.sqrt(variance)];
}

const filter: Shape = [3, 3, 32, 64];

describe("initialisers", () => {
  it("counts fan-in and fan-out as PyTorch does", () => {
    expect(init.fans([5, 5, 6, 16], "filter")).toEqual({ fanIn: 150, fanOut: 400 });
    expect(init.fans([400, 120], "matrix")).toEqual({ fanIn: 400, fanOut: 120 });
    expect(() => init.fans([8], "vector")).toThrow(OptionError);
  });

  it.each([
    ["heNormal", init.heNormal, Math.sqrt(2 / 288)],
    ["heUniform", init.heUniform, Math.sqrt(2 / 288)],
    ["xavierNormal", init.xavierNormal, Math.sqrt(2 / (288 + 576))],
    ["xavierUniform", init.xavierUniform, Math.sqrt(2 / (288 + 576))],
    ["pytorchDefault", init.pytorchDefault, Math.sqrt(1 / 288 / 3)],
    ["normal", init.normal(0.01), 0.01],
  ] as const)("%s has mean 0 and the deviation of its paper", (_, initialize, expected) => {
    const [mean, std] = moments(initialize(filter, "filter", 7));
    // 18,432 draws: three standard errors of mean and deviation.
    expect(Math.abs(mean)).toBeLessThan((3 * expected) / Math.sqrt(18432));
    expect(Math.abs(std / expected - 1)).toBeLessThan(3 / Math.sqrt(2 * 18432));
  });

  it("keeps uniform values within their bounds", () => {
    const bound = 1 / Math.sqrt(288);
    const values = init.pytorchDefault(filter, "filter", 3);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
    const between = init.uniform(2, 3)([100], "vector", 1);
    expect(between.every((value) => value >= 2 && value <= 3)).toBe(true);
    expect(() => init.uniform(3, 2)).toThrow(OptionError);
    expect(() => init.normal(-1)).toThrow(OptionError);
  });

  it("gives a parameter the same values wherever it is declared, and others to other names and seeds", () => {
    const declare = (name: string) => ({
      name,
      shape: [4, 4] as Shape,
      kind: "matrix" as ParameterKind,
      initialize: init.heNormal,
    });
    const [a, b] = [declare("a.weight"), declare("b.weight")];
    const first = init.initialValues({ parameters: [a, b], states: [] }, 1);
    const turned = init.initialValues({ parameters: [b], states: [a] }, 1);
    expect(turned.get("a.weight")).toEqual(first.get("a.weight"));
    expect(turned.get("b.weight")).toEqual(first.get("b.weight"));
    expect(first.get("a.weight")).not.toEqual(first.get("b.weight"));
    expect(init.initialValues({ parameters: [a], states: [] }, 2).get("a.weight")).not.toEqual(
      first.get("a.weight"),
    );
  });
});
