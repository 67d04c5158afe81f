/**
 * What every C file that is rendered begins with: vectors of 1 to 16 numbers by GCC's and Clang's vector extensions, and
 * the functions of the formula language on them. The compiler maps a vector to what the machine has.
 *
 * Kernels call their numbers `real`: one text computes in single or in double precision, as the head says. Integers in vectors, masks
 * among them, are as wide as numbers; words of random bits have 32 bits in either.
 */

import { doubleFunctions } from "./functions-double.ts";
import { singleFunctions } from "./functions-single.ts";

/** Numbers in a vector, widest first. A loop's rest is done by narrower ones, down to one number. */
export const vectorWidths = [16, 8, 4, 2, 1] as const;
export type Lanes = (typeof vectorWidths)[number];

/** Bytes of a number: 4 in single precision, 8 in double. */
export type NumberBytes = 4 | 8;

/** What differs with the precision. */
interface Precision {
  readonly numberBytes: NumberBytes;
  readonly real: string;
  /** An integer as wide, as comparisons of vectors give them. */
  readonly integer: string;
  /** What names of instructions on vectors of this precision end with. */
  readonly packed: string;
  /** What names of the compiler's functions end with. */
  readonly suffix: string;
  /** Those that are written in another way, on vectors of so many numbers. */
  readonly functions: (lanes: number) => string;
}

const precisions: Readonly<Record<NumberBytes, Precision>> = {
  4: {
    numberBytes: 4,
    real: "float",
    integer: "int32_t",
    packed: "ps",
    suffix: "f",
    functions: singleFunctions,
  },
  8: {
    numberBytes: 8,
    real: "double",
    integer: "long",
    packed: "pd",
    suffix: "",
    functions: doubleFunctions,
  },
};

const head = ({ real, integer }: Precision) => `#include <stdint.h>
#define ALWAYS static inline __attribute__((always_inline))
typedef ${real} real;
typedef ${integer} integer;
`;

/** Types and functions for vectors of `n` numbers. */
function forWidth(n: Lanes, { functions, packed, numberBytes }: Precision): string {
  const lanes = Array.from({ length: n }, (_, lane) => lane).join(", ");
  return `
typedef real v${n} __attribute__((vector_size(${n} * sizeof(real))));
typedef integer i${n} __attribute__((vector_size(${n} * sizeof(real))));
typedef uint32_t u${n} __attribute__((vector_size(${4 * n})));
typedef real w${n} __attribute__((vector_size(${n} * sizeof(real)), aligned(sizeof(real)), may_alias));
#define iota_${n} ((i${n}){${lanes}})
ALWAYS v${n} load_${n}(const real *p) { return (v${n}) *(const w${n} *)p; }
ALWAYS void store_${n}(real *p, v${n} x) { *(w${n} *)p = (w${n})x; }
ALWAYS v${n} splat_${n}(real x) { return x - (v${n}){0}; }
${fmaFor(n, numberBytes, packed)}${storeMaskedFor(n, numberBytes, packed)}ALWAYS v${n} select_${n}(i${n} mask, v${n} a, v${n} b) { return (v${n})(((i${n})a & mask) | ((i${n})b & ~mask)); }
ALWAYS v${n} number_${n}(i${n} mask) { return (v${n})((i${n})splat_${n}(1.0f) & mask); }
/* A NaN in a is kept; one in b only where a is kept as well. */
ALWAYS v${n} max_${n}(v${n} a, v${n} b) { return select_${n}(a <= b, b, a); }
ALWAYS v${n} min_${n}(v${n} a, v${n} b) { return select_${n}(a >= b, b, a); }
ALWAYS v${n} nanmax_${n}(v${n} a, v${n} b) { return select_${n}((a > b) | (a != a), a, b); }
ALWAYS v${n} nanmin_${n}(v${n} a, v${n} b) { return select_${n}((a < b) | (a != a), a, b); }
ALWAYS v${n} negate_${n}(v${n} x) { return -x; }
ALWAYS v${n} reciprocal_${n}(v${n} x) { return 1.0f / x; }
${functions(n)}ALWAYS u${n} mix_${n}(u${n} h) {
  h ^= h >> 16; h *= 0x85ebca6bu; h ^= h >> 13; h *= 0xc2b2ae35u; return h ^ (h >> 16);
}
/* tensor/random.ts: keyOfStream(seed, step, stream), then randomUniform(key, counter). */
ALWAYS v${n} random_${n}(const int32_t *scalars, uint32_t stream, i${n} counter) {
  u${n} seed = (uint32_t)scalars[0] - (u${n}){0};
  u${n} key = mix_${n}(mix_${n}(mix_${n}(seed + 0x9e3779b9u) + (uint32_t)scalars[1] * 0x85ebca6bu) + stream * 0xc2b2ae35u);
  u${n} h = mix_${n}(mix_${n}(__builtin_convertvector(counter, u${n}) * 0x9e3779b9u + key) + key);
  return __builtin_convertvector(__builtin_convertvector(h >> 8, i${n}), v${n}) * (1.0f / 16777216.0f);
}
`;
}

