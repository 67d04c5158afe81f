import { describe, expect, it } from "vitest";
import { OptionError } from "../tensor/errors.ts";
import * as nn from "./index.ts";

const built = (layer: nn.Layer, channels = 8) => nn.build(layer, { input: [1, 7, 7, channels] });
const filters = (network: nn.Network) =>
  network.parameters.filter(({ kind }) => kind === "filter").map(({ name, shape }) => [name, shape]);

describe("invertedResidual", () => {
  it("widens, convolves each channel, and narrows", () => {
    const network = built(nn.invertedResidual({ times: 3 }, 16, { kernel: 5, stride: 2 }));
    expect(filters(network)).toEqual([
      ["block.0.0.weight", [1, 1, 8, 24]],
      ["block.1.0.weight", [5, 5, 1, 24]],
      ["block.2.0.weight", [1, 1, 24, 16]],
    ]);
    expect(network.outputs.logits.shape).toEqual([1, 4, 4, 16]);
  });

  it("has no first convolution where nothing is widened", () => {
    const names = filters(built(nn.invertedResidual(8, 8))).map(([name]) => name);
    expect(names).toEqual(["block.0.0.weight", "block.1.0.weight"]);
    expect(filters(built(nn.invertedResidual({ times: 1 }, 8)))).toHaveLength(2);
  });

  it("adds x where the shape stays, and only there", () => {
    const last = (channels: number, stride: number) =>
      built(nn.invertedResidual(16, channels, { stride })).outputs.logits.node?.operation.name;
    expect(last(8, 1)).toBe("add");
    expect(last(16, 1)).not.toBe("add");
    expect(last(8, 2)).not.toBe("add");
  });

  it("excites what the depthwise convolution gives", () => {
    const network = built(nn.invertedResidual(16, 8, { excite: (wide) => nn.squeezeExcite(wide / 4) }));
    expect(filters(network)).toContainEqual(["block.2.fc1.weight", [1, 1, 16, 4]]);
    expect(filters(network)).toContainEqual(["block.3.0.weight", [1, 1, 16, 8]]);
  });

  it("drops what is added to x", () => {
    const network = nn.build(nn.invertedResidual(16, 8, { drop: nn.dropout(0.5) }), {
      input: [2, 7, 7, 8],
      training: true,
    });
    const [dropped] = Object.values(network.outputs.logits.node?.inputs ?? {});
    expect(dropped?.node?.operation.name).toBe("dropout");
  });

  it("refuses what cannot be", () => {
    expect(() => nn.invertedResidual(0, 8)).toThrow(OptionError);
    expect(() => nn.invertedResidual({ times: 0 }, 8)).toThrow(OptionError);
    expect(() => nn.invertedResidual(8, 8, { kernel: 4 })).toThrow(
      "invertedResidual: kernel is 4, but must be odd and above 0.",
    );
    expect(() => nn.invertedResidual(8, 8, { stride: 0 })).toThrow(OptionError);
  });
});
