/**
 * Renders sums whose columns are so few that a vector of them is mostly empty, such as LeNet-5's first convolution with 6: several
 * neighbouring places of a row share the vector. Their windows together are a little wider than one, and what a place does not see of that
 * counts as zeros in the filter: 6 taps and 12 columns in place of 5 taps and 6 columns, twice. (A number that is not finite makes
 * these not finite too.)
 *
 *   y[q·g + j, n] = Σₛ x[(q·g + j)·stride + s] · w[s, n] = Σₛ′ x[q·g·stride + s′] · w[s′ − j·stride, n]        s′ = s + j·stride
 *
 * The gradient of the filter is the adjoint: sums for each of the wider window's taps and each of the g places, which are then added up.
 */

import { type Part, replaceValue, rewrite } from "../formula.ts";
import { type Axis, axis, extentOf, type Index, index } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { type Contraction, isEpilogue, type Read, readsAround } from "../schedule-contraction.ts";
import { type Operand, Source, sum, Value, value } from "../value.ts";
import { renderContraction } from "./contraction.ts";
import { renderNest, renderNestHelper } from "./nest.ts";
import { CKernel, type CTarget, type Launch } from "./target.ts";
import { tilingOf } from "./tile.ts";

/** What it costs to write the columns of a place in a step of the filter, in multiply-adds. */
const prepareCost = 4;
/** The part of the time that is worth it. */
const wantedShare = 0.9;

/** How neighbours come together. */
interface Wide {
  /** Places that share a vector. */
  readonly places: number;
  /** Taps of the window between neighbours. */
  readonly shift: number;
  /** The axis of places, and that of taps along them. */
  readonly q: Axis;
  readonly s: Axis;
  /** The same with so many times fewer places, and with the taps of all that share a vector. */
  readonly wideQ: Axis;
  readonly wideS: Axis;
  /** Columns of all places that share a vector. */
  readonly columns: Axis;
}

export function renderFewColumns(
  target: CTarget,
  contraction: Contraction,
  layout: Layout,
): Launch[] | undefined {
  if (contraction.batch.length > 0 || contraction.n.extent > target.machine.lanes / 2) return undefined;
  return renderPlaces(target, contraction, layout) ?? renderTaps(target, contraction, layout);
}

/** Where places are rows of the result: a convolution, or its input gradient. */
function renderPlaces(target: CTarget, c: Contraction, layout: Layout): Launch[] | undefined {
  const wide = wideOf(c, target, c.m, c.k);
  const outLayout = wide && widened(c.part.at, layout, c, wide);
  const beside = wide && readsBeside(target, c, wide);
  if (wide === undefined || outLayout === undefined || beside === undefined) return undefined;
  const { q, s, wideQ, wideS, columns } = wide;
  const [m, k] = [replaced(c.m, q, wideQ), replaced(c.k, s, wideS)];
  const filter: Operand = { shape: [...k, columns].map((each) => each.extent) };
  const { launch, isConstant } = prepare(target, c, wide, filter, beside.repeated);
  const readA = new Value({ ...c.a, at: widenedA(c.a.at, wide) });
  const readB = new Source(filter).at(...k, columns);
  const total = sumOver(k, readA, readB);
  const part: Part = {
    axes: [...m, columns],
    at: c.part.at.map((each) => each.substitute(toWide(c, wide))),
    value: rewrite(c.part.value, (each) => (each === c.sum ? total : beside.instead.get(each))),
  };
  const rendered = renderWide(target, { part, sum: total, n: columns, m, k }, outLayout, isConstant);
  return rendered && [launch, ...rendered];
}

/** What depends on the column alone, and its copies for all places that share a vector. */
interface Repeated {
  readonly read: Value;
  readonly from: Operand;
  readonly to: Operand;
}

/**
 * What is read in place of what stands around the sum: images that lie as the result does, in wide steps, and of what depends on the column
 * alone copies. Undefined where something else stands there.
 */
