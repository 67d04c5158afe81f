import { describe, expect, it } from "vitest";
import { jsEngine } from "../engines/index.ts";
import { gradients } from "../graph/backward.ts";
import { plan } from "../graph/plan.ts";
import { StateLayout } from "../graph/state-layout.ts";
import { build, initialValues } from "../nn/index.ts";
import { meanSquaredError } from "../ops/mean-squared-error.ts";
import { input } from "../ops/operation.ts";
import { OptionError } from "../tensor/errors.ts";
import { RandomStream } from "../tensor/random.ts";
import { sgd } from "../train/optimizer.ts";
import { sgdUpdates } from "../train/update.ts";
import { type DeepImagePriorOptions, deepImagePrior } from "./deep-image-prior.ts";
import { summarize } from "./summary.ts";

describe("deepImagePrior", () => {
  it("has the 2,217,831 parameters that the authors' experiment in denoising prints", () => {
    const network = build(deepImagePrior(), { input: [1, 256, 256, 32] });
    expect(summarize(network).totals.parameters).toBe(2_217_831);
    expect(network.outputs.image.shape).toEqual([1, 256, 256, 3]);
  });

  it("is named as the authors' modules count", () => {
    const network = build(deepImagePrior({ down: [8, 16], skip: [4, 0] }), { input: [1, 16, 16, 2] });
    const names = network.parameters.map(({ name }) => name).filter((name) => name.endsWith("0.weight"));
    expect(names).toEqual([
      "1.0.1.0.weight",
      "1.1.1.0.weight",
      "1.1.4.0.weight",
      "1.1.7.1.1.0.weight",
      "1.1.7.1.4.0.weight",
      "1.1.7.3.0.weight",
      "1.1.7.6.0.weight",
      "3.0.weight",
      "6.0.weight",
      "9.0.weight",
    ]);
  });

  it("mirrors edges where it is told to, under the names that the authors' modules then have", () => {
    const options = { down: [8, 16], padding: "reflection" } as const;
    const network = build(deepImagePrior(options), { input: [1, 16, 16, 2] });
    expect(network.outputs.image.shape).toEqual([1, 16, 16, 3]);
    expect(network.tap("1.1.1.0").shape).toEqual([1, 18, 18, 2]);
    const names = network.parameters.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["1.0.1.1.weight", "1.1.1.1.weight", "9.1.bias"]));
  });

  it("refuses lists that do not fit", () => {
    expect(() => deepImagePrior({ down: [8, 16], up: [8] })).toThrow(
      "deepImagePrior: down, up and skip have 2, 1 and 2 numbers, but must have one for each scale.",
    );
    expect(() => deepImagePrior({ upsampling: "bicubic" as "nearest" })).toThrow(OptionError);
    expect(() => deepImagePrior({ padding: "mirror" as "zero" })).toThrow(OptionError);
  });

  it("fits an image sooner than noise: section 2, figure 2 of the paper", async () => {
    const edge = 16;
    const options = { channels: 1, down: [8, 8], skip: [2, 2] };
    const noise = new RandomStream(7);
    const disc = Float32Array.from({ length: edge * edge }, (_, i) =>
      (Math.floor(i / edge) - 7) ** 2 + ((i % edge) - 6) ** 2 < 25 ? 0.9 : 0.1,
    );
    const [image, random] = [disc, disc.map(() => (noise.between(0, 1) < 0.4 ? 0.9 : 0.1))];
    const rest = async (target: Float32Array) =>
      (await errorAfter(options, edge, target, 40)) / variance(target);
    const [ofImage, ofNoise] = [await rest(image), await rest(random)];
    // What is left of the variance after 40 steps.
    expect(ofImage).toBeLessThan(0.2);
    expect(ofNoise).toBeGreaterThan(2 * ofImage);
  });
});

/** Mean squared error of the network's image after `steps` of gradient descent from noise to `target`, [edge, edge]. */
async function errorAfter(
  options: DeepImagePriorOptions,
  edge: number,
  target: Float32Array,
  steps: number,
): Promise<number> {
  const network = build(deepImagePrior(options), { input: [1, edge, edge, 4], training: true });
  const wanted = input("target", [1, edge, edge, 1]);
  const loss = meanSquaredError({ x: network.outputs.image, target: wanted });
  const layout = new StateLayout();
  const parameters = layout.append("parameters", network.parameters);
  const named = network.parameters.map((each) => ({ ...each, name: `velocity of ${each.name}` }));
  const velocity = layout.append("velocity", named);
  layout.append("states", network.states);
  if (parameters === undefined) throw new Error("nothing to fit");
  const found = gradients(
    loss,
    network.parameters.map(({ tensor }) => tensor),
  ).filter((each) => each !== undefined);
  const { updates } = sgdUpdates({ parameters, velocity, gradients: found }, sgd({ momentum: 0.9 }));
  const session = await jsEngine().open(layout);
  for (const [name, values] of initialValues(network, 0)) session.write(name, values);
  const program = await session.load(
    plan({
      outputs: { loss },
      updates: [...network.updates.map(({ state, value }) => ({ target: state, value })), ...updates],
      state: layout,
    }),
  );
  const random = new RandomStream(1);
  const x = Float32Array.from({ length: 4 * edge * edge }, () => random.between(0, 0.1));
  let left = Number.NaN;
  for (let step = 0; step < steps; step++)
    left = (await program.run({ x, target }, { step, learningRate: 0.05 })).loss[0];
  session.dispose();
  return left;
}

function variance(values: Float32Array): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length;
}
