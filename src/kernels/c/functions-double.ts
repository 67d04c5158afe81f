/** Functions on vectors of double precision, number by number through the system's library: made to be right, not to be fast. */

export function doubleFunctions(n: number): string {
  const each = (result: string) => `v${n} y; for (int l = 0; l < ${n}; l++) y[l] = ${result}; return y;`;
  return `
ALWAYS v${n} abs_${n}(v${n} x) { return (v${n})((i${n})x & 0x7fffffffffffffff); }
ALWAYS v${n} sqrt_${n}(v${n} x) { ${each("__builtin_sqrt(x[l])")} }
ALWAYS v${n} exp_${n}(v${n} x) { ${each("__builtin_exp(x[l])")} }
ALWAYS v${n} log_${n}(v${n} x) { ${each("__builtin_log(x[l])")} }
ALWAYS v${n} tanh_${n}(v${n} x) { ${each("__builtin_tanh(x[l])")} }
ALWAYS v${n} sigmoid_${n}(v${n} x) { return 1.0 / (exp_${n}(-x) + 1.0); }
ALWAYS v${n} power_${n}(v${n} a, v${n} b) { ${each("__builtin_pow(a[l], b[l])")} }
`;
}
