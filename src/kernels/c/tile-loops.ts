/** The loops of a contraction's task: boxes, blocks of the sum, and for each group of panels those of `group-loops.ts`. */

import type { Axis } from "../index-expression.ts";
import { linearIndex } from "../layout.ts";
import { boxLines } from "./box.ts";
import { fixedTerms, GroupLoops, term } from "./group-loops.ts";
import { firstColumn } from "./panels.ts";
import { type CKernel, collision, lineNumbers, type Place } from "./target.ts";
import { blocksInPanel, rowRange, sumBlockLoop, sumBlockNames, type Walk } from "./walk.ts";

/** Rows of a tile whose lines may collide: an L1 cache has 8 ways or more, of which B and the result take some. */
const waysLeft = 6;

export class TileLoops {
  private readonly t: Walk;

  constructor(walk: Walk) {
    this.t = walk;
  }

  /** The loops of a task, from boxes to tiles. */
  task(kernel: CKernel, variables: Map<Axis, string>, lines: string[] = kernel.body): void {
    const { splits, partials, blocksSum } = this.t;
    const { box } = this.t.view;
    lines.push("(void)chunk; (void)block; (void)panelFrom; (void)panelTo; (void)rowFrom; (void)rowTo;");
    if (this.t.blocksRows && box !== undefined)
      lines.push(
        `const long from = block * ${box.block}, count = least(${box.block}, ${box.blocked.extent} - from);`,
      );
    if (this.t.accumulates && !this.t.adds) this.clear(kernel, lines, variables);
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
    if (this.t.blocksRows) this.fillBox(kernel, lines, variables);
    if (blocksSum && box !== undefined) {
      lines.push(...sumBlockLoop(this.t, box.blocked.extent));
      depth++;
      this.fillBox(kernel, lines, variables);
    }
    this.tiles(kernel, lines, variables);
    for (let i = 0; i < depth; i++) lines.push("}");
  }

  /** Panels, rows, and a tile for each. */
  private tiles(kernel: CKernel, lines: string[], variables: ReadonlyMap<Axis, string>): void {
    const { c, target, view, rows, along, sums, sumBlock, blocksSum, tiling, panels, out, outFactor } =
      this.t;
    const { box } = view;
    const linearA = linearIndex(c.a.at, { ...target.layoutOf(c.a.operand), offset: 0 });
    const pointerA =
      box !== undefined
        ? kernel.pointerTo(this.boxPlace())
        : `${kernel.pointer(c.a.operand)} + ${linearA.constant}`;
    const pointerB = kernel.pointerTo(panels.place);
    const pointerOut = kernel.pointerTo(out);
    const isCopied = this.copiesRows();
    const rowStep = isCopied ? sums[0].extent + lineNumbers : (rows[along]?.factors[0] ?? 0);
    // A box holds what these places of the outer axes need.
    const fixed = box === undefined ? fixedTerms(variables, view.factorOf) : "";
    const sumAt =
      sumBlock === undefined || blocksSum ? "" : term(sumBlockNames(this.t)[0], sums[0].factors[0]);
    const a = `${pointerA}${fixed}${sumAt}`;
    const b = `${pointerB}${fixedTerms(variables, (each) => panels.factorOf(each, 1))}`;
    const block = this.t.blocksRows && box !== undefined ? term("from", outFactor(box.blocked)) : "";
    const chunk = this.t.splits.length > 0 ? term("chunk", out.strides[0]) : "";
    const sources = {
      ...{ a, b, rowStep },
      sums: blocksInPanel(this.t) ? kernel.pointerTo(this.sumsPlace()) : undefined,
      out: `${pointerOut}${fixedTerms(variables, outFactor)}${block}${chunk}`,
      copy: isCopied ? kernel.pointerTo(this.copyPlace()) : undefined,
    };
    if (isCopied)
      lines.push(
        `for (long r = rowFrom; r < rowTo; r++) __builtin_memcpy(${sources.copy} + (r - rowFrom) * ${rowStep}, ${a} + r * ${rows[along].factors[0]}, ${sums[0].extent} * sizeof(real));`,
      );
    for (const group of tiling.groups)
      new GroupLoops(this.t, group, kernel, lines, variables, sources).render();
  }

  /** Whether rows are copied further apart. */
  private copiesRows(): boolean {
    const { rows, sums, along, view, accumulates, sumBlock } = this.t;
    if (view.box !== undefined || accumulates || rows.length !== 1 || sums.length !== 1) return false;
    return (
      along === 0 &&
      sumBlock === undefined &&
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

  private sums: Place | undefined;
  /** For the sums of a panel between blocks. */
  private sumsPlace(): Place {
    const { rows, view, rowsPerTask, tiling } = this.t;
    const places = rows.reduce(
      (all, { extent }, i) => all * (i > 0 || view.box !== undefined ? extent : rowsPerTask),
      1,
    );
    const width = Math.max(...tiling.groups.map(({ vectors }) => vectors * tiling.lanes));
    this.sums ??= this.t.target.scratch(places * width, "thread");
    return this.sums;
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
    const { c, rows, tiling, splits, blocksRows } = this.t;
    const { box } = this.t.view;
    const [first, end] = ["panelFrom", "panelTo"].map((panel) => firstColumn(tiling, panel));
    lines.push(`{ const long nFrom = least(${first}, ${c.n.extent}), nTo = least(${end}, ${c.n.extent});`);
    rows.forEach((_, i) => {
      const [from, to] = rowRange(this.t, i);
      lines.push(`for (long r${i} = ${from}; r${i} < ${to}; r${i}++) {`);
    });
    const terms = [
      ...rows.map((run, i) => ` + r${i} * ${run.factors[1]}`),
      ...[...variables].map(([each, name]) => ` + ${name} * ${this.t.outFactor(each)}`),
      ...(splits.length > 0 ? [` + chunk * ${this.t.out.strides[0]}`] : []),
      ...(blocksRows && box !== undefined ? [term("from", this.t.outFactor(box.blocked))] : []),
    ].join("");
    lines.push(
      `__builtin_memset(${kernel.pointerTo(this.t.out)}${terms} + nFrom, 0, (nTo - nFrom) * sizeof(real));`,
    );
    lines.push(...rows.map(() => "}"));
    lines.push("}");
  }
}
