import { describe, expect, it } from "vitest";
import { evaluate } from "../engines/js/evaluate.ts";
import type { Tensor } from "../ops/operation.ts";
import { scale } from "../ops/scale.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { type Shape, size } from "../tensor/shape.ts";
import * as nn from "./index.ts";

/** Values of the logits for an input that counts up from 1, parameters and states at their first values of seed 0. */
function run(
  layer: nn.Layer,
  input: Shape,
  training = false,
  step = 0,
): { network: nn.Network; values: number[] } {
  const network = nn.build(layer, { input, training });
  const [values] = evaluate([network.outputs.logits], feedsOf(network), { step });
  return { network, values: Array.from(values) };
}

function feedsOf(network: nn.Network): Map<Tensor, ArrayLike<number>> {
  const initial = nn.initialValues(network, 0);
  const feeds = new Map<Tensor, ArrayLike<number>>();
  for (const { name, tensor } of [...network.parameters, ...network.states])
    feeds.set(tensor, initial.get(name) ?? []);
  const { x } = network.inputs;
  return feeds.set(
    x,
    Array.from({ length: size(x.shape) }, (_, i) => i + 1),
  );
}

describe("batchNorm2d", () => {
  it("normalises with the batch in training, and updates the running statistics as PyTorch does", () => {
    const { network, values } = run(nn.sequential({ bn: nn.batchNorm2d() }), [2, 1, 2, 1], true);
    // 1, 2, 3, 4: mean 2.5, variance 1.25 with bias and 5/3 without.
    const deviation = Math.sqrt(1.25 + 1e-5);
    expect(values.map((value) => value * deviation)).toEqual(
      [-1.5, -0.5, 0.5, 1.5].map((value) => expect.closeTo(value, 12)),
    );
    expect(network.updates.map(({ state }) => state.name)).toEqual(["bn.running_mean", "bn.running_var"]);
    const [mean, variance] = evaluate(
      network.updates.map((update) => update.value),
      feedsOf(network),
    );
    expect(mean[0]).toBeCloseTo(0.1 * 2.5, 12);
    expect(variance[0]).toBeCloseTo(0.9 + 0.1 * (5 / 3), 12);
  });

  it("uses the running statistics in inference", () => {
    const { network, values } = run(nn.batchNorm2d({ epsilon: 3 }), [1, 1, 2, 1]);
    // Mean 0 and variance 1 at first: (x − 0) / √(1 + 3).
    expect(values).toEqual([0.5, 1]);
    expect(network.states.map(({ name }) => name)).toEqual(["running_mean", "running_var"]);
    expect(network.updates).toEqual([]);
  });

  it("refuses impossible options", () => {
    expect(() => nn.batchNorm2d({ epsilon: 0 })).toThrow(OptionError);
    expect(() => nn.batchNorm2d({ momentum: 1.1 })).toThrow(OptionError);
  });
});

describe("stochasticDepth", () => {
  const ones = (survival: number, options: nn.StochasticDepthOptions, training: boolean, step: number) =>
    run(
      nn.residual(nn.identity(), (x) => scale({ x }, { factor: 0 }), {
        drop: nn.stochasticDepth(survival, options),
      }),
      [3, 1, 1, 1],
      training,
      step,
    ).values;

  it("keeps or drops the whole batch in training, and multiplies by the survival probability in inference", () => {
    const seen = new Set(Array.from({ length: 40 }, (_, step) => ones(0.75, {}, true, step).join()));
    expect(seen).toEqual(new Set(["1,2,3", "0,0,0"]));
    expect(ones(0.75, {}, true, 7)).toEqual(ones(0.75, {}, true, 7));
    expect(ones(0.75, {}, false, 0)).toEqual([0.75, 1.5, 2.25]);
  });

  it("tosses a coin for each image, and divides in training instead, where asked", () => {
    const options = { coin: "image", rescale: "training" } as const;
    const seen = new Set(Array.from({ length: 40 }, (_, step) => ones(0.5, options, true, step).join()));
    expect(seen.size).toBe(8);
    expect(seen).toContain("2,0,6");
    expect(ones(0.5, options, false, 0)).toEqual([1, 2, 3]);
  });

  it("drops more and more over a ramp of steps, and wants the expectation kept in training then", () => {
    const options = { coin: "image", rescale: "training", ramp: 1000 } as const;
    const dropsFrom = (from: number) =>
      Array.from({ length: 100 }, (_, i) => ones(0.5, options, true, from + i))
        .flat()
        .filter((y) => y === 0).length;
    expect(ones(0.5, options, true, 0)).toEqual([1, 2, 3]);
    // Of 300 coins about 22 and about 142.
    expect(dropsFrom(100)).toBeLessThan(50);
    expect(dropsFrom(900)).toBeGreaterThan(100);
    expect(() => nn.stochasticDepth(0.5, { ramp: 10 })).toThrow('set rescale to "training"');
  });

  it("leaves x as it is where everything survives", () => {
    expect(ones(1, {}, true, 3)).toEqual([1, 2, 3]);
    expect(ones(1, {}, false, 3)).toEqual([1, 2, 3]);
  });

  it("falls linearly to the last block, and refuses what is no probability", () => {
    expect(nn.linearDecay(4, 0.5)).toEqual([0.875, 0.75, 0.625, 0.5]);
    expect(() => nn.stochasticDepth(0)).toThrow(
      "stochasticDepth: survival is 0, but must be above 0 and at most 1.",
    );
    expect(() => nn.linearDecay(3, 1.1)).toThrow(OptionError);
    expect(() => nn.stochasticDepth(0.5, { coin: "pixel" as "image" })).toThrow(OptionError);
  });
});

