/**
 * How threads that share memory go through a program together: in each launch they take tasks until none is left, then
 * wait for one another. All of it runs on a few words of shared memory, so a barrier costs no message.
 */

/** Words of the control block. */
export const words = {
  /** Counts runs; a change wakes the workers. */
  generation: 0,
  command: 1,
  /** Which program to run. */
  program: 2,
  /** Times that a thread has come to the end of a launch. Never set back: a thread may still be looking at it. */
  arrived: 3,
  /** 1 once a thread has failed or died. Never set back: its memory may be half written. */
  failed: 4,
  /** `arrived` when the run began. */
  base: 5,
  /** The launch that a run begins with. */
  first: 6,
  /** 1 once a thread has taken it upon itself to tell why. */
  telling: 7,
  /** Bytes of the reason. */
  reasonBytes: 8,
  /** Threads of native code that sleep until others arrive. */
  sleepers: 9,
  /** Tasks taken of a launch, in one of a few words in turn, each on a cache line of its own. */
  tasks: 16,
} as const;

/**
 * How many words count tasks. While a launch runs in one, the next is set back: it was that of the launch before the last, and
 * all threads have left the last.
 */
export const counters = 4;
const counterWord = (launch: number) => words.tasks + 16 * (launch % counters);

/** Where the reason of a failure begins, in UTF-8, and how long it may be. */
const reasonAt = 4 * (words.tasks + 16 * counters);
const mostReasonBytes = 512;

/** Byte length of the control block. */
export const controlBytes = reasonAt + mostReasonBytes;

export const commands = { run: 1, listen: 2 } as const;

/** A kernel with its number of tasks. */
export interface PreparedLaunch {
  readonly kernel: (task: number, thread: number) => void;
  readonly tasks: number;
}

/** Goes through a program as thread number `thread` of `threads`; throws a StoppedError where another has failed. */
export type PreparedProgram = (
  control: Int32Array,
  thread: number,
  threads: number,
  ended?: (launch: number) => void,
) => void;

/**
 * Looks this often before a thread goes to sleep: some microseconds. Looking longer gains nothing on an idle machine, and
 * on a busy one it takes the core from the thread that is waited for: a step of a small network then took five times as long.
 */
const spins = 1000;
/**
 * A thread that sees no sign of life for so many sleeps of so long gives up: another must have died without a word. Sleeps are
 * counted rather than time, so that a machine that was suspended goes on.
 */
const patience = { sleeps: 100, sleepMs: 100 } as const;

/**
 * Runs the launches, from that which the control block names, as thread number `thread` of `threads`; `ended` hears of the
 * end of each. Throws what a kernel of this thread throws.
 */
export function runLaunches(
  control: Int32Array,
  launches: readonly PreparedLaunch[],
  thread: number,
  threads: number,
  ended?: (launch: number) => void,
): void {
  const base = Atomics.load(control, words.base);
  const first = Atomics.load(control, words.first);
  for (let i = first; i < launches.length; i++) {
    const { kernel, tasks } = launches[i];
    const counter = counterWord(i);
    if (thread === 0) Atomics.store(control, counterWord(i + 1), 0);
    try {
      for (let task = take(control, counter, threads); task < tasks; task = take(control, counter, threads))
        kernel(task, thread);
    } catch (error) {
      fail(control, error);
      throw error;
    }
    if (threads > 1 && !arrive(control, (base + threads * (i - first + 1)) | 0, counter))
      throw new StoppedError(reasonOf(control));
    ended?.(i);
  }
}

/** Another thread has failed, for this reason, or does not answer. */
export class StoppedError extends Error {
  constructor(reason: string) {
    super(reason);
  }
}

/** Stops all threads, and tells why: the first that fails is heard. Without shared memory there is nobody to tell. */
export function fail(control: Int32Array, cause: unknown): void {
  if (Atomics.compareExchange(control, words.telling, 0, 1) !== 0) return;
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const room = new Uint8Array(control.buffer, control.byteOffset + reasonAt, mostReasonBytes);
  // Browsers encode into memory that is not shared alone.
  const encoded = new Uint8Array(mostReasonBytes);
  const { written } = new TextEncoder().encodeInto(reason, encoded);
  room.set(encoded);
  Atomics.store(control, words.reasonBytes, written);
  Atomics.store(control, words.failed, 1);
  Atomics.notify(control, words.arrived);
}

