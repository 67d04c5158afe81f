/**
 * Renders 3×3 convolutions at stride 1 by Winograd's algorithms (`../winograd.ts`). A task is a block of rows of one image, or
 * some small images: it copies them with their edges, transforms them, multiplies and transforms back, all in memory of its own
 * thread that stays in the L2 cache; only the result is written out. Where there are few blocks, or filters that each block would
 * fetch from beyond the cache, all blocks are transformed first, then multiplied together, then transformed back.
 *
 * Transforms go by columns, then by rows: six vectors in, six out. A whole tile at a time, V8 loads all 36 vectors before it
 * computes, and keeps most of them on the stack; that took three times as long as the sixfold sums between.
 */

import type { Part } from "../formula.ts";
import type { Axis } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { asContraction, type Contraction } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { asCorrelation, asWeightGradient, type Correlation } from "../winograd-forms.ts";
import { type HalvesOptions, type WinogradHalves, winogradByHalves } from "../winograd-halves.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { widestTile } from "./column-groups.ts";
import { renderContraction } from "./contraction.ts";
import { renderTransform } from "./nest.ts";
import type { Launch, Target } from "./target.ts";
import { emitBoxTransform, forEachPlace, forEachTask, renderBoxTransform } from "./winograd-box.ts";
import { renderWinogradGradient } from "./winograd-gradient.ts";

/** Fewer channels on either side leave too little work between the transforms. */
const leastChannels = 16;
/** What the transformed tiles of one task may take of the L2 cache; a row of tiles at least. */
const blockBytes = 256 * 1024;
/** Tasks that keep threads balanced. */
const enoughTasks = 8;
/** What transforming a number of a tile costs, in multiply-adds. */
const transformCost = 8;

export function renderWinograd(
  target: Target,
  contraction: Contraction,
  layout: Layout,
): Launch[] | undefined {
  if (!target.winograd) return undefined;
  const gradient = asWeightGradient(contraction);
  if (gradient !== undefined) return renderWinogradGradient(target, gradient, layout);
  const correlation = asCorrelation(contraction);
  if (correlation === undefined) return undefined;
  if (correlation.c.extent < leastChannels || contraction.n.extent < leastChannels) return undefined;
  if (target.layoutOf(contraction.a.operand).strides[3] !== 1) return undefined;
  const options = chosen(correlation, target.numbers.bytes);
  return options && new WinogradRenderer(target, correlation, options, layout).render();
}

/** The way that is estimated to take the least time; undefined where the direct sum takes as long. */
function chosen({ contraction, p, q, c, image }: Correlation, bytes: number): HalvesOptions | undefined {
  const [k, images] = [contraction.n.extent, image?.extent ?? 1];
  const direct = images * p.extent * q.extent * (9 * c.extent * k);
  let best: { time: number; options: HalvesOptions } | undefined;
  const consider = (time: number, options: HalvesOptions) => {
    if (best === undefined || time < best.time) best = { time, options };
  };
  for (const size of [4, 2] as const) {
    const [rows, columns] = [Math.ceil(p.extent / size), Math.ceil(q.extent / size)];
    const products = (size + 2) ** 2;
    const filters = products * c.extent * k;
    const tiles = images * rows * columns;
    const transformed = tiles * products * (c.extent + k);
    const time = tiles * filters + transformCost * transformed;
    const tileBytes = bytes * products * (c.extent + k);
    const fitting = Math.max(1, Math.floor(blockBytes / tileBytes));
    const tileRows = largestDivisor(rows, Math.max(1, Math.floor(fitting / columns)));
    const together =
      tileRows < rows ? 1 : largestDivisor(images, Math.max(1, Math.floor(fitting / (rows * columns))));
    const tasks = tiles / (tileRows * columns * together);
    if (tasks >= enoughTasks)
      consider(time + tasks * readingCost(filters) * filters, { size, tileRows, together });
    consider(time + readingCost(filters) * filters + 2 * readingCost(transformed) * transformed, {
      size,
      tileRows: 1,
      inStages: true,
    });
  }
  return best !== undefined && best.time < 0.9 * direct ? best.options : undefined;
}

