/**
 * Renders 3×3 convolutions at stride 1 and gradients of their filters by Winograd's algorithms (`../winograd.ts`), F(4×4, 3×3) first: in
 * blocks of tiles that a task takes through all steps (`winograd-blocks.ts`), by panels of columns (`winograd-panels.ts`), or here, all
 * tiles at once, step after step. `winograd-ways.ts` estimates which is the soonest.
 */

import type { Part } from "../formula.ts";
import type { Layout } from "../layout.ts";
import { asContraction, type Contraction } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import { asCorrelation, asWeightGradient, type Correlation, type WeightGradient } from "../winograd-forms.ts";
import { winogradInStages, winogradWeightGradient } from "../winograd-staged.ts";
import { renderContraction } from "./contraction.ts";
import { renderNest } from "./nest.ts";
import { renderOuterProduct } from "./outer-product.ts";
import type { CTarget, Launch } from "./target.ts";
import { renderWinogradInBlocks } from "./winograd-blocks.ts";
import { renderWinogradByPanels } from "./winograd-panels.ts";
import { chosenWay, panelsOf } from "./winograd-ways.ts";

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
  const way = chosenWay(correlation, isConstant, target.machine);
  if (way === undefined) return undefined;
  if ("blocks" in way) return renderWinogradInBlocks(target, correlation, way.blocks, layout);
  if ("panels" in way) return renderWinogradByPanels(target, correlation, way.panels, layout, way);
  return renderStages(target, correlation, way.stages, layout, isConstant);
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
  for (const operand of [w.images, w.gradients, w.products]) target.placeApart(operand, "scratch");
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
  const w = winogradInStages(correlation, size, panelsOf(target.machine, correlation.contraction.n.extent));
  target.placeApart(w.filters, isConstant ? "kept" : "scratch");
  for (const operand of [w.images, w.products]) target.placeApart(operand, "scratch");
  const multiplied = renderProducts(target, w.productPart, w.products, isConstant);
  if (multiplied === undefined) return undefined;
  return [
    nestInto(target, w.filterParts, target.layoutOf(w.filters), isConstant),
    nestInto(target, w.imageParts, target.layoutOf(w.images)),
    ...multiplied,
    ...w.resultParts.map((parts) => nestInto(target, parts, layout)),
  ];
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
