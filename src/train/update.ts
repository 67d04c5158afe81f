/**
 * The optimizer's step as operations, so that it is planned and compiled with the rest. All parameters lie side by side,
 * as do their velocities: one pass over each, whatever the number of layers. Gradients go into their velocities in the kernels that
 * compute them, or lie side by side as well where all must be known first. The rules are those of `optimizer.ts`.
 */

import type { Update } from "../graph/placement.ts";
import { over } from "../kernels/formula.ts";
import type { Axis } from "../kernels/index-expression.ts";
import { type Source, scalar, sum, type Value } from "../kernels/value.ts";
import { concat } from "../ops/concat.ts";
import { defineOp, type Op, type Tensor } from "../ops/operation.ts";
import { within } from "../ops/place.ts";
import { reshape } from "../ops/reshape.ts";
import { sameShape, size } from "../tensor/shape.ts";
import type { SgdOptions } from "./optimizer.ts";

export interface SgdTensors {
  /** All parameters as one vector, in the order of `gradients`. */
  readonly parameters: Tensor;
  /** Velocities likewise; only where there is momentum or the rule is "alexnet". */
  readonly velocity: Tensor | undefined;
  /** One of each parameter, or all as one vector. */
  readonly gradients: readonly Tensor[];
  /** Weight and velocity of each parameter by themselves, in the order of `gradients`. */
  readonly each?: readonly { readonly weight: Tensor; readonly velocity: Tensor }[];
}

/** Tensors as one vector. */
function flattened(tensors: readonly Tensor[]): Tensor {
  return concat({ ...tensors.map((each) => reshape({ x: each }, { shape: [size(each.shape)] })) }, {});
}

/** The updates of one step, and the norm of all gradients where they are clipped by it. */
export function sgdUpdates(
  { parameters, velocity, gradients, each }: SgdTensors,
  options: SgdOptions,
): { updates: Update[]; gradientNorm: Tensor | undefined } {
  return within("optimizer", () => {
    if (each !== undefined && velocity !== undefined && !options.nesterov && options.clipNorm === undefined) {
      // A gradient goes into its velocity where it is computed, and never to memory.
      const moved = flattened(
        gradients.map((gradient, i) => sgdVelocity({ gradient, squared: undefined, ...each[i] }, options)),
      );
      const step = { gradient: undefined, squared: undefined, velocity: moved, weight: parameters };
      return {
        updates: [
          { target: velocity, value: moved },
          { target: parameters, value: sgdWeight(step, options) },
        ],
        gradientNorm: undefined,
      };
    }
    const flat = sameShape(gradients[0].shape, parameters.shape) ? gradients[0] : flattened(gradients);
    const squared = options.clipNorm === undefined ? undefined : squaredNorm({ gradient: flat }, options);
    const inputs = { gradient: flat, squared, weight: parameters };
    if (velocity === undefined)
      return {
        updates: [{ target: parameters, value: sgdWeight({ ...inputs, velocity: undefined }, options) }],
        gradientNorm: squared,
      };
    const moved = sgdVelocity({ ...inputs, velocity }, options);
    const nesterov = options.nesterov ? inputs : { gradient: undefined, squared: undefined };
    const weight = sgdWeight({ ...nesterov, velocity: moved, weight: parameters }, options);
    return {
      updates: [
        { target: velocity, value: moved },
        { target: parameters, value: weight },
      ],
      gradientNorm: squared,
    };
  });
}

/** Whether a rule keeps velocities. */
export function needsVelocity({ momentum, rule }: SgdOptions): boolean {
  return momentum > 0 || rule === "alexnet";
}

type StepInputs = "gradient" | "squared" | "weight" | "velocity";

/** ‖g‖² of all gradients, each clipped by value first. */
const squaredNorm: Op<"gradient", SgdOptions> = defineOp({
  name: "squaredNorm",
  shape: () => [],
  value: ({ gradient }, options) => [
    over([], () =>
      sum(gradient.shape, (i) => {
        const g = clippedByValue(gradient.at(i), options);
        return g.times(g);
      }),
    ),
  ],
});

const sgdVelocity: Op<StepInputs, SgdOptions> = defineOp({
  name: "sgdVelocity",
  shape: ({ velocity }) => velocity,
  value: ({ velocity, ...step }, options, shape) => [
    over(shape, (...i) => {
      const kept = velocity.at(...i).times(options.momentum);
      const g = decayedGradient(step, i, options);
      return options.rule === "pytorch" ? kept.plus(g) : kept.minus(g.times(scalar("learningRate")));
    }),
  ],
});

/** The new weights; `velocity` is already that of this step. */
const sgdWeight: Op<StepInputs, SgdOptions> = defineOp({
  name: "sgdWeight",
  shape: ({ weight }) => weight,
  value: ({ velocity, ...step }, options, shape) => [
    over(shape, (...i) => {
      const w = step.weight.at(...i);
      if (options.rule === "alexnet") return w.plus(velocity.at(...i));
      let direction: Value;
      if (velocity === undefined) direction = decayedGradient(step, i, options);
      else if (options.nesterov)
        direction = decayedGradient(step, i, options).plus(velocity.at(...i).times(options.momentum));
      else direction = velocity.at(...i);
      return w.minus(direction.times(scalar("learningRate")));
    }),
  ],
});

/** g + wd·w, the gradient clipped before. */
function decayedGradient(
  { gradient, squared, weight }: { gradient: Source; squared: Source | undefined; weight: Source },
  i: readonly Axis[],
  options: SgdOptions,
): Value {
  let g = clippedByValue(gradient.at(...i), options);
  if (squared !== undefined && options.clipNorm !== undefined) {
    const norm = squared.at().sqrt().plus(1e-6);
    g = g.times(norm.reciprocal().times(options.clipNorm).min(1));
  }
  return options.weightDecay === 0 ? g : g.plus(weight.at(...i).times(options.weightDecay));
}

function clippedByValue(g: Value, { clipValue }: SgdOptions): Value {
  return clipValue === undefined ? g : g.max(-clipValue).min(clipValue);
}
