/**
 * exp, log and tanh of a vector of numbers, after Cephes: reduce the argument, then a polynomial. Relative errors below 2·10⁻⁷ over the
 * range of float32, and 10⁻¹⁵ over that of float64.
 */

import { FunctionBuilder, type Local, type ModuleBuilder, type NumberForm } from "./assembler.ts";
import { type MathConstants, ofDoublePrecision, ofSinglePrecision, type Rational } from "./math-constants.ts";

export type MathFunction = "exp" | "log" | "tanh";

/** Adds the functions to a module when they are first wanted. */
export class MathLibrary {
  private readonly module: ModuleBuilder;
  private readonly numbers: NumberForm;
  private readonly known = new Map<MathFunction, number>();

  constructor(module: ModuleBuilder, numbers: NumberForm) {
    this.module = module;
    this.numbers = numbers;
  }

  /** Number of the function, v128 → v128. */
  index(name: MathFunction): number {
    let index = this.known.get(name);
    if (index === undefined) {
      const { numbers } = this;
      const constants = numbers.bytes === 4 ? ofSinglePrecision : ofDoublePrecision;
      const f = new FunctionBuilder(name, ["v128"], { result: "v128", numbers });
      if (name === "exp") exp(f, constants);
      else if (name === "log") log(f, constants);
      else tanh(f, constants, this.index("exp"));
      index = this.module.add(f);
      this.known.set(name, index);
    }
    return index;
  }
}

/** Horner's scheme: the polynomial in `x` with these coefficients, highest power first, is left on the stack. */
function polynomial(f: FunctionBuilder, x: Local, coefficients: readonly number[]): void {
  f.vector(coefficients[0]);
  for (const coefficient of coefficients.slice(1))
    f.get(x).op("vector.mul").vector(coefficient).op("vector.add");
}

function rational(f: FunctionBuilder, x: Local, { p, q }: Rational): void {
  polynomial(f, x, p);
  if (q === undefined) return;
  polynomial(f, x, q);
  f.op("vector.div");
}

/** e^x = 2^n · e^r with n = round(x / ln 2); the power of two is applied in two halves, so that it cannot overflow early. */
function exp(
  f: FunctionBuilder,
  { range: [least, most], ln2: [high, low], exp: p, ...form }: MathConstants,
): void {
  const x = f.parameter(0);
  const [n, r, y, half] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  const clamped = f.local("v128");
  // pmin and pmax keep a NaN in their first operand.
  f.get(x).vector(least).op("vector.pmax").vector(most).op("vector.pmin").set(clamped);
  f.get(clamped).vector(Math.LOG2E).op("vector.mul", "vector.nearest").set(n);
  f.get(clamped).get(n).vector(high).op("vector.mul", "vector.sub");
  f.get(n).vector(low).op("vector.mul", "vector.sub").set(r);
  polynomial(f, r, p);
  f.get(r).op("vector.mul").get(r).op("vector.mul").get(r).op("vector.add").vector(1).op("vector.add").set(y);
  f.get(n).op("vector.trunc_sat_s").set(n);
  f.get(n).i32(1).op("i32x4.shr_s").set(half);
  f.get(y).get(half);
  powerOfTwo(f, form);
  f.op("vector.mul").get(n).get(half).op("i32x4.sub");
  powerOfTwo(f, form);
  f.op("vector.mul");
}

/** 2 to the power of each of the first of four integers on the stack. */
function powerOfTwo(
  f: FunctionBuilder,
  { bias, fractionBits }: Pick<MathConstants, "bias" | "fractionBits">,
): void {
  if (f.numbers.bytes === 4)
    f.v128i32(bias, bias, bias, bias).op("i32x4.add").i32(fractionBits).op("i32x4.shl");
  else
    f.op("i64x2.extend_low_i32x4_s")
      .v128i32(bias, 0, bias, 0)
      .op("i64x2.add")
      .i32(fractionBits)
      .op("i64x2.shl");
}

