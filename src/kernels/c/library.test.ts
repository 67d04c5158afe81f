import { expect, test } from "vitest";
import { library } from "./library.ts";

const definedIn = (text: string) =>
  [...text.matchAll(/^(?:typedef \w+|#define|ALWAYS \w+) (\w+)/gm)].map(([, name]) => name);

test("a file begins with the definitions that its kernels use, each after those it uses itself", () => {
  expect(definedIn(library("store_4(p, max_4(load_4(q), splat_4(0)));", 4))).toEqual([
    ...["ALWAYS", "real", "integer"],
    ...["v4", "i4", "w4", "load_4", "store_4", "splat_4", "select_4", "max_4"],
  ]);
  expect(definedIn(library("float f(float x) { return exp_0(x); }", 4))).toEqual(
    expect.arrayContaining(["v1", "i1", "power2_1", "exp_1", "exp_0"]),
  );
  expect(definedIn(library("int k0; long p4 = a_3 + x16;", 4))).toEqual(["ALWAYS", "real", "integer"]);
});

test("double precision has the same functions, of wider numbers", () => {
  const kernels = "select_2(exp_2(random_2(s, 1, i)) < 1, tanh_0(x), power_0(a, b));";
  const [single, double] = [library(kernels, 4), library(kernels, 8)];
  expect(definedIn(single).filter((name) => !name.startsWith("power2"))).toEqual(
    expect.arrayContaining(definedIn(double)),
  );
  expect(double).toContain("typedef double real;");
  expect(double).not.toMatch(/\bfloat\b/);
});
