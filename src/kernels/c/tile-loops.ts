/** The loops of a contraction's task: boxes, blocks of the sum, panels, rows, a tile for each, and what follows its sums. */

import { type Axis, extentOf } from "../index-expression.ts";
import { linearIndex } from "../layout.ts";
import type { Run } from "../schedule-contraction.ts";
import { boxLines } from "./box.ts";
import { firstColumn, panelLoop } from "./panels.ts";
import { type CKernel, collision, lineNumbers, type Place } from "./target.ts";
import { type ColumnGroup, type SumRun, tileArguments, tileBody } from "./tile.ts";
import { epilogueLines, finishInRegisters } from "./tile-epilogue.ts";
import type { Walk } from "./walk.ts";

/** Numbers of B that stay in the L2 cache beside what streams through it. */
const acrossNumbers = 48 * 1024;
/** Rows of a tile whose lines may collide: an L1 cache has 8 ways or more, of which B and the result take some. */
const waysLeft = 6;

export class TileLoops {
  private readonly t: Walk;

  constructor(walk: Walk) {
    this.t = walk;
  }

  /** The loops of a task, from boxes to tiles. */
  task(kernel: CKernel, variables: Map<Axis, string>, lines: string[] = kernel.body): void {
    const { splits, partials, sums, sumBlock } = this.t;
    const { box } = this.t.view;
    lines.push("(void)chunk; (void)block; (void)panelFrom; (void)panelTo; (void)rowFrom; (void)rowTo;");
    if (this.t.accumulates) this.clear(kernel, lines, variables);
    let depth = 0;
    if (splits.length > 0 && partials !== undefined) {
      // One axis is split: that of the images.
      const name = kernel.name("m");
      variables.set(splits[0], name);
      lines.push(
        `for (long ${name} = chunk * ${partials.perChunk}, end${name} = least(${name} + ${partials.perChunk}, ${splits[0].extent}); ${name} < end${name}; ${name}++) {`,
      );
      depth++;
    }
    if (this.t.blocksRows && box !== undefined) {
      lines.push(
        `const long from = block * ${box.block}, count = least(${box.block}, ${box.blocked.extent} - from);`,
      );
      this.fillBox(kernel, lines, variables);
    } else if (sumBlock !== undefined) {
      const extent = box === undefined ? sums[0].extent : box.blocked.extent;
      lines.push(`for (long from = 0; from < ${extent}; from += ${sumBlock}) {`);
      lines.push(`const long count = least(${sumBlock}, ${extent} - from);`);
      depth++;
      if (box !== undefined) this.fillBox(kernel, lines, variables);
    }
    this.tiles(kernel, lines, variables);
    for (let i = 0; i < depth; i++) lines.push("}");
  }

