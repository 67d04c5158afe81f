/**
 * Which tensors share memory: reshapes and slices are names for parts of other tensors, the inputs of a concatenation are
 * written where it wants them, and new values of parameters and statistics replace the old ones.
 */

import { contiguousLayout, isContiguous, type Layout } from "../kernels/layout.ts";
import type { Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";

/** New values for a tensor that lasts between runs. */
export interface Update {
  readonly target: Tensor;
  readonly value: Tensor;
}

/** How a tensor lies in another's memory. */
interface Link {
  readonly parent: Tensor;
  /** The box of the parent that starts here; undefined for all elements in their order. */
  readonly start: readonly number[] | undefined;
}

export class Placement {
  private readonly links = new Map<Tensor, Link>();
  private readonly children = new Set<Tensor>();
  private readonly reused = new Set<Tensor>();
  private readonly results: ReadonlySet<Tensor>;

  /**
   * Decides for the tensors of `order`, which ascends in their ids. Those in `results` are read from outside, where
   * their elements must lie one after the other.
   */
  constructor(order: readonly Tensor[], updates: readonly Update[], results: ReadonlySet<Tensor>) {
    this.results = results;
    for (const { target, value } of updates)
      if (isWrittenAnew(value) && !this.links.has(value))
        this.link(value, { parent: target, start: undefined });
    for (const tensor of order.toReversed()) this.assemble(tensor);
    for (const tensor of order) this.name(tensor);
  }

  /** Whether the tensor is computed by no kernel: other tensors hold its elements already. */
  isView(tensor: Tensor): boolean {
    const memory = memoryOf(tensor);
    if (memory === undefined) return false;
    if (memory.kind !== "assembled") {
      const input = tensor.node?.inputs[memory.input];
      return (
        this.links.get(tensor)?.parent === input ||
        (input !== undefined && this.links.get(input)?.parent === tensor)
      );
    }
    return this.missing(tensor).length === 0;
  }

  /** Whether some of the tensor's elements are written by the kernels of other tensors. */
  isAssembled(tensor: Tensor): boolean {
    const inputs = tensor.node?.inputs ?? {};
    return memoryOf(tensor)?.kind === "assembled" && this.missing(tensor).length < Object.keys(inputs).length;
  }

  /** Inputs of an assembled tensor that its own kernel must copy, by position in its formula. */
  missing(tensor: Tensor): number[] {
    const memory = memoryOf(tensor);
    if (memory?.kind !== "assembled") return [];
    return Object.entries(tensor.node?.inputs ?? {}).flatMap(([name, input], i) => {
      // A tensor that is joined twice has one place of the two.
      const link = this.links.get(input);
      const isThere =
        link?.parent === tensor && memory.starts[name].every((at, axis) => at === link.start?.[axis]);
      return isThere ? [] : [i];
    });
  }

  /** The tensor whose allocation holds this one. */
  rootOf(tensor: Tensor): Tensor {
    let root = tensor;
    for (let link = this.links.get(root); link !== undefined; link = this.links.get(root)) root = link.parent;
    return root;
  }

  /** The tensor, that in which it lies, and so on. */
  holdersOf(tensor: Tensor): Tensor[] {
    const holders: Tensor[] = [];
    for (let at: Tensor | undefined = tensor; at !== undefined; at = this.links.get(at)?.parent)
      holders.push(at);
    return holders;
  }

  /** Whether the tensor is `other` or lies in it. */
  liesIn(tensor: Tensor, other: Tensor): boolean {
    return this.holdersOf(tensor).includes(other);
  }

  /** Whether the tensor neither lies in another nor holds others. */
  isAlone(tensor: Tensor): boolean {
    return !this.links.has(tensor) && !this.children.has(tensor);
  }

  /** Puts `tensor` where `other`, no longer needed, was. */
  reuse(tensor: Tensor, other: Tensor): void {
    this.link(tensor, { parent: other, start: undefined });
    this.reused.add(tensor);
  }

  /** Whether the tensor took the place of another. */
  isReuse(tensor: Tensor): boolean {
    return this.reused.has(tensor);
  }

  /** The layout of `tensor`, given that of its root. */
  layoutOf(tensor: Tensor, rootLayout: (root: Tensor) => Layout): Layout {
    const link = this.links.get(tensor);
    if (link === undefined) return rootLayout(tensor);
    const parent = this.layoutOf(link.parent, rootLayout);
    if (link.start === undefined) return contiguousLayout(parent.buffer, tensor.shape, parent.offset);
    const before = link.start.reduce((sum, at, axis) => sum + at * parent.strides[axis], 0);
    return { buffer: parent.buffer, offset: parent.offset + before, strides: parent.strides };
  }

  private link(tensor: Tensor, link: Link): void {
    this.links.set(tensor, link);
    this.children.add(link.parent);
  }

  private assemble(tensor: Tensor): void {
    const memory = memoryOf(tensor);
    if (memory?.kind !== "assembled" || tensor.node === undefined) return;
    for (const [name, input] of Object.entries(tensor.node.inputs)) {
      const start = memory.starts[name];
      if (this.links.has(input) || this.children.has(input) || input.node === undefined) continue;
      if (this.results.has(input) && (!isWithoutGaps(input, tensor) || this.links.has(tensor))) continue;
      const inner = memoryOf(input);
      if (inner === undefined || inner.kind === "assembled") this.link(input, { parent: tensor, start });
      else if (inner.kind === "sameElements") {
        // The elements of a reshaped tensor lie in the box if the box has no gaps.
        const source = input.node.inputs[inner.input];
        const gapless = isWithoutGaps(input, tensor);
        const free = source.node !== undefined && memoryOf(source) === undefined;
        const isInBox = this.links.get(tensor)?.start !== undefined;
        if (!gapless || !free || isInBox || this.links.has(source) || this.children.has(source)) continue;
        this.link(input, { parent: tensor, start });
        this.link(source, { parent: input, start: undefined });
      }
    }
  }

  private name(tensor: Tensor): void {
    const memory = memoryOf(tensor);
    if (memory === undefined || memory.kind === "assembled" || this.links.has(tensor)) return;
    const input = tensor.node?.inputs[memory.input];
    if (input === undefined || this.links.get(input)?.parent === tensor) return;
    if (memory.kind === "boxOf") {
      this.link(tensor, { parent: input, start: memory.start });
      if (this.results.has(tensor) && !this.isContiguous(tensor)) this.links.delete(tensor);
    } else if (this.isContiguous(input)) this.link(tensor, { parent: input, start: undefined });
  }

  private isContiguous(tensor: Tensor): boolean {
    const layout = this.layoutOf(tensor, (root) => contiguousLayout(0, root.shape));
    return size(tensor.shape) === 1 || isContiguous(layout, tensor.shape);
  }
}

/** Whether the tensor's elements are made by kernels that could write them anywhere: its own, or those of its pieces. */
export function isWrittenAnew(tensor: Tensor): boolean {
  const memory = memoryOf(tensor);
  return tensor.node !== undefined && (memory === undefined || memory.kind === "assembled");
}

/** Whether a box of the shape of `part` lies in `whole` without gaps. */
function isWithoutGaps(part: Tensor, whole: Tensor): boolean {
  return isContiguous(contiguousLayout(0, whole.shape), part.shape);
}

/** Where a tensor's elements are before anything is computed; undefined where they must be. */
export function memoryOf({ node }: Tensor) {
  if (node?.operation.memory === undefined) return undefined;
  const shapes = Object.fromEntries(Object.entries(node.inputs).map(([name, input]) => [name, input.shape]));
  return node.operation.memory(shapes, node.attributes);
}
