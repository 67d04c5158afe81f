/**
 * Renders `../winograd-panels.ts`: all tiles of the image are transformed, then a task takes some columns of the result through all
 * channels, a block of them after the other, and back. While it multiplies one block's filters, it asks memory for the next. Sums of
 * very few tiles stay in registers (`winograd-registers.ts`).
 */

import type { Layout } from "../layout.ts";
import { asContraction } from "../schedule-contraction.ts";
import type { Correlation } from "../winograd-forms.ts";
import { type PanelledWinograd, type PanelOptions, winogradByPanels } from "../winograd-panels.ts";
import { renderContractionHelper } from "./contraction.ts";
import { renderNest, renderNestHelper } from "./nest.ts";
import { CKernel, type CTarget, type Launch } from "./target.ts";
import { type PanelSums, sumsInRegisters } from "./winograd-registers.ts";

/** The filters are constant: they are brought into the order in which they are used once. */
export function renderWinogradByPanels(
  target: CTarget,
  correlation: Correlation,
  options: PanelOptions,
  layout: Layout,
  { inRegisters = false }: { readonly inRegisters?: boolean } = {},
): Launch[] | undefined {
  const w = winogradByPanels(correlation, options);
  const kernel = new CKernel(target);
  target.place(w.packed, "kept");
  const summed = inRegisters ? sumsInRegisters(kernel, w, options) : sumsOfBlocks(kernel, w, options);
  if (summed === undefined) return undefined;
  const packing = renderNest(target, [{ part: w.packPart, layout: target.layoutOf(w.packed) }], true);
  const images = renderNest(
    target,
    w.imageParts.map((part) => ({ part, layout: target.layoutOf(w.images) })),
  );
  const finished = w.resultParts.map((parts) =>
    renderNestHelper(
      kernel,
      parts.map((part) => ({ part, layout })),
      [w.share],
    ),
  );
  kernel.body.push(...summed.lines, ...finished.map((each) => `${each}, task);`));
  return [packing, images, ...summed.packing, target.launch(kernel, w.share.extent)];
}

/** Places images and products, and sets the products of the task's columns, of one block of channels after the other. */
function sumsOfBlocks(kernel: CKernel, w: PanelledWinograd, options: PanelOptions): PanelSums | undefined {
  const { target } = kernel;
  target.placeApart(w.images, "scratch", 1);
  for (const each of [w.filters, w.products]) target.placeApart(each, "thread");
  const products = target.layoutOf(w.products);
  const product = asContraction(w.productPart, products, (operand) => target.layoutOf(operand));
  if (product === undefined) return undefined;
  const blockNumbers = options.steps * 9 * options.columns;
  const multiplied = renderContractionHelper(kernel, product, products, [w.block], {
    isConstant: false,
    adds: true,
    ahead: { operand: w.packed, numbers: blockNumbers },
  });
  if (multiplied === undefined) return undefined;
  const transformed = renderNestHelper(
    kernel,
    w.filterParts.map((part) => ({ part, layout: target.layoutOf(w.filters) })),
    [w.share, w.block],
  );
  const sums = w.products.shape[0] * products.strides[0];
  const lines = [
    `__builtin_memset(${kernel.pointer(w.products)}, 0, ${sums} * sizeof(real));`,
    `for (long block = 0; block < ${w.block.extent}; block++) {`,
    `${transformed}, task, block);`,
    `${multiplied.helper}, block, (task * ${w.block.extent} + block + 1) * ${blockNumbers});`,
    "}",
  ];
  return { lines, packing: multiplied.packing };
}
