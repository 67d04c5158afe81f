/**
 * The loops of maps, windows and small reductions: which axes are one loop in memory, which carries the vector lanes, and
 * in what order they run. The same for all engines with vectors.
 */

import { children, type Part, rewrite, substitute, visit } from "./formula.ts";
import { type Axis, axis, Index, index, unionOfAxes } from "./index-expression.ts";
import { type Layout, linearIndex } from "./layout.ts";
import { type Operand, Value } from "./value.ts";

/** A read with its offset in memory; `guards` are indices that may leave 0 … extent − 1. */
export interface Access {
  readonly operand: Operand;
  readonly layout: Layout;
  linear: Index;
  readonly guards: readonly { readonly at: Index; readonly extent: number }[];
  readonly fill: number;
}

export interface Output {
  readonly value: Value;
  readonly layout: Layout;
  linear: Index;
}

/** Loops over axes, outermost first, of which `vector` carries the lanes. */
export interface Nest {
  readonly outer: readonly Axis[];
  /** A loop beside the vector loop; undefined where there is none. */
  readonly row: Axis | undefined;
  readonly vector: Axis | undefined;
  /** Whether the vector loop runs outside the row loop, so that what depends on lanes alone is computed once. */
  readonly vectorOutside: boolean;
  readonly outputs: readonly Output[];
  readonly accesses: ReadonlyMap<Value, Access>;
  /** Linear counters of random numbers and positions, after axes were merged. */
  readonly counters: ReadonlyMap<Value, Index>;
  /** Axes of reductions after merging, by reduction. */
  readonly reductions: ReadonlyMap<Value, readonly Axis[]>;
}

/** A part with where its result lies. */
export interface PlacedPart {
  readonly part: Part;
  readonly layout: Layout;
}

/** Schedules parts that have the same axes; `parts` of other axes must be scheduled by themselves. */
export function scheduleNest(parts: readonly PlacedPart[], layoutOf: (operand: Operand) => Layout): Nest {
  let axes = parts[0].part.axes.filter((each) => each.extent > 1);
  const outputs = parts.map(
    ({ part, layout }): Output => ({ value: part.value, layout, linear: linearIndex(part.at, layout) }),
  );
  const accesses = new Map<Value, Access>();
  const counters = new Map<Value, Index>();
  const reductions = new Map<Value, readonly Axis[]>();
  visit(
    outputs.map(({ value }) => value),
    (each) => {
      const { node } = each;
      if (node.kind === "position") counters.set(each, node.index);
      else if (node.kind === "random") counters.set(each, node.counter);
      else if (node.kind === "reduce")
        reductions.set(
          each,
          node.axes.filter((a) => a.extent > 1),
        );
      else if (node.kind === "read") {
        const layout = layoutOf(node.operand);
        const guards = node.at.flatMap((at, dimension) => {
          const [low, high] = at.range();
          const extent = node.operand.shape[dimension];
          return node.fill !== undefined && (low < 0 || high >= extent) ? [{ at, extent }] : [];
        });
        const linear = linearIndex(node.at, layout);
        accesses.set(each, { operand: node.operand, layout, linear, guards, fill: node.fill ?? 0 });
      }
    },
  );
  const guarded = new Set<Axis>();
  for (const access of accesses.values()) for (const { at } of access.guards) at.collectAxes(guarded);

  /** Makes one axis of two neighbours where every access steps through both as through one. */
  const merge = (list: readonly Axis[]): Axis[] => {
    const merged: Axis[] = [];
    for (const inner of list) {
      const before = merged.at(-1);
      const all = [...outputs, ...accesses.values()]
        .map((each) => each.linear)
        .concat([...counters.values()]);
      const mergeable =
        before !== undefined &&
        !guarded.has(before) &&
        !guarded.has(inner) &&
        all.every((each) => isOneStep(each, before, inner));
      if (!mergeable) {
        merged.push(inner);
        continue;
      }
      const joined = axis(`${before.name}${inner.name}`, before.extent * inner.extent);
      const rename = (each: Index) =>
        new Index(
          each.terms.flatMap((term) =>
            term.atom === before ? [] : term.atom === inner ? [{ ...term, atom: joined }] : [term],
          ),
          each.constant,
        );
      for (const each of outputs) each.linear = rename(each.linear);
      for (const each of accesses.values()) each.linear = rename(each.linear);
      for (const [value, each] of counters) counters.set(value, rename(each));
      merged[merged.length - 1] = joined;
    }
    return merged;
  };
  axes = merge(axes);
  // Reductions that share their axes keep sharing them.
  const mergedReductions = new Map<string, readonly Axis[]>();
  const numbers = new Map<Axis, number>();
  const keyOf = (list: readonly Axis[]) => {
    for (const each of list) if (!numbers.has(each)) numbers.set(each, numbers.size);
    return list.map((each) => numbers.get(each)).join();
  };
  for (const [value, list] of reductions) {
    const isArgmax = value.node.kind === "reduce" && value.node.operator === "argmax";
    const key = keyOf(list);
    const known = mergedReductions.get(key) ?? (isArgmax ? list : merge(list));
    mergedReductions.set(key, known);
    reductions.set(value, known);
  }

  const vector = vectorAxis(axes, outputs);
  const rest = axes.filter((each) => each !== vector);
  const row = rest.pop();
  return {
    outer: rest,
    row,
    vector,
    // A window reads several places along the row, which lie as far apart as channels are many: in the same few lines of the L1 cache.
    vectorOutside:
      reductions.size === 0 &&
      row !== undefined &&
      vector !== undefined &&
      prefersLanesOutside(outputs, row, vector, dependences({ accesses, counters, reductions })),
    outputs,
    accesses,
    counters,
    reductions,
  };
}

