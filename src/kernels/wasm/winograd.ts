/**
 * Renders 3×3 convolutions at stride 1 by Winograd's F(2×2, 3×3) (`../winograd.ts`). A task is a block of rows of one
 * image: it copies them with their edges, transforms them, multiplies and transforms back, all in memory of its own
 * thread that stays in the cache; only the result is written out. Filters are transformed once per run.
 */

import { contiguousLayout, type Layout } from "../layout.ts";
import { asContraction, type Contraction } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { asCorrelation, type Correlation, type Winograd, winograd } from "../winograd.ts";
import { emitBox } from "./box.ts";
import { renderContraction } from "./contraction.ts";
import { renderNest } from "./nest.ts";
import { type Launch, type Target, threadBuffer } from "./target.ts";

/** Fewer channels on either side leave too little work between the transforms. */
const leastChannels = 16;
/**
 * What the transformed tiles of one task may take: about the L1 cache, and a row of tiles at least. One thread's effective
 * GFLOP/s at 16, 32 and 64 channels, direct against this: 49, 48, 48 against 68, 82, 82; with blocks for the L2 cache
 * instead (256 KiB) 45, 64, 76.
 */
const blockBytes = 48 * 1024;

export function renderWinograd(
  target: Target,
  contraction: Contraction,
  layout: Layout,
): Launch[] | undefined {
  const correlation = target.winograd ? asCorrelation(contraction) : undefined;
  if (correlation === undefined) return undefined;
  const { p, q, c } = correlation;
  const k = contraction.n;
  if (p.extent % 2 !== 0 || q.extent % 2 !== 0) return undefined;
  if (c.extent < leastChannels || k.extent < leastChannels) return undefined;
  if (target.layoutOf(contraction.a.operand).strides[3] !== 1) return undefined;
  const rowBytes = 4 * 16 * (q.extent / 2) * (c.extent + k.extent);
  const tileRows = largestDivisor(p.extent / 2, Math.max(1, Math.floor(blockBytes / rowBytes)));
  return new WinogradRenderer(
    target,
    correlation,
    winograd(correlation, { size: 2, tileRows }),
    tileRows,
    layout,
  ).render();
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
  private readonly tileRows: number;
  private readonly layout: Layout;

  constructor(target: Target, correlation: Correlation, w: Winograd, tileRows: number, layout: Layout) {
    this.target = target;
    this.correlation = correlation;
    this.w = w;
    this.tileRows = tileRows;
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
    const results = renderNest(
      target,
      w.resultParts.map((part) => ({ part, layout: this.layout })),
      given,
    );

    const f = target.kernel();
    const [task, thread] = [f.parameter(0), f.parameter(1)];
    const [block, imageAt, from, end, box, at] = [0, 1, 2, 3, 4, 5].map(() => f.local("i32"));
    f.get(task).i32(w.block.extent).op("i32.rem_u").set(block);
    f.get(task).i32(w.block.extent).op("i32.div_u").set(imageAt);
    f.get(block)
      .i32(2 * this.tileRows)
      .op("i32.mul")
      .set(from);
    f.get(from)
      .i32(2 * this.tileRows)
      .op("i32.add")
      .set(end);
    f.i32(boxAddress);
    target.addThread(f, { buffer: threadBuffer, offset: 0, strides: [] });
    f.set(box);
    emitBox(f, target, contraction, {
      box: {
        extents: [1, ...w.box.shape],
        blocked: p,
        block: 2 * this.tileRows,
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
    all(results, () => f.get(block).get(imageAt));
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
    const inThread = [w.images, w.products, w.box];
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
