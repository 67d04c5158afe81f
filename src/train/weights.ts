/** Weights of published files for our networks: found by the names of the reference checkpoints, turned to our layout. */

import { float32Values, type WritableTensor } from "../formats/safetensors.ts";
import { build, type NamedTensors } from "../nn/network.ts";
import type { Layer } from "../nn/scope.ts";
import type { ParameterKind, Tensor } from "../ops/operation.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { formatShape, sameShape, size } from "../tensor/shape.ts";
import { fromReferenceLayout, referenceShape } from "./layout.ts";
import type { Learner, StateTensor } from "./learner.ts";

/** What a network declares, in our layout: `parameters` and `states` of a `Network`. */
export interface DeclaredWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: ParameterKind;
}

export interface WeightOptions {
  /** How errors call the file. Default "the file". */
  readonly file?: string;
  /** The network's name for a name of the file; undefined leaves the array out. Default: the same. */
  readonly rename?: (name: string) => string | undefined;
  /**
   * Names of the head (`headOf`). Where it does not fit, all of it is left out of the result, to keep its initial values: the
   * body of a network for other classes. Default: a head that does not fit is refused like anything else.
   */
  readonly head?: Iterable<string>;
  /** Names that may be missing, and keep their initial values then: auxiliary heads (`auxiliaryOf`), which files often lack. */
  readonly optional?: Iterable<string>;
}

/** Names that are listed of each kind of misfit; a file of another model misses hundreds. */
const mostListed = 12;

/**
 * The weights that a network declares, from the arrays of a file in PyTorch's layout (`readPyTorch`, `readSafetensors`), whatever
 * their element types. Counters of batches (`num_batches_tracked`) are left out. A linear layer over a whole map may be a convolution
 * there, and a convolution a linear layer, as in fully convolutional networks. Throws one CheckpointError that lists the names that
 * are missing, not in the network, or of another shape.
 */
export function weightsFor(
  declared: Iterable<DeclaredWeight>,
  tensors: ReadonlyMap<string, WritableTensor>,
  { file = "the file", rename = (name) => name, head = [], optional = [] }: WeightOptions = {},
): Map<string, StateTensor> {
  const wanted = new Map([...declared].map((each) => [each.name, each]));
  const found = new Map<string, WritableTensor>();
  const extra: string[] = [];
  const twice: string[] = [];
  for (const [fileName, tensor] of tensors) {
    const name = isCounter(fileName) ? undefined : rename(fileName);
    if (name === undefined) continue;
    if (found.has(name)) twice.push(name);
    if (wanted.has(name)) found.set(name, tensor);
    else extra.push(fileName);
  }

  const fits = ({ name, shape, kind }: DeclaredWeight) => {
    const tensor = found.get(name);
    return tensor !== undefined && sameNumbers(tensor.shape, referenceShape(shape, kind), kind);
  };
  const headNames = new Set(head);
  const optionalNames = new Set(optional);
  const expected = [...wanted.values()].filter(({ name }) => found.has(name) || !optionalNames.has(name));
  const isHeadNew = expected.some((each) => headNames.has(each.name) && !fits(each));
  const needed = expected.filter(({ name }) => !(isHeadNew && headNames.has(name)));
  const misfits = needed.filter((each) => !fits(each));
  const missing = misfits.filter(({ name }) => !found.has(name)).map(({ name }) => name);
  const misshapen = misfits.filter(({ name }) => found.has(name)).map(({ name }) => name);
  const withShape = (name: string) => {
    const { shape, kind } = wanted.get(name) ?? { shape: [], kind: "vector" };
    return `${name} ${formatShape(referenceShape(shape, kind))}`;
  };
  const problems = [
    ...listed("missing", missing.map(withShape)),
    ...listed(
      "of another shape",
      misshapen.map((name) => `${withShape(name)} is ${formatShape(found.get(name)?.shape ?? [])} there`),
    ),
    ...listed("not in the model", extra),
    ...listed("there twice", twice),
  ];
  if (problems.length > 0) {
    const isHeadAlone = problems.length === 1 && misshapen.length > 0 && misshapen.length <= 2;
    const way = isHeadAlone ? " For other classes, make a new head: option head, flag --new-head." : "";
    throw new CheckpointError(`${file}: does not fit the model: ${problems.join("; ")}.${way}`, {
      file,
      missing,
      misshapen,
      extra,
      twice,
    });
  }
  return new Map(needed.map((each) => [each.name, turned(found, each)]));
}

/**
 * Puts the weights of a file into a network, under `weightsFor`'s rules; a head that is left out and the optimizer's state stay
 * as they are. Returns the names of what stayed.
 */
export function loadWeights(
  learner: Learner,
  tensors: ReadonlyMap<string, WritableTensor>,
  options: WeightOptions = {},
): string[] {
  const state = learner.state();
  const declared = [...state]
    .filter(([name]) => !name.startsWith("optimizer."))
    .map(([name, { shape, kind }]) => ({ name, shape, kind }));
  const weights = weightsFor(declared, tensors, options);
  learner.restore(new Map([...state, ...weights]));
  return declared.map(({ name }) => name).filter((name) => !weights.has(name));
}

/**
 * The head of a model: the names of what depends on the number of classes, auxiliary heads included. `model` builds it for a
 * number of classes.
 */
export function headOf(
  model: (classes: number) => Layer<Tensor | NamedTensors>,
  imageShape: readonly [h: number, w: number, c: number],
): string[] {
  const [few, more] = [2, 3].map((classes) => {
    const { parameters, states } = build(model(classes), { input: [1, ...imageShape], training: true });
    return [...parameters, ...states];
  });
  return few.filter(({ shape }, i) => !sameShape(shape, more[i].shape)).map(({ name }) => name);
}

/** The names of what only the training form of a model has, such as auxiliary heads. */
export function auxiliaryOf(
  model: Layer<Tensor | NamedTensors>,
  imageShape: readonly [h: number, w: number, c: number],
): string[] {
  const [used, all] = [false, true].map((training) => {
    const { parameters, states } = build(model, { input: [1, ...imageShape], training });
    return [...parameters, ...states].map(({ name }) => name);
  });
  const kept = new Set(used);
  return all.filter((name) => !kept.has(name));
}

function turned(
  found: ReadonlyMap<string, WritableTensor>,
  { name, shape, kind }: DeclaredWeight,
): StateTensor {
  const tensor = found.get(name);
  if (!tensor) throw new CheckpointError(`${name} is missing.`, { name }); // `fits` has seen it
  const data = "data" in tensor ? tensor.data : float32Values(tensor);
  return { ...fromReferenceLayout({ shape: referenceShape(shape, kind), data }, kind), kind };
}

/** Whether shapes are equal, or those of [k, c, r, s] filters and the [k, c·r·s] matrix of the same numbers in the same order. */
function sameNumbers(there: readonly number[], here: readonly number[], kind: ParameterKind): boolean {
  if (sameShape(there, here)) return true;
  const areRows = kind === "matrix" ? there.length === 4 : kind === "filter" && there.length === 2;
  return areRows && there[0] === here[0] && size(there) === size(here);
}

/** PyTorch counts the batches that a batch norm has seen; nothing depends on it where momentum is a number. */
function isCounter(name: string): boolean {
  return /(^|\.)num_batches_tracked$/.test(name);
}

function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > mostListed ? `, … (${names.length})` : "";
  return [`${what}: ${names.slice(0, mostListed).join(", ")}${more}`];
}