/** What of parts' values a schedule has found and changed: merged axes and what follows from them. */
export type Scheduled = Pick<Nest, "accesses" | "counters" | "reductions">;

/** The loops on which a value depends; those of its own sums are not among them. `given` values depend on what is said there. */
export function dependences(
  { accesses, counters, reductions }: Scheduled,
  given: ReadonlyMap<Value, { readonly axes: ReadonlySet<Axis> }> = new Map(),
): (value: Value) => ReadonlySet<Axis> {
  const known = new Map<Value, ReadonlySet<Axis>>();
  const within = (value: Value): ReadonlySet<Axis> => {
    const together = unionOfAxes(children(value).map(axesOf));
    const [access, counter, reduced] = [accesses.get(value), counters.get(value), reductions.get(value)];
    if (access === undefined && counter === undefined && reduced === undefined) return together;
    const axes = new Set(together);
    access?.linear.collectAxes(axes);
    for (const { at } of access?.guards ?? []) at.collectAxes(axes);
    counter?.collectAxes(axes);
    for (const each of reduced ?? []) axes.delete(each);
    return axes;
  };
  const axesOf = (value: Value): ReadonlySet<Axis> => {
    const axes = known.get(value) ?? given.get(value)?.axes ?? within(value);
    known.set(value, axes);
    return axes;
  };
  return axesOf;
}

function isOneStep(linear: Index, outer: Axis, inner: Axis): boolean {
  const used = new Set<Axis>();
  for (const { atom } of linear.terms) if (atom.kind !== "axis") atom.index.collectAxes(used);
  if (used.has(outer) || used.has(inner)) return false;
  return linear.factorOf(outer) === inner.extent * linear.factorOf(inner);
}

/** The axis along which outputs are neighbours in memory; else the last. */
function vectorAxis(axes: readonly Axis[], outputs: readonly Output[]): Axis | undefined {
  return axes.findLast((each) => outputs.every(({ linear }) => linear.factorOf(each) === 1)) ?? axes.at(-1);
}

/** Whether more is gained by computing once what depends on lanes alone than what depends on the row alone. */
function prefersLanesOutside(
  outputs: readonly Output[],
  row: Axis,
  vector: Axis,
  axesOf: (value: Value) => ReadonlySet<Axis>,
): boolean {
  /** Operations in a value that depend on lanes alone and on the row alone. */
  interface Seen {
    readonly lanes: number;
    readonly rows: number;
  }
  // A value that stands in several places counts in each, but is looked at once.
  const known = new Map<Value, Seen>();
  const see = (value: Value): Seen => {
    const before = known.get(value);
    if (before !== undefined) return before;
    const { node } = value;
    const used = axesOf(value);
    let [lanes, rows] = [0, 0];
    for (const inner of children(value).map(see)) {
      lanes += inner.lanes;
      rows += inner.rows;
    }
    // What is only read comes from the L1 cache again for nothing: rows gone through whole are what memory is fastest at.
    const isOperation = node.kind !== "constant" && node.kind !== "scalar" && node.kind !== "read";
    if (isOperation && used.has(vector) && !used.has(row)) lanes += 1;
    if (isOperation && used.has(row) && !used.has(vector)) rows += 1;
    const found = { lanes, rows };
    known.set(value, found);
    return found;
  };
  const all = outputs.map(({ value }) => see(value));
  const total = (count: (seen: Seen) => number) => all.reduce((sum, each) => sum + count(each), 0);
  return total(({ lanes }) => lanes) > total(({ rows }) => rows);
}

/** Parts over one list of axes, so that they can share loops; undefined where their extents differ. */
export function shareAxes(parts: readonly Part[]): readonly Part[] | undefined {
  const [first] = parts;
  const extents = first.axes.map((each) => each.extent).join();
  if (parts.some((part) => part.axes.map((each) => each.extent).join() !== extents)) return undefined;
  return parts.map((part) => {
    if (part === first) return part;
    const replacement = new Map(part.axes.map((each, i) => [each, index(first.axes[i])]));
    const reduced = sameReduction(first.value, part.value);
    if (reduced !== undefined)
      for (const [i, each] of reduced.from.entries()) replacement.set(each, index(reduced.to[i]));
    return {
      axes: first.axes,
      at: part.at.map((each) => each.substitute(replacement)),
      value: shareReduction(substitute(part.value, replacement), reduced),
    };
  });
}

/** The axes of the only reductions of two values, where they have the same extents. */
function sameReduction(a: Value, b: Value): { from: readonly Axis[]; to: readonly Axis[] } | undefined {
  const only = (value: Value) => {
    const found: (readonly Axis[])[] = [];
    visit(value, ({ node }) => {
      if (node.kind === "reduce") found.push(node.axes);
    });
    return found.length === 1 ? found[0] : undefined;
  };
  const [to, from] = [only(a), only(b)];
  if (to === undefined || from === undefined || to.length !== from.length) return undefined;
  return to.every((each, i) => each.extent === from[i].extent) ? { from, to } : undefined;
}

function shareReduction(value: Value, reduced: { to: readonly Axis[] } | undefined): Value {
  if (reduced === undefined) return value;
  return rewrite(value, ({ node }) =>
    node.kind === "reduce" ? new Value({ ...node, axes: reduced.to }) : undefined,
  );
}
