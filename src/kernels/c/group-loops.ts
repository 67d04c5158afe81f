/**
 * The loops of a task over one group of panels: panels and rows, in the order that reads least, a tile for each, and what follows its
 * sums.
 */

import { type Axis, extentOf } from "../index-expression.ts";
import type { Run } from "../schedule-contraction.ts";
import { panelLoop } from "./panels.ts";
import { type CKernel, lineNumbers } from "./target.ts";
import {
  type ColumnGroup,
  type Finish,
  type SumRun,
  type Tile,
  tileArguments,
  tileBody,
  wholeToRest,
} from "./tile.ts";
import { epilogueLines, finishInRegisters } from "./tile-epilogue.ts";
import { rowRange, sumBlockLoop, sumBlockNames, type Walk, windowLines } from "./walk.ts";

/** Numbers of B that stay in the L2 cache beside what streams through it. */
const acrossNumbers = 48 * 1024;

/** Where the tiles of a task read and write, as C: the places of the first row and the first panel. */
export interface Sources {
  readonly a: string;
  readonly b: string;
  readonly out: string;
  /** A copy of the task's rows, where tiles read that. */
  readonly copy: string | undefined;
  /** Where sums of a panel wait between blocks, where there are some. */
  readonly sums: string | undefined;
  /** Numbers between the rows that tiles read. */
  readonly rowStep: number;
}

/** A number of steps of a variable, as C. */
export const term = (name: string, factor: number) => (factor === 0 ? "" : ` + ${name} * ${factor}`);

/** Steps of the axes that a task has fixed. */
export function fixedTerms(variables: ReadonlyMap<Axis, string>, factorOf: (axis: Axis) => number): string {
  return [...variables].map(([each, name]) => term(name, factorOf(each))).join("");
}

export class GroupLoops {
  private readonly t: Walk;
  private readonly group: ColumnGroup;
  private readonly kernel: CKernel;
  private readonly lines: string[];
  private readonly variables: ReadonlyMap<Axis, string>;
  private readonly at: Sources;
  /** Columns of a panel. */
  private readonly width: number;
  /** What is stored of a panel; it depends on which where only the last of several is not full. */
  private readonly columns: number | undefined;
  /** Whether the sums are all that is stored. */
  private readonly isBare: boolean;
  private readonly finish: Finish | undefined;
  /** The run of rows around that along which tiles go, where several places of it may be in one tile. */
  private readonly around: Run | undefined;
  private readonly stepsPerTile: number;
  /** With all of B in the L2 cache, each tile goes along the columns: what the task reads and writes lies in long stretches. */
  private readonly isAcross: boolean;
  /** Whether tiles ask for the rows behind theirs, which lie there without gaps. */
  private readonly asksRows: boolean;
  /** Whether they ask for the next panel, each for a part. */
  private readonly asksPanel: boolean;
  private readonly asks: Tile["asks"];

  constructor(
    walk: Walk,
    group: ColumnGroup,
    kernel: CKernel,
    lines: string[],
    variables: ReadonlyMap<Axis, string>,
    at: Sources,
  ) {
    this.t = walk;
    this.group = group;
    this.kernel = kernel;
    this.lines = lines;
    this.variables = variables;
    this.at = at;
    const { c, rows, along, sums, tiling, partials, packs, isPanel, view } = walk;
    this.width = group.vectors * tiling.lanes;
    const isWhole = group.from + group.count * this.width <= c.n.extent;
    this.columns = isWhole ? this.width : group.count === 1 ? c.n.extent - group.from : undefined;
    this.isBare = partials !== undefined || c.part.value === c.sum;
    this.finish = this.isBare || this.columns === undefined ? undefined : finishInRegisters(walk);
    this.around = group.deep > 1 ? rows[along - 1] : undefined;
    this.stepsPerTile = extentOf(sums);
    this.isAcross =
      tiling.groups.length === 1 && packs && this.stepsPerTile * group.count * this.width <= acrossNumbers;
    const isDense = at.copy === undefined && view.box === undefined && rows.length === 1 && sums.length === 1;
    this.asksRows = isDense && at.rowStep === this.stepsPerTile && walk.sumBlock === undefined;
    this.asksPanel = !this.isAcross && (packs || isPanel);
    const asked = walk.askedInPanel ?? this.width * this.stepsPerTile;
    this.asks = this.asksPanel
      ? Math.max(1, Math.ceil(asked / (this.tilesOfPanel() * this.stepsPerTile)))
      : this.asksRows || this.isAcross
        ? "nothing"
        : "further";
  }

