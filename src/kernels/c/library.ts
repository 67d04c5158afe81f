/**
 * What every C file that is rendered begins with: vectors of 1 to 16 numbers by GCC's and Clang's vector extensions, and
 * the functions of the formula language on them. The compiler maps a vector to what the machine has.
 *
 * exp, log and tanh follow Cephes as the WASM engine's do (`../wasm/math.ts`): relative errors below 2·10⁻⁷.
 */

/** Numbers in a vector, widest first. A loop's rest is done by narrower ones, down to one number. */
export const vectorWidths = [16, 8, 4, 2, 1] as const;
export type Lanes = (typeof vectorWidths)[number];

const head = `#include <stdint.h>
#define ALWAYS static inline __attribute__((always_inline))
`;

/** Types and functions for vectors of `n` numbers. */
function forWidth(n: Lanes): string {
  const lanes = Array.from({ length: n }, (_, lane) => lane).join(", ");
  return `
typedef float v${n} __attribute__((vector_size(${4 * n})));
typedef int32_t i${n} __attribute__((vector_size(${4 * n})));
typedef uint32_t u${n} __attribute__((vector_size(${4 * n})));
typedef float w${n} __attribute__((vector_size(${4 * n}), aligned(4), may_alias));
#define iota_${n} ((i${n}){${lanes}})
ALWAYS v${n} load_${n}(const float *p) { return (v${n}) *(const w${n} *)p; }
ALWAYS void store_${n}(float *p, v${n} x) { *(w${n} *)p = (w${n})x; }
ALWAYS v${n} splat_${n}(float x) { return x - (v${n}){0}; }
ALWAYS v${n} select_${n}(i${n} mask, v${n} a, v${n} b) { return (v${n})(((i${n})a & mask) | ((i${n})b & ~mask)); }
ALWAYS v${n} number_${n}(i${n} mask) { return (v${n})((i${n})splat_${n}(1.0f) & mask); }
/* A NaN in a is kept; one in b only where a is kept as well. */
ALWAYS v${n} max_${n}(v${n} a, v${n} b) { return select_${n}(a <= b, b, a); }
ALWAYS v${n} min_${n}(v${n} a, v${n} b) { return select_${n}(a >= b, b, a); }
ALWAYS v${n} nanmax_${n}(v${n} a, v${n} b) { return select_${n}((a > b) | (a != a), a, b); }
ALWAYS v${n} nanmin_${n}(v${n} a, v${n} b) { return select_${n}((a < b) | (a != a), a, b); }
ALWAYS v${n} abs_${n}(v${n} x) { return (v${n})((i${n})x & 0x7fffffff); }
ALWAYS v${n} negate_${n}(v${n} x) { return -x; }
ALWAYS v${n} reciprocal_${n}(v${n} x) { return 1.0f / x; }
ALWAYS v${n} sqrt_${n}(v${n} x) { v${n} y; for (int l = 0; l < ${n}; l++) y[l] = __builtin_sqrtf(x[l]); return y; }
ALWAYS v${n} power2_${n}(i${n} n) { return (v${n})((n + 127) << 23); }
ALWAYS v${n} exp_${n}(v${n} x) {
  v${n} clamped = max_${n}(min_${n}(x, splat_${n}(89.0f)), splat_${n}(-104.0f));
  v${n} shifted = clamped * 1.44269504f + 12582912.0f;
  v${n} n = shifted - 12582912.0f;
  v${n} r = clamped - n * 0.693359375f + n * 2.1219444e-4f;
  v${n} y = ((((1.98756915e-4f * r + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r + 4.1665795894e-2f) * r + 1.6666665459e-1f) * r + 5.0000001201e-1f;
  y = y * r * r + r + 1.0f;
  i${n} whole = (i${n})shifted - 0x4b400000;
  i${n} half = whole >> 1;
  y = y * power2_${n}(half) * power2_${n}(whole - half);
  return select_${n}(x != x, x, y);
}
ALWAYS v${n} log_${n}(v${n} x) {
  i${n} tiny = x < 1.17549435e-38f;
  v${n} scaled = select_${n}(tiny, x * 33554432.0f, x);
  v${n} e = __builtin_convertvector((i${n})((u${n})scaled >> 23) - 126, v${n}) - (v${n})((i${n})splat_${n}(25.0f) & tiny);
  v${n} m = (v${n})(((i${n})scaled & 0x7fffff) | 0x3f000000);
  i${n} small = m < 0.70710678f;
  e -= (v${n})((i${n})splat_${n}(1.0f) & small);
  m = m + (v${n})((i${n})m & small) - 1.0f;
  v${n} z = m * m;
  v${n} y = ((((((((7.0376836292e-2f * m - 1.151461031e-1f) * m + 1.167699874e-1f) * m - 1.2420140846e-1f) * m + 1.4249322787e-1f) * m - 1.6668057665e-1f) * m + 2.0000714765e-1f) * m - 2.4999993993e-1f) * m + 3.3333331174e-1f) * m * z;
  y = y - e * 2.1219444e-4f - z * 0.5f + m + e * 0.693359375f;
  y = select_${n}(x == 0.0f, splat_${n}(-__builtin_inff()), y);
  y = select_${n}(x == __builtin_inff(), x, y);
  return select_${n}(x >= 0.0f, y, splat_${n}(__builtin_nanf("")));
}
ALWAYS v${n} tanh_${n}(v${n} x) {
  v${n} size = abs_${n}(x);
  v${n} z = x * x;
  v${n} near = ((((-5.70498872745e-3f * z + 2.06390887954e-2f) * z - 5.37397155531e-2f) * z + 1.33314422036e-1f) * z - 3.33332819422e-1f) * z * x + x;
  v${n} far = 1.0f - 2.0f / (exp_${n}(size + size) + 1.0f);
  far = (v${n})((i${n})far | ((i${n})x & (int32_t)0x80000000));
  return select_${n}(size < 0.625f, near, far);
}
ALWAYS v${n} sigmoid_${n}(v${n} x) { return 1.0f / (exp_${n}(-x) + 1.0f); }
ALWAYS v${n} power_${n}(v${n} a, v${n} b) { return select_${n}(b == 0.0f, splat_${n}(1.0f), exp_${n}(log_${n}(a) * b)); }
ALWAYS u${n} mix_${n}(u${n} h) {
  h ^= h >> 16; h *= 0x85ebca6bu; h ^= h >> 13; h *= 0xc2b2ae35u; return h ^ (h >> 16);
}
/* tensor/random.ts: keyOfStream(seed, step, stream), then randomUniform(key, counter). */
ALWAYS v${n} random_${n}(const int32_t *scalars, uint32_t stream, i${n} counter) {
  u${n} seed = (uint32_t)scalars[0] - (u${n}){0};
  u${n} key = mix_${n}(mix_${n}(mix_${n}(seed + 0x9e3779b9u) + (uint32_t)scalars[1] * 0x85ebca6bu) + stream * 0xc2b2ae35u);
  u${n} h = mix_${n}(mix_${n}((u${n})counter * 0x9e3779b9u + key) + key);
  return __builtin_convertvector((i${n})(h >> 8), v${n}) * (1.0f / 16777216.0f);
}
`;
}

