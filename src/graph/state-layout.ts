/** Where parameters, running statistics and optimizer state lie: fixed for a model, shared by its plans of all batch sizes. */

import { type ParameterKind, state, type Tensor } from "../ops/operation.ts";
import { ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape, sameShape, size } from "../tensor/shape.ts";

export interface StateEntry {
  readonly name: string;
  readonly shape: Shape;
  readonly kind: ParameterKind;
  /** First element in state memory. */
  readonly offset: number;
}

/** Consecutive entries under one name, so that one kernel can go over them all. */
export class StateLayout {
  readonly entries = new Map<string, StateEntry>();
  elements = 0;
  /** Whole stretches, and what is not saved. */
  private readonly stretches = new Map<string, StateEntry>();

  /**
   * Lays tensors one after the other without gaps, and names the whole stretch; returns it as a tensor of one axis. Those that
   * are not `saved` are between steps what plans make of them alone: they are no entries.
   */
  append(
    stretch: string,
    tensors: readonly { readonly name: string; readonly shape: Shape; readonly kind: ParameterKind }[],
    { saved = true }: { readonly saved?: boolean } = {},
  ): Tensor | undefined {
    const start = this.elements;
    for (const { name, shape, kind } of tensors) {
      if (this.entries.has(name) || this.stretches.has(name))
        throw new ShapeError(`two tensors are named ${name}: names must be unique.`, { name });
      (saved ? this.entries : this.stretches).set(name, { name, shape, kind, offset: this.elements });
      this.elements += size(shape);
    }
    const length = this.elements - start;
    // Stretches start on cache lines.
    this.elements = Math.ceil(this.elements / 16) * 16;
    if (length === 0) return undefined;
    const name = `${stretch}:`;
    this.stretches.set(name, { name, shape: [length], kind: "vector", offset: start });
    return state(name, [length]);
  }

  /** First element of a parameter, state or stretch, which is known by its name. */
  offsetOf({ name, shape }: Tensor): number {
    const entry = this.entries.get(name) ?? this.stretches.get(name);
    if (entry === undefined)
      throw new ShapeError(`${name} ${formatShape(shape)} has no place in this model's state.`, { name });
    if (!sameShape(entry.shape, shape))
      throw new ShapeError(
        `${name} has shape ${formatShape(shape)}, but the model's state holds ${formatShape(entry.shape)}.`,
      );
    return entry.offset;
  }
}
