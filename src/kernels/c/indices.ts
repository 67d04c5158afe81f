/** Indices as C, at the present place: which variable each axis is, and along which of them the lanes of a vector run. */

import type { Axis, Index } from "../index-expression.ts";
import type { CKernel } from "./target.ts";

export class Indices {
  /** The axis that carries the lanes. */
  vector: Axis | undefined;
  private readonly kernel: CKernel;
  private readonly names = new Map<Axis, string>();

  constructor(kernel: CKernel) {
    this.kernel = kernel;
  }

  axisName(axis: Axis): string {
    let name = this.names.get(axis);
    if (name === undefined) {
      name = this.kernel.name("a");
      this.names.set(axis, name);
    }
    return name;
  }

  /** Makes an axis known by an expression that the caller keeps up. */
  setAxis(axis: Axis, name: string): void {
    this.names.set(axis, name);
  }

  /** An index as C; `shift` is added to the vector's axis. */
  text(of: Index, shift = ""): string {
    const parts = of.terms.map(({ atom, factor }) => {
      let text: string;
      if (atom.kind === "axis") {
        const name = this.axisName(atom);
        text = atom === this.vector && shift !== "" ? `(${name} + ${shift})` : name;
      } else {
        // Indices that are divided may be negative: shift them up by a multiple of the divisor, then back.
        const [low] = atom.index.range();
        const up = low < 0 ? Math.ceil(-low / atom.divisor) : 0;
        const inner = this.text(atom.index.plus(up * atom.divisor), shift);
        text =
          atom.kind === "mod"
            ? `((${inner}) % ${atom.divisor})`
            : `((${inner}) / ${atom.divisor}${up === 0 ? "" : ` - ${up}`})`;
      }
      return factor === 1 ? text : `${text} * ${factor}`;
    });
    if (of.constant !== 0 || parts.length === 0) parts.push(String(of.constant));
    return parts.join(" + ");
  }

  /** The step between lanes where that is all that lanes change, else undefined. */
  stepAlongLanes(of: Index): number | undefined {
    const { vector } = this;
    if (vector === undefined) return 0;
    for (const { atom } of of.terms) {
      if (atom.kind === "axis") continue;
      const inside = new Set<Axis>();
      atom.index.collectAxes(inside);
      if (inside.has(vector)) return undefined;
    }
    return of.factorOf(vector);
  }
}
