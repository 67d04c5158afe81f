/**
 * Functions on vectors of single precision. exp, log and tanh follow Cephes as the WASM engine's do (`../wasm/math.ts`): relative errors
 * below 2·10⁻⁷.
 */

export function singleFunctions(n: number): string {
  return `
ALWAYS v${n} abs_${n}(v${n} x) { return (v${n})((i${n})x & 0x7fffffff); }
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
`;
}