function readsBeside(
  target: CTarget,
  { part, sum, n }: Contraction,
  wide: Wide,
): { readonly instead: ReadonlyMap<Value, Value>; readonly repeated: readonly Repeated[] } | undefined {
  if (!isEpilogue(part.value, sum)) return undefined;
  const instead = new Map<Value, Value>();
  const repeated: Repeated[] = [];
  for (const read of readsAround(part.value, sum)) {
    if (read.node.kind !== "read") return undefined;
    const { at, operand } = read.node;
    if (at.some((each) => each.factorOf(wide.q) !== 0)) {
      const viewed = viewedWide(target, read.node, n, wide);
      if (viewed === undefined) return undefined;
      instead.set(read, viewed);
    } else if (at.some((each) => each.factorOf(n) !== 0)) {
      if (!at.every((each) => each.terms.every(({ atom }) => atom === n))) return undefined;
      const copy: Operand = { shape: [wide.columns.extent] };
      instead.set(read, new Source(copy).at(wide.columns));
      repeated.push({ read, from: operand, to: copy });
    }
  }
  return { instead, repeated };
}

/**
 * Writes the filter for all places that share a vector, [...taps and channels, columns], with zeros where a place does not see a tap, and
 * what is repeated for them.
 */
function prepare(
  target: CTarget,
  { b, n, k }: Contraction,
  { s, places, shift }: Wide,
  filter: Operand,
  repeated: readonly Repeated[],
): { readonly launch: Launch; readonly isConstant: boolean } {
  const isConstant = [b.operand, ...repeated.map(({ from }) => from)].every((each) =>
    target.constants.has(each),
  );
  for (const each of [filter, ...repeated.map(({ to }) => to)])
    target.place(each, isConstant ? "kept" : "scratch");
  const kernel = new CKernel(target);
  const write = (part: Part, to: Operand) =>
    kernel.body.push(`${renderNestHelper(kernel, [{ part, layout: target.layoutOf(to) }])});`);
  for (let j = 0; j < places; j++) {
    const column = index(n).plus(j * n.extent);
    for (const { read, to } of repeated) write({ axes: [n], at: [column], value: read }, to);
    const seen = new Value(b);
    for (const [from, extent, written] of [
      [0, j * shift, value(0)],
      [j * shift, s.extent, seen],
      [j * shift + s.extent, (places - 1 - j) * shift, value(0)],
    ] as const) {
      if (extent === 0) continue;
      const tap = written === seen ? s : axis("tap", extent);
      const axes = replaced(k, s, tap);
      const at = [...axes.map((each) => (each === tap ? index(tap).plus(from) : index(each))), column];
      write({ axes: [...axes, n], at, value: written }, filter);
    }
  }
  return { launch: target.launch(kernel, 1, isConstant), isConstant };
}

/** Where places are summed over: the gradient of a filter. */
function renderTaps(target: CTarget, c: Contraction, layout: Layout): Launch[] | undefined {
  const wide = wideOf(c, target, c.k, c.m);
  const readB = wide && viewedWide(target, c.b, c.n, wide);
  if (wide === undefined || readB === undefined) return undefined;
  const { q, s, wideQ, wideS, columns, places, shift } = wide;
  const [m, k] = [replaced(c.m, s, wideS), replaced(c.k, q, wideQ)];
  const total = sumOver(k, new Value({ ...c.a, at: widenedA(c.a.at, wide) }), readB);
  const axes = [...m, columns];
  const sums: Operand = { shape: axes.map((each) => each.extent) };
  const part: Part = { axes, at: axes.map(index), value: total };
  const rendered = renderWide(target, { part, sum: total, n: columns, m, k }, target.place(sums, "scratch"));
  const added = sum([places], (j) => {
    const at = c.m.map((each) => (each === s ? index(s).plus(index(j).times(shift)) : index(each)));
    return new Source(sums).at(...at, index(j).times(c.n.extent).plus(c.n));
  });
  const finished: Part = { ...c.part, value: replaceValue(c.part.value, c.sum, added) };
  return rendered && [...rendered, renderNest(target, [{ part: finished, layout }])];
}

/** Renders a contraction whose sum is of a product of two reads. */
function renderWide(
  target: CTarget,
  wide: Pick<Contraction, "part" | "sum" | "n" | "m" | "k">,
  layout: Layout,
  isConstant = false,
): Launch[] | undefined {
  const { node } = wide.sum;
  if (node.kind !== "reduce" || node.body.node.kind !== "binary") return undefined;
  const [a, b] = [node.body.node.a.node, node.body.node.b.node];
  if (a.kind !== "read" || b.kind !== "read") return undefined;
  return renderContraction(target, { ...wide, a, b, batch: [] }, layout, isConstant);
}

function replaced(axes: readonly Axis[], from: Axis, to: Axis): Axis[] {
  return axes.map((each) => (each === from ? to : each));
}

