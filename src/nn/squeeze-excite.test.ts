import { describe, expect, it } from "vitest";
import { evaluate } from "../engines/js/evaluate.ts";
import { OptionError } from "../tensor/errors.ts";
import * as nn from "./index.ts";

describe("squeezeExcite", () => {
  const network = nn.build(nn.sequential({ se: nn.squeezeExcite(1, { gate: nn.hardSigmoid() }) }), {
    input: [1, 1, 2, 2],
  });

  it("is two 1×1 convolutions with biases, named fc1 and fc2", () => {
    expect(network.parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ["se.fc1.weight", [1, 1, 2, 1]],
      ["se.fc1.bias", [1]],
      ["se.fc2.weight", [1, 1, 1, 2]],
      ["se.fc2.bias", [2]],
    ]);
  });

  it("multiplies each channel by a factor made of all channels' means", () => {
    // Channel means of [[1, 10], [3, 30]] are 2 and 20: fc1 gives 2 + 20 − 19 = 3, fc2 3·[1, −1], gates (3/6 + ½, −3/6 + ½).
    const values = [[1, 1], [-19], [1, -1], [0, 0]];
    const feeds = new Map(network.parameters.map(({ tensor }, i) => [tensor, values[i]]));
    feeds.set(network.inputs.x, [1, 10, 3, 30]);
    const [y] = evaluate([network.outputs.logits], feeds);
    expect(Array.from(y)).toEqual([1, 0, 3, 0].map((each) => expect.closeTo(each, 12)));
  });

  it("rectifies between the two, and closes with the sigmoid, by default", () => {
    const plain = nn.build(nn.squeezeExcite(1), { input: [1, 1, 1, 1] });
    const run = (bias: number) => {
      const values = [[0], [bias], [1], [0]];
      const feeds = new Map(plain.parameters.map(({ tensor }, i) => [tensor, values[i]]));
      feeds.set(plain.inputs.x, [1]);
      return evaluate([plain.outputs.logits], feeds)[0][0];
    };
    expect(run(-5)).toBeCloseTo(0.5, 12);
    expect(run(2)).toBeCloseTo(1 / (1 + Math.exp(-2)), 12);
  });

  it("refuses no channels", () => {
    expect(() => nn.squeezeExcite(0)).toThrow(OptionError);
  });
});
