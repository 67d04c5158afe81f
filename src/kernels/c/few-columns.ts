/**
 * Renders sums whose columns are so few that a vector of them is mostly empty, such as LeNet-5's first convolution with 6: several
 * neighbouring places of a row share the vector. Their windows together are a little wider than one, and what a place does not see of that
 * counts as zeros in the filter: 6 taps and 12 columns in place of 5 taps and 6 columns, twice.
 *
 *   y[q·g + j, n] = Σₛ x[(q·g + j)·stride + s] · w[s, n] = Σₛ′ x[q·g·stride + s′] · w[s′ − j·stride, n]        s′ = s + j·stride
 *
 * The gradient of the filter is the adjoint: sums for each of the wider window's taps and each of the g places, which are then added up.
 */

import { type Part, replaceValue, rewrite } from "../formula.ts";
import { type Axis, axis, extentOf, type Index, index } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { type Contraction, readsAround } from "../schedule-contraction.ts";
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
  if (wide === undefined) return undefined;
  const { q, s, wideQ, wideS, columns, places, shift } = wide;
  const { n, a, b, part } = c;
  const outLayout = widened(part.at, layout, c, wide);
  if (outLayout === undefined) return undefined;
  const kernel = new CKernel(target);
  const helpers: string[] = [];
  const operands: Operand[] = [b.operand];
  const toWide = new Map<Axis, Index>([
    [q, index(wideQ)],
    [n, index(columns)],
  ]);

  // What stands around the sum: images that lie as the result does are read in wide steps, what depends on the column alone is repeated.
  const around = new Map<Value, Value>();
  const repeated: { read: Value; operand: Operand }[] = [];
  for (const read of readsAround(part.value, c.sum)) {
    if (read.node.kind !== "read") return undefined;
    const { at, operand } = read.node;
    const used = new Set<Axis>();
    for (const each of at) each.collectAxes(used);
    if (used.has(q)) {
      const view = widened(at, target.layoutOf(operand), c, wide);
      if (view === undefined) return undefined;
      const viewed: Operand = { shape: operand.shape };
      target.layouts.set(viewed, view);
      around.set(
        read,
        new Value({ ...read.node, operand: viewed, at: at.map((each) => each.substitute(toWide)) }),
      );
    } else if (used.has(n)) {
      if (used.size > 1 || read.node.fill !== undefined) return undefined;
      const copy: Operand = { shape: [columns.extent] };
      around.set(read, new Source(copy).at(columns));
      repeated.push({ read, operand: copy });
      operands.push(operand);
    }
  }

  const isConstant = operands.every((each) => target.constants.has(each));
  const fill = (part: Part, operand: Operand) =>
    helpers.push(renderNestHelper(kernel, [{ part, layout: target.layoutOf(operand) }]));
  for (const { read, operand } of repeated) {
    target.place(operand, isConstant ? "kept" : "scratch");
    for (let j = 0; j < places; j++)
      fill({ axes: [n], at: [index(n).plus(j * n.extent)], value: read }, operand);
  }
  // The filter, [...taps and channels, columns], with zeros where a place does not see a tap.
  const k = c.k.map((each) => (each === s ? wideS : each));
  const filter: Operand = { shape: [...k.map((each) => each.extent), columns.extent] };
  target.place(filter, isConstant ? "kept" : "scratch");
  for (let j = 0; j < places; j++) {
    const taps = (from: number, extent: number, read: (axes: readonly Axis[], tap: Axis) => Value) => {
      const tap = axis("tap", extent);
      const axes = [...c.k.map((each) => (each === s ? tap : each)), n];
      const at = axes.map((each) => (each === tap ? index(tap).plus(from) : index(each)));
      at[at.length - 1] = index(n).plus(j * n.extent);
      if (extent > 0) fill({ axes, at, value: read(axes, tap) }, filter);
    };
    const zero = () => value(0);
    taps(0, j * shift, zero);
    taps(j * shift, s.extent, (_, tap) => {
      const replacement = new Map<Axis, Index>([[s, index(tap)]]);
      return new Value({ ...b, at: b.at.map((each) => each.substitute(replacement)) });
    });
    taps(j * shift + s.extent, (places - 1 - j) * shift, zero);
  }
  kernel.body.push(...helpers.map((each) => `${each});`));

  const readB = new Source(filter).at(...k, columns).node;
  const readA = new Value({ ...a, at: widenedA(a.at, wide) }).node;
  if (readA.kind !== "read" || readB.kind !== "read") return undefined;
  const total = sumOver(k, new Value(readA), new Value(readB));
  const whole = rewrite(part.value, (each) => (each === c.sum ? total : around.get(each)));
  const m = c.m.map((each) => (each === q ? wideQ : each));
  const widePart: Part = {
    axes: [...m, columns],
    at: part.at.map((each) => each.substitute(toWide)),
    value: whole,
  };
  const rendered = renderContraction(
    target,
    { part: widePart, sum: total, a: readA, b: readB, n: columns, m, k, batch: [] },
    outLayout,
    isConstant,
  );
  return rendered && [target.launch(kernel, 1, isConstant), ...rendered];
}

/** Where places are summed over: the gradient of a filter. */
function renderTaps(target: CTarget, c: Contraction, layout: Layout): Launch[] | undefined {
  const wide = wideOf(c, target, c.k, c.m);
  if (wide === undefined) return undefined;
  const { q, s, wideQ, wideS, columns, places, shift } = wide;
  const { n, a, b, part } = c;
  const view = widened(b.at, target.layoutOf(b.operand), c, wide);
  if (view === undefined) return undefined;
  const viewed: Operand = { shape: b.operand.shape };
  target.layouts.set(viewed, view);
  const toWide = new Map<Axis, Index>([
    [q, index(wideQ)],
    [n, index(columns)],
  ]);
  const readA = new Value({ ...a, at: widenedA(a.at, wide) }).node;
  const readB = new Value({ ...b, operand: viewed, at: b.at.map((each) => each.substitute(toWide)) }).node;
  if (readA.kind !== "read" || readB.kind !== "read") return undefined;
  const [m, k] = [
    c.m.map((each) => (each === s ? wideS : each)),
    c.k.map((each) => (each === q ? wideQ : each)),
  ];
  const total = sumOver(k, new Value(readA), new Value(readB));
  const sums: Operand = { shape: [...m, columns].map((each) => each.extent) };
  const sumsLayout = target.place(sums, "scratch");
  const axes = [...m, columns];
  const sumPart: Part = { axes, at: axes.map(index), value: total };
  const rendered = renderContraction(
    target,
    { part: sumPart, sum: total, a: readA, b: readB, n: columns, m, k, batch: [] },
    sumsLayout,
  );
  const added = sum([places], (j) => {
    const at = c.m.map((each) => (each === s ? index(s).plus(index(j).times(shift)) : index(each)));
    return new Source(sums).at(...at, index(j).times(n.extent).plus(n));
  });
  const finished: Part = { ...part, value: replaceValue(part.value, c.sum, added) };
  return rendered && [...rendered, renderNest(target, [{ part: finished, layout }])];
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
  { n }: Contraction,
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