  /** Panels, rows, and a tile for each. */
  private tiles(kernel: CKernel, lines: string[], variables: ReadonlyMap<Axis, string>): void {
    const { c, target, rows, along, sums, sumBlock, tiling, panels } = this.t;
    const { box } = this.t.view;
    const { lanes } = tiling;
    const linearA = linearIndex(c.a.at, { ...target.layoutOf(c.a.operand), offset: 0 });
    const a =
      box !== undefined
        ? kernel.pointerTo(this.boxPlace())
        : `${kernel.pointer(c.a.operand)} + ${linearA.constant}`;
    const b = kernel.pointerTo(panels.place);
    const outPointer = kernel.pointerTo(this.t.out);
    const term = (name: string, factor: number) => (factor === 0 ? "" : ` + ${name} * ${factor}`);
    const outer = [...variables];
    const rowName = (i: number) => `r${i}`;
    const isCopied = this.copiesRows();
    const aRow = isCopied ? sums[0].extent + lineNumbers : (rows[along]?.factors[0] ?? 0);
    const rowTerms = (table: number) => rows.map((run, i) => term(rowName(i), run.factors[table])).join("");
    // A box holds what these places of the outer axes need.
    const aStart =
      box !== undefined
        ? a
        : `${a}${outer.map(([each, name]) => term(name, this.t.view.factorOf(each))).join("")}${sumBlock === undefined ? "" : term("from", sums[0].factors[0])}`;
    const bStart = `${b}${outer.map(([each, name]) => term(name, panels.factorOf(each, 1))).join("")}`;
    const outStart = `${outPointer}${outer.map(([each, name]) => term(name, this.t.outFactor(each))).join("")}${this.t.blocksRows && box !== undefined ? term("from", this.t.outFactor(box.blocked)) : ""}${this.t.splits.length > 0 ? term("chunk", this.t.out.strides[0]) : ""}`;
    if (isCopied) {
      const copy = kernel.pointerTo(this.copyPlace());
      lines.push(
        `for (long r = rowFrom; r < rowTo; r++) __builtin_memcpy(${copy} + (r - rowFrom) * ${aRow}, ${aStart} + r * ${rows[along].factors[0]}, ${4 * sums[0].extent});`,
      );
    }
    for (const group of tiling.groups) {
      const width = group.vectors * lanes;
      const isWhole = group.from + group.count * width <= c.n.extent;
      // What is stored of a panel; it depends on which where only the last of several is not full.
      const columns = isWhole ? width : group.count === 1 ? c.n.extent - group.from : undefined;
      const direct = this.t.partials !== undefined || c.part.value === c.sum;
      const finish = direct || !isWhole ? undefined : finishInRegisters(this.t);
      const pitch = rows[along]?.factors[1] ?? 0;
      // The run of rows around that along which tiles go: several places of it may be in one tile.
      const around = group.deep > 1 ? rows[along - 1] : undefined;
      const deepPitch = around?.factors[1] ?? 0;
      const sum = sums.map(
        (run, i): SumRun => ({
          extent: i === 0 && sumBlock !== undefined ? "steps" : run.extent,
          a: run.factors[0],
          b: this.factorB(run, width),
        }),
      );
      const call = (height: number, deep: number, isDirect: boolean) => {
        const tile = {
          rows: height,
          deep,
          vectors: group.vectors,
          lanes,
          rowStep: aRow,
          deepStep: around?.factors[0] ?? 0,
          sum,
          pitch: isDirect ? pitch : width,
          deepPitch: isDirect ? deepPitch : height * width,
          accumulates: this.t.accumulates,
          asks,
          finish,
        };
        return kernel.independent("__attribute__((noinline)) void", tileArguments(tile), tileBody(tile));
      };
      const steps = sumBlock === undefined ? "0" : "count";
      const stepsPerTile = extentOf(sums);
      // With all of B in the L2 cache, each tile goes along the columns: what the task reads and writes lies in long stretches.
      const isAcross =
        tiling.groups.length === 1 && this.t.packs && stepsPerTile * group.count * width <= acrossNumbers;
      // Their rows are read once: the tiles ask for the next ones, each for a part, where these lie densely behind them.
      const isDense =
        isAcross &&
        !isCopied &&
        box === undefined &&
        rows.length === 1 &&
        sums.length === 1 &&
        aRow === stepsPerTile;
      // Else the tiles of a panel ask for the next panel, each for a part.
      const asksPanel = !isAcross && (this.t.packs || this.t.isPanel);
      const asks: number | "further" = isDense
        ? Math.ceil(group.rows / group.count)
        : asksPanel
          ? Math.max(1, Math.ceil(width / this.tilesOf(group)))
          : "further";
      const ahead = asks === "further" ? "0" : "ahead";
      const next = asks === "further" ? "" : ` ahead += ${asks * stepsPerTile};`;
      const eachPanel = (inside: () => void) => {
        lines.push(
          panelLoop(group, lanes),
          `const float *const bPanel = ${bStart}${sumBlock === undefined ? "" : term("from", this.factorB(sums[0], width))} + ${panels.start(group)} + (panel - ${group.panel}) * ${panels.step(group)};`,
        );
        if (asksPanel) lines.push(`const float *ahead = bPanel + ${width * stepsPerTile};`);
        inside();
        lines.push("}");
      };
      const rowsAt = () =>
        isCopied
          ? `${kernel.pointerTo(this.copyPlace())} + (${rowName(along)} - rowFrom) * ${aRow}`
          : `${aStart}${rowTerms(0)}`;
      const tileOf = (height: number, deep: number) => {
        const aAt = rowsAt();
        const outAt = `${outStart}${rowTerms(1)} + n`;
        if (direct && isWhole) {
          lines.push(`${call(height, deep, true)}(${aAt}, bPanel, ${outAt}, ${steps}, ${ahead});${next}`);
          return;
        }
        // Where what the sums are finished with is, for the tile's first row and column.
        const read = this.t.around.map(({ linear, operand }, i) => {
          const start = `${kernel.pointer(operand)} + ${linear.constant}${outer.map(([each, name]) => term(name, linear.factorOf(each))).join("")}`;
          const block =
            this.t.blocksRows && box !== undefined ? term("from", linear.factorOf(box.blocked)) : "";
          return `${start}${block}${rowTerms(2 + i)}${term("n", linear.factorOf(c.n))}`;
        });
        // What the result is added to is on its way while the tile sums.
        const fetched = this.t.around.flatMap(({ linear }, i) => {
          const factor = rows[along]?.factors[2 + i] ?? 0;
          if (linear.factorOf(c.n) !== 1 || factor === 0) return [];
          return [`__builtin_prefetch(${read[i]} + d * ${around?.factors[2 + i] ?? 0} + i * ${factor});`];
        });
        if (fetched.length > 0)
          lines.push(
            `for (long d = 0; d < ${deep}; d++) for (long i = 0; i < ${height}; i++) { ${fetched.join(" ")} }`,
          );
        if (finish !== undefined) {
          const given = [aAt, "bPanel", outAt, steps, ahead, ...read].join(", ");
          lines.push(`${call(height, deep, true)}(${given});${next}`);
          return;
        }
        lines.push(`{ float tile[${deep * height * width}] __attribute__((aligned(64)));`);
        const eachRow = `for (long d = 0; d < ${deep}; d++) for (long i = 0; i < ${height}; i++) {
const float *const sums = tile + (d * ${height} + i) * ${width};
float *const to = ${outAt} + d * ${deepPitch} + i * ${pitch};
(void)to;`;
        if (this.t.accumulates)
          lines.push(
            eachRow,
            columns === undefined
              ? `for (long j = 0; j < ${width}; j++) ((float *)sums)[j] = n + j < ${c.n.extent} ? to[j] : 0.0f;`
              : `__builtin_memcpy((float *)sums, to, ${4 * columns});`,
            "}",
          );
        lines.push(`${call(height, deep, false)}(${aAt}, bPanel, tile, ${steps}, ${ahead});${next}`);
        if (direct)
          lines.push(
            eachRow,
            columns === undefined
              ? `for (long j = 0; j < ${width} && n + j < ${c.n.extent}; j++) to[j] = sums[j];`
              : `__builtin_memcpy(to, sums, ${4 * columns});`,
            "}",
          );
        else lines.push(...epilogueLines(this.t, kernel, variables, { height, deep, width, columns }));
        lines.push("}");
      };
      const tileAt = (height: number, deep: number) => {
        if (!isAcross) {
          tileOf(height, deep);
          return;
        }
        if (isDense) lines.push(`{ const float *ahead = ${rowsAt()} + ${height * aRow};`);
        eachPanel(() => tileOf(height, deep));
        if (isDense) lines.push("}");
      };
      /** Tiles along their run, for so many places of the run around it. */
      const rowOfTiles = (deep: number) => {
        const name = rowName(along);
        const [from, to] = this.rangeOf(along, rows[along]);
        const height = group.rows;
        lines.push(`long ${name} = ${from};`);
        lines.push(`for (; ${name} + ${height} <= ${to}; ${name} += ${height}) {`);
        tileAt(height, deep);
        lines.push("}");
        const rest = rows[along].extent % height;
        if (rest > 0) {
          lines.push(`if (${name} + ${rest} == ${to}) {`);
          tileAt(rest, deep);
          lines.push(`${name} = ${to};`, "}");
        }
        if (this.isStretched(along) && height > 1) {
          lines.push(`for (; ${name} < ${to}; ${name}++) {`);
          tileAt(1, deep);
          lines.push("}");
        }
      };
      // The run around the tiles' own comes last, so that several of its places can be in a tile.
      const order = rows.flatMap((run, i) => (i === along || run === around ? [] : [i]));
      if (around !== undefined) order.push(along - 1);
      const loops = ([i, ...inner]: readonly number[]) => {
        if (i === undefined) {
          rowOfTiles(1);
          return;
        }
        const name = rowName(i);
        const [from, to] = this.rangeOf(i, rows[i]);
        lines.push(`for (long ${name} = ${from}; ${name} < ${to};) {`);
        if (rows[i] === around) {
          lines.push(`if (${name} + ${group.deep} <= ${to}) {`);
          rowOfTiles(group.deep);
          lines.push(`${name} += ${group.deep}; continue;`, "}");
        }
        loops(inner);
        lines.push(`${name}++;`, "}");
      };
      const all = () => {
        lines.push("{");
        if (rows[along] === undefined) tileAt(1, 1);
        else loops(order);
        lines.push("}");
      };
      if (isAcross) all();
      else eachPanel(all);
    }
  }

