import { describe, expect, it } from "vitest";
import { OptionError } from "../tensor/errors.ts";
import * as nn from "./index.ts";

describe("convNormActivation", () => {
  it("is a convolution without bias, batch norm and ReLU, and keeps the size", () => {
    const network = nn.build(nn.convNormActivation(4, 5), { input: [1, 7, 6, 3] });
    expect(network.parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ["0.weight", [5, 5, 3, 4]],
      ["1.weight", [4]],
      ["1.bias", [4]],
    ]);
    expect(network.outputs.logits.shape).toEqual([1, 7, 6, 4]);
    expect(network.outputs.logits.node?.operation.name).toBe("relu");
  });

  it("takes a stride, another norm and another activation", () => {
    const options = { stride: 2, norm: nn.groupNorm(2), activation: nn.identity() };
    const network = nn.build(nn.convNormActivation(4, 3, options), { input: [1, 7, 6, 3] });
    expect(network.outputs.logits.shape).toEqual([1, 4, 3, 4]);
    expect(network.states).toEqual([]);
  });

  it("refuses even kernels", () => {
    expect(() => nn.convNormActivation(4, 2)).toThrow(
      "convNormActivation: kernel is 2, but must be odd and above 0.",
    );
    expect(() => nn.convNormActivation(0, 3)).toThrow(OptionError);
    expect(() => nn.convNormActivation(4, 3, { stride: 0 })).toThrow(OptionError);
  });
});
