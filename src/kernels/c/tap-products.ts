/**
 * Gradients of inputs that have few channels: a vector of them would be mostly empty in each step of the sum. Here the columns are the
 * channels of all taps of the filter, which fill vectors: first what each place of dy gives to the places under its window, then for each
 * place of the input the sum of what it was given. A task is an image; its products stay in the L2 cache.
 */

import { replaceValue, scatter } from "../formula.ts";
import { type Axis, extentOf, type Index, index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { asContraction, type Contraction } from "../schedule-contraction.ts";
import { type Operand, Source, sum } from "../value.ts";
import { renderContractionHelper } from "./contraction.ts";
import { renderNestHelper } from "./nest.ts";
import { CKernel, type CMachine, type CTarget, type Launch } from "./target.ts";
import { tilingOf } from "./tile.ts";

/** Products of an image that stay in the L2 cache beside what they are made of. */
const mostProducts = 64 * 1024;
/** Images that keep threads busy, in as many tasks. */
const leastImages = 16;
const tasksPerThread = 4;
/** What it costs to add a vector of products, in multiply-adds. */
const addCost = 2;
/** The part of the direct sum's time that is worth it. */
const wantedShare = 0.8;

/** dx[image, i, j, n] = Σ dy[image, i ± t, j ± u, k] · w[t, u, n, k], perhaps with more around the sum. */
interface InputGradient {
  readonly contraction: Contraction;
  readonly image: Axis;
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
  const { image, taps, k } = gradient;
  const { a, b, n, part } = contraction;
  const { before, shape } = productsOf(gradient);
  // Zeros around the products stand for places outside dy.
  const products: Operand = { shape };
  target.place(products, "thread");
  // The filter as a matrix, [taps and channels, k].
  const filter: Operand = { shape: [shape[2], k.extent] };
  const { buffer, offset } = target.layoutOf(b.operand);
  target.layouts.set(filter, { buffer, offset, strides: [k.extent, 1] });

  const [, height, width] = a.operand.shape;
  const productPart = scatter([height, width, shape[2]], (y, x, column) => ({
    at: [index(y).plus(before[0]), index(x).plus(before[1]), column],
    value: sum([k.extent], (step) =>
      new Source(a.operand).at(image, y, x, step).times(new Source(filter).at(column, step)),
    ),
  }));
  const kernel = new CKernel(target);
  const isConstant = target.constants.has(b.operand);
  const product = asContraction(productPart, target.layoutOf(products), (each) => target.layoutOf(each));
  const multiplied =
    product && renderContractionHelper(kernel, product, target.layoutOf(products), [image], { isConstant });
  if (multiplied === undefined) return undefined;

  const given = sum(
    taps.map((each) => each.extent),
    (...places) => {
      const replacement = new Map(taps.map((each, i): [Axis, Index] => [each, index(places[i])]));
      const moved = (at: Index) => at.substitute(replacement);
      const [vertical, horizontal] = [a.at[1], a.at[2]].map((at, i) => moved(at).plus(before[i]));
      const tap = moved(b.at[0]).times(taps[1].extent).plus(moved(b.at[1]));
      return new Source(products).at(vertical, horizontal, tap.times(n.extent).plus(n));
    },
  );
  const finished = renderNestHelper(
    kernel,
    [
      {
        part: {
          axes: part.axes.filter((each) => each !== image),
          at: part.at,
          value: replaceValue(part.value, contraction.sum, given),
        },
        layout,
      },
    ],
    [image],
  );
  const perTask = Math.ceil(image.extent / Math.min(image.extent, tasksPerThread * target.machine.threads));
  kernel.body.push(
    `__builtin_memset(${kernel.pointer(products)}, 0, ${shape.reduce((x, y) => x * y)} * sizeof(real));`,
    `for (long image = task * ${perTask}, end = least(image + ${perTask}, ${image.extent}); image < end; image++) {`,
    `${multiplied.helper}, image);`,
    `${finished}, image);`,
    "}",
  );
  return [...multiplied.packing, target.launch(kernel, Math.ceil(image.extent / perTask))];
}

/** The products of an image with zeros around them, [h, w, taps and channels], and how many places of these are before them. */
function productsOf({ contraction: { a, n }, taps }: InputGradient): {
  before: readonly [number, number];
  shape: readonly [number, number, number];
} {
  const around = ([low, high]: readonly [number, number], extent: number) => {
    const before = Math.max(0, -low);
    return { before, extent: before + Math.max(extent, high + 1) };
  };
  const [, height, width] = a.operand.shape;
  const [down, across] = [around(a.at[1].range(), height), around(a.at[2].range(), width)];
  return {
    before: [down.before, across.before],
    shape: [down.extent, across.extent, extentOf([...taps, n])],
  };
}

function asInputGradient(contraction: Contraction, target: CTarget): InputGradient | undefined {
  const { a, b, n, m, k, batch, part } = contraction;
  if (batch.length > 0 || k.length !== 3 || a.at.length !== 4 || b.at.length !== 4) return undefined;
  const [t, u, channels] = k;
  const image = m.find((each) => a.at[0].is(each));
  const rows = m.filter((each) => each !== image);
  if (image === undefined || rows.length !== 2 || !part.axes.includes(image)) return undefined;
  const isSliding = (at: Index, place: Axis, tap: Axis) =>
    at.terms.length === 2 && at.factorOf(place) === 1 && Math.abs(at.factorOf(tap)) === 1;
  const isTap = (at: Index, tap: Axis, extent: number) =>
    at.terms.length === 1 && Math.abs(at.factorOf(tap)) === 1 && tap.extent === extent;
  const [taps, across, ,] = b.operand.shape;
  const fits =
    isSliding(a.at[1], rows[0], t) &&
    isSliding(a.at[2], rows[1], u) &&
    a.at[3].is(channels) &&
    isTap(b.at[0], t, taps) &&
    isTap(b.at[1], u, across) &&
    b.at[2].is(n) &&
    b.at[3].is(channels);
  const linearB = linearIndex(b.at, target.layoutOf(b.operand));
  const isDense = linearB.factorOf(channels) === 1 && linearB.factorOf(n) === channels.extent;
  return fits && isDense ? { contraction, image, taps: [t, u], k: channels } : undefined;
}

/** Whether products of taps and their sums take clearly less time than the sum of all. */
function pays(gradient: InputGradient, machine: CMachine): boolean {
  const { contraction, image, taps, k } = gradient;
  const { a, n, m } = contraction;
  const { shape } = productsOf(gradient);
  if (image.extent < leastImages || extentOf([...taps, n]) * shape[0] * shape[1] > mostProducts) return false;
  const [, height, width] = a.operand.shape;
  const [rows, places] = m.filter((each) => each !== image);
  const steps = extentOf([...taps, k]);
  // The direct sum leaves rows of the window outside dy out.
  const inside = Math.min(1, height / rows.extent);
  const direct = inside * steps * tilingOf(n.extent, places.extent, rows.extent, steps, machine).cost;
  const adding = extentOf([rows, places, ...taps]) * Math.ceil(n.extent / machine.lanes) * addCost;
  const multiplying = k.extent * tilingOf(shape[2], width, height, k.extent, machine).cost;
  return multiplying + adding < wantedShare * direct;
}
