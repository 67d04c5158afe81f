/**
 * Renders 3×3 convolutions at stride 1 by Winograd's algorithms (`../winograd.ts`). A task is a block of rows of one
 * image: it copies them with their edges, transforms them, multiplies and transforms back, all in memory of its own
 * thread that stays in the cache; only the result is written out. Filters are transformed once per run.
 */

import type { Part } from "../formula.ts";
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
import { emitBox } from "./box.ts";
import { renderContraction } from "./contraction.ts";
import { renderNest } from "./nest.ts";
import { type Launch, type Target, threadBuffer } from "./target.ts";

/** Fewer channels on either side leave too little work between the transforms. */
const leastChannels = 16;
/**
 * What the transformed tiles of one task may take: about the L1 cache, and a row of tiles at least. One thread's effective
 * GFLOP/s at 16, 32 and 64 channels with tiles of 2: direct 49, 48, 48, so 68, 82, 82; with blocks for the L2 cache (256 KiB)
 * 45, 64, 76.
 */
const blockBytes = 48 * 1024;
/** What transforming a number of a tile costs, in multiply-adds. */
const transformCost = 10;
/** What reading a number of a filter costs, which comes from beyond the L2 cache where there are many channels. */
const readingCost = 8;

export function renderWinograd(
  target: Target,
  contraction: Contraction,
  layout: Layout,
): Launch[] | undefined {
  if (!target.winograd) return undefined;
  const gradient = asWeightGradient(contraction);
  if (gradient !== undefined) return renderWeightGradient(target, gradient, layout);
  const correlation = asCorrelation(contraction);
  if (correlation === undefined) return undefined;
  if (correlation.c.extent < leastChannels || contraction.n.extent < leastChannels) return undefined;
  if (target.layoutOf(contraction.a.operand).strides[3] !== 1) return undefined;
  const options = chosen(correlation);
  return options && new WinogradRenderer(target, correlation, options, layout).render();
}

/** Size and rows of tiles by the least estimated time; undefined where the direct sum is estimated to be as fast. */
function chosen({ contraction, p, q, c }: Correlation): WinogradOptions | undefined {
  const k = contraction.n.extent;
  const direct = p.extent * q.extent * (9 * c.extent * k);
  let best: { time: number; options: WinogradOptions } | undefined;
  for (const size of [4, 2] as const) {
    const [rows, columns] = [Math.ceil(p.extent / size), Math.ceil(q.extent / size)];
    const products = (size + 2) ** 2;
    const rowBytes = 4 * products * columns * (c.extent + k);
    const tileRows = largestDivisor(rows, Math.max(1, Math.floor(blockBytes / rowBytes)));
    const tiles = rows * columns * products;
    const filters = products * c.extent * k;
    const time = tiles * (c.extent * k + transformCost * (c.extent + k)) + readingCost * filters;
    if (best === undefined || time < best.time) best = { time, options: { size, tileRows } };
  }
  return best !== undefined && best.time < 0.9 * direct ? best.options : undefined;
}