/**
 * a · b + c in one instruction, into the register of c: of a dozen sums in a loop of several steps, GCC 12 would move some from register
 * to register and others to memory.
 */
function fmaFor(n: Lanes, numberBytes: NumberBytes, packed: string): string {
  const bytes = n * numberBytes;
  const plain = "c += a * b;";
  const instruction = `__asm__("vfmadd231${packed} %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));`;
  const feature = bytes === 64 ? "__AVX512F__" : bytes >= 16 ? "__FMA__" : undefined;
  const body =
    feature === undefined ? plain : `\n#ifdef ${feature}\n  ${instruction}\n#else\n  ${plain}\n#endif\n `;
  return `ALWAYS v${n} fma_${n}(v${n} a, v${n} b, v${n} c) { ${body} return c; }\n${fmaOfNumberFor(n, bytes, packed)}`;
}

/** The same with a number in memory for all lanes of a; where an instruction reads it itself, it takes no register. */
function fmaOfNumberFor(n: Lanes, bytes: number, packed: string): string {
  const plain = `c = fma_${n}(splat_${n}(*a), b, c);`;
  const instruction = `__asm__("vfmadd231${packed} %2%{1to${n}%}, %1, %0" : "+v"(c) : "v"(b), "m"(*a));`;
  const body = bytes < 64 ? plain : `\n#ifdef __AVX512F__\n  ${instruction}\n#else\n  ${plain}\n#endif\n `;
  return `ALWAYS v${n} fmaof_${n}(const real *a, v${n} b, v${n} c) { ${body} return c; }\n`;
}

/** Stores those numbers of a vector whose bits are set in a mask, where one instruction does it. */
function storeMaskedFor(n: Lanes, numberBytes: NumberBytes, packed: string): string {
  const bytes = n * numberBytes;
  if (bytes < 16 || bytes > 64) return "";
  return `ALWAYS void storemasked_${n}(real *p, v${n} x, unsigned mask) {
#ifdef __AVX512VL__
  __builtin_ia32_storeu${packed}${8 * bytes}_mask((v${n} *)p, x, mask);
#endif
}
`;
}

/** The same functions on one number that all lanes share. */
const shared = ({ suffix }: Precision) => `
ALWAYS real select_0(int condition, real a, real b) { return condition ? a : b; }
ALWAYS real max_0(real a, real b) { return a <= b ? b : a; }
ALWAYS real min_0(real a, real b) { return a >= b ? b : a; }
ALWAYS real nanmax_0(real a, real b) { return a > b || a != a ? a : b; }
ALWAYS real nanmin_0(real a, real b) { return a < b || a != a ? a : b; }
ALWAYS real abs_0(real x) { return __builtin_fabs${suffix}(x); }
ALWAYS real negate_0(real x) { return -x; }
ALWAYS real reciprocal_0(real x) { return 1.0f / x; }
ALWAYS real sqrt_0(real x) { return __builtin_sqrt${suffix}(x); }
ALWAYS real exp_0(real x) { return exp_1((v1){x})[0]; }
ALWAYS real log_0(real x) { return log_1((v1){x})[0]; }
ALWAYS real tanh_0(real x) { return tanh_1((v1){x})[0]; }
ALWAYS real sigmoid_0(real x) { return sigmoid_1((v1){x})[0]; }
ALWAYS real power_0(real a, real b) { return power_1((v1){a}, (v1){b})[0]; }
ALWAYS real random_0(const int32_t *scalars, uint32_t stream, int32_t counter) { return random_1(scalars, stream, (i1){counter})[0]; }
ALWAYS long least(long a, long b) { return a < b ? a : b; }
`;

