/** From the steps of a plan to C: the texts of its kernels, and the launches that run them. */

import type { Formula, Part } from "../formula.ts";
import { gathered, type StepTime } from "../gather.ts";
import { extentOf } from "../index-expression.ts";
import type { Layout, Layouts } from "../layout.ts";
import { asContraction, type Contraction } from "../schedule-contraction.ts";
import { type PlacedPart, shareAxes } from "../schedule-nest.ts";
import { splitReduction } from "../split-reduction.ts";
import type { Operand } from "../value.ts";
import { renderContraction } from "./contraction.ts";
import { renderDepthwise } from "./depthwise.ts";
import { renderFewColumns } from "./few-columns.ts";
import { renderFewRows } from "./few-rows.ts";
import { keyOfFormula } from "./formula-key.ts";
import { renderNest } from "./nest.ts";
import { renderOuterProduct } from "./outer-product.ts";
import { viewFor } from "./schedule.ts";
import { renderTapProducts } from "./tap-products.ts";
import { buffers, type CMachine, CTarget, type KernelText, type Launch, type Place } from "./target.ts";
import { farCost, panelNumbers, stepsInCache, tilingOf } from "./tile.ts";
import { renderWinograd } from "./winograd.ts";

export interface RenderOptions {
  readonly machine: CMachine;
  /** Whether 3×3 convolutions may be computed by Winograd's algorithms. */
  readonly winograd: boolean;
  /** Operands that hold until the state changes, which this plan does not do. */
  readonly constants: ReadonlySet<Operand>;
  /** How many of the first steps read such operands alone. */
  readonly preparation: number;
}

export interface Rendered {
  readonly kernels: readonly KernelText[];
  /** Launches of each step, to be run one after the other. */
  readonly steps: readonly (readonly Launch[])[];
  /** Bytes of the memories that kernels use among themselves; that of threads is for one. */
  readonly bytes: { readonly thread: number; readonly scratch: number; readonly kept: number };
  /** Bytes beyond the end of any memory that reads may touch. */
  readonly slackBytes: number;
}

export function render(
  steps: readonly { readonly formula: Formula; readonly target: Layout }[],
  layouts: Layouts,
  { machine, winograd, constants, preparation }: RenderOptions,
): Rendered {
  const target = new CTarget(layouts, machine, winograd, constants);
  const known = new Map<string, RenderedFormula>();
  const launches = steps.map((step, i) => {
    const rendered = renderStep(target, step.formula, step.target, known);
    return i < preparation ? rendered.map((launch) => ({ ...launch, constant: true })) : rendered;
  });
  return { kernels: target.kernels, steps: launches, bytes: target.bytes, slackBytes: target.slackBytes };
}

/** The launches of a formula, and what of the memories they were given. */
interface RenderedFormula {
  readonly launches: readonly Launch[];
  readonly places: readonly Place[];
  /** Where the memory that they keep begins, in elements, and how much it is. */
  readonly keptFrom: number;
  readonly keptBytes: number;
}

/** Renders a formula, or takes what an earlier one with the same key was rendered to, at other places. */
function renderStep(
  target: CTarget,
  formula: Formula,
  layout: Layout,
  known: Map<string, RenderedFormula>,
): readonly Launch[] {
  const { text, places } = keyOfFormula(
    formula,
    layout,
    (operand) => target.layoutOf(operand),
    (operand) => target.constants.has(operand),
  );
  const { keptElements: keptFrom } = target;
  const keptBytes = target.bytes.kept;
  const before = known.get(text);
  const launches = before && movedLaunches(before, places, keptFrom);
  if (launches !== undefined) {
    target.bytes.kept += before?.keptBytes ?? 0;
    return launches;
  }
  target.beginStep();
  const rendered = renderFormula(target, formula, layout);
  known.set(text, { launches: rendered, places, keptFrom, keptBytes: target.bytes.kept - keptBytes });
  return rendered;
}

/** Launches for a formula with other `places` and memory to keep; undefined where one points to what the key does not know. */
function movedLaunches(
  before: RenderedFormula,
  places: readonly Place[],
  keptFrom: number,
): readonly Launch[] | undefined {
  const moved: Launch[] = [];
  for (const launch of before.launches) {
    const at = launch.places.map((place) => movedPlace(place, before, places, keptFrom));
    if (!at.every((place) => place !== undefined)) return undefined;
    moved.push({ ...launch, places: at });
  }
  return moved;
}

