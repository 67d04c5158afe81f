/**
 * Renders `../winograd-panels.ts`: all tiles of the image are transformed, then a task takes some columns of the result through all
 * channels, a block of them after the other, and back. While it multiplies one block's filters, it asks memory for the next.
 */

import type { Part } from "../formula.ts";
import type { Layout } from "../layout.ts";
import { asContraction } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import type { Correlation } from "../winograd.ts";
import { type PanelOptions, winogradByPanels } from "../winograd-panels.ts";
import { renderContractionHelper } from "./contraction.ts";
import { renderNest, renderNestHelper } from "./nest.ts";
import { CKernel, type CTarget, type Launch } from "./target.ts";

/** The filters are constant: they are brought into the order in which they are used once. */
export function renderWinogradByPanels(
  target: CTarget,
  correlation: Correlation,
  options: PanelOptions,
  layout: Layout,
): Launch[] | undefined {
  const w = winogradByPanels(correlation, options);
  target.place(w.packed, "kept");
  target.placeApart(w.images, "scratch", 1);
  for (const each of [w.filters, w.products]) target.placeApart(each, "thread");
  const placed = (part: Part, operand: Operand) => ({ part, layout: target.layoutOf(operand) });
  const packing = renderNest(target, [placed(w.packPart, w.packed)], true);
  const images = renderNest(
    target,
    w.imageParts.map((part) => placed(part, w.images)),
  );

  const kernel = new CKernel(target);
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
    w.filterParts.map((part) => placed(part, w.filters)),
    [w.share, w.block],
  );
  const finished = w.resultParts.map((parts) =>
    renderNestHelper(
      kernel,
      parts.map((part) => ({ part, layout })),
      [w.share],
    ),
  );
  const sums = w.products.shape[0] * products.strides[0];
  kernel.body.push(
    `__builtin_memset(${kernel.pointer(w.products)}, 0, ${sums} * sizeof(real));`,
    `for (long block = 0; block < ${w.block.extent}; block++) {`,
    `${transformed}, task, block);`,
    `${multiplied.helper}, block, (task * ${w.block.extent} + block + 1) * ${blockNumbers});`,
    "}",
    ...finished.map((each) => `${each}, task);`),
  );
  return [packing, images, ...multiplied.packing, target.launch(kernel, w.share.extent)];
}