/** The gradient of a filter: transforms of all images, products summed over all tiles, and back. */
function renderWeightGradient(
  target: Target,
  gradient: WeightGradient,
  layout: Layout,
): Launch[] | undefined {
  const { contraction, c, p, q, image } = gradient;
  const [k, images] = [contraction.n.extent, image?.extent ?? 1];
  if (c.extent < leastChannels || k < leastChannels) return undefined;
  const direct = images * p.extent * q.extent * 9 * c.extent * k;
  const tiles = images * Math.ceil(p.extent / 4) * Math.ceil(q.extent / 4);
  const time = 36 * (tiles * (c.extent * k + transformCost * (c.extent + k)) + readingCost * c.extent * k);
  if (time > 0.9 * direct) return undefined;
  const w = winogradWeightGradient(gradient);
  for (const operand of [w.images, w.gradients, w.products]) {
    const offset = (target.scratch(4 * elements(operand) + 64) - target.map.bases[0]) / 4;
    target.layouts.set(operand, contiguousLayout(0, operand.shape, offset));
  }
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

/** The largest divisor of `of` that is at most `most`. */
function largestDivisor(of: number, most: number): number {
  let divisor = Math.min(of, most);
  while (of % divisor !== 0) divisor--;
  return divisor;
}

class WinogradRenderer {
  private readonly target: Target;
  private readonly correlation: Correlation;
  private readonly w: Winograd;
  /** Rows of the result in a block. */
  private readonly rows: number;
  private readonly layout: Layout;

  constructor(target: Target, correlation: Correlation, options: WinogradOptions, layout: Layout) {
    this.target = target;
    this.correlation = correlation;
    this.w = winograd(correlation, options);
    this.rows = options.size * options.tileRows;
    this.layout = layout;
  }

  render(): Launch[] | undefined {
    const { target, w } = this;
    const { contraction, p } = this.correlation;
    const boxAddress = this.place();
    const filtersLayout = target.layoutOf(w.filters);
    const isConstant = target.constants.has(contraction.b.operand);
    const transformed = renderNest(
      target,
      w.filterParts.map((part) => ({ part, layout: filtersLayout })),
    );
    const product = asContraction(w.productPart, target.layoutOf(w.products), (operand) =>
      target.layoutOf(operand),
    );
    const rendered =
      product &&
      renderContraction(target, product, target.layoutOf(w.products), { wholeRows: true, isConstant });
    if (rendered === undefined) return undefined;
    const [multiply, ...packing] = rendered.toReversed();
    // Only what is packed is kept: filters that are read as they lie are in memory that the next step takes.
    const filters = { ...transformed, constant: isConstant && packing.length > 0 };
    const { image } = this.correlation;
    const given = [w.block, w.group];
    const images = renderNest(
      target,
      w.imageParts.map((part) => ({ part, layout: target.layoutOf(w.images) })),
    );
    const { results, finishPart } = w;
    const back = renderNest(
      target,
      w.resultParts.map((part) => ({
        part,
        layout: results === undefined ? this.layout : target.layoutOf(results),
      })),
      results === undefined ? given : [],
    );
    const finish =
      finishPart && renderNest(target, [{ part: finishPart, layout: this.layout }], [...given, w.row]);

    const f = target.kernel();
    const [task, thread] = [f.parameter(0), f.parameter(1)];
    const [block, imageAt, from, end, box, at] = [0, 1, 2, 3, 4, 5].map(() => f.local("i32"));
    f.get(task).i32(w.block.extent).op("i32.rem_u").set(block);
    f.get(task).i32(w.block.extent).op("i32.div_u").set(imageAt);
    f.get(block).i32(this.rows).op("i32.mul").set(from);
    f.get(from).i32(this.rows).op("i32.add").set(end);
    f.i32(boxAddress);
    target.addThread(f, { buffer: threadBuffer, offset: 0, strides: [] });
    f.set(box);
    emitBox(f, target, contraction, {
      box: {
        extents: [1, ...w.box.shape],
        blocked: p,
        block: this.rows,
        outside: image === undefined ? [] : [image],
      },
      to: box,
      from,
      end,
      variables: new Map(image === undefined ? [] : [[image, imageAt]]),
    });
    const all = (launch: Launch, parameters: () => void) => {
      f.i32(0).set(at);
      f.loop(() => {
        f.get(at).get(thread);
        parameters();
        f.call(launch.index).get(at).i32(1).op("i32.add").tee(at).i32(launch.tasks).op("i32.lt_s");
      });
    };
    all(images, () => {});
    all(multiply, () => {});
    if (finish === undefined) all(back, () => f.get(block).get(imageAt));
    else {
      all(back, () => {});
      // Rows of the last block that are beyond the result are left out.
      const [row, last] = [f.local("i32"), f.local("i32")];
      f.i32(p.extent).get(from).op("i32.sub").set(last);
      f.get(last).i32(this.rows).get(last).i32(this.rows).op("i32.lt_s", "select").set(last);
      f.i32(0).set(row);
      f.loop(() => {
        all(finish, () => f.get(block).get(imageAt).get(row));
        f.get(row).i32(1).op("i32.add").tee(row).get(last).op("i32.lt_s");
      });
    }
    const whole: Launch = {
      name: f.name,
      index: target.module.add(f),
      tasks: w.block.extent * (image?.extent ?? 1),
    };
    return [filters, ...packing.reverse(), whole];
  }

  /** Places the operands; returns the address of the box in a thread's memory. */
  private place(): number {
    const { target, w } = this;
    const filterBytes = 4 * elements(w.filters);
    const filtersAt = (target.scratch(filterBytes) - target.map.bases[0]) / 4;
    target.layouts.set(w.filters, contiguousLayout(0, w.filters.shape, filtersAt));
    const inThread = [w.images, w.products, ...(w.results === undefined ? [] : [w.results]), w.box];
    // Vector reads may go a little beyond each operand.
    const bytes = inThread.map((operand) => Math.ceil((4 * elements(operand) + 64) / 64) * 64);
    const base = target.perThread(bytes.reduce((sum, each) => sum + each, 0));
    let address = base;
    for (const [i, operand] of inThread.entries()) {
      target.layouts.set(operand, contiguousLayout(threadBuffer, operand.shape, address / 4));
      address += bytes[i];
    }
    return address - bytes[bytes.length - 1];
  }
}

function elements({ shape }: Operand): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