/** What reading a number costs, in multiply-adds, of so many that are read between two times: from L2, L3, or memory. */
function readingCost(numbers: number): number {
  return numbers < 64 * 1024 ? 0.5 : numbers < 4 * 1024 * 1024 ? 2 : 6;
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
  private readonly w: WinogradHalves;
  private readonly options: HalvesOptions;
  /** Rows of the result in a block. */
  private readonly rows: number;
  private readonly layout: Layout;
  /** Whether the filters are transformed once. */
  private readonly isConstant: boolean;
  /** Whether their columns fill panels, as which they are written. */
  private readonly liesAsPanels: boolean;

  constructor(target: Target, correlation: Correlation, options: HalvesOptions, layout: Layout) {
    this.target = target;
    this.correlation = correlation;
    this.isConstant = target.constants.has(correlation.contraction.b.operand);
    const k = correlation.contraction.n.extent;
    const width = widestTile(target.vectors).vectors * target.numbers.lanes;
    this.liesAsPanels = k % width === 0;
    this.w = winogradByHalves(correlation, { ...options, panels: this.liesAsPanels ? k / width : 1 });
    this.options = options;
    this.rows = options.size * options.tileRows;
    this.layout = layout;
  }

  render(): Launch[] | undefined {
    const { target, w } = this;
    const { inStages = false } = this.options;
    this.place();
    const { isConstant } = this;
    const filters = this.nest(w.filterParts, w.filters);
    const products = target.layoutOf(w.products);
    const product = asContraction(w.productPart, products, (operand) => target.layoutOf(operand));
    const rendered =
      product &&
      renderContraction(target, product, products, { wholeRows: !inStages, isConstant, packs: true });
    if (rendered === undefined) return undefined;
    const [multiply, ...packing] = rendered.toReversed();
    const constants = [{ ...filters, constant: isConstant }, ...packing.reverse()];
    if (inStages)
      return [
        ...constants,
        this.task((f, places) => this.emitImages(f, places)),
        multiply,
        this.task((f, places) => this.emitResults(f, places)),
      ];
    const whole = this.task((f, places) => {
      this.emitImages(f, places);
      forEachTask(f, multiply);
      this.emitResults(f, places);
    });
    return [...constants, whole];
  }

  private nest(parts: readonly Part[], to: Operand, given: readonly Axis[] = []): Launch {
    const layout = this.target.layoutOf(to);
    return renderTransform(
      this.target,
      parts.map((part) => ({ part, layout })),
      given,
    );
  }

  /** A launch whose tasks are the blocks of all groups of images. */
  private task(body: (f: FunctionBuilder, places: Places) => void): Launch {
    const { target, w } = this;
    const f = target.kernel();
    const [block, group, image] = [0, 1, 2].map(() => f.local("i32"));
    const task = f.parameter(0);
    f.get(task).i32(w.places[0].extent).op("i32.rem_u").set(block);
    f.get(task).i32(w.places[0].extent).op("i32.div_u").set(group);
    body(f, { block, group, image });
    return { name: f.name, index: target.module.add(f), tasks: w.places[0].extent * w.places[1].extent };
  }

  /** For each image of the group: copies its block with its edges, and transforms the copy. */
  private emitImages(f: FunctionBuilder, places: Places): void {
    const { target, w } = this;
    const { contraction, image, p } = this.correlation;
    const from = f.local("i32");
    const imageAt = f.local("i32");
    f.get(places.block).i32(this.rows).op("i32.mul").set(from);
    const at = { axis: p, block: this.rows, from, outside: image, place: imageAt };
    const tiles = renderBoxTransform(target, w.imageTransform, w.images, w.places);
    forEachPlace(f, places.image, w.places[2].extent, () => {
      f.get(places.group).i32(w.places[2].extent).op("i32.mul").get(places.image).op("i32.add").set(imageAt);
      emitBoxTransform(f, target, contraction.a, at, tiles, [places.block, places.group, places.image]);
    });
  }

  /** For each image of the group: transforms its products back, and stores what is of the result. */
  private emitResults(f: FunctionBuilder, places: Places): void {
    const { target, w } = this;
    const { p } = this.correlation;
    const { size, tileRows } = this.options;
    const at = [places.block, places.group, places.image];
    const columns = this.nest(w.resultColumnParts, w.resultColumns, w.places);
    const rendered = (regions: readonly (readonly Part[])[]) =>
      regions.map((parts) =>
        renderTransform(
          target,
          parts.map((part) => ({ part, layout: this.layout })),
          [...w.places, w.tileRow],
        ),
      );
    const [wholeRow, cutRow] = [rendered(w.wholeRow), rendered(w.cutRow)];
    // Rows of tiles of the last block that are beyond the result are left out.
    const [tileRow, whole] = [f.local("i32"), f.local("i32")];
    f.i32(Math.floor(p.extent / size))
      .get(places.block)
      .i32(tileRows)
      .op("i32.mul", "i32.sub")
      .set(whole);
    f.get(whole).i32(tileRows).get(whole).i32(tileRows).op("i32.lt_s", "select").set(whole);
    forEachPlace(f, places.image, w.places[2].extent, () => {
      forEachTask(f, columns, at);
      f.get(whole).if(() =>
        forEachPlace(f, tileRow, whole, () => {
          for (const each of wholeRow) forEachTask(f, each, [...at, tileRow]);
        }),
      );
      if (cutRow.length === 0) return;
      f.get(whole).i32(tileRows).op("i32.lt_s");
      f.if(() => {
        for (const each of cutRow) forEachTask(f, each, [...at, whole]);
      });
    });
  }

  private place(): void {
    const { target, w } = this;
    const inScratch = this.options.inStages ? [w.images, w.products] : [];
    for (const each of inScratch) target.place(each);
    // Filters that do not lie as panels are packed, and the panels kept.
    target.place(w.filters, this.isConstant && this.liesAsPanels ? "kept" : "scratch");
    const others = [w.imageTransform.box, w.imageTransform.columns, w.images, w.products, w.resultColumns];
    target.placeInThread(others.filter((operand) => !inScratch.includes(operand)));
  }
}

/** Where a task is: its block, its group of images, and which of these is at hand. */
interface Places {
  readonly block: Local;
  readonly group: Local;
  readonly image: Local;
}