  render(): void {
    const { rows, along } = this.t;
    // The run around the tiles' own comes last, so that several of its places can be in a tile.
    const order = rows.flatMap((run, i) => (i === along || run === this.around ? [] : [i]));
    if (this.around !== undefined) order.push(along - 1);
    const all = () => {
      this.lines.push("{");
      if (rows[along] === undefined) this.tilesAt(1, 1);
      else this.rowLoops(order);
      this.lines.push("}");
    };
    if (this.isAcross) all();
    else this.eachPanel(all);
  }

  private eachPanel(inside: () => void): void {
    const { t, group, width, lines } = this;
    lines.push(panelLoop(group, t.tiling.lanes));
    const inBlocks = this.at.sums !== undefined;
    if (inBlocks) lines.push(...sumBlockLoop(t, t.sums[0].extent), `real *sums = ${this.at.sums};`);
    const from = t.sumBlock === undefined ? "" : term(sumBlockNames(t)[0], this.factorB(t.sums[0]));
    lines.push(
      `const real *const bPanel = ${this.at.b}${from} + ${t.panels.start(group)} + (panel - ${group.panel}) * ${t.panels.step(group)};`,
    );
    // Blocks of a panel lie behind one another, as panels do.
    const next = inBlocks ? this.stepsOfBlock() : this.stepsPerTile;
    if (this.asksPanel && t.askedInPanel === undefined)
      lines.push(`const real *ahead = bPanel + ${width} * ${next};`);
    inside();
    lines.push("}");
    if (inBlocks) lines.push("}");
  }

  /** Loops over runs of rows, and inside over tiles. */
  private rowLoops([i, ...inner]: readonly number[]): void {
    if (i === undefined) {
      this.rowOfTiles(1);
      return;
    }
    const { t, group, lines } = this;
    const name = rowName(i);
    const [from, to] = rowRange(this.t, i);
    lines.push(`for (long ${name} = ${from}; ${name} < ${to};) {`);
    if (i === 0 && t.window !== undefined)
      lines.push(
        `const long top = (from + ${name}) * ${t.window.perPlace} + ${t.window.first};`,
        ...windowLines(t.window),
      );
    if (t.rows[i] === this.around) {
      lines.push(`if (${name} + ${group.deep} <= ${to}) {`);
      this.rowOfTiles(group.deep);
      lines.push(`${name} += ${group.deep}; continue;`, "}");
    }
    this.rowLoops(inner);
    lines.push(`${name}++;`, "}");
  }

  /** Tiles along their run, for so many places of the run around it. */
  private rowOfTiles(deep: number): void {
    const { lines } = this;
    const { rows, along, blocksRows } = this.t;
    const name = rowName(along);
    const [from, to] = rowRange(this.t, along);
    const { rows: height, lower } = this.group;
    const rest = rows[along].extent % height;
    const level = along === 0 && blocksRows ? 0 : lower * (height - 1);
    const isLevel = level > 0 ? ` && ${to} - ${name} != ${level}` : "";
    lines.push(`long ${name} = ${from};`);
    lines.push(`for (; ${name} + ${height} <= ${to}${isLevel}; ${name} += ${height}) {`);
    this.tilesAt(height, deep);
    lines.push("}");
    if (level > 0) {
      lines.push(`if (${to} - ${name} == ${level}) for (; ${name} < ${to}; ${name} += ${height - 1}) {`);
      this.tilesAt(height - 1, deep);
      lines.push("}");
    }
    if (rest > 0 && (level === 0 || this.lastRows() < level)) {
      lines.push(`if (${name} + ${rest} == ${to}) {`);
      this.tilesAt(rest, deep);
      lines.push(`${name} = ${to};`, "}");
    }
    // A task may have a stretch of a blocked run that tiles do not divide.
    if (along === 0 && blocksRows && height > 1) {
      lines.push(`for (; ${name} < ${to}; ${name}++) {`);
      this.tilesAt(1, deep);
      lines.push("}");
    }
  }

