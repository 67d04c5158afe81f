/**
 * Renders 3×3 convolutions at stride 1 by Winograd's algorithms (`../winograd.ts`), F(4×4, 3×3) first. A task is some rows of
 * tiles of an image, or some small images, and a share of the result's channels: it copies what it needs with its edges,
 * transforms it, multiplies and transforms back, in memory of its own thread that stays in the L2 cache.
 *
 * Whether that pays is estimated: fewer products, against transforms and filters that are four times as many and must
 * come from memory for each task.
 */

import type { Box } from "../contraction-view.ts";
import type { Part } from "../formula.ts";
import type { Axis } from "../index-expression.ts";
import { contiguousLayout, type Layout } from "../layout.ts";
import { asContraction, type Contraction } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import {
  asCorrelation,
  asWeightGradient,
  type Correlation,
  type WeightGradient,
  type Winograd,
  type WinogradOptions,
  winograd,
} from "../winograd.ts";
import { winogradWeightGradient } from "../winograd-staged.ts";
import { boxLines } from "./box.ts";
import { renderContraction, renderContractionHelper } from "./contraction.ts";
import { renderNest, renderNestHelper } from "./nest.ts";
import { CKernel, type CTarget, type Launch } from "./target.ts";

/** Tiles of one task: register tiles have up to 14 rows. Fewer make each task read all filters for less. */
const mostTiles = 28;
/** What the transformed tiles of a task may take: they are written once, and read once for each share of the channels. */
const blockBytes = 2560 * 1024;
/** Fewer channels on either side leave too little work between the transforms. */
const leastChannels = 16;

export function renderWinograd(
  target: CTarget,
  contraction: Contraction,
  layout: Layout,
): Launch[] | undefined {
  if (!target.winograd) return undefined;
  const gradient = asWeightGradient(contraction);
  if (gradient !== undefined) return renderWeightGradient(target, gradient, layout);
  const correlation = asCorrelation(contraction);
  if (correlation === undefined) return undefined;
  const { c } = correlation;
  if (c.extent < leastChannels || contraction.n.extent < leastChannels) return undefined;
  if (target.layoutOf(contraction.a.operand).strides[3] !== 1) return undefined;
  const options = chosen(correlation, target.constants.has(contraction.b.operand), target.machine.threads);
  return options && new WinogradRenderer(target, correlation, options, layout).render();
}

/** The best way to cut it up, or undefined where the direct sum is estimated to be as fast. */
function chosen(correlation: Correlation, isConstant: boolean, threads: number): WinogradOptions | undefined {
  const { contraction, p, q, c, image } = correlation;
  const k = contraction.n.extent;
  const images = image?.extent ?? 1;
  const directReading = 9 * c.extent * k * 20;
  const direct = Math.max(images * p.extent * q.extent * 9 * c.extent * k, directReading);
  let best: { time: number; options: WinogradOptions } | undefined;
  for (const size of [4, 2] as const) {
    const [rows, columns] = [Math.ceil(p.extent / size), Math.ceil(q.extent / size)];
    const products = (size + 2) ** 2;
    const filters = products * c.extent * k;
    const fit = Math.min(mostTiles, Math.floor(blockBytes / (4 * products * (c.extent + Math.min(k, 64)))));
    for (let blocks = 1; blocks <= rows; blocks++) {
      const tileRows = Math.ceil(rows / blocks);
      if (tileRows * columns > Math.max(fit, columns)) continue;
      const together =
        blocks > 1 ? 1 : largestDivisor(images, Math.max(1, Math.floor(fit / (rows * columns))));
      const tasks = Math.ceil(rows / tileRows) * (images / together);
      const tiles = tileRows * columns * together;
      // In multiply-adds, of which a core does 4 in the time in which it reads a number from beyond its L2 cache, 20 from memory.
      const multiplying = tasks * tiles * filters * (tiles >= 14 ? 1 : 1 + 2 / tiles);
      const transforming = tasks * tiles * (c.extent + k) * products * 6;
      // The first reading is from memory, others are from the last cache, where filters fit into it.
      const reading = filters * (20 + (tasks - 1) * (filters < 4e6 ? 4 : 20));
      const preparing = isConstant ? 0 : filters * 60;
      const time = Math.max(multiplying, reading) + transforming + preparing;
      // Shares of whole vectors, where there are too few tasks for the threads. What a task costs is estimated without them:
      // the number of threads must not decide between algorithms, whose rounding differs.
      let shares = 1;
      while (tasks * shares < 2 * threads && k % (shares * 2) === 0 && k / (shares * 2) >= 32) shares *= 2;
      if (best === undefined || time < best.time)
        best = { time, options: { size, tileRows, together, shares } };
    }
  }
  return best !== undefined && best.time < 0.9 * direct ? best.options : undefined;
}

/** The largest divisor of `of` that is at most `most`. */
function largestDivisor(of: number, most: number): number {
  let divisor = Math.min(of, most);
  while (of % divisor !== 0) divisor--;
  return divisor;
}

