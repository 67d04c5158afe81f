/**
 * Renders sums of products: direct, without im2col.
 *
 * A register tile holds a few rows by 8 columns of the result in vectors, or by 16 where the runtime joins vectors, and runs the
 * whole sum in one loop. V8 before 13.6 orders the instructions of a stretch without branches so that all loads come first and all
 * multiply-adds last; accumulators, loaded columns and spread rows must therefore fit into the 15 registers that it hands out
 * together, or it spills. 4 × 8 tiles fit, 5 × 8 tiles do in two stretches (`tile.ts`), with accumulators enough for two
 * multiply-adds in each cycle; 6 × 8 do not, nor does a body of two steps. Later ones leave loads in their places, so that 6 × 8
 * and 6 × 16 fit. Rows are constant distances apart, so they cost no address arithmetic. Where the sum runs over several axes of A
 * (r, s, c of a convolution), a table gives the offset of each step.
 *
 * B is packed once per run into panels as wide as the tile, unless it already lies like that and few rows use it. Where A
 * has edges (padding), each task first copies the part of A it needs into a box of its own, with the fill around it, sized
 * for the L1 cache: the tile never asks where the edge is. The gradient of a weight sums over the images: images are
 * split into a number of chunks that depends on shapes alone, chunks into results of their own, and these are added in
 * order, so the result does not depend on threads.
 */

import { type View, viewOf } from "../contraction-view.ts";
import { type Axis, extentOf } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { packingOf, usesOutside } from "../packing.ts";
import { type Contraction, chunksOf, isEpilogue, mergeRuns, readsAround } from "../schedule-contraction.ts";
import { columnGroups } from "./column-groups.ts";
import type { ColumnGroup, Panels, Partials } from "./contraction-types.ts";
import { renderFewRows } from "./few-rows.ts";
import { renderLongSums } from "./long-sums.ts";
import { renderNest } from "./nest.ts";
import { finishSums, placeSums } from "./partial-sums.ts";
import type { Launch, Target } from "./target.ts";
import { enoughTasks, TileLoops } from "./tile-loops.ts";

/** Rows that a task should at least have of an operand for packing the other to pay. */
const packingRows = 24;
/** What a box may take of the L1 cache beside B and the result. */
const boxBytes = 20 * 1024;
/** The same of the L2 cache, where B has more numbers than fit into it. */
const largeBoxBytes = 512 * 1024;
const manyNumbers = 256 * 1024;

export interface ContractionOptions {
  /** Whether a task has all rows: its caller shares them out. Default false. */
  readonly wholeRows?: boolean;
  /** Whether B depends on the state alone, so that it is packed once. Default: whether it is part of the state. */
  readonly isConstant?: boolean;
  /** Whether B is packed however few rows use it, because it is used again and again. Default false. */
  readonly packs?: boolean;
}

/** The launches that compute a contraction, or undefined where its form is not one of those known here. */
export function renderContraction(
  target: Target,
  contraction: Contraction,
  layout: Layout,
  {
    wholeRows = false,
    isConstant = target.constants.has(contraction.b.operand),
    packs = false,
  }: ContractionOptions = {},
): Launch[] | undefined {
  const apart =
    wholeRows || packs
      ? undefined
      : (renderFewRows(target, contraction, layout) ?? renderLongSums(target, contraction, layout));
  return (
    apart ?? new ContractionRenderer(target, contraction, layout, { wholeRows, isConstant, packs }).render()
  );
}

class ContractionRenderer {
  private readonly target: Target;
  private readonly c: Contraction;
  private readonly layout: Layout;
  private readonly wholeRows: boolean;
  private readonly isConstant: boolean;
  private readonly packs: boolean;
  private readonly launches: Launch[] = [];

  constructor(
    target: Target,
    contraction: Contraction,
    layout: Layout,
    { wholeRows, isConstant, packs }: Required<ContractionOptions>,
  ) {
    this.packs = packs;
    this.wholeRows = wholeRows;
    this.isConstant = isConstant;
    this.target = target;
    this.c = contraction;
    this.layout = layout;
  }