  /** The tile at the present rows and panel, or those of all panels. */
  private tilesAt(height: number, deep: number): void {
    if (!this.isAcross) {
      this.tile(height, deep);
      return;
    }
    this.eachPanel(() => this.tile(height, deep));
  }

  private tile(height: number, deep: number): void {
    const { t, lines, kernel, finish, columns, width } = this;
    const { c, rows, along } = t;
    const rowsAt = this.rowsAt();
    const outAt = `${this.at.out}${this.rowTerms(1)} + n`;
    if (this.isBare && columns !== undefined) {
      this.call({ height, deep, isDirect: true }, rowsAt, outAt);
      return;
    }
    const read = this.readsAround();
    // What the result is added to is on its way while the tile sums.
    const fetched = t.around.flatMap(({ linear }, i) => {
      const factor = rows[along]?.factors[2 + i] ?? 0;
      if (linear.factorOf(c.n) !== 1 || factor === 0) return [];
      const row = `${read[i]} + d * ${this.around?.factors[2 + i] ?? 0} + i * ${factor}`;
      return linesOf(columns ?? width).map((line) => `__builtin_prefetch(${row} + ${line});`);
    });
    const eachPlace = `for (long d = 0; d < ${deep}; d++) for (long i = 0; i < ${height}; i++) {`;
    if (fetched.length > 0) lines.push(`${eachPlace} ${fetched.join(" ")} }`);
    if (finish !== undefined) {
      this.call({ height, deep, isDirect: true }, rowsAt, outAt, read);
      return;
    }
    lines.push(`{ real tile[${deep * height * width}] __attribute__((aligned(64)));`);
    const eachRow = `${eachPlace}
const real *const sums = tile + (d * ${height} + i) * ${width};
real *const to = ${outAt} + d * ${this.around?.factors[1] ?? 0} + i * ${rows[along]?.factors[1] ?? 0};
(void)to;`;
    if (t.accumulates)
      lines.push(
        eachRow,
        `for (long j = 0; j < ${width}; j++) ((real *)sums)[j] = n + j < ${c.n.extent} ? to[j] : 0.0f;`,
        "}",
      );
    this.call({ height, deep, isDirect: false }, rowsAt, "tile");
    if (this.at.sums !== undefined) lines.push(`if (${this.isLastBlock()}) {`);
    if (this.isBare)
      lines.push(
        eachRow,
        `for (long j = 0; j < ${width} && n + j < ${c.n.extent}; j++) to[j] = sums[j];`,
        "}",
      );
    else lines.push(...epilogueLines(t, kernel, this.variables, { height, deep, width, columns }));
    if (this.at.sums !== undefined) lines.push("}");
    lines.push("}");
  }

  /** Where what the sums are finished with is, for a tile's first row and column. */
  private readsAround(): string[] {
    const { c, view, blocksRows, around } = this.t;
    return around.map(({ linear, operand }, i) => {
      const factorOf = (each: Axis) => linear.factorOf(each);
      const block =
        blocksRows && view.box !== undefined ? term("from", linear.factorOf(view.box.blocked)) : "";
      return `${this.kernel.pointer(operand)} + ${linear.constant}${fixedTerms(this.variables, factorOf)}${block}${this.rowTerms(2 + i)}${term("n", linear.factorOf(c.n))}`;
    });
  }

