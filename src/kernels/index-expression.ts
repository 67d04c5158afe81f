/**
 * Integer expressions over loop axes: where a formula reads and writes. Sums of axes with integer factors, and, where a
 * formula needs them, whole quotients and remainders by constants.
 */

/** A loop variable that runs from 0 to extent − 1. Two axes are the same only if they are the same object. */
export interface Axis {
  readonly kind: "axis";
  readonly name: string;
  readonly extent: number;
}

/** How many places axes, or runs of them, have together. */
export function extentOf(axes: readonly { readonly extent: number }[]): number {
  return axes.reduce((product, each) => product * each.extent, 1);
}

/** The whole quotient ⌊index / divisor⌋, or the remainder, which has the divisor's sign. */
export interface Quotient {
  readonly kind: "floorDiv" | "mod";
  readonly index: Index;
  readonly divisor: number;
}

export interface Term {
  readonly atom: Axis | Quotient;
  readonly factor: number;
}

export class Index {
  readonly terms: readonly Term[];
  readonly constant: number;

  constructor(terms: readonly Term[], constant: number) {
    this.terms = terms;
    this.constant = constant;
  }

  plus(other: IndexLike): Index {
    return combination([this, index(other)], [1, 1], 0);
  }

  times(factor: number): Index {
    if (factor === 0) return new Index([], 0);
    return new Index(
      this.terms.map((term) => ({ atom: term.atom, factor: term.factor * factor })),
      this.constant * factor,
    );
  }

  minus(other: IndexLike): Index {
    return this.plus(index(other).times(-1));
  }

  /** ⌊this / divisor⌋ for a positive whole divisor. */
  floorDiv(divisor: number): Index {
    if (divisor === 1) return this;
    const [low, high] = this.range();
    if (Math.floor(low / divisor) === Math.floor(high / divisor)) return index(Math.floor(low / divisor));
    return new Index([{ atom: { kind: "floorDiv", index: this, divisor }, factor: 1 }], 0);
  }

  /** The remainder of this by a positive whole divisor, in 0 … divisor − 1. */
  mod(divisor: number): Index {
    const [low, high] = this.range();
    if (low >= 0 && high < divisor) return this;
    if (divisor === 1) return index(0);
    return new Index([{ atom: { kind: "mod", index: this, divisor }, factor: 1 }], 0);
  }

  /** The least and the greatest value this takes while its axes run. */
  range(): [low: number, high: number] {
    let low = this.constant;
    let high = this.constant;
    for (const { atom, factor } of this.terms) {
      const [least, greatest] = atomRange(atom);
      low += Math.min(least * factor, greatest * factor);
      high += Math.max(least * factor, greatest * factor);
    }
    return [low, high];
  }

  /** The factor of `axis` where it stands by itself; 0 if it does not. */
  factorOf(axis: Axis): number {
    for (const term of this.terms) if (term.atom === axis) return term.factor;
    return 0;
  }

  /** Whether this is that axis and nothing else. */
  is(axis: Axis): boolean {
    return (
      this.constant === 0 &&
      this.terms.length === 1 &&
      this.terms[0].atom === axis &&
      this.terms[0].factor === 1
    );
  }

  /** Whether only sums of axes occur: no quotients. */
  isAffine(): boolean {
    return this.terms.every((term) => term.atom.kind === "axis");
  }

  /** Adds all axes this depends on, also those inside quotients, to `into`. */
  collectAxes(into: Set<Axis>): void {
    for (const { atom } of this.terms) {
      if (atom.kind === "axis") into.add(atom);
      else atom.index.collectAxes(into);
    }
  }

  /** This with each axis replaced by what `replacement` gives for it. */
  substitute(replacement: ReadonlyMap<Axis, Index>): Index {
    let result = index(this.constant);
    for (const { atom, factor } of this.terms) {
      if (atom.kind === "axis") result = result.plus((replacement.get(atom) ?? index(atom)).times(factor));
      else {
        const inner = atom.index.substitute(replacement);
        const part = atom.kind === "floorDiv" ? inner.floorDiv(atom.divisor) : inner.mod(atom.divisor);
        result = result.plus(part.times(factor));
      }
    }
    return result;
  }
}

export type IndexLike = Index | Axis | number;

export function index(from: IndexLike): Index {
  if (from instanceof Index) return from;
  if (typeof from === "number") return new Index([], from);
  // An axis of one step is always 0: dropping it makes indices that are equal look equal.
  return from.extent === 1 ? new Index([], 0) : new Index([{ atom: from, factor: 1 }], 0);
}

/** The sum of `indices`, each times its factor, and a constant. */
export function combination(indices: readonly Index[], factors: readonly number[], constant: number): Index {
  const terms: Term[] = [];
  let sum = constant;
  for (const [i, each] of indices.entries()) {
    sum += each.constant * factors[i];
    for (const { atom, factor } of each.terms) {
      const at = terms.findIndex((known) => sameAtom(known.atom, atom));
      if (at < 0) terms.push({ atom, factor: factor * factors[i] });
      else terms[at] = { atom, factor: terms[at].factor + factor * factors[i] };
    }
  }
  return new Index(
    terms.some(({ factor }) => factor === 0) ? terms.filter(({ factor }) => factor !== 0) : terms,
    sum,
  );
}

export function axis(name: string, extent: number): Axis {
  return { kind: "axis", name, extent };
}

/** All axes of several sets: most often those of one of them, which is then given as it is. */
export function unionOfAxes(sets: readonly ReadonlySet<Axis>[]): ReadonlySet<Axis> {
  let union: ReadonlySet<Axis> | undefined;
  for (const each of sets) {
    if (union === undefined || holdsAll(each, union)) union = each;
    else if (!holdsAll(union, each)) union = new Set([...union, ...each]);
  }
  return union ?? new Set();
}

function holdsAll(set: ReadonlySet<Axis>, others: ReadonlySet<Axis>): boolean {
  if (set === others) return true;
  for (const each of others) if (!set.has(each)) return false;
  return true;
}

export function sameIndex(a: Index, b: Index): boolean {
  return (
    a.constant === b.constant &&
    a.terms.length === b.terms.length &&
    a.terms.every((term) =>
      b.terms.some((other) => other.factor === term.factor && sameAtom(other.atom, term.atom)),
    )
  );
}

function sameAtom(a: Axis | Quotient, b: Axis | Quotient): boolean {
  if (a.kind === "axis" || b.kind === "axis") return a === b;
  return a.kind === b.kind && a.divisor === b.divisor && sameIndex(a.index, b.index);
}

function atomRange(atom: Axis | Quotient): [number, number] {
  if (atom.kind === "axis") return [0, atom.extent - 1];
  if (atom.kind === "mod") return [0, atom.divisor - 1];
  const [low, high] = atom.index.range();
  return [Math.floor(low / atom.divisor), Math.floor(high / atom.divisor)];
}
