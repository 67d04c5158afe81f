/**
 * What exp, log and tanh are computed with in either precision: polynomials of Cephes (Moshier, "Methods and programs for
 * mathematical functions", 1989), highest power first. Those of e^r in double precision are Taylor's, up to r¹³ / 13!.
 */

export interface MathConstants {
  /** ln 2 as a number of few digits, which a whole number multiplies without rounding, and the rest. */
  readonly ln2: readonly [high: number, low: number];
  /** Bits behind an exponent, and what is added to it. */
  readonly fractionBits: number;
  readonly bias: number;
  readonly leastNormal: number;
  /** Below the first e^x is 0, above the second it is ∞. */
  readonly range: readonly [number, number];
  /** P in e^r = 1 + r + r²·P(r), |r| ≤ ln 2 / 2. */
  readonly exp: readonly number[];
  /** P / Q in log(1 + m) = m − m²/2 + m³·P(m)/Q(m), √½ ≤ 1 + m < √2. */
  readonly log: Rational;
  /** P / Q in tanh x = x + x³·P(x²)/Q(x²), |x| < 0.625. */
  readonly tanh: Rational;
}

export interface Rational {
  readonly p: readonly number[];
  /** Default: 1. */
  readonly q?: readonly number[];
}

export const ofSinglePrecision: MathConstants = {
  ln2: [0.693359375, -2.1219444e-4],
  fractionBits: 23,
  bias: 127,
  leastNormal: 1.17549435e-38,
  range: [-104, 89],
  exp: [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  log: {
    p: [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  },
  tanh: { p: [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1] },
};

export const ofDoublePrecision: MathConstants = {
  ln2: [0.693145751953125, 0.0000014286068203094173],
  fractionBits: 52,
  bias: 1023,
  leastNormal: 2 ** -1022,
  range: [-746, 710],
  exp: inverseFactorials(13),
  log: {
    p: [
      0.00010187566380458093, 0.497494994976747, 4.705791198788817, 14.498922534161093, 17.936867850781983,
      7.708387337558854,
    ],
    q: [1, 11.287358718916746, 45.227914583753225, 82.98752669127767, 71.15447506185639, 23.125162012676533],
  },
  tanh: {
    p: [-0.9643991794250523, -99.28772310019185, -1614.6876844170845],
    q: [1, 112.81167849163293, 2235.4883906010045, 4844.063053251255],
  },
};

/** 1/n!, …, 1/3!, 1/2!. */
function inverseFactorials(n: number): number[] {
  const found: number[] = [];
  let factorial = 1;
  for (let k = 2; k <= n; k++) {
    factorial *= k;
    found.unshift(1 / factorial);
  }
  return found;
}
