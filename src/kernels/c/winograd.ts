/**
 * Renders 3×3 convolutions at stride 1 by Winograd's algorithms (`../winograd.ts`), F(4×4, 3×3) first. A task is some rows of
 * tiles of an image, or some small images, and a share of the result's channels: it copies what it needs with its edges,
 * transforms it, multiplies and transforms back, in memory of its own thread that stays in the L2 cache.
 *
 * Whether that pays is estimated: fewer products, against transforms and filters that are four times as many and must
 * come from memory for each task.
 */

import { contiguousStrides } from "../../tensor/shape.ts";
import type { Box } from "../contraction-view.ts";
import type { Part } from "../formula.ts";
import type { Axis } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
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
import { winogradInStages, winogradWeightGradient } from "../winograd-staged.ts";
import { boxLines } from "./box.ts";
import { renderContraction, renderContractionHelper } from "./contraction.ts";
import { renderNest, renderNestHelper } from "./nest.ts";
import { renderOuterProduct } from "./outer-product.ts";
import { CKernel, type CTarget, collision, type Launch, lineNumbers } from "./target.ts";
import { tileVectors } from "./tile.ts";

/** Tiles of one task. Fewer make each task read all filters for less. */
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
  const isConstant = target.constants.has(contraction.b.operand);
  const way = chosen(correlation, isConstant, target.machine.threads);
  if (way === undefined) return undefined;
  return "options" in way
    ? new WinogradRenderer(target, correlation, way.options, layout).render()
    : renderStages(target, correlation, way.size, layout, isConstant);
}

/**
 * A way to compute a correlation: blocks of tiles that a task takes through all steps, or all tiles of a layer at once.
 *
 * Times are in multiply-adds, of which a core does 4 in the time in which it reads a number from beyond its L2 cache, 24 from
 * memory. The number of threads is none of it: it must not decide between algorithms, whose rounding differs.
 */
type Way =
  | { readonly time: number; readonly options: WinogradOptions }
  | { readonly time: number; readonly size: 2 | 4 };

/** Numbers that fit into the last cache beside others. */
const cachedNumbers = 4e6;
const fromCache = 4;
const fromMemory = 24;
/** What blocks cost beside the sum of their steps, for which they copy edges and have few rows: 1.3 to 1.45 as measured. */
const blockCost = 1.35;
/** What transforming a number of a tile costs, and of a filter. */
const transformCost = 6;
const filterCost = 60;

/** The best way, or undefined where the direct sum is estimated to be as fast. */
function chosen(correlation: Correlation, isConstant: boolean, threads: number): Way | undefined {
  const { contraction, p, q, c, image } = correlation;
  const k = contraction.n.extent;
  const images = image?.extent ?? 1;
  const directReading = 9 * c.extent * k * fromMemory;
  const direct = Math.max(images * p.extent * q.extent * 9 * c.extent * k, directReading);
  const ways = ([4, 2] as const).flatMap((size) => {
    const preparing = isConstant ? 0 : (size + 2) ** 2 * c.extent * k * filterCost;
    const cut = blocksOf(correlation, size, threads);
    return [...cut, inStages(correlation, size)].map((way) => ({ ...way, time: way.time + preparing }));
  });
  const best = ways.reduce((a, b) => (b.time < a.time ? b : a));
  return best.time < 0.95 * direct ? best : undefined;
}

/** Ways with some rows of tiles in a task. */
function blocksOf({ contraction, p, q, c, image }: Correlation, size: 2 | 4, threads: number): Way[] {
  const k = contraction.n.extent;
  const images = image?.extent ?? 1;
  const [rows, columns] = [Math.ceil(p.extent / size), Math.ceil(q.extent / size)];
  const products = (size + 2) ** 2;
  const filters = products * c.extent * k;
  const fit = Math.min(mostTiles, Math.floor(blockBytes / (4 * products * (c.extent + Math.min(k, 64)))));
  const ways: Way[] = [];
  for (let blocks = 1; blocks <= rows; blocks++) {
    const tileRows = Math.ceil(rows / blocks);
    if (tileRows * columns > Math.max(fit, columns)) continue;
    const together = blocks > 1 ? 1 : largestDivisor(images, Math.max(1, Math.floor(fit / (rows * columns))));
    const tasks = Math.ceil(rows / tileRows) * (images / together);
    const tiles = tileRows * columns * together;
    const multiplying = tasks * multiplyingOf(tiles, filters);
    const transforming = tasks * tiles * (c.extent + k) * products * transformCost;
    // The first reading is from memory, others are from the last cache, where filters fit into it.
    const reading = filters * (fromMemory + (tasks - 1) * (filters < cachedNumbers ? fromCache : fromMemory));
    // Shares of whole vectors, where there are too few tasks for the threads.
    let shares = 1;
    while (tasks * shares < 2 * threads && k % (shares * 2) === 0 && k / (shares * 2) >= 32) shares *= 2;
    const time = blockCost * (Math.max(multiplying, reading) + transforming);
    ways.push({ time, options: { size, tileRows, together, shares } });
  }
  return ways;
}