  /** First place and end of a run of rows in a task. */
  private rangeOf(run: number, { extent }: Run): [string, string] {
    if (this.t.view.box === undefined && run === 0) return ["rowFrom", "rowTo"];
    if (run === 0 && this.t.blocksRows) return ["0", "count"];
    return ["0", String(extent)];
  }

  /** Whether a task may have a stretch of a run that tiles do not divide. */
  private isStretched(run: number): boolean {
    return run === 0 && this.t.blocksRows;
  }

  private factorB(run: Run, width: number): number {
    return this.t.panels.factorOf(run.axes[run.axes.length - 1], width);
  }

  /** Tiles of a panel in a task. */
  private tilesOf({ rows: height, deep }: ColumnGroup): number {
    const { rows, along } = this.t;
    return rows.reduce((total, { extent }, i) => {
      const places = i > 0 || this.t.view.box !== undefined ? extent : this.t.rowsPerTask;
      if (i === along) return total * Math.ceil(places / height);
      return total * (i === along - 1 ? Math.ceil(places / deep) : places);
    }, 1);
  }

  /** Whether rows are copied further apart. */
  private copiesRows(): boolean {
    const { rows, sums, along } = this.t;
    if (this.t.view.box !== undefined || this.t.accumulates || rows.length !== 1 || sums.length !== 1)
      return false;
    return (
      along === 0 &&
      rows[0].factors[0] % collision === 0 &&
      sums[0].factors[0] === 1 &&
      this.t.tiling.groups.some((group) => group.rows > waysLeft)
    );
  }

