/**
 * Renders `../winograd.ts`: a task is some rows of tiles of an image, or some small images, and a share of the result's channels. It
 * copies what it needs with its edges, transforms it, multiplies and transforms back, in memory of its own thread that stays in the
 * L2 cache.
 */

import type { Box } from "../contraction-view.ts";
import type { Part } from "../formula.ts";
import type { Axis } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import { asContraction } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { type Winograd, type WinogradOptions, winograd } from "../winograd.ts";
import type { Correlation } from "../winograd-forms.ts";
import { boxLines } from "./box.ts";
import { renderContractionHelper } from "./contraction.ts";
import { renderNest, renderNestHelper } from "./nest.ts";
import { CKernel, type CMachine, type CTarget, hasLargeL2, type Launch } from "./target.ts";
import { panelsOf } from "./winograd-ways.ts";

/** Numbers of transformed filters that leave room for more in the L2 cache. */
const filtersInCache = (machine: CMachine) => (hasLargeL2(machine) ? 160 : 40) * 1024;

export function renderWinogradInBlocks(
  target: CTarget,
  correlation: Correlation,
  options: WinogradOptions,
  layout: Layout,
): Launch[] | undefined {
  return new WinogradRenderer(target, correlation, options, layout).render();
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
    const panels = panelsOf(target.machine, correlation.contraction.n.extent / (options.shares ?? 1));
    this.w = winograd(correlation, { ...options, panels });
    this.options = options;
    this.layout = layout;
  }

  render(): Launch[] | undefined {
    const { target, w } = this;
    const { contraction, image, p } = this.correlation;
    const { size, tileRows, together = 1 } = this.options;
    const isConstant = target.constants.has(contraction.b.operand);
    target.placeApart(w.filters, isConstant ? "kept" : "scratch");
    for (const each of [w.images, w.products, w.box]) target.placeApart(each, "thread");
    const kernel = new CKernel(target);
    const product = asContraction(w.productPart, target.layoutOf(w.products), (operand) =>
      target.layoutOf(operand),
    );
    const meanwhile = this.stretches();
    const multiplied =
      product &&
      renderContractionHelper(kernel, product, target.layoutOf(w.products), [w.share], {
        isConstant,
        meanwhile,
      });
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
    const finished = (regions: readonly (readonly Part[])[]) =>
      regions.map((parts) => {
        const helper = renderNestHelper(
          kernel,
          parts.map((part) => ({ part, layout: this.layout })),
          w.places,
        );
        return `${helper}, block, group, image, share, tileRow);`;
      });
    const [wholeRow, cutRow] = [finished(w.wholeRow), finished(w.cutRow)];
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
      `${[multiplied.helper, "share", ...meanwhile.map(({ from }) => from)].join(", ")});`,
      `for (long image = 0; image < ${together}; image++) {`,
    );
    kernel.body.push(
      `const long whole = least(${tileRows}, ${Math.floor(p.extent / size)} - block * ${tileRows});`,
      "for (long tileRow = 0; tileRow < whole; tileRow++) {",
      ...wholeRow,
      "}",
    );
    if (cutRow.length > 0)
      kernel.body.push(`if (whole < ${tileRows}) {`, "const long tileRow = whole;", ...cutRow, "}");
    kernel.body.push("}");
    const tasks = w.share.extent * w.block.extent * w.group.extent;
    return [filters, ...multiplied.packing, target.launch(kernel, tasks)];
  }

  /**
   * What comes into the L2 cache while products are made: where the task writes its results, which lie together unless channels are
   * shared out, and where filters leave room, what the next task will copy.
   */
  private stretches(): readonly {
    readonly layout: Layout;
    readonly from: string;
    readonly numbers: number;
  }[] {
    const { w, target } = this;
    const { size, tileRows, together = 1 } = this.options;
    const rows = size * tileRows;
    if (w.share.extent > 1) return [];
    const stretch = (layout: Layout, block: string, group: string) => {
      const [image, row] = layout.strides;
      const from = `(${group}) * ${together * image} + (${block}) * ${rows * row}`;
      return { layout, from, numbers: together > 1 ? together * image : rows * row };
    };
    const written = stretch(this.layout, "block", "group");
    const filters = w.filters.shape.reduce((product, extent) => product * extent, 1);
    if (filters > filtersInCache(target.machine)) return [written];
    const [block, group] = [`(block + 1) % ${w.block.extent}`, `group + (block + 1) / ${w.block.extent}`];
    return [written, stretch(target.layoutOf(this.correlation.contraction.a.operand), block, group)];
  }
}