  render(): Launch[] | undefined {
    const { c, target } = this;
    const ofB = extentOf([c.n, ...c.k]);
    // Each box has all of B read once: where that is much, boxes are few, and tasks share out the columns.
    const boxes =
      ofB > manyNumbers
        ? { boxBytes: largeBoxBytes, sumBoxBytes: boxBytes, enoughTasks: 1 }
        : { boxBytes, enoughTasks };
    const view = viewOf(c, target.layoutOf(c.a.operand), boxes);
    if (view === undefined) return undefined;
    const { box } = view;
    // Axes of the sum outside the tile's own loop: results are kept in memory between its passes.
    const splits = this.splitAxes(view);
    const sumInTile = c.k.filter((each) => !splits.includes(each));
    const plainEpilogue = isEpilogue(c.part.value, c.sum) && this.epilogueSteps();
    const parted = splits.length > 0 || (box?.blocked !== undefined && c.k.includes(box.blocked));
    const groups = columnGroups(c.n.extent, this.rowsInARow(view), target.vectors);
    const b = this.panels(sumInTile, groups, parted);
    const result = parted || !plainEpilogue ? this.partials(splits) : undefined;
    const loops = new TileLoops({
      target,
      contraction: c,
      layout: this.layout,
      view,
      panels: b,
      groups,
      sumInTile,
      splits,
      partials: result,
      accumulates: parted,
      wholeRows: this.wholeRows,
    });
    this.launches.push(loops.render());
    if (result !== undefined)
      this.launches.push(finishSums(target, c, this.layout, result.operand, result.axes));
    return this.launches;
  }

  /** How many rows tiles go along before they jump. */
  private rowsInARow({ box, factorOf }: View): number {
    const inside = this.c.m.filter((each) => !box?.outside.includes(each) && each !== box?.blocked);
    return mergeRuns(inside, [factorOf]).at(-1)?.extent ?? 1;
  }

  /** Axes of the sum that are walked outside the tile. */
  private splitAxes({ box }: View): Axis[] {
    const { c } = this;
    if (box !== undefined) return c.k.filter((each) => box.outside.includes(each));
    const total = extentOf(c.k);
    const alongColumns = linearIndex(c.b.at, this.target.layoutOf(c.b.operand)).factorOf(c.n) === 1;
    return c.k.length > 1 && total > 8192 && alongColumns ? [c.k[0]] : [];
  }

  /** Whether each read of the epilogue steps along rows and columns as a tile can follow. */
  private epilogueSteps(): boolean {
    const { part, sum, n } = this.c;
    return readsAround(part.value, sum).every(({ node }) => {
      if (node.kind !== "read") return true;
      const factor = linearIndex(node.at, this.target.layoutOf(node.operand)).factorOf(n);
      return factor === 0 || factor === 1;
    });
  }

  /** B in panels as wide as the tiles, packed by a kernel of its own; or as it lies. */
  private panels(sumInTile: readonly Axis[], groups: readonly ColumnGroup[], parted: boolean): Panels {
    const { c, target } = this;
    const { bytes } = target.numbers;
    const layout = target.layoutOf(c.b.operand);
    const linear = linearIndex(c.b.at, layout);
    const rows = extentOf(c.m);
    const isForFew = rows < packingRows && !this.packs;
    const isPanel =
      c.n.extent === groups[0].columns &&
      sumInTile.every((each, i) => linear.factorOf(each) === extentOf(sumInTile.slice(i + 1)) * c.n.extent);
    if (linear.factorOf(c.n) === 1 && (parted || isPanel || isForFew || usesOutside(linear, sumInTile, c)))
      return {
        address: target.address({ ...layout, offset: 0 }) + bytes * linear.constant,
        factorOf: (each) => linear.factorOf(each),
        blockFactor: ({ columns }) => columns,
        groupOffset: ({ from }) => from,
      };
    const { elements, copies, factorOf, steps } = packingOf(c, linear, groups, sumInTile);
    const address = this.isConstant ? target.kept(bytes * elements) : target.scratch(bytes * elements);
    for (const { part, offset, strides } of copies) {
      const placed = { buffer: 0, offset: (address - target.map.bases[0]) / bytes + offset, strides };
      target.readsBeyond(part);
      const launch = renderNest(target, [{ part, layout: placed }]);
      this.launches.push({ ...launch, constant: this.isConstant });
    }
    return {
      address,
      factorOf,
      blockFactor: ({ columns }) => columns * steps,
      groupOffset: ({ from }) => from * steps,
    };
  }

  /** Memory for sums that are not finished, one for each chunk of the split axes. */
  private partials(splits: readonly Axis[]): Partials {
    const { c, target } = this;
    const axes = c.part.axes.filter((each) => each.extent > 1);
    const { chunks, perChunk } = chunksOf(extentOf(splits), axes);
    const { operand, address } = placeSums(target, chunks, axes);
    return { operand, layout: target.layoutOf(operand), axes, chunks, perChunk, address };
  }
}