/** One definition of the library. */
interface Definition {
  readonly text: string;
  /** Names of the library that it uses. */
  readonly uses: readonly string[];
}

/** All definitions by name, each after those it uses. */
function definitionsFor(precision: Precision): ReadonlyMap<string, Definition> {
  const widths = [...vectorWidths].reverse().map((lanes) => forWidth(lanes, precision));
  return new Map(
    `${widths.join("")}${shared(precision)}`
      // A definition begins with one of these words and goes on until the next.
      .split(/\n(?=typedef|#define|ALWAYS|\/\*)/)
      .flatMap((text) => {
        const [, name] = /^(?:typedef \w+|#define|ALWAYS \w+) (\w+)/m.exec(text) ?? [];
        return name === undefined ? [] : [[name, { text: text.trim(), uses: namesIn(text) }] as const];
      }),
  );
}

const definitionsByBytes = { 4: definitionsFor(precisions[4]), 8: definitionsFor(precisions[8]) };

/** Words of a C text that may be names of the library: "v16", "exp_4", "least". */
function namesIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:[vuiw]\d+|[a-z]+\d?_\d+|least)\b/g))];
}

/**
 * What a file with these kernels begins with: the definitions that it uses, and no others, because the compiler takes longer to
 * read them all than for most kernels. Numbers have so many bytes.
 */
export function library(kernels: string, numberBytes: NumberBytes): string {
  const definitions = definitionsByBytes[numberBytes];
  const wanted = new Set<string>();
  const want = (name: string) => {
    const definition = definitions.get(name);
    if (definition === undefined || wanted.has(name)) return;
    wanted.add(name);
    for (const each of definition.uses) want(each);
  };
  for (const name of namesIn(kernels)) want(name);
  const used = [...definitions].filter(([name]) => wanted.has(name));
  return head(precisions[numberBytes]) + used.map(([, { text }]) => `${text}\n`).join("");
}

/** Stores the first `count` numbers of a vector: as many of the widest parts as there are, then narrower ones. */
export function storing(to: string, value: string, lanes: Lanes, count: number): string {
  if (count === lanes) return `store_${lanes}(${to}, ${value});`;
  return `{ const v${lanes} all = ${value}; ${partsOf(to, lanes, count).join(" ")} }`;
}

/**
 * The same with a mask, where the machine has those: for memory that is not read soon, because until such a store is done, reads of what
 * it leaves as it is wait as well.
 */
export function storingMasked(to: string, value: string, lanes: Lanes, count: number): string {
  if (count === lanes || lanes <= 2) return storing(to, value, lanes, count);
  return `{ const v${lanes} all = ${value};
#ifdef __AVX512VL__
storemasked_${lanes}(${to}, all, ${2 ** count - 1});
#else
${partsOf(to, lanes, count).join(" ")}
#endif
}`;
}

/** Stores parts of the vector `all`. */
function partsOf(to: string, lanes: Lanes, count: number): string[] {
  const parts: string[] = [];
  for (let at = 0, wide = lanes; at < count; at += wide) {
    while (wide > count - at) wide = (wide / 2) as Lanes;
    const numbers = Array.from({ length: wide }, (_, i) => `all[${at + i}]`).join(", ");
    parts.push(`store_${wide}(${to} + ${at}, (v${wide}){${numbers}});`);
  }
  return parts;
}