  /** Calls a tile's function: it stores in place, or rows behind one another in memory of its own. */
  private call(
    { height, deep, isDirect }: { height: number; deep: number; isDirect: boolean },
    a: string,
    to: string,
    further: readonly string[] = [],
  ): void {
    const { t, group, width, asks, kernel } = this;
    const { rows, along, sumBlock } = t;
    const lowest = group.lower > 0 ? group.rows - 1 : group.rows;
    const tile: Tile = {
      rows: height,
      deep,
      vectors: group.vectors,
      lanes: t.tiling.lanes,
      rowStep: this.at.rowStep,
      deepStep: this.around?.factors[0] ?? 0,
      sum: t.sums.map(
        (run, i): SumRun => ({
          extent: i === 0 && (sumBlock ?? t.window) !== undefined ? "steps" : run.extent,
          a: run.factors[0],
          b: this.factorB(run),
        }),
      ),
      pitch: isDirect ? (rows[along]?.factors[1] ?? 0) : width,
      deepPitch: isDirect ? (this.around?.factors[1] ?? 0) : height * width,
      columns: isDirect ? (this.columns ?? width) : width,
      accumulates: t.accumulates,
      isBlock: this.at.sums !== undefined,
      asks,
      asksRows: this.asksRows,
      isRest: (height < lowest || deep < group.deep) && this.tilesOfPanel() >= wholeToRest,
      finish: this.finish,
    };
    const name = kernel.independent("__attribute__((noinline)) void", tileArguments(tile), tileBody(tile));
    const isAsking = typeof asks === "number";
    const within = (table: (run: Run) => number) =>
      t.window === undefined ? "" : term("rFrom", table(t.sums[0]));
    const steps = t.window === undefined ? "0" : "rTo - rFrom";
    const given = [
      `${a}${within((run) => run.factors[0])}`,
      `bPanel${within((run) => this.factorB(run))}`,
      to,
      sumBlock === undefined ? steps : sumBlockNames(t)[1],
      isAsking ? "ahead" : "0",
      ...(tile.isBlock ? ["sums", `${sumBlockNames(t)[0]} == 0`, this.isLastBlock()] : []),
      ...further,
    ];
    const next = isAsking ? ` ahead += ${asks} * ${this.stepsOfBlock()};` : "";
    const sums = tile.isBlock ? ` sums += ${deep * height * width};` : "";
    for (const [i, numbers] of t.askedMeanwhile.entries()) {
      const lines = Math.ceil(numbers / this.tilesOfPanel() / lineNumbers);
      this.lines.push(
        `for (long line = 0; line < ${lines}; line++, meanwhile${i} += ${lineNumbers}) __builtin_prefetch(meanwhile${i}, 0, 2);`,
      );
    }
    this.lines.push(`${name}(${given.join(", ")});${next}${sums}`);
  }

  private isLastBlock(): string {
    const [from, count] = sumBlockNames(this.t);
    return `${from} + ${count} == ${this.t.sums[0].extent}`;
  }

  /** Steps of the sum at a time, as C. */
  private stepsOfBlock(): string {
    const { sums, sumBlock } = this.t;
    if (sumBlock === undefined) return String(this.stepsPerTile);
    return `${sumBlockNames(this.t)[1]} * ${extentOf(sums.slice(1))}`;
  }

  private rowsAt(): string {
    const { copy, a, rowStep } = this.at;
    return copy === undefined
      ? `${a}${this.rowTerms(0)}`
      : `${copy} + (${rowName(this.t.along)} - rowFrom) * ${rowStep}`;
  }

  private rowTerms(table: number): string {
    return this.t.rows.map((run, i) => term(rowName(i), run.factors[table])).join("");
  }

  private factorB(run: Run): number {
    return this.t.panels.factorOf(run.axes[run.axes.length - 1], this.width);
  }

  /** Rows of the last task along its run. */
  private lastRows(): number {
    const { rows, along, view, rowsPerTask } = this.t;
    const { extent } = rows[along];
    if (along > 0 || view.box !== undefined) return extent;
    return extent - (Math.ceil(extent / rowsPerTask) - 1) * rowsPerTask;
  }

  /** Tiles of a panel in a task. */
  private tilesOfPanel(): number {
    const { rows, along, view, rowsPerTask } = this.t;
    const { rows: height, deep } = this.group;
    return rows.reduce((total, { extent }, i) => {
      const places = i > 0 || view.box !== undefined ? extent : rowsPerTask;
      if (i === along) return total * Math.ceil(places / height);
      return total * (i === along - 1 ? Math.ceil(places / deep) : places);
    }, 1);
  }
}

/** Where lines of the cache begin in so many numbers. */
function linesOf(numbers: number): number[] {
  return Array.from({ length: Math.ceil(numbers / lineNumbers) }, (_, i) => i * lineNumbers);
}

function rowName(run: number): string {
  return `r${run}`;
}