describe("dropout", () => {
  it("is nothing in inference", () => {
    const { network } = run(nn.sequential([nn.dropout()]), [1, 4]);
    expect(network.outputs.logits).toBe(network.inputs.x);
  });

  it("drops about its share in training, differently in each layer and each step", () => {
    const input = [1, 1000];
    const dropped = (layer: nn.Layer, step: number) =>
      run(layer, input, true, step).values.map((value) => value === 0);
    const [first, other] = [nn.dropout(0.25), nn.sequential([nn.dropout(0), nn.dropout(0.25)])];
    const count = dropped(first, 0).filter(Boolean).length;
    // Three deviations of a binomial of 1000 at 0.25.
    expect(Math.abs(count - 250)).toBeLessThan(42);
    expect(dropped(first, 0)).toEqual(dropped(first, 0));
    expect(dropped(first, 0)).not.toEqual(dropped(first, 1));
    expect(dropped(first, 0)).not.toEqual(dropped(other, 0));
    expect(() => nn.dropout(1)).toThrow(OptionError);
  });
});

describe("pooling", () => {
  it("takes windows, or the whole image", () => {
    expect(run(nn.maxPool2d(2), [1, 2, 4, 1]).values).toEqual([6, 8]);
    expect(run(nn.avgPool2d(2), [1, 2, 4, 1]).values).toEqual([3.5, 5.5]);
    expect(run(nn.globalAvgPool2d(), [1, 2, 2, 2]).values).toEqual([4, 5]);
    const kept = run(nn.globalAvgPool2d({ keepAxes: true }), [1, 2, 2, 2]);
    expect([kept.network.outputs.logits.shape, kept.values]).toEqual([
      [1, 1, 1, 2],
      [4, 5],
    ]);
    expect(run(nn.globalMaxPool2d(), [1, 2, 2, 2]).values).toEqual([7, 8]);
  });

  it("adapts to images of any size", () => {
    expect(run(nn.adaptiveAvgPool2d(2), [1, 4, 2, 1]).values).toEqual([2, 3, 6, 7]);
    expect(run(nn.adaptiveAvgPool2d([2, 1]), [1, 1, 2, 1]).values).toEqual([1.5, 1.5]);
    expect(run(nn.adaptiveAvgPool2d(4), [1, 2, 1, 1]).values).toEqual(
      [1, 2].flatMap((value) => Array(8).fill(value)),
    );
    const same = run(nn.adaptiveAvgPool2d(2), [1, 2, 2, 1]).network;
    expect(same.outputs.logits).toBe(same.inputs.x);
    expect(run(nn.adaptiveAvgPool2d([2, 1]), [1, 3, 1, 1]).values).toEqual([1.5, 2.5]);
  });
});

describe("channelShuffle", () => {
  it("deals channels out over groups; one group stays as it is", () => {
    expect(run(nn.channelShuffle(2), [1, 1, 1, 6]).values).toEqual([1, 4, 2, 5, 3, 6]);
    const same = run(nn.channelShuffle(1), [1, 1, 1, 6]).network;
    expect(same.outputs.logits).toBe(same.inputs.x);
    expect(() => nn.channelShuffle(0)).toThrow(OptionError);
  });
});

describe("groupNorm", () => {
  it("normalises the channels of a group together, in both forms alike", () => {
    const { values } = run(nn.groupNorm(1, { epsilon: 1e-12 }), [1, 1, 1, 2]);
    expect(values).toEqual([expect.closeTo(-1, 6), expect.closeTo(1, 6)]);
    const { network } = run(nn.sequential({ gn: nn.groupNorm(2) }), [1, 2, 2, 4], true);
    expect(network.parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ["gn.weight", [4]],
      ["gn.bias", [4]],
    ]);
    expect(network.states).toEqual([]);
    expect(() => run(nn.sequential({ gn: nn.groupNorm(3) }), [1, 1, 1, 4])).toThrow(/at gn/);
  });
});