/** The place that corresponds to one of a formula's kin. */
function movedPlace(
  place: Place,
  before: RenderedFormula,
  places: readonly Place[],
  keptFrom: number,
): Place | undefined {
  const { buffer, offset } = place;
  if (buffer === buffers.kept) return { buffer, offset: offset + keptFrom - before.keptFrom };
  // Memory that kernels of one step tell each other is given anew to each step, from its beginning.
  if (buffer === buffers.scratch || buffer === buffers.thread || buffer === buffers.scalars) return place;
  return places[before.places.findIndex((each) => each.buffer === buffer && each.offset === offset)];
}

function renderFormula(target: CTarget, formula: Formula, layout: Layout): Launch[] {
  const launches: Launch[] = [];
  const plain: Part[] = [];
  const partials: PlacedPart[] = [];
  for (const part of formula) {
    const contraction = asContraction(part, layout, (operand) => target.layoutOf(operand));
    const rendered =
      contraction &&
      (renderWinograd(target, contraction, layout) ??
        renderFewRows(target, contraction, layout) ??
        renderTapProducts(target, contraction, layout) ??
        renderFewColumns(target, contraction, layout) ??
        renderOuterProduct(target, contraction, layout) ??
        renderGathered(target, contraction, layout) ??
        renderContraction(target, contraction, layout));
    const launched = rendered ?? renderDepthwise(target, part, layout);
    if (launched !== undefined) {
      launches.push(...launched);
      continue;
    }
    const split = splitReduction(part);
    if (split === undefined) plain.push(part);
    else {
      partials.push({ part: split.partial, layout: target.place(split.operand, "scratch") });
      plain.push(split.combine);
    }
  }
  launches.push(...renderTogether(target, partials));
  launches.push(
    ...renderTogether(
      target,
      plain.map((part) => ({ part, layout })),
    ),
  );
  return launches;
}

/** A contraction over a copy of what it reads, where that pays. */
function renderGathered(target: CTarget, contraction: Contraction, layout: Layout): Launch[] | undefined {
  const read = target.layoutOf(contraction.a.operand);
  const found = gathered(contraction, layout, read, stepTime(target, contraction));
  if (found === undefined) return undefined;
  const { copied, scattered } = found;
  const before = copied && nestInto(target, copied.part, target.place(copied.operand, "scratch"));
  const sums = scattered && target.place(scattered.sums, "scratch");
  const rendered = renderContraction(target, found.contraction, sums ?? layout);
  const after = scattered && nestInto(target, scattered.part, layout);
  return rendered && [before, ...rendered, after].filter((each) => each !== undefined);
}

/** What a step of the contraction's sum takes, and to read B for each box from beyond the L2 cache. */
function stepTime(target: CTarget, contraction: Contraction): StepTime {
  const { m, n, k } = contraction;
  const { machine } = target;
  const steps = extentOf(k);
  const box = viewFor(target, contraction)?.box;
  const isFar = box !== undefined && m.includes(box.blocked) && steps * n.extent > 2 * panelNumbers;
  const boxes = isFar ? Math.ceil(box.blocked.extent / box.block) * extentOf(box.outside) : 0;
  const reading = farCost * boxes * Math.ceil(n.extent / machine.lanes);
  return (rows, stretches, isCopied) => {
    const inCache = isCopied ? Math.min(steps, stepsInCache(machine)) : steps;
    return tilingOf(n.extent, rows, stretches, inCache, machine).cost + (isCopied ? 0 : reading);
  };
}

function nestInto(target: CTarget, part: Part, layout: Layout): Launch {
  return renderNest(target, [{ part, layout }]);
}

/** Parts whose axes agree share their loops, and what they read. */
function renderTogether(target: CTarget, parts: readonly PlacedPart[]): Launch[] {
  const [first] = parts;
  if (first === undefined) return [];
  const shared = shareAxes(parts.map(({ part }) => part));
  if (shared === undefined) return parts.map((each) => renderNest(target, [each]));
  return [
    renderNest(
      target,
      shared.map((part, i) => ({ part, layout: parts[i].layout })),
    ),
  ];
}