/** The gradient of a filter: transforms of all images, products summed over all tiles, and back. */
function renderWeightGradient(
  target: CTarget,
  gradient: WeightGradient,
  layout: Layout,
): Launch[] | undefined {
  const { contraction, c, p, q, image } = gradient;
  const [k, images] = [contraction.n.extent, image?.extent ?? 1];
  if (c.extent < leastChannels || k < leastChannels) return undefined;
  const direct = images * p.extent * q.extent * 9 * c.extent * k;
  const tiles = images * Math.ceil(p.extent / 4) * Math.ceil(q.extent / 4);
  // What is transformed is written to memory and read again.
  const time = 36 * (tiles * (c.extent * k + 24 * (c.extent + k)) + 40 * c.extent * k);
  if (time > 0.9 * direct) return undefined;
  const w = winogradWeightGradient(gradient);
  for (const operand of [w.images, w.gradients, w.products]) place(target, operand, "scratch");
  const nest = (parts: readonly Part[], to: Layout) =>
    renderNest(
      target,
      parts.map((part) => ({ part, layout: to })),
    );
  const products = target.layoutOf(w.products);
  const product = asContraction(w.productPart, products, (operand) => target.layoutOf(operand));
  const multiplied = product && renderContraction(target, product, products);
  if (multiplied === undefined) return undefined;
  return [
    nest(w.imageParts, target.layoutOf(w.images)),
    nest(w.gradientParts, target.layoutOf(w.gradients)),
    ...multiplied,
    nest(w.resultParts, layout),
  ];
}

function place(target: CTarget, operand: Operand, kind: "scratch" | "thread"): void {
  const elements = operand.shape.reduce((product, extent) => product * extent, 1);
  const { buffer, offset } = target.scratch(elements, kind);
  target.layouts.set(operand, contiguousLayout(buffer, operand.shape, offset));
}

class WinogradRenderer {
  private readonly target: CTarget;
  private readonly correlation: Correlation;
  private readonly w: Winograd;
  private readonly options: WinogradOptions;
  private readonly layout: Layout;

  constructor(target: CTarget, correlation: Correlation, options: WinogradOptions, layout: Layout) {
    this.target = target;
    this.correlation = correlation;
    this.w = winograd(correlation, options);
    this.options = options;
    this.layout = layout;
  }

  render(): Launch[] | undefined {
    const { target, w } = this;
    const { contraction, image, p } = this.correlation;
    const { size, tileRows, together = 1 } = this.options;
    const isConstant = target.constants.has(contraction.b.operand);
    // The filters are read once, to be packed for the products.
    place(target, w.filters, "scratch");
    for (const each of [w.images, w.products, w.box]) place(target, each, "thread");
    if (w.results !== undefined) place(target, w.results, "thread");
    const kernel = new CKernel(target);
    const product = asContraction(w.productPart, target.layoutOf(w.products), (operand) =>
      target.layoutOf(operand),
    );
    const multiplied =
      product && renderContractionHelper(kernel, product, target.layoutOf(w.products), [w.share], isConstant);
    if (multiplied === undefined) return undefined;
    const placed = (part: (typeof w.imageParts)[number], operand: Operand) => ({
      part,
      layout: target.layoutOf(operand),
    });
    const filters = renderNest(
      target,
      w.filterParts.map((part) => placed(part, w.filters)),
      // Only what is packed is kept: filters that are read as they lie are in memory that the next step takes.
      isConstant && multiplied.packing.length > 0,
    );
    const images = renderNestHelper(
      kernel,
      w.imageParts.map((part) => placed(part, w.images)),
      [w.image],
    );
    const places = [w.block, w.group, w.image, w.share];
    const { results } = w;
    const finished =
      results === undefined
        ? renderNestHelper(
            kernel,
            w.resultParts.map((part) => ({ part, layout: this.layout })),
            places,
          )
        : renderNestHelper(
            kernel,
            w.resultParts.map((part) => placed(part, results)),
            [w.image],
          );
    const rows = size * tileRows;
    const box: Box = {
      extents: [1, ...w.box.shape],
      blocked: p,
      block: rows,
      outside: image === undefined ? [] : [image],
    };
    const variables = new Map<Axis, string>(image === undefined ? [] : [[image, "at"]]);
    kernel.body.push(
      `const long share = task % ${w.share.extent}, block = task / ${w.share.extent} % ${w.block.extent};`,
      `const long group = task / ${w.share.extent * w.block.extent};`,
      `for (long image = 0; image < ${together}; image++) {`,
      `const long from = block * ${rows}, count = ${rows}, at = group * ${together} + image;`,
      "(void)at;",
      ...boxLines(kernel, contraction, box, target.layoutOf(w.box), variables),
      `${images}, image);`,
      "}",
      `${multiplied.helper}, share);`,
      `for (long image = 0; image < ${together}; image++) {`,
    );
    if (w.finishPart === undefined) kernel.body.push(`${finished}, block, group, image, share);`);
    else {
      const finish = renderNestHelper(
        kernel,
        [{ part: w.finishPart, layout: this.layout }],
        [...places, w.row],
      );
      kernel.body.push(
        `${finished}, image);`,
        `const long last = least(${rows}, ${p.extent} - block * ${rows});`,
        `for (long row = 0; row < last; row++) ${finish}, block, group, image, share, row);`,
      );
    }
    kernel.body.push("}");
    const tasks = w.share.extent * w.block.extent * w.group.extent;
    return [filters, ...multiplied.packing, target.launch(kernel, tasks)];
  }
}
