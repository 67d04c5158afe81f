/** Reads and writes of a nest: plain, repeated or gathered lanes, with fills where an index leaves the edges. */

import type { Axis } from "../index-expression.ts";
import { Index } from "../index-expression.ts";
import type { Access, Output } from "../schedule-nest.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import type { Indices } from "./indices.ts";
import type { Target } from "./target.ts";

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
      f.v128f32(access.fill);
      for (const [i, { at, extent }] of laneGuards.entries()) {
        this.indices.lanes(at);
        f.v128i32(-1, -1, -1, -1).op("i32x4.gt_s");
        this.indices.lanes(at);
        f.v128i32(extent, extent, extent, extent).op("i32x4.lt_s", "v128.and");
        if (i > 0) f.op("v128.and");
      }
      f.op("v128.bitselect");
    };
    if (scalarGuards.length === 0) {
      guarded();
      return;
    }
    for (const [i, { at, extent }] of scalarGuards.entries()) {
      this.indices.integer(at);
      f.i32(extent).op("i32.lt_u");
      if (i > 0) f.op("i32.and");
    }
    // Pointers found inside the branch would be unknown beside it.
    f.if(
      () => this.known.scoped(guarded),
      () => f.v128f32(access.fill),
      "v128",
    );
  }

  private load(access: Access): void {
    const { f } = this;
    const [factor, plain] = this.indices.alongLanes(access.linear);
    if (!plain) {
      // Each lane finds its own place; beyond the last element the lanes repeat it.
      const result = f.local("v128");
      f.v128i32(0, 0, 0, 0).set(result);
      for (let lane = 0; lane < 4; lane++) {
        this.indices.clampedAddress(access.linear, lane, access.layout);
        f.get(result).loadLane(lane).set(result);
      }
      f.get(result);
      f.release(result);
      return;
    }
    const deepest = Math.max(0, ...[...this.levels.values()]);
    let pointer: Local | undefined;
    for (let level = deepest - 1; level >= 0 && pointer === undefined; level--) {
      const terms = this.termsUpTo(access, level);
      pointer = this.known.get(this.pointerKey(access, terms));
      if (pointer === undefined) continue;
      f.get(pointer);
      const rest = new Index(
        access.linear.terms.filter((term) => !terms.includes(term)),
        access.linear.constant,
      ).times(4);
      const isZero = rest.terms.length === 0 && rest.constant === 0;
      if (!isZero) {
        this.indices.integer(rest);
        f.op("i32.add");
      }
    }
    if (pointer === undefined) this.indices.address(access.linear, access.layout);
    if (factor === 1) f.memory("v128.load");
    else if (factor === 0) f.memory("v128.load32_splat");
    else {
      this.target.slackBytes = Math.max(this.target.slackBytes, 16 * Math.abs(factor) + 64);
      const address = f.local("i32");
      f.set(address).get(address).memory("v128.load32_zero");
      const result = f.local("v128");
      f.set(result);
      for (let lane = 1; lane < 4; lane++)
        f.get(address)
          .i32(4 * lane * factor)
          .op("i32.add")
          .get(result)
          .loadLane(lane)
          .set(result);
      f.get(result);
      f.release(address, result);
    }
  }

  store({ linear, layout }: Output, value: Local, lanes: number): void {
    const { f } = this;
    const [factor, plain] = this.indices.vector === undefined ? [1, true] : this.indices.alongLanes(linear);
    if (plain && (factor === 1 || lanes === 1)) {
      const address = f.local("i32");
      this.indices.address(linear, layout);
      f.set(address).storeLanes(address, value, lanes);
      f.release(address);
      return;
    }
    for (let lane = 0; lane < lanes; lane++) {
      this.indices.address(this.indices.shifted(linear, lane), layout);
      f.get(value).extractLane(lane).memory("f32.store");
    }
  }

  /**
   * The address of a read without what changes inside deeper loops: a local that later addresses start from. Windows
   * that are unrolled differ by constants alone and share it.
   */
  pointer(access: Access, level: number): Local | undefined {
    const terms = this.termsUpTo(access, level);
    if (terms.length === 0) return undefined;
    const key = this.pointerKey(access, terms);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const local = this.f.local("i32");
    this.indices.address(new Index(terms, 0), access.layout);
    this.f.set(local);
    this.known.set(key, local);
    return local;
  }

  /** The terms of a read whose loops lie no deeper than `level`. */
  private termsUpTo(access: Access, level: number): Index["terms"] {
    return access.linear.terms.filter(
      ({ atom }) => atom.kind === "axis" && this.levels.has(atom) && (this.levels.get(atom) ?? 0) <= level,
    );
  }

  private pointerKey(access: Access, terms: Index["terms"]): string {
    return `p${this.indices.termsKey(terms)}@${access.layout.buffer}`;
  }
}