/** The way with all tiles at once. */
function inStages({ contraction, p, q, c, image }: Correlation, size: 2 | 4): Way {
  const k = contraction.n.extent;
  const tiles = (image?.extent ?? 1) * Math.ceil(p.extent / size) * Math.ceil(q.extent / size);
  const products = (size + 2) ** 2;
  const filters = products * c.extent * k;
  const numbers = tiles * (c.extent + k) * products;
  const moving = 2 * (numbers < cachedNumbers ? fromCache : fromMemory);
  const time =
    Math.max(multiplyingOf(tiles, filters), filters * fromMemory) + numbers * (transformCost + moving);
  return { time, size };
}

/** With few tiles, register tiles are low. */
function multiplyingOf(tiles: number, filters: number): number {
  return tiles * filters * (tiles >= 14 ? 1 : 1 + 2 / tiles);
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
  const multiplied = renderProducts(target, w.productPart, w.products);
  if (multiplied === undefined) return undefined;
  return [
    nestInto(target, w.imageParts, target.layoutOf(w.images)),
    nestInto(target, w.gradientParts, target.layoutOf(w.gradients)),
    ...multiplied,
    nestInto(target, w.resultParts, layout),
  ];
}

/** All tiles at once, step after step. */
function renderStages(
  target: CTarget,
  correlation: Correlation,
  size: 2 | 4,
  layout: Layout,
  isConstant: boolean,
): Launch[] | undefined {
  const w = winogradInStages(correlation, size, panelsOf(target, correlation.contraction.n.extent));
  place(target, w.filters, isConstant ? "kept" : "scratch");
  for (const operand of [w.images, w.products]) place(target, operand, "scratch");
  const multiplied = renderProducts(target, w.productPart, w.products, isConstant);
  if (multiplied === undefined) return undefined;
  return [
    nestInto(target, w.filterParts, target.layoutOf(w.filters), isConstant),
    nestInto(target, w.imageParts, target.layoutOf(w.images)),
    ...multiplied,
    ...w.resultParts.map((parts) => nestInto(target, parts, layout)),
  ];
}

/** Panels of so many columns, each as wide as a good register tile; 1 where these do not divide them. */
function panelsOf({ machine }: CTarget, columns: number): number {
  const width = tileVectors(machine) * machine.lanes;
  return columns % width === 0 ? columns / width : 1;
}

/** The products of all positions. */
function renderProducts(
  target: CTarget,
  part: Part,
  products: Operand,
  isConstant = false,
): Launch[] | undefined {
  const layout = target.layoutOf(products);
  const product = asContraction(part, layout, (operand) => target.layoutOf(operand));
  return (
    product &&
    (renderOuterProduct(target, product, layout) ?? renderContraction(target, product, layout, isConstant))
  );
}

function nestInto(target: CTarget, parts: readonly Part[], layout: Layout, isConstant = false): Launch {
  return renderNest(
    target,
    parts.map((part) => ({ part, layout })),
    isConstant,
  );
}

/**
 * Places an operand of the steps. Those with a place for each position of a tile are read and written at all positions at once:
 * a multiple of 4 KiB between them would put all into the same few lines of the L1 cache.
 */
function place(target: CTarget, operand: Operand, kind: "scratch" | "thread" | "kept"): void {
  const strides = [...contiguousStrides(operand.shape)];
  if (strides[0] % collision === 0) strides[0] += lineNumbers;
  target.place(operand, kind, strides);
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
    const panels = panelsOf(target, correlation.contraction.n.extent / (options.shares ?? 1));
    this.w = winograd(correlation, { ...options, panels });
    this.options = options;
    this.layout = layout;
  }

  render(): Launch[] | undefined {
    const { target, w } = this;
    const { contraction, image, p } = this.correlation;
    const { size, tileRows, together = 1 } = this.options;
    const isConstant = target.constants.has(contraction.b.operand);
    place(target, w.filters, isConstant ? "kept" : "scratch");
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
      isConstant,
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
