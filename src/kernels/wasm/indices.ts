/** Indices and addresses as instructions, at the place where the loops of a kernel stand. */

import { type Axis, type Index, index } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import type { Target } from "./target.ts";

export class Indices {
  readonly f: FunctionBuilder;
  /** Variables of the loops that are open. */
  readonly loops = new Map<Axis, Local>();
  /** Axes of unrolled windows and what they are now. */
  readonly fixed = new Map<Axis, number>();
  /** The axis that carries the lanes. */
  readonly vector: Axis | undefined;
  private readonly target: Target;
  private readonly axisNumbers = new Map<Axis, number>();

  constructor(f: FunctionBuilder, target: Target, vector: Axis | undefined) {
    this.f = f;
    this.target = target;
    this.vector = vector;
  }

  /** Leaves an index's value on the stack. */
  integer(of: Index): void {
    const { f } = this;
    let constant = of.constant;
    let first = true;
    for (const { atom, factor } of of.terms) {
      if (atom.kind === "axis") {
        const fixed = this.fixed.get(atom);
        if (fixed !== undefined) {
          constant += fixed * factor;
          continue;
        }
        const variable = this.loops.get(atom);
        if (variable === undefined) throw new Error(`axis ${atom.name} has no loop`);
        f.get(variable);
      } else {
        // Indices that are divided may be negative: shift them up by a multiple of the divisor, then back.
        const [low] = atom.index.range();
        const shift = low < 0 ? Math.ceil(-low / atom.divisor) : 0;
        this.integer(atom.index.plus(shift * atom.divisor));
        f.i32(atom.divisor).op(atom.kind === "floorDiv" ? "i32.div_s" : "i32.rem_s");
        if (atom.kind === "floorDiv" && shift !== 0) f.i32(shift).op("i32.sub");
      }
      if (factor !== 1) f.i32(factor).op("i32.mul");
      if (!first) f.op("i32.add");
      first = false;
    }
    if (first) f.i32(constant);
    else if (constant !== 0) f.i32(constant).op("i32.add");
  }

  /** Leaves the address of a place on the stack; `linear` counts from the start of the layout's memory. */
  address(linear: Index, layout: Layout): void {
    this.integer(linear.times(this.f.numbers.bytes).plus(this.target.address({ ...layout, offset: 0 })));
    this.target.addThread(this.f, layout);
  }

  /** The step between lanes, and whether that is all that lanes change. */
  alongLanes(linear: Index): [factor: number, plain: boolean] {
    const { vector } = this;
    if (vector === undefined) return [0, true];
    const plain = linear.terms.every(({ atom }) => {
      if (atom.kind === "axis") return true;
      const inside = new Set<Axis>();
      atom.index.collectAxes(inside);
      return !inside.has(vector);
    });
    return [linear.factorOf(vector), plain];
  }

  /** `linear` for the lane after the vector axis's place. */
  shifted(linear: Index, lane: number): Index {
    const { vector } = this;
    return vector === undefined ? linear : linear.substitute(new Map([[vector, index(vector).plus(lane)]]));
  }

  clampedAddress(linear: Index, lane: number, layout: Layout): void {
    const { f, vector } = this;
    const at = vector === undefined ? undefined : this.loops.get(vector);
    if (vector === undefined || at === undefined || lane === 0) {
      this.address(linear, layout);
      return;
    }
    const moved = f.local("i32");
    this.minimum(() => f.get(at).i32(lane).op("i32.add"), vector.extent - 1, moved);
    this.loops.set(vector, moved);
    this.address(linear, layout);
    this.loops.set(vector, at);
    f.release(moved);
  }

  /** Pushes an index at each of the lanes, as integers; a vector of two numbers has the first two of the four. */
  lanes(of: Index): void {
    const { f } = this;
    const [factor, plain] = this.alongLanes(of);
    if (plain) {
      this.integer(of);
      f.op("i32x4.splat");
      if (factor !== 0) f.v128i32(0, factor, 2 * factor, 3 * factor).op("i32x4.add");
      return;
    }
    // Lane by lane through scratch-free shuffles: splat each and keep one lane.
    const all = f.local("v128");
    f.v128i32(0, 0, 0, 0).set(all);
    for (let lane = 0; lane < f.numbers.lanes; lane++) {
      this.integer(this.shifted(of, lane));
      f.op("i32x4.splat");
      const mask: [number, number, number, number] = [0, 0, 0, 0];
      mask[lane] = -1;
      f.v128i32(...mask)
        .op("v128.and")
        .get(all)
        .op("v128.or")
        .set(all);
    }
    f.get(all);
    f.release(all);
  }

  minimum(a: () => void, b: number, into: Local): void {
    const { f } = this;
    a();
    f.set(into).get(into).i32(b).get(into).i32(b).op("i32.lt_s", "select").set(into);
  }

  /** An index as the terms that vary and what is constant here, unrolled windows included. */
  parts(of: Index): { readonly open: Index["terms"]; readonly constant: number } {
    let constant = of.constant;
    const open = of.terms.filter(({ atom, factor }) => {
      const fixed = atom.kind === "axis" ? this.fixed.get(atom) : undefined;
      if (fixed !== undefined) constant += fixed * factor;
      return fixed === undefined;
    });
    return { open, constant };
  }

  indexKey(of: Index): string {
    const { open, constant } = this.parts(of);
    return `${this.termsKey(open)}+${constant}`;
  }

  termsKey(terms: Index["terms"]): string {
    return terms
      .map(
        ({ atom, factor }) =>
          `${atom.kind === "axis" ? this.axisNumber(atom) : this.atomKey(atom)}*${factor}`,
      )
      .sort()
      .join("+");
  }

  private atomKey(atom: Exclude<Index["terms"][number]["atom"], Axis>): string {
    return `${atom.kind}(${this.indexKey(atom.index)},${atom.divisor})`;
  }

  axisNumber(axis: Axis): number {
    let number = this.axisNumbers.get(axis);
    if (number === undefined) {
      number = this.axisNumbers.size;
      this.axisNumbers.set(axis, number);
    }
    return number;
  }
}