  private copy: Place | undefined;
  private copyPlace(): Place {
    this.copy ??= this.t.target.scratch(this.t.rowsPerTask * (this.t.sums[0].extent + lineNumbers), "thread");
    return this.copy;
  }

  private box: Place | undefined;
  private boxPlace(): Place {
    const elements = this.t.view.box?.extents.reduce((x, y) => x * y, 1) ?? 0;
    this.box ??= this.t.target.scratch(elements, "thread");
    return this.box;
  }

  /** Copies the part of A that the block from `from` needs, of `count` places, into the box. */
  private fillBox(kernel: CKernel, lines: string[], variables: ReadonlyMap<Axis, string>): void {
    const { box } = this.t.view;
    if (box !== undefined) lines.push(...boxLines(kernel, this.t.c, box, this.boxPlace(), variables));
  }

  /** Zeros where tiles will add. */
  private clear(kernel: CKernel, lines: string[], variables: ReadonlyMap<Axis, string>): void {
    const { c, rows, tiling, splits } = this.t;
    const [first, end] = ["panelFrom", "panelTo"].map((panel) => firstColumn(tiling, panel));
    lines.push(`{ const long nFrom = least(${first}, ${c.n.extent}), nTo = least(${end}, ${c.n.extent});`);
    rows.forEach((run, i) => {
      const [from, to] =
        this.t.view.box === undefined && i === 0 ? ["rowFrom", "rowTo"] : ["0", String(run.extent)];
      lines.push(`for (long r${i} = ${from}; r${i} < ${to}; r${i}++) {`);
    });
    const terms = [
      ...rows.map((run, i) => ` + r${i} * ${run.factors[1]}`),
      ...[...variables].map(([each, name]) => ` + ${name} * ${this.t.outFactor(each)}`),
      ...(splits.length > 0 ? [` + chunk * ${this.t.out.strides[0]}`] : []),
    ].join("");
    lines.push(`__builtin_memset(${kernel.pointerTo(this.t.out)}${terms} + nFrom, 0, 4 * (nTo - nFrom));`);
    lines.push(...rows.map(() => "}"));
    lines.push("}");
  }
}
