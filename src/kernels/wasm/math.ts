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
  f.vector(coefficients[0]);
  for (const coefficient of coefficients.slice(1))
    f.get(x).op("vector.mul").vector(coefficient).op("vector.add");
}

/** e^x = 2^n · e^r with n = round(x / ln 2); the power of two is applied in two halves, so that it cannot overflow early. */
function exp(): FunctionBuilder {
  const f = new FunctionBuilder("exp", ["v128"], { result: "v128" });
  const x = f.parameter(0);
  const [n, r, y, half] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  const clamped = f.local("v128");
  // pmin and pmax keep a NaN in their first operand.
  f.get(x).vector(-104).op("vector.pmax").vector(89).op("vector.pmin").set(clamped);
  f.get(clamped).vector(Math.LOG2E).op("vector.mul", "vector.nearest").set(n);
  f.get(clamped).get(n).vector(0.693359375).op("vector.mul", "vector.sub");
  f.get(n).vector(-2.1219444e-4).op("vector.mul", "vector.sub").set(r);
  polynomial(
    f,
    r,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  );
  f.get(r).op("vector.mul").get(r).op("vector.mul").get(r).op("vector.add").vector(1).op("vector.add").set(y);
  f.get(n).op("vector.trunc_sat_s").set(n);
  f.get(n).i32(1).op("i32x4.shr_s").set(half);
  const powerOfTwo = (exponent: () => void) => {
    exponent();
    f.v128i32(127, 127, 127, 127).op("i32x4.add").i32(23).op("i32x4.shl");
  };
  f.get(y);
  powerOfTwo(() => f.get(half));
  f.op("vector.mul");
  powerOfTwo(() => f.get(n).get(half).op("i32x4.sub"));
  f.op("vector.mul");
  return f;
}

/** log x = e·ln 2 + log m with m in [√½, √2). */
function log(): FunctionBuilder {
  const f = new FunctionBuilder("log", ["v128"], { result: "v128" });
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
  f.get(x).vector(1.17549435e-38).op("vector.lt").set(isTiny);
  f.get(x).vector(33554432).op("vector.mul").get(x).get(isTiny).op("v128.bitselect").set(scaled);
  f.get(scaled)
    .i32(23)
    .op("i32x4.shr_u")
    .v128i32(126, 126, 126, 126)
    .op("i32x4.sub", "vector.convert_i32x4_s");
  f.vector(25).get(isTiny).op("v128.and", "vector.sub").set(e);
  f.get(scaled).v128i32(0x7fffff, 0x7fffff, 0x7fffff, 0x7fffff).op("v128.and");
  f.vector(0.5).op("v128.or").set(m);
  f.get(m).vector(Math.SQRT1_2).op("vector.lt").set(small);
  f.get(e).vector(1).get(small).op("v128.and", "vector.sub").set(e);
  f.get(m).get(m).get(small).op("v128.and", "vector.add").vector(1).op("vector.sub").set(m);
  f.get(m).get(m).op("vector.mul").set(z);
  polynomial(
    f,
    m,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
      2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  f.get(m).op("vector.mul").get(z).op("vector.mul");
  f.get(e).vector(-2.1219444e-4).op("vector.mul", "vector.add");
  f.get(z).vector(0.5).op("vector.mul", "vector.sub");
  f.get(m).op("vector.add");
  f.get(e).vector(0.693359375).op("vector.mul", "vector.add").set(y);
  // log 0 = −∞, log ∞ = ∞, negative numbers and NaN give NaN.
  f.vector(Number.NEGATIVE_INFINITY).get(y).get(x).vector(0).op("vector.eq", "v128.bitselect").set(y);
  f.get(x).get(y).get(x).vector(Number.POSITIVE_INFINITY).op("vector.eq", "v128.bitselect").set(y);
  f.get(y).vector(Number.NaN).get(x).vector(0).op("vector.ge", "v128.bitselect");
  return f;
}

/** A polynomial near 0, else 1 − 2 / (e^{2|x|} + 1) with the sign of x. */
function tanh(expIndex: number): FunctionBuilder {
  const f = new FunctionBuilder("tanh", ["v128"], { result: "v128" });
  const x = f.parameter(0);
  const [z, near, far, size] = [f.local("v128"), f.local("v128"), f.local("v128"), f.local("v128")];
  f.get(x).op("vector.abs").set(size);
  f.get(x).get(x).op("vector.mul").set(z);
  polynomial(
    f,
    z,
    [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
  );
  f.get(z).op("vector.mul").get(x).op("vector.mul").get(x).op("vector.add").set(near);
  f.vector(1).vector(2);
  f.get(size).get(size).op("vector.add").call(expIndex).vector(1).op("vector.add");
  f.op("vector.div", "vector.sub").set(far);
  f.get(far).get(x).vector(-0).op("v128.and", "v128.or").set(far);
  f.get(near).get(far).get(size).vector(0.625).op("vector.lt", "v128.bitselect");
  return f;
}
