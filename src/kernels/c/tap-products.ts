/**
 * Gradients of inputs that have few channels: a vector of them would be mostly empty in each step of the sum. Here the columns are the
 * channels of all taps of the filter, which fill vectors: what a row of dy gives to all places under its windows, and then the sums of
 * what those are given. Products of a row stay in the L1 cache, sums of an image too.
 */

import { replaceValue, scatter } from "../formula.ts";
import { type Axis, axis, extentOf, type Index, index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { asContraction, type Contraction } from "../schedule-contraction.ts";
import { type Operand, Source, sum } from "../value.ts";
import { renderContractionHelper } from "./contraction.ts";
import { renderNestHelper } from "./nest.ts";
import { CKernel, type CMachine, type CTarget, type Launch } from "./target.ts";
import { tilingOf } from "./tile.ts";

/** Products of a row, and sums of an image, that stay in the caches. */
const mostProducts = 8 * 1024;
const mostSums = 32 * 1024;
/** Images that keep threads busy, in as many tasks. */
const leastImages = 16;
const tasksPerThread = 4;
/** What it costs to add a vector of products, in multiply-adds. */
const addCost = 2;
/** The part of the direct sum's time that is worth it. */
const wantedShare = 0.8;

/** dx[image, i, j, n] = Σ dy[image, i ± t + c, j ± u + c′, k] · w[t, u, n, k], perhaps with more around the sum. */
interface InputGradient {
  readonly contraction: Contraction;
  readonly image: Axis;
  /** Rows and places of dx. */
  readonly places: readonly [Axis, Axis];
  /** Taps of the filter, down and across, and what is summed beside them. */
  readonly taps: readonly [Axis, Axis];
  readonly k: Axis;
}

export function renderTapProducts(
  target: CTarget,
  contraction: Contraction,
  layout: Layout,
): Launch[] | undefined {
  const gradient = asInputGradient(contraction, target);
  if (gradient === undefined || !pays(gradient, target.machine)) return undefined;
  const { image, places, taps, k } = gradient;
  const { a, b, n, part } = contraction;
  const columns = extentOf([...taps, n]);
  const [, height, width] = a.operand.shape;
  const { before, products, above, sums } = operandsOf(gradient);
  for (const each of [products, sums]) target.place(each, "thread");
  // The filter as a matrix, [taps and channels, k].
  const filter: Operand = { shape: [columns, k.extent] };
  const { buffer, offset } = target.layoutOf(b.operand);
  target.layouts.set(filter, { buffer, offset, strides: [k.extent, 1] });

  const kernel = new CKernel(target);
  const y = axis("y", height);
  const productPart = scatter([width, columns], (x, column) => ({
    at: [index(x).plus(before), column],
    value: sum([k.extent], (step) =>
      new Source(a.operand).at(image, y, x, step).times(new Source(filter).at(column, step)),
    ),
  }));
  const product = asContraction(productPart, target.layoutOf(products), (each) => target.layoutOf(each));
  const multiplied =
    product &&
    renderContractionHelper(kernel, product, target.layoutOf(products), [image, y], {
      isConstant: target.constants.has(b.operand),
    });
  if (multiplied === undefined) return undefined;

  // Row y of dy gives to the rows of dx that have it under a tap.
  const [t, u] = taps;
  const added = scatter([t.extent, places[1].extent, n.extent], (down, j, channel) => {
    const i = index(y)
      .minus(index(down).times(a.at[1].factorOf(t)))
      .plus(above - a.at[1].constant);
    const given = sum([u.extent], (across) => {
      const replacement = new Map<Axis, Index>([
        [t, index(down)],
        [u, index(across)],
        [places[1], index(j)],
      ]);
      const [row, column, place] = [b.at[0], b.at[1], a.at[2]].map((each) => each.substitute(replacement));
      const tap = row.times(u.extent).plus(column);
      return new Source(products).at(place.plus(before), tap.times(n.extent).plus(channel));
    });
    return { at: [i, j, channel], value: new Source(sums).at(i, j, channel).plus(given) };
  });
  const summed = renderNestHelper(kernel, [{ part: added, layout: target.layoutOf(sums) }], [y]);
  const total = new Source(sums).at(index(places[0]).plus(above), places[1], n);
  const finishPart = {
    axes: part.axes.filter((each) => each !== image),
    at: part.at,
    value: replaceValue(part.value, contraction.sum, total),
  };
  const finished = renderNestHelper(kernel, [{ part: finishPart, layout }], [image]);
  const perTask = Math.ceil(image.extent / Math.min(image.extent, tasksPerThread * target.machine.threads));
  const clear = (operand: Operand) =>
    `__builtin_memset(${kernel.pointer(operand)}, 0, ${operand.shape.reduce((x, y) => x * y)} * sizeof(real));`;
  kernel.body.push(
    // Zeros beside the products stand for places beside dy.
    clear(products),
    `for (long image = task * ${perTask}, end = least(image + ${perTask}, ${image.extent}); image < end; image++) {`,
    clear(sums),
    `for (long y = 0; y < ${height}; y++) {`,
    `${multiplied.helper}, image, y);`,
    `${summed}, y);`,
    "}",
    `${finished}, image);`,
    "}",
  );
  return [...multiplied.packing, target.launch(kernel, Math.ceil(image.extent / perTask))];
}

/**
 * The products of a row, [places, taps and channels], with zeros `before` them and behind; the sums of an image, [rows, places, channels],
 * with rows `above` and below for what windows give to places outside.
 */
function operandsOf({ contraction: { a, n }, places, taps }: InputGradient): {
  before: number;
  products: Operand;
  above: number;
  sums: Operand;
} {
  const [, height, width] = a.operand.shape;
  const [low, high] = a.at[2].range();
  const before = Math.max(0, -low);
  const products = { shape: [before + Math.max(width, high + 1), extentOf([...taps, n])] };
  // Rows of dx for which some tap is at the first and the last row of dy.
  const shifts = index(taps[0]).times(-a.at[1].factorOf(taps[0])).plus(-a.at[1].constant).range();
  const above = Math.max(0, -shifts[0]);
  const rows = above + Math.max(places[0].extent, height + shifts[1]);
  return { before, products, above, sums: { shape: [rows, places[1].extent, n.extent] } };
}

function asInputGradient(contraction: Contraction, target: CTarget): InputGradient | undefined {
  const { a, b, n, m, k, batch, part } = contraction;
  if (batch.length > 0 || k.length !== 3 || a.at.length !== 4 || b.at.length !== 4) return undefined;
  const [t, u, channels] = k;
  const image = m.find((each) => a.at[0].is(each));
  const [i, j, ...others] = m.filter((each) => each !== image);
  if (image === undefined || j === undefined || others.length > 0) return undefined;
  const isSliding = (at: Index, place: Axis, tap: Axis) =>
    at.terms.length === 2 && at.factorOf(place) === 1 && Math.abs(at.factorOf(tap)) === 1;
  const isTap = (at: Index, tap: Axis, extent: number) =>
    at.terms.length === 1 && Math.abs(at.factorOf(tap)) === 1 && tap.extent === extent;
  const [down, across] = b.operand.shape;
  const linearB = linearIndex(b.at, target.layoutOf(b.operand));
  const fits =
    isSliding(a.at[1], i, t) &&
    isSliding(a.at[2], j, u) &&
    a.at[3].is(channels) &&
    isTap(b.at[0], t, down) &&
    isTap(b.at[1], u, across) &&
    b.at[2].is(n) &&
    b.at[3].is(channels) &&
    linearB.factorOf(channels) === 1 &&
    linearB.factorOf(n) === channels.extent &&
    part.axes.includes(image);
  return fits ? { contraction, image, places: [i, j], taps: [t, u], k: channels } : undefined;
}

/** Whether products of taps and their sums take clearly less time than the sum of all. */
function pays(gradient: InputGradient, machine: CMachine): boolean {
  const { contraction, image, places, taps, k } = gradient;
  const { a, n } = contraction;
  const { products, sums } = operandsOf(gradient);
  const size = ({ shape }: Operand) => shape.reduce((x, y) => x * y);
  if (image.extent < leastImages || size(products) > mostProducts || size(sums) > mostSums) return false;
  const [, height, width] = a.operand.shape;
  const [rows, along] = places;
  const steps = extentOf([...taps, k]);
  // The direct sum leaves rows of the window outside dy out.
  const inside = Math.min(1, height / rows.extent);
  const direct = inside * steps * tilingOf(n.extent, along.extent, rows.extent, steps, machine).cost;
  const adding = height * extentOf([along, ...taps]) * Math.ceil(n.extent / machine.lanes) * addCost;
  const multiplying = height * k.extent * tilingOf(products.shape[1], width, 1, k.extent, machine).cost;
  return multiplying + adding < wantedShare * direct;
}
