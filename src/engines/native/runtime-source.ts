/**
 * The C side of the engine: memory, and how a thread goes through a program. The protocol between threads and its words are
 * those of `../pool/control.ts`, written once more in C so that a launch costs no call from JavaScript.
 */

import { mostShares, shareWords, turns, words } from "../pool/control.ts";

/** Numbers of a launch in a program's table: address of its function, of its offsets, its tasks, whether it is constant. */
export const launchWords = 4;

/** How often a thread looks whether the others have arrived, before it sleeps: at least and at most. */
const [fewestLooks, mostLooks] = [64, 2048];

export const runtimeSource = `#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <sys/mman.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

double address_of(const void *p) { return (double)(uintptr_t)p; }

/* Zero memory in whole pages, large ones where the system has them; 0 if there is not so much. */
double allocate(double bytes) {
  void *p = mmap(0, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return 0;
#ifdef MADV_HUGEPAGE
  if (bytes >= 4 * 1024 * 1024) madvise(p, (size_t)bytes, MADV_HUGEPAGE);
#endif
  return (double)(uintptr_t)p;
}
void release(double p, double bytes) { munmap((void *)(uintptr_t)p, (size_t)bytes); }
void put(double to, const void *from, double bytes) { memcpy((void *)(uintptr_t)to, from, (size_t)bytes); }
void get(void *to, double from, double bytes) { memcpy(to, (const void *)(uintptr_t)from, (size_t)bytes); }
void copy(double to, double from, double bytes) { memcpy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, (size_t)bytes); }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/*
 * Sleep while a word has a value, a few milliseconds at most, and the end of that sleep. Where the system has no such thing a thread
 * only offers its core to others.
 */
#ifdef __linux__
static void sleep_while(int32_t *word, int32_t value) {
  const struct timespec most = {0, 5000000};
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &most, 0, 0);
}
static void wake_all(int32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, 0, 0, 0); }
#else
static void sleep_while(int32_t *word, int32_t value) { sched_yield(); }
static void wake_all(int32_t *word) {}
#endif

/* What the end of a thread does, however it comes: the others, which cannot hear of it otherwise while they wait, stop. */
static pthread_key_t watched;
static void tell_end(void *control) {
  __atomic_store_n((int32_t *)control + ${words.failed}, 1, __ATOMIC_SEQ_CST);
  wake_all((int32_t *)control + ${words.arrived});
}
__attribute__((constructor)) static void begin_watch(void) { pthread_key_create(&watched, tell_end); }
__attribute__((destructor)) static void end_watch(void) { pthread_key_delete(watched); }
void watch(double control) { pthread_setspecific(watched, (void *)(uintptr_t)control); }

/*
 * Waits until the count of arrivals is "all", which may wrap around; 0 if that will not happen. Looks for some ten microseconds, in
 * which most launches end on an idle machine. On a busy one the core may be wanted by the thread that is waited for: a thread that has
 * looked in vain looks half as long the next time, and twice as long once it has seen the others come.
 */
static __thread int looks = ${mostLooks};
static int arrive(int32_t *control, int32_t all) {
  int32_t *arrived = control + ${words.arrived}, *failed = control + ${words.failed}, *sleepers = control + ${words.sleepers};
  if ((int32_t)(__atomic_add_fetch(arrived, 1, __ATOMIC_SEQ_CST) - all) >= 0) {
    /* Whoever counts itself among the sleepers later sees the new count of arrivals, and does not sleep. */
    if (__atomic_load_n(sleepers, __ATOMIC_SEQ_CST) != 0) wake_all(arrived);
    return 1;
  }
  double until = 0;
  long slept = 0;
  for (long look = 0;; look++) {
    const int32_t count = __atomic_load_n(arrived, __ATOMIC_ACQUIRE);
    if ((int32_t)(count - all) >= 0) {
      if (slept == 0) looks = looks < ${mostLooks} ? 2 * looks : looks;
      return 1;
    }
    if (__atomic_load_n(failed, __ATOMIC_ACQUIRE)) return 0;
    if (look < looks) { pause_briefly(); continue; }
    if (slept++ == 0) looks = looks > ${fewestLooks} ? looks / 2 : looks;
    __atomic_add_fetch(sleepers, 1, __ATOMIC_SEQ_CST);
    sleep_while(arrived, count);
    __atomic_sub_fetch(sleepers, 1, __ATOMIC_SEQ_CST);
    if (slept % 64 != 0) continue;
    if (until == 0) until = now() + 60000;
    else if (now() > until) { __atomic_store_n(failed, 1, __ATOMIC_RELEASE); return 0; }
  }
}

static int share_count(int threads) { return threads < ${mostShares} ? threads : ${mostShares}; }
static int share_of(int thread, int threads) { return (long)thread * share_count(threads) / threads; }
static long share_begin(long share, long shares, long tasks) { return (share * tasks + shares - 1) / shares; }
static int32_t *share_at(int32_t *control, int launch, int share) {
  return control + ${words.shares} + ${shareWords.all} * (launch % ${turns} * ${mostShares} + share);
}
static void set_back(int32_t *share) {
  __atomic_store_n(share + ${shareWords.taken}, 0, __ATOMIC_RELEASE);
  __atomic_store_n(share + ${shareWords.front}, 0, __ATOMIC_RELEASE);
  __atomic_store_n(share + ${shareWords.behind}, 0, __ATOMIC_RELEASE);
}

typedef void kernel(char *const *bases, const int64_t *offsets, long task, char *own);

/*
 * Runs the launches of a program as one of its threads; writes when each ended, in ms since the beginning. Those that are
 * constant are left out where the run is to begin with another than the first.
 */
int run(double controlAt, double tableAt, double basesAt, double ownAt, double endsAt, int launches, int thread, int threads) {
  int32_t *control = (int32_t *)(uintptr_t)controlAt;
  const int64_t *table = (const int64_t *)(uintptr_t)tableAt;
  char *const *bases = (char *const *)(uintptr_t)basesAt;
  char *own = (char *)(uintptr_t)ownAt;
  double *ends = (double *)(uintptr_t)endsAt;
  const int32_t base = __atomic_load_n(control + ${words.base}, __ATOMIC_ACQUIRE);
  const double began = now();
  const int first = __atomic_load_n(control + ${words.first}, __ATOMIC_ACQUIRE);
  int ran = 0;
  for (int i = 0; i < launches; i++) {
    const int64_t *launch = table + ${launchWords} * i;
    if (launch[3] && first > 0) { if (thread == 0) ends[i] = i == 0 ? 0 : ends[i - 1]; continue; }
    kernel *function = (kernel *)(uintptr_t)launch[0];
    const int64_t *offsets = (const int64_t *)(uintptr_t)launch[1];
    const long tasks = launch[2];
    if (threads == 1) for (long task = 0; task < tasks; task++) function(bases, offsets, task, own);
    else {
      set_back(share_at(control, first + ran + 1, share_of(thread, threads)));
      const int shares = share_count(threads);
      for (int n = 0; n < shares; n++) {
        const int share = (share_of(thread, threads) + n) % shares;
        const long from = share_begin(share, shares, tasks), to = share_begin(share + 1, shares, tasks);
        int32_t *words = share_at(control, first + ran, share);
        int32_t *taken = words + ${shareWords.taken}, *front = words + ${shareWords.front}, *behind = words + ${shareWords.behind};
        while (__atomic_load_n(taken, __ATOMIC_ACQUIRE) < to - from && __atomic_fetch_add(taken, 1, __ATOMIC_ACQ_REL) < to - from)
          function(bases, offsets, n == 0 ? from + __atomic_fetch_add(front, 1, __ATOMIC_ACQ_REL) : to - 1 - __atomic_fetch_add(behind, 1, __ATOMIC_ACQ_REL), own);
      }
      if (!arrive(control, (int32_t)(base + threads * (ran + 1)))) return 0;
    }
    ran++;
    if (thread == 0) ends[i] = now() - began;
  }
  return 1;
}
`;
