/** From the steps of a plan to one WebAssembly module and the launches that run it. */

import type { Formula, Part } from "../formula.ts";
import { gathered } from "../gather.ts";
import type { Layout, Layouts } from "../layout.ts";
import { asContraction, type Contraction } from "../schedule-contraction.ts";
import { type PlacedPart, shareAxes } from "../schedule-nest.ts";
import { splitReduction } from "../split-reduction.ts";
import { spreadSums } from "../spread-sums.ts";
import type { Operand } from "../value.ts";
import { ModuleBuilder, type NumberForm, singlePrecision } from "./assembler.ts";
import { stepCycles, type VectorCode } from "./column-groups.ts";
import { renderContraction } from "./contraction.ts";
import { renderNest } from "./nest.ts";
import { type Launch, type MemoryMap, Target } from "./target.ts";
import { renderWinograd } from "./winograd.ts";

/** Vectors of sums side by side: more gain nothing in the registers that V8 has. */
const sumVectors = 4;

export interface RenderOptions {
  /** Whether the memory is shared between threads. */
  readonly shared: boolean;
  /** Whether the runtime has multiply-adds with one rounding. */
  readonly relaxed: boolean;
  readonly threads: number;
  /** Default "hoisted". */
  readonly vectorCode?: VectorCode;
  /** Whether 3×3 convolutions may be computed by Winograd's algorithm. Default true. */
  readonly winograd?: boolean;
  /** Default: single precision. */
  readonly numbers?: NumberForm;
}

/** What of the plan holds until the state changes. */
export interface Lasting {
  readonly constants: ReadonlySet<Operand>;
  /** How many of the first steps read such operands alone. */
  readonly preparation: number;
}

export interface Rendered {
  readonly bytes: Uint8Array;
  /** Launches of each step, to be run one after the other. */
  readonly steps: readonly (readonly Launch[])[];
  readonly scratchBytes: number;
  readonly keptBytes: number;
  readonly slackBytes: number;
  /** Numbers that must lie at the map's `tablesAddress`. */
  readonly tables: readonly number[];
}

export function render(
  steps: readonly { readonly formula: Formula; readonly target: Layout }[],
  layouts: Layouts,
  map: MemoryMap,
  {
    shared,
    relaxed,
    threads,
    vectorCode = "hoisted",
    winograd = true,
    numbers = singlePrecision,
  }: RenderOptions,
  { constants, preparation }: Lasting = { constants: new Set(), preparation: 0 },
): Rendered {
  const module = new ModuleBuilder({ shared });
  const target = new Target(
    module,
    map,
    { relaxed, threads, vectorCode, winograd, constants, numbers },
    layouts,
  );
  const launches = steps.map((step, i) => {
    target.beginStep();
    const rendered = renderFormula(target, step.formula, step.target);
    return i < preparation ? rendered.map((launch) => ({ ...launch, constant: true })) : rendered;
  });
  return {
    bytes: module.encode(),
    steps: launches,
    scratchBytes: target.scratchBytes,
    keptBytes: target.keptBytes,
    slackBytes: target.slackBytes,
    tables: target.tables,
  };
}

function renderFormula(target: Target, formula: Formula, layout: Layout): Launch[] {
  const launches: Launch[] = [];
  const plain: Part[] = [];
  const partials: PlacedPart[] = [];
  for (const part of formula) {
    const contraction = asContraction(part, layout, (operand) => target.layoutOf(operand));
    const rendered =
      contraction &&
      (renderWinograd(target, contraction, layout) ??
        renderGathered(target, contraction, layout) ??
        renderContraction(target, contraction, layout));
    if (rendered !== undefined) {
      launches.push(...rendered);
      continue;
    }
    const split = splitReduction(part);
    if (split === undefined) plain.push(part);
    else {
      partials.push({ part: split.partial, layout: target.place(split.operand) });
      target.readsBeyond(split.partial);
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
function renderGathered(target: Target, contraction: Contraction, layout: Layout): Launch[] | undefined {
  const read = target.layoutOf(contraction.a.operand);
  const found = gathered(
    contraction,
    layout,
    read,
    (rows, stretches) => stretches * stepCycles(contraction.n.extent, rows, target.vectors),
  );
  if (found === undefined) return undefined;
  const { copied, scattered } = found;
  const before = copied && nestInto(target, copied.part, target.place(copied.operand));
  const sums = scattered && target.place(scattered.sums);
  const rendered = renderContraction(target, found.contraction, sums ?? layout);
  const after = scattered && nestInto(target, scattered.part, layout);
  return rendered && [before, ...rendered, after].filter((each) => each !== undefined);
}

function nestInto(target: Target, part: Part, layout: Layout): Launch {
  target.readsBeyond(part);
  return renderNest(target, [{ part, layout }]);
}

/** Parts whose axes agree share their loops, and what they read. */
function renderTogether(target: Target, parts: readonly PlacedPart[]): Launch[] {
  const [first] = parts;
  if (first === undefined) return [];
  const shared = shareAxes(parts.map(({ part }) => part));
  if (shared !== undefined)
    return [
      renderNest(
        target,
        spreadSums(
          shared.map((part, i) => ({ part, layout: parts[i].layout })),
          { lanes: target.numbers.lanes, sums: sumVectors },
        ),
      ),
    ];
  return parts.map((each) => renderNest(target, [each]));
}
