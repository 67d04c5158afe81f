/**
 * exp, log and tanh of four numbers at once, after Cephes (Moshier, "Methods and programs for mathematical functions",
 * 1989): reduce the argument, then a polynomial. Relative errors below 2·10⁻⁷ over the range of float32.
 */

import { FunctionBuilder, type Local, type ModuleBuilder } from "./assembler.ts";

export type MathFunction = "exp" | "log" | "tanh";

/** Adds the functions to a module when they are first wanted. */
export class MathLibrary {
  private readonly module: ModuleBuilder;
  private readonly known = new Map<MathFunction, number>();

  constructor(module: ModuleBuilder) {
    this.module = module;
  }

  /** Number of the function, v128 → v128. */
  index(name: MathFunction): number {
    let index = this.known.get(name);
    if (index === undefined) {
      index = this.module.add(name === "exp" ? exp() : name === "log" ? log() : tanh(this.index("exp")));
      this.known.set(name, index);
    }
    return index;
  }
}

/** Horner's scheme: the polynomial in `x` with these coefficients, highest power first, is left on the stack. */
function polynomial(f: FunctionBuilder, x: Local, coefficients: readonly number[]): void {
  f.v128f32(coefficients[0]);
  for (const coefficient of coefficients.slice(1))
    f.get(x).op("f32x4.mul").v128f32(coefficient).op("f32x4.add");
}

/** e^x = 2^n · e^r with n = round(x / ln 2); the power of two is applied in two halves, so that it cannot overflow early. */
function exp(): FunctionBuilder {
  const f = new FunctionBuilder("exp", ["v128"], false, "v128");
  const x = f.parameter(0);
  const [n, r, y, half] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  const clamped = f.local("v128");
  // pmin and pmax keep a NaN in their first operand.
  f.get(x).v128f32(-104).op("f32x4.pmax").v128f32(89).op("f32x4.pmin").set(clamped);
  f.get(clamped).v128f32(Math.LOG2E).op("f32x4.mul", "f32x4.nearest").set(n);
  f.get(clamped).get(n).v128f32(0.693359375).op("f32x4.mul", "f32x4.sub");
  f.get(n).v128f32(-2.1219444e-4).op("f32x4.mul", "f32x4.sub").set(r);
  polynomial(
    f,
    r,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  );
  f.get(r).op("f32x4.mul").get(r).op("f32x4.mul").get(r).op("f32x4.add").v128f32(1).op("f32x4.add").set(y);
  f.get(n).op("i32x4.trunc_sat_f32x4_s").set(n);
  f.get(n).i32(1).op("i32x4.shr_s").set(half);
  const powerOfTwo = (exponent: () => void) => {
    exponent();
    f.v128i32(127, 127, 127, 127).op("i32x4.add").i32(23).op("i32x4.shl");
  };
  f.get(y);
  powerOfTwo(() => f.get(half));
  f.op("f32x4.mul");
  powerOfTwo(() => f.get(n).get(half).op("i32x4.sub"));
  f.op("f32x4.mul");
  return f;
}

/** log x = e·ln 2 + log m with m in [√½, √2). */
function log(): FunctionBuilder {
  const f = new FunctionBuilder("log", ["v128"], false, "v128");
  const x = f.parameter(0);
  const [m, e, z, small, y, scaled] = [
    f.local("v128"),
    f.local("v128"),
    f.local("v128"),
    f.local("v128"),
    f.local("v128"),
    f.local("v128"),
  ];
  // Subnormal numbers are scaled by 2^25 first.
  const isTiny = f.local("v128");
  f.get(x).v128f32(1.17549435e-38).op("f32x4.lt").set(isTiny);
  f.get(x).v128f32(33554432).op("f32x4.mul").get(x).get(isTiny).op("v128.bitselect").set(scaled);
  f.get(scaled)
    .i32(23)
    .op("i32x4.shr_u")
    .v128i32(126, 126, 126, 126)
    .op("i32x4.sub", "f32x4.convert_i32x4_s");
  f.v128f32(25).get(isTiny).op("v128.and", "f32x4.sub").set(e);
  f.get(scaled).v128i32(0x7fffff, 0x7fffff, 0x7fffff, 0x7fffff).op("v128.and");
  f.v128f32(0.5).op("v128.or").set(m);
  f.get(m).v128f32(Math.SQRT1_2).op("f32x4.lt").set(small);
  f.get(e).v128f32(1).get(small).op("v128.and", "f32x4.sub").set(e);
  f.get(m).get(m).get(small).op("v128.and", "f32x4.add").v128f32(1).op("f32x4.sub").set(m);
  f.get(m).get(m).op("f32x4.mul").set(z);
  polynomial(
    f,
    m,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  f.get(m).op("f32x4.mul").get(z).op("f32x4.mul");
  f.get(e).v128f32(-2.1219444e-4).op("f32x4.mul", "f32x4.add");
  f.get(z).v128f32(0.5).op("f32x4.mul", "f32x4.sub");
  f.get(m).op("f32x4.add");
  f.get(e).v128f32(0.693359375).op("f32x4.mul", "f32x4.add").set(y);
  // log 0 = −∞, log ∞ = ∞, negative numbers and NaN give NaN.
  f.v128f32(Number.NEGATIVE_INFINITY).get(y).get(x).v128f32(0).op("f32x4.eq", "v128.bitselect").set(y);
  f.get(x).get(y).get(x).v128f32(Number.POSITIVE_INFINITY).op("f32x4.eq", "v128.bitselect").set(y);
  f.get(y).v128f32(Number.NaN).get(x).v128f32(0).op("f32x4.ge", "v128.bitselect");
  return f;
}

/** A polynomial near 0, else 1 − 2 / (e^{2|x|} + 1) with the sign of x. */
function tanh(expIndex: number): FunctionBuilder {
  const f = new FunctionBuilder("tanh", ["v128"], false, "v128");
  const x = f.parameter(0);
  const [z, near, far, size] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  f.get(x).op("f32x4.abs").set(size);
  f.get(x).get(x).op("f32x4.mul").set(z);
  polynomial(
    f,
    z,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
  );
  f.get(z).op("f32x4.mul").get(x).op("f32x4.mul").get(x).op("f32x4.add").set(near);
  f.v128f32(1).v128f32(2);
  f.get(size).get(size).op("f32x4.add").call(expIndex).v128f32(1).op("f32x4.add");
  f.op("f32x4.div", "f32x4.sub").set(far);
  f.get(far).get(x).v128f32(-0).op("v128.and", "v128.or").set(far);
  f.get(near).get(far).get(size).v128f32(0.625).op("f32x4.lt", "v128.bitselect");
  return f;
}
