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
  /** 1 once a task has failed. */
  failed: 4,
  /** `arrived` when the run began. */
  base: 5,
  /** The launch that a run begins with. */
  first: 6,
  /** 1 once a thread has begun to write what its task failed by, and where that is: its length, then its characters. */
  telling: 7,
  message: 80,
  /** Tasks taken of a launch, in one of a few words in turn, each on a cache line of its own. */
  tasks: 16,
} as const;

/**
 * How many words count tasks. While a launch runs in one, the next is set back: it was that of the launch before the last, and
 * all threads have left the last.
 */
export const counters = 4;
const counterWord = (launch: number) => words.tasks + 16 * (launch % counters);

/** Characters of a message that are kept. */
const mostCharacters = 240;

/** Byte length of the control block. */
export const controlBytes = 4 * (words.message + 1 + mostCharacters);

export const commands = { run: 1, listen: 2 } as const;

/** A kernel with its number of tasks. */
export interface PreparedLaunch {
  readonly kernel: (task: number, thread: number) => void;
  readonly tasks: number;
}

/**
 * Looks this often before a thread goes to sleep: some microseconds. Looking longer gains nothing on an idle machine, and
 * on a busy one it takes the core from the thread that is waited for: a step of a small network then took five times as long.
 */
const spins = 1000;
/** A thread that waits this long for others gives up: one of them must have died. */
const patienceMs = 60_000;

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
      leaveMessage(control, String(error));
      Atomics.store(control, words.failed, 1);
      Atomics.notify(control, words.arrived);
      throw error;
    }
    if (threads > 1 && !arrive(control, (base + threads * (i - first + 1)) | 0))
      throw new StoppedError(messageIn(control));
    ended?.(i);
  }
}

/** Another thread has failed, by what `reason` says, or has not answered. */
export class StoppedError extends Error {
  constructor(reason: string | undefined) {
    super(reason === undefined ? "another thread does not answer" : `another thread has failed: ${reason}`);
  }
}

/** Writes what a task failed by where the other threads find it; the first to fail is the one that is heard. */
function leaveMessage(control: Int32Array, text: string): void {
  if (Atomics.compareExchange(control, words.telling, 0, 1) !== 0) return;
  const length = Math.min(text.length, mostCharacters);
  for (let i = 0; i < length; i++) control[words.message + 1 + i] = text.charCodeAt(i);
  Atomics.store(control, words.message, length);
}

function messageIn(control: Int32Array): string | undefined {
  const length = Atomics.load(control, words.message);
  if (length === 0) return undefined;
  return String.fromCharCode(...control.subarray(words.message + 1, words.message + 1 + length));
}

function take(control: Int32Array, counter: number, threads: number): number {
  return threads === 1 ? control[counter]++ : Atomics.add(control, counter, 1);
}

/** Waits until the count of arrivals is `all`; false if that will not happen. */
function arrive(control: Int32Array, all: number): boolean {
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
  for (;;) {
    const count = Atomics.load(control, words.arrived);
    if (isComplete(count)) return true;
    if (Atomics.load(control, words.failed) !== 0) return false;
    if (!changes(control, count)) {
      Atomics.store(control, words.failed, 1);
      return false;
    }
  }
}

/** Waits until `arrived` is no longer `count` or a task has failed; false if neither happens while patience lasts. */
function changes(control: Int32Array, count: number): boolean {
  const word = words.arrived;
  if (maySleep)
    return (
      Atomics.wait(control, word, count, patienceMs) !== "timed-out" || Atomics.load(control, word) !== count
    );
  const until = performance.now() + patienceMs;
  do {
    for (let spin = 0; spin < spins; spin++)
      if (Atomics.load(control, word) !== count || Atomics.load(control, words.failed) !== 0) return true;
  } while (performance.now() < until);
  return false;
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

/** Starts a run from launch `first` on: its counter to zero, workers awake. */
export function begin(control: Int32Array, command: number, program: number, first = 0): void {
  Atomics.store(control, counterWord(first), 0);
  Atomics.store(control, words.first, first);
  Atomics.store(control, words.base, Atomics.load(control, words.arrived));
  Atomics.store(control, words.failed, 0);
  Atomics.store(control, words.telling, 0);
  Atomics.store(control, words.message, 0);
  Atomics.store(control, words.program, program);
  Atomics.store(control, words.command, command);
  Atomics.add(control, words.generation, 1);
  Atomics.notify(control, words.generation);
}