/** log x = e·ln 2 + log m with m in [√½, √2). */
function log(
  f: FunctionBuilder,
  { ln2: [high, low], log: series, leastNormal, ...form }: MathConstants,
): void {
  const x = f.parameter(0);
  const [m, e, z, small, y, scaled] = [
    f.local("v128"),
    f.local("v128"),
    f.local("v128"),
    f.local("v128"),
    f.local("v128"),
    f.local("v128"),
  ];
  // Subnormal numbers are scaled first.
  const isTiny = f.local("v128");
  const shift = form.fractionBits + 2;
  f.get(x).vector(leastNormal).op("vector.lt").set(isTiny);
  f.get(x)
    .vector(2 ** shift)
    .op("vector.mul")
    .get(x)
    .get(isTiny)
    .op("v128.bitselect")
    .set(scaled);
  f.get(scaled);
  exponent(f, form);
  f.vector(shift).get(isTiny).op("v128.and", "vector.sub").set(e);
  f.get(scaled);
  fraction(f);
  f.vector(0.5).op("v128.or").set(m);
  f.get(m).vector(Math.SQRT1_2).op("vector.lt").set(small);
  f.get(e).vector(1).get(small).op("v128.and", "vector.sub").set(e);
  f.get(m).get(m).get(small).op("v128.and", "vector.add").vector(1).op("vector.sub").set(m);
  f.get(m).get(m).op("vector.mul").set(z);
  rational(f, m, series);
  f.get(m).op("vector.mul").get(z).op("vector.mul");
  f.get(e).vector(low).op("vector.mul", "vector.add");
  f.get(z).vector(0.5).op("vector.mul", "vector.sub");
  f.get(m).op("vector.add");
  f.get(e).vector(high).op("vector.mul", "vector.add").set(y);
  // log 0 = −∞, log ∞ = ∞, negative numbers and NaN give NaN.
  f.vector(Number.NEGATIVE_INFINITY).get(y).get(x).vector(0).op("vector.eq", "v128.bitselect").set(y);
  f.get(x).get(y).get(x).vector(Number.POSITIVE_INFINITY).op("vector.eq", "v128.bitselect").set(y);
  f.get(y).vector(Number.NaN).get(x).vector(0).op("vector.ge", "v128.bitselect");
}

/** The e of the positive numbers m · 2^e, ½ ≤ m < 1, on the stack, as numbers. */
function exponent(
  f: FunctionBuilder,
  { bias, fractionBits }: Pick<MathConstants, "bias" | "fractionBits">,
): void {
  const least = bias - 1;
  f.i32(fractionBits);
  if (f.numbers.bytes === 4)
    f.op("i32x4.shr_u").v128i32(least, least, least, least).op("i32x4.sub", "vector.convert_i32x4_s");
  // 2^52 + n has the digits of n as its last ones.
  else
    f.op("i64x2.shr_u")
      .vector(2 ** 52)
      .op("v128.or")
      .vector(2 ** 52 + least)
      .op("vector.sub");
}

/** The digits of the numbers on the stack without sign and exponent. */
function fraction(f: FunctionBuilder): void {
  if (f.numbers.bytes === 4) f.v128i32(0x7fffff, 0x7fffff, 0x7fffff, 0x7fffff);
  else f.v128i32(-1, 0xfffff, -1, 0xfffff);
  f.op("v128.and");
}

/** A polynomial near 0, else 1 − 2 / (e^{2|x|} + 1) with the sign of x. */
function tanh(f: FunctionBuilder, { tanh: series }: MathConstants, expIndex: number): void {
  const x = f.parameter(0);
  const [z, near, far, size] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  f.get(x).op("vector.abs").set(size);
  f.get(x).get(x).op("vector.mul").set(z);
  rational(f, z, series);
  f.get(z).op("vector.mul").get(x).op("vector.mul").get(x).op("vector.add").set(near);
  f.vector(1).vector(2);
  f.get(size).get(size).op("vector.add").call(expIndex).vector(1).op("vector.add");
  f.op("vector.div", "vector.sub").set(far);
  f.get(far).get(x).vector(-0).op("v128.and", "v128.or").set(far);
  f.get(near).get(far).get(size).vector(0.625).op("vector.lt", "v128.bitselect");
}
