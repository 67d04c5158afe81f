/**
 * The numbers of linear maps that resize images along one axis: which places of the old image each place of the new one
 * takes, and with which weights.
 */

export type Rule = "nearest" | "linear" | "alignedLinear" | "average";
export type Size = readonly [h: number, w: number];

/** One row of the map along one axis. */
export type Row = readonly { readonly at: number; readonly weight: number }[];

/** Rows phase + step·(first + i), i < count, whose entries lie at advance·(first + i) + offset. */
export interface Run {
  readonly phase: number;
  readonly step: number;
  readonly first: number;
  readonly count: number;
  readonly advance: number;
  readonly taps: readonly { readonly offset: number; readonly weight: number }[];
}

/** One of the maps along one axis, from images of `from` places to `to`; `adjoint` transposes it. */
export interface Resize {
  readonly rule: Rule;
  readonly from: number;
  readonly to: number;
  readonly adjoint: boolean;
}

/** The rows of a map, in classes of rows that look alike. */
export function runsOf({ rule, from, to, adjoint }: Resize): Run[] {
  const forward = Array.from({ length: to }, (_, p) => rowOf(rule, from, to, p));
  const rows = adjoint ? transpose(forward, from) : forward;
  const less = rule === "alignedLinear" && to > 1 ? 1 : 0;
  const divisor = greatestCommonDivisor(from - less, to - less);
  const [advance, step] = [from - less, to - less].map((extent) => extent / divisor);
  return adjoint ? group(rows, Math.max(advance, 1), step) : group(rows, step, advance);
}

/** Classes of rows at a distance of `step` whose entries are `advance` apart from one to the next. */
function group(rows: readonly Row[], step: number, advance: number): Run[] {
  const runs: Run[] = [];
  for (let phase = 0; phase < Math.min(step, rows.length); phase++) {
    let last: (Run & { count: number }) | undefined;
    for (let i = 0; phase + step * i < rows.length; i++) {
      const taps = rows[phase + step * i].map(({ at, weight }) => ({ offset: at - advance * i, weight }));
      if (last !== undefined && JSON.stringify(last.taps) === JSON.stringify(taps)) last.count++;
      else {
        last = { phase, step, first: i, count: 1, advance, taps };
        runs.push(last);
      }
    }
  }
  return runs;
}

/** The entries of the row of output place p. */
function rowOf(rule: Rule, from: number, to: number, p: number): Row {
  if (rule === "nearest") return [{ at: Math.floor((p * from) / to), weight: 1 }];
  if (rule === "average") {
    const [start, end] = [Math.floor((p * from) / to), Math.ceil(((p + 1) * from) / to)];
    return Array.from({ length: end - start }, (_, i) => ({ at: start + i, weight: 1 / (end - start) }));
  }
  const { numerator, divisor } = source(rule, from, to);
  const exact = numerator.factor * p + numerator.constant;
  const below = Math.floor(exact / divisor);
  const share = (exact - below * divisor) / divisor;
  const [low, high] = [Math.max(below, 0), Math.min(below + 1, from - 1)];
  if (low === high) return [{ at: low, weight: 1 }];
  return [
    { at: low, weight: 1 - share },
    { at: high, weight: share },
  ].filter(({ weight }) => weight !== 0);
}

/** Where output place p lies in the input: (factor·p + constant) / divisor, in whole numbers so that nothing is rounded. */
export function source(rule: "linear" | "alignedLinear", from: number, to: number) {
  if (rule === "linear") return { numerator: { factor: 2 * from, constant: from - to }, divisor: 2 * to };
  return { numerator: { factor: from - 1, constant: 0 }, divisor: Math.max(to - 1, 1) };
}

function transpose(rows: readonly Row[], columns: number): Row[] {
  const result: { at: number; weight: number }[][] = Array.from({ length: columns }, () => []);
  for (const [p, row] of rows.entries()) for (const { at, weight } of row) result[at].push({ at: p, weight });
  return result;
}

export function longest(runs: readonly Run[]): number {
  return Math.max(...runs.map(({ taps }) => taps.length));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? Math.max(a, 1) : greatestCommonDivisor(b, a % b);
}