describe("localResponseNorm", () => {
  it("divides by a power of the neighbours' squares", () => {
    const { values } = run(nn.localResponseNorm(3, { alpha: 3, beta: 0.5, k: 2 }), [1, 1, 1, 2]);
    expect(values).toEqual([1, 2].map((value) => expect.closeTo(value / Math.sqrt(2 + 1 + 4), 12)));
    expect(() => nn.localResponseNorm(0)).toThrow(OptionError);
  });
});

describe("larger images", () => {
  it("come from transposed convolutions", () => {
    const times = nn.transposedConv2d(1, 2, { stride: 2, bias: false, weightInitializer: nn.ones });
    expect(run(times, [1, 1, 2, 1]).values).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    const { network } = run(nn.transposedConv2d(6, 3, { groups: 2, stride: 2 }), [1, 4, 4, 4]);
    expect(network.parameters.map(({ shape, kind }) => [shape, kind])).toEqual([
      [[3, 3, 3, 4], "transposedFilter"],
      [[6], "vector"],
    ]);
    expect(network.outputs.logits.shape).toEqual([1, 9, 9, 6]);
    expect(() => nn.transposedConv2d(5, 3, { groups: 2 })).toThrow(OptionError);
  });

  it("come from repeating or blending places", () => {
    expect(run(nn.upsample(2), [1, 1, 2, 1]).values).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    expect(run(nn.upsample([1, 2], { mode: "bilinear" }), [1, 1, 2, 1]).values).toEqual([1, 1.25, 1.75, 2]);
    expect(() => nn.upsample(0)).toThrow(OptionError);
  });
});

describe("linear", () => {
  it("asks for rows, and names its parameters", () => {
    const { network } = run(nn.sequential({ flatten: nn.flatten(), fc: nn.linear(3) }), [2, 2, 2, 2]);
    expect(network.parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ["fc.weight", [8, 3]],
      ["fc.bias", [3]],
    ]);
    expect(() => run(nn.sequential({ fc: nn.linear(3) }), [2, 2, 2, 2])).toThrow(/linear at fc.*Flatten/);
  });
});

describe("activations", () => {
  it("can be named", () => {
    expect(run(nn.activation("tanh"), [1, 1]).values[0]).toBeCloseTo(Math.tanh(1), 12);
    expect(() => nn.activation("twist" as "relu")).toThrow(/one of relu/);
  });
});

describe("combinators", () => {
  it("add a shortcut, and apply what follows the sum", () => {
    const minus = nn.conv2d(1, 1, { bias: false, weightInitializer: nn.constant(-2) });
    expect(run(nn.residual(minus), [1, 1, 2, 1]).values).toEqual([-1, -2]);
    expect(run(nn.residual(minus, nn.identity(), { after: nn.relu() }), [1, 1, 2, 1]).values).toEqual([0, 0]);
  });

  it("join branches in the order of their names", () => {
    const times = (factor: number) =>
      nn.conv2d(1, 1, { bias: false, weightInitializer: nn.constant(factor) });
    const { network, values } = run(nn.branches({ b: times(2), a: times(3) }), [1, 1, 2, 1]);
    expect(values).toEqual([2, 3, 4, 6]);
    expect(network.parameters.map(({ name }) => name)).toEqual(["b.weight", "a.weight"]);
  });

  it("carry past a gate what it does not let through", () => {
    const layer = (weight: number, bias: number) =>
      nn.conv2d(1, 1, { weightInitializer: nn.constant(weight), biasInitializer: nn.constant(bias) });
    const half = run(nn.highway(layer(3, -4), layer(0, 0)), [1, 1, 3, 1]);
    // relu(3x − 4) is 0, 2 and 5; half of it and half of x.
    expect(half.values).toEqual([0.5, 2, 4]);
    expect(half.network.parameters.map(({ name }) => name)).toEqual([
      "h.weight",
      "h.bias",
      "t.weight",
      "t.bias",
    ]);
    expect(run(nn.highway(layer(3, -4), layer(0, -100)), [1, 1, 3, 1]).values).toEqual([1, 2, 3]);
    expect(run(nn.highway(layer(3, -4), layer(0, 100)), [1, 1, 3, 1]).values).toEqual([0, 2, 5]);
  });

  it("pad the shortcut of option A with zero channels on both sides", () => {
    expect(run(nn.paddedShortcut(4, 2), [1, 2, 2, 2]).values).toEqual([0, 1, 2, 0]);
    expect(() => run(nn.paddedShortcut(1, 2), [1, 2, 2, 2])).toThrow(ShapeError);
  });
});
