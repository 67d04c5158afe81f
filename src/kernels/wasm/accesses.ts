/** Reads and writes of a nest: plain, repeated or gathered lanes, with fills where an index leaves the edges. */

import type { Axis } from "../index-expression.ts";
import { Index } from "../index-expression.ts";
import type { Layout } from "../layout.ts";
import type { Access, Output } from "../schedule-nest.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import type { Indices } from "./indices.ts";
import { type Target, threadBuffer } from "./target.ts";

/** Values and addresses that locals hold at the present place, by what they are. */
export class Known {
  private map = new Map<string, Local>();

  get(key: string): Local | undefined {
    return this.map.get(key);
  }

  set(key: string, local: Local): void {
    this.map.set(key, local);
  }

  /** Runs `inside`; what becomes known there is forgotten after. */
  scoped(inside: () => void): void {
    const before = this.map;
    this.map = new Map(before);
    inside();
    this.map = before;
  }
}

export class Accesses {
  private readonly f: FunctionBuilder;
  private readonly target: Target;
  private readonly indices: Indices;
  private readonly known: Known;
  /** How deep the loop of each axis lies. */
  private readonly levels: ReadonlyMap<Axis, number>;

  constructor(target: Target, indices: Indices, known: Known, levels: ReadonlyMap<Axis, number>) {
    this.f = indices.f;
    this.target = target;
    this.indices = indices;
    this.known = known;
    this.levels = levels;
  }

  read(access: Access): void {
    const { f } = this;
    const scalarGuards = access.guards.filter(({ at }) => {
      const [factor, plain] = this.indices.alongLanes(at);
      return plain && factor === 0;
    });
    const laneGuards = access.guards.filter((guard) => !scalarGuards.includes(guard));
    if (laneGuards.length === 0 && scalarGuards.length === 0) {
      this.load(access);
      return;
    }
    const guarded = () => {
      if (laneGuards.length === 0) {
        this.load(access);
        return;
      }
      this.load(access);
      f.vector(access.fill);
      for (const [i, { at, extent }] of laneGuards.entries()) {
        this.indices.lanes(at);
        f.v128i32(-1, -1, -1, -1).op("i32x4.gt_s");
        this.indices.lanes(at);
        f.v128i32(extent, extent, extent, extent).op("i32x4.lt_s", "v128.and");
        if (i > 0) f.op("v128.and");
      }
      f.maskOfIntegers().op("v128.bitselect");
    };
    if (scalarGuards.length === 0) {
      guarded();
      return;
    }
    // What is found inside the branch would be unknown beside it.
    if (this.indices.alongLanes(access.linear)[1]) this.place(access.linear, access.layout);
    for (const [i, { at, extent }] of scalarGuards.entries()) {
      this.indices.integer(at);
      f.i32(extent).op("i32.lt_u");
      if (i > 0) f.op("i32.and");
    }
    f.if(
      () => this.known.scoped(guarded),
      () => f.vector(access.fill),
      "v128",
    );
  }

  private load(access: Access): void {
    const { f } = this;
    const { bytes, lanes } = f.numbers;
    const [factor, plain] = this.indices.alongLanes(access.linear);
    if (!plain) {
      // Each lane finds its own place; beyond the last element the lanes repeat it.
      const result = f.local("v128");
      f.v128i32(0, 0, 0, 0).set(result);
      for (let lane = 0; lane < lanes; lane++) {
        this.indices.clampedAddress(access.linear, lane, access.layout);
        f.get(result).loadLane(lane).set(result);
      }
      f.get(result);
      f.release(result);
      return;
    }
    const { offset } = this.push(access.linear, access.layout);
    if (factor === 1) f.memory("v128.load", offset);
    else if (factor === 0) f.memory("vector.load_splat", offset);
    else {
      this.target.slackBytes = Math.max(this.target.slackBytes, bytes * lanes * Math.abs(factor) + 64);
      const address = f.local("i32");
      f.set(address).get(address).memory("vector.load_zero", offset);
      const result = f.local("v128");
      f.set(result);
      for (let lane = 1; lane < lanes; lane++)
        f.get(address)
          .i32(bytes * lane * factor)
          .op("i32.add")
          .get(result)
          .loadLane(lane, offset)
          .set(result);
      f.get(result);
      f.release(address, result);
    }
  }

  store({ linear, layout }: Output, value: Local, lanes: number): void {
    const { f } = this;
    const [factor, plain] = this.indices.vector === undefined ? [1, true] : this.indices.alongLanes(linear);
    if (plain && (factor === 1 || lanes === 1)) {
      const { offset, variable } = this.place(linear, layout);
      f.storeLanes(variable, value, lanes, offset);
      return;
    }
    for (let lane = 0; lane < lanes; lane++) {
      this.indices.address(this.indices.shifted(linear, lane), layout);
      f.get(value).extractLane(lane).memory("number.store");
    }
  }

  /**
   * Where a place is: what varies with the loops, in a local, and a number that instructions add. Places that differ by
   * constants alone, such as those of an unrolled window or of equally large tensors, share the local.
   */
  private place(linear: Index, layout: Layout): { readonly variable: Local; readonly offset: number } {
    const { f } = this;
    const { bytes } = f.numbers;
    const { open, constant } = this.indices.parts(linear);
    const start = this.target.address({ ...layout, offset: 0 }) + bytes * constant;
    const [least] = new Index(open, 0).range();
    // Instructions add no negative numbers, and what varies is not below 0 for them.
    const offset = start >= 0 && least >= 0 ? start : 0;
    const key = this.variableKey(open, layout, start - offset);
    const known = this.known.get(key);
    if (known !== undefined) return { variable: known, offset };
    const deepest = Math.max(0, ...this.levels.values());
    let rest = new Index(open, 0);
    let from: Local | undefined;
    for (let level = deepest - 1; level >= 0 && from === undefined; level--) {
      const terms = this.termsUpTo(open, level);
      from = this.known.get(this.variableKey(terms, layout, 0));
      if (from !== undefined)
        rest = new Index(
          open.filter((term) => !terms.includes(term)),
          0,
        );
    }
    const variable = f.local("i32");
    if (from === undefined) {
      this.indices.integer(rest.times(bytes).plus(start - offset));
      this.target.addThread(f, layout);
    } else {
      f.get(from);
      const more = rest.times(bytes).plus(start - offset);
      if (more.terms.length > 0 || more.constant !== 0) {
        this.indices.integer(more);
        f.op("i32.add");
      }
    }
    f.set(variable);
    this.known.set(key, variable);
    return { variable, offset };
  }

  /** Leaves what varies of a place on the stack. */
  private push(linear: Index, layout: Layout): { readonly offset: number } {
    const place = this.place(linear, layout);
    this.f.get(place.variable);
    return place;
  }

  /** Finds what of a read's place varies in loops down to `level` alone, for reads in deeper ones to start from. */
  prepare({ linear, layout }: Pick<Access, "linear" | "layout">, level: number): void {
    const terms = this.termsUpTo(this.indices.parts(linear).open, level);
    if (terms.length > 0) this.place(new Index(terms, 0), { ...layout, offset: 0 });
  }

  /** The terms whose loops lie no deeper than `level`. */
  private termsUpTo(terms: Index["terms"], level: number): Index["terms"] {
    return terms.filter(
      ({ atom }) => atom.kind === "axis" && this.levels.has(atom) && (this.levels.get(atom) ?? 0) <= level,
    );
  }

  private variableKey(terms: Index["terms"], { buffer }: Layout, more: number): string {
    return `p${this.indices.termsKey(terms)}${buffer === threadBuffer ? "@thread" : ""}+${more}`;
  }
}
