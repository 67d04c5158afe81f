/** Networks under the fill rule (golden/README.md), and files that may be absent, for tests against recorded values. */

import { existsSync, readFileSync } from "node:fs";
import type { Declaration, Network } from "../src/nn/index.ts";
import type { Tensor } from "../src/ops/operation.ts";
import type { Shape } from "../src/tensor/shape.ts";
import { type FillKind, fillValues, nchwToNhwc, oihwToHwio, turnMatrix } from "./golden/fill.ts";

/** The shape of a parameter or state in the reference layout: filters [k, c, r, s] (transposed: [c, k, r, s]), matrices [out, in]. */
export function referenceShape({ shape, kind }: Pick<Declaration, "shape" | "kind">): Shape {
  if (kind === "filter" || kind === "transposedFilter") return [shape[3], shape[2], shape[0], shape[1]];
  return kind === "matrix" ? [shape[1], shape[0]] : shape;
}

/** Values of all parameters and states, by tensor. */
export function filledParameters(network: Network): Map<Tensor, Float32Array> {
  return new Map([...network.parameters, ...network.states].map((each) => [each.tensor, filledValues(each)]));
}

/** Values of a parameter or state in our layout; weights of normalisation are multiplied by `normScale`. */
export function filledValues(
  each: Pick<Declaration, "name" | "shape" | "kind">,
  normScale = 1,
): Float32Array {
  const shape = referenceShape(each);
  const fill = fillKindOf(each);
  const values = fillValues(each.name, shape, fill, fill === "bn_weight" ? normScale : 1);
  if (each.kind === "vector") return values;
  return each.kind === "matrix" ? turnMatrix(values, shape) : oihwToHwio(values, shape);
}

/** The image batch of this name, [n, h, w, c], filled as [n, c, h, w]. */
export function filledImages(name: string, [n, h, w, c]: Shape): Float32Array {
  return nchwToNhwc(fillValues(name, [n, c, h, w], "input"), [n, c, h, w]);
}

function fillKindOf({ name, kind }: Pick<Declaration, "name" | "kind">): FillKind {
  const leaf = name.slice(name.lastIndexOf(".") + 1);
  if (leaf === "running_mean" || leaf === "running_var") return leaf;
  if (kind !== "vector") return "weight";
  // Biases of convolutions and of batch norm are filled alike.
  return leaf === "weight" ? "bn_weight" : "bias";
}

/** A recorded network of the folder of published values, which lies beside the repository where there is one. */
export interface PublishedRecord {
  readonly model: string;
  readonly parameters: number;
  readonly macs: number;
  /** [n, c, h, w] */
  readonly input_shape: readonly number[];
  readonly logits: readonly number[];
  readonly logits_mean_std: readonly [mean: number, std: number];
  /** [name, shape in the reference layout] of parameters and running statistics, in the order of the reference. */
  readonly tensors: readonly (readonly [name: string, shape: readonly number[]])[];
  /** [place, shape, mean, standard deviation, first four values], in [n, c, h, w]. */
  readonly activations: readonly (readonly [string, readonly number[], number, number, readonly number[]])[];
}

/** The record of this name; undefined, with a warning that is hard to miss, where the folder is absent. */
export function publishedRecord(name: string): PublishedRecord | undefined {
  const file = new URL(`../../shared/golden/${name}.json`, import.meta.url);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as PublishedRecord;
  console.warn(
    `\n*** SKIPPED: ${file.pathname} is absent, so ${name} is not held against its recorded values. ***\n`,
  );
  return undefined;
}
