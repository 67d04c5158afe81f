/**
 * Fused multiply-adds a second at the widest vectors and at 128 bits, the width of WASM SIMD: prints
 * "<lanes> <GFLOP/s wide> <GFLOP/s at 128 bits> <the first in the median>": the best of many short bursts and what half of them
 * reach, which is less where the clock or neighbours on the machine change; over all threads together.
 *
 * The work is the inner loop of a convolution: ROWS broadcast pixels times COLUMNS channels held in two vectors, so
 * ROWS × 2 accumulators stay in registers and both operands come from the L1 cache. 12 × 2 fill the 32 registers of
 * AVX-512 and NEON; 6 × 2 the 16 of AVX2. 128-bit vectors run under the same instruction set, thus with its registers.
 *
 *   cc -O3 -march=native -pthread peak.c -o peak && ./peak <threads>
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define WIDE 16
#define ROWS 12
#define ROWS_128 12
#elif defined(__AVX__)
#define WIDE 8
#define ROWS 6
#define ROWS_128 6
#elif defined(__aarch64__)
#define WIDE 4
#define ROWS 12
#define ROWS_128 12
#else
#define WIDE 4
#define ROWS 6
#define ROWS_128 6
#endif

enum { DEPTH = 64, REPEATS = 4000, BURSTS = 150 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

/** y[ROWS][2 vectors] += x[ROWS][DEPTH] · weight[DEPTH][2 vectors], REPEATS times. */
#define TILE(name, LANES, ROWS)                                                          \
  typedef float name##_v __attribute__((vector_size(LANES * 4), aligned(4)));            \
  __attribute__((noinline)) static void name(const float *x, const float *weight, float *y) { \
    name##_v sum[ROWS][2];                                                               \
    for (int i = 0; i < ROWS; i++) sum[i][0] = sum[i][1] = (name##_v){0};                \
    for (int repeat = 0; repeat < REPEATS; repeat++) {                                   \
      __asm__ volatile("" ::: "memory"); /* read the operands anew */                    \
      for (int k = 0; k < DEPTH; k++) {                                                  \
        name##_v w0 = *(const name##_v *)(weight + k * 2 * LANES);                       \
        name##_v w1 = *(const name##_v *)(weight + k * 2 * LANES + LANES);               \
        _Pragma("GCC unroll 12") for (int i = 0; i < ROWS; i++) {                        \
          sum[i][0] += x[i * DEPTH + k] * w0;                                            \
          sum[i][1] += x[i * DEPTH + k] * w1;                                            \
        }                                                                                \
      }                                                                                  \
    }                                                                                    \
    for (int i = 0; i < ROWS; i++) {                                                     \
      *(name##_v *)(y + (2 * i) * LANES) = sum[i][0];                                    \
      *(name##_v *)(y + (2 * i + 1) * LANES) = sum[i][1];                                \
    }                                                                                    \
  }

TILE(wide, WIDE, ROWS)
TILE(narrow, 4, ROWS_128)

typedef struct {
  void (*tile)(const float *, const float *, float *);
  double flop;
  double rates[BURSTS]; /* GFLOP/s */
} Job;

typedef struct {
  double best, median;
} Rate;

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static pthread_barrier_t barrier;

static void *work(void *argument) {
  Job *job = argument;
  _Alignas(64) float x[12 * DEPTH], weight[DEPTH * 2 * WIDE], y[24 * WIDE];
  for (int i = 0; i < 12 * DEPTH; i++) x[i] = 0.001f * (i % 7);
  for (int i = 0; i < DEPTH * 2 * WIDE; i++) weight[i] = 0.001f * (i % 5);
  for (int burst = 0; burst < BURSTS; burst++) {
    pthread_barrier_wait(&barrier);
    double start = now();
    job->tile(x, weight, y);
    job->rates[burst] = job->flop / (now() - start) * 1e-9;
  }
  volatile float sink = y[0];
  (void)sink;
  return NULL;
}

static Rate measure(int threads, void (*tile)(const float *, const float *, float *), int rows, int lanes) {
  pthread_t *ids = malloc(threads * sizeof *ids);
  Job *jobs = malloc(threads * sizeof *jobs);
  double flop = 2.0 * REPEATS * DEPTH * rows * 2 * lanes;
  Rate total = {0, 0};
  pthread_barrier_init(&barrier, NULL, threads);
  for (int i = 0; i < threads; i++) {
    jobs[i].tile = tile;
    jobs[i].flop = flop;
    pthread_create(&ids[i], NULL, work, &jobs[i]);
  }
  for (int i = 0; i < threads; i++) {
    pthread_join(ids[i], NULL);
    qsort(jobs[i].rates, BURSTS, sizeof(double), ascending);
    total.best += jobs[i].rates[BURSTS - 1];
    total.median += jobs[i].rates[BURSTS / 2];
  }
  free(ids);
  free(jobs);
  return total;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : 1;
  Rate fast = measure(threads, wide, ROWS, WIDE);
  Rate slow = measure(threads, narrow, ROWS_128, 4);
  printf("%d %.2f %.2f %.2f\n", WIDE, fast.best, slow.best, fast.median);
}