/** The same functions on one number that all lanes share. */
const shared = `
ALWAYS float select_0(int condition, float a, float b) { return condition ? a : b; }
ALWAYS float max_0(float a, float b) { return a <= b ? b : a; }
ALWAYS float min_0(float a, float b) { return a >= b ? b : a; }
ALWAYS float nanmax_0(float a, float b) { return a > b || a != a ? a : b; }
ALWAYS float nanmin_0(float a, float b) { return a < b || a != a ? a : b; }
ALWAYS float abs_0(float x) { return __builtin_fabsf(x); }
ALWAYS float negate_0(float x) { return -x; }
ALWAYS float reciprocal_0(float x) { return 1.0f / x; }
ALWAYS float sqrt_0(float x) { return __builtin_sqrtf(x); }
ALWAYS float exp_0(float x) { return exp_1((v1){x})[0]; }
ALWAYS float log_0(float x) { return log_1((v1){x})[0]; }
ALWAYS float tanh_0(float x) { return tanh_1((v1){x})[0]; }
ALWAYS float sigmoid_0(float x) { return sigmoid_1((v1){x})[0]; }
ALWAYS float power_0(float a, float b) { return power_1((v1){a}, (v1){b})[0]; }
ALWAYS float random_0(const int32_t *scalars, uint32_t stream, int32_t counter) { return random_1(scalars, stream, (i1){counter})[0]; }
ALWAYS long least(long a, long b) { return a < b ? a : b; }
`;

/** One definition of the library. */
interface Definition {
  readonly text: string;
  /** Names of the library that it uses. */
  readonly uses: readonly string[];
}

/** All definitions by name, each after those it uses. */
const definitions: ReadonlyMap<string, Definition> = new Map(
  `${[...vectorWidths].reverse().map(forWidth).join("")}${shared}`
    // A definition begins with one of these words and goes on until the next.
    .split(/\n(?=typedef|#define|ALWAYS|\/\*)/)
    .flatMap((text) => {
      const [, name] = /^(?:typedef \w+|#define|ALWAYS \w+) (\w+)/m.exec(text) ?? [];
      return name === undefined ? [] : [[name, { text: text.trim(), uses: namesIn(text) }] as const];
    }),
);

/** Words of a C text that may be names of the library: "v16", "exp_4", "least". */
function namesIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:[vuiw]\d+|[a-z]+\d?_\d+|least)\b/g))];
}

/**
 * What a file with these kernels begins with: the definitions that it uses, and no others, because the compiler takes longer to
 * read them all than for most kernels.
 */
export function library(kernels: string): string {
  const wanted = new Set<string>();
  const want = (name: string) => {
    const definition = definitions.get(name);
    if (definition === undefined || wanted.has(name)) return;
    wanted.add(name);
    for (const each of definition.uses) want(each);
  };
  for (const name of namesIn(kernels)) want(name);
  const used = [...definitions].filter(([name]) => wanted.has(name));
  return head + used.map(([, { text }]) => `${text}\n`).join("");
}