function toWide({ n }: Pick<Contraction, "n">, { q, wideQ, columns }: Wide): ReadonlyMap<Axis, Index> {
  return new Map([
    [q, index(wideQ)],
    [n, index(columns)],
  ]);
}

/** A read of an image in wide steps; undefined where it does not lie so. */
function viewedWide(target: CTarget, read: Read, n: Axis, wide: Wide): Value | undefined {
  const layout = widened(read.at, target.layoutOf(read.operand), { n }, wide);
  if (layout === undefined) return undefined;
  const operand: Operand = { shape: read.operand.shape };
  target.layouts.set(operand, layout);
  return new Value({ ...read, operand, at: read.at.map((each) => each.substitute(toWide({ n }, wide))) });
}

function sumOver(axes: readonly Axis[], a: Value, b: Value): Value {
  return new Value({ kind: "reduce", operator: "sum", axes, body: a.times(b) });
}

/** A's indices with places and taps of all that share a vector. */
function widenedA(at: readonly Index[], { q, s, wideQ, wideS, places }: Wide): Index[] {
  const replacement = new Map<Axis, Index>([
    [q, index(wideQ).times(places)],
    [s, index(wideS)],
  ]);
  return at.map((each) => each.substitute(replacement));
}

/** The layout in which places that share a vector, and their columns, are one dimension; undefined where they do not lie so. */
function widened(
  at: readonly Index[],
  layout: Layout,
  { n }: Pick<Contraction, "n">,
  { q, places }: Wide,
): Layout | undefined {
  const [along, across] = [at.findIndex((each) => each.is(q)), at.findIndex((each) => each.is(n))];
  const others = at.filter((_, i) => i !== along && i !== across);
  const isApart = others.every((each) => each.factorOf(q) === 0 && each.factorOf(n) === 0 && each.isAffine());
  if (along < 0 || across < 0 || !isApart) return undefined;
  if (layout.strides[across] !== 1 || layout.strides[along] !== n.extent) return undefined;
  return { ...layout, strides: layout.strides.map((each, i) => (i === along ? places * each : each)) };
}

/** How many places had best share a vector; undefined where one alone is as good. `along` has the axis of places, `taps` that of taps. */
function wideOf(
  c: Contraction,
  target: CTarget,
  along: readonly Axis[],
  taps: readonly Axis[],
): Wide | undefined {
  const q = along.at(-1);
  const at = c.a.at.find((each) => q !== undefined && each.factorOf(q) !== 0);
  const s = taps.find((each) => at !== undefined && at.factorOf(each) !== 0);
  if (q === undefined || at === undefined || s === undefined || at.terms.length !== 2) return undefined;
  const shift = at.factorOf(q) / at.factorOf(s);
  const isElsewhere = c.a.at.some(
    (each) => each !== at && (each.factorOf(q) !== 0 || each.factorOf(s) !== 0),
  );
  if (!Number.isInteger(shift) || shift < 1 || isElsewhere) return undefined;
  const { machine } = target;
  const steps = extentOf(c.k);
  const stretches = c.m[c.m.indexOf(along === c.m ? q : s) - 1]?.extent ?? 1;
  const timeOf = (places: number) => {
    const width = s.extent + (places - 1) * shift;
    const columns = places * c.n.extent;
    // Rows of tiles are places or taps, in as many stretches as there are rows of either.
    if (along !== c.m) return tilingOf(columns, width, stretches, steps, machine).cost / places;
    const preparing = places === 1 ? 0 : (prepareCost * places * q.extent * stretches) / extentOf(c.m);
    return (
      (tilingOf(columns, q.extent / places, stretches, steps, machine).cost + preparing) * (width / s.extent)
    );
  };
  const alone = timeOf(1);
  let best: { places: number; time: number } | undefined;
  for (let places = 2; places * c.n.extent <= 4 * machine.lanes && places <= q.extent; places++) {
    const time = timeOf(places);
    if (q.extent % places === 0 && time < wantedShare * alone && time < (best?.time ?? Infinity))
      best = { places, time };
  }
  if (best === undefined) return undefined;
  const { places } = best;
  return {
    ...{ places, shift, q, s },
    wideQ: axis("wideQ", q.extent / places),
    wideS: axis("wideS", s.extent + (places - 1) * shift),
    columns: axis("columns", places * c.n.extent),
  };
}
