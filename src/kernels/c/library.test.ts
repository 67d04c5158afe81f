import { expect, test } from "vitest";
import { library } from "./library.ts";

const definedIn = (text: string) =>
  [...text.matchAll(/^(?:typedef \w+|#define|ALWAYS \w+) (\w+)/gm)].map(([, name]) => name);

test("a file begins with the definitions that its kernels use, each after those it uses itself", () => {
  expect(definedIn(library("store_4(p, max_4(load_4(q), splat_4(0)));"))).toEqual([
    "ALWAYS",
    ...["v4", "i4", "w4", "load_4", "store_4", "splat_4", "select_4", "max_4"],
  ]);
  expect(definedIn(library("float f(float x) { return exp_0(x); }"))).toEqual(
    expect.arrayContaining(["v1", "i1", "power2_1", "exp_1", "exp_0"]),
  );
  expect(definedIn(library("int k0; long p4 = a_3 + x16;"))).toEqual(["ALWAYS"]);
});