/** Why threads have stopped. */
export function reasonOf(control: Int32Array): string {
  const bytes = Atomics.load(control, words.reasonBytes);
  if (bytes === 0) return "it died, or does not answer";
  const room = new Uint8Array(control.buffer, control.byteOffset + reasonAt, bytes);
  return new TextDecoder().decode(room.slice());
}

function take(control: Int32Array, counter: number, threads: number): number {
  return threads === 1 ? control[counter]++ : Atomics.add(control, counter, 1);
}

/** Waits until the count of arrivals is `all`; false if that will not happen. `counter` is the word of the launch's tasks. */
function arrive(control: Int32Array, all: number, counter: number): boolean {
  // The count wraps around; differences do not.
  const isComplete = (count: number) => ((count - all) | 0) >= 0;
  if (isComplete(Atomics.add(control, words.arrived, 1) + 1)) {
    Atomics.notify(control, words.arrived);
    return true;
  }
  for (let spin = 0; spin < spins; spin++) {
    if (isComplete(Atomics.load(control, words.arrived))) return true;
    if (Atomics.load(control, words.failed) !== 0) return false;
  }
  let [life, idle] = [Number.NaN, 0];
  for (;;) {
    const count = Atomics.load(control, words.arrived);
    if (isComplete(count)) return true;
    if (Atomics.load(control, words.failed) !== 0) return false;
    // Tasks are taken until none is left, and once more by each thread: short calls, so that a thread that lives shows it.
    const now = count + Atomics.load(control, counter);
    idle = now === life ? idle + 1 : 0;
    life = now;
    if (idle > patience.sleeps) {
      fail(
        control,
        `no thread has shown a sign of life for ${(patience.sleeps * patience.sleepMs) / 1000} s`,
      );
      return false;
    }
    sleepWhile(control, count);
  }
}

/** Returns once `arrived` is no longer `count`, a thread has failed, or some time has passed. */
function sleepWhile(control: Int32Array, count: number): void {
  if (maySleep) {
    Atomics.wait(control, words.arrived, count, patience.sleepMs);
    return;
  }
  const until = performance.now() + patience.sleepMs;
  do {
    for (let spin = 0; spin < spins; spin++)
      if (Atomics.load(control, words.arrived) !== count || Atomics.load(control, words.failed) !== 0) return;
  } while (performance.now() < until);
}

/** Whether this thread may sleep on shared memory: a browser lets workers do so, and no page. */
const maySleep = (() => {
  try {
    return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1) === "not-equal";
  } catch {
    return false;
  }
})();

/** A worker's sleep between runs: returns the command that ended it. */
export function awaitCommand(
  control: Int32Array,
  generation: number,
): { command: number; generation: number } {
  for (let spin = 0; spin < spins; spin++) {
    const now = Atomics.load(control, words.generation);
    if (now !== generation) return { command: Atomics.load(control, words.command), generation: now };
  }
  for (;;) {
    const now = Atomics.load(control, words.generation);
    if (now !== generation) return { command: Atomics.load(control, words.command), generation: now };
    Atomics.wait(control, words.generation, generation);
  }
}

/** Sets out for a run from launch `first` on: its counter to zero. */
export function setOut(control: Int32Array, first: number): void {
  Atomics.store(control, counterWord(first), 0);
  Atomics.store(control, words.first, first);
  Atomics.store(control, words.base, Atomics.load(control, words.arrived));
}

/** Starts a run from launch `first` on: workers awake. */
export function begin(control: Int32Array, command: number, program: number, first = 0): void {
  setOut(control, first);
  Atomics.store(control, words.program, program);
  Atomics.store(control, words.command, command);
  Atomics.add(control, words.generation, 1);
  Atomics.notify(control, words.generation);
}
