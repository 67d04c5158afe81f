/**
 * How threads that share memory go through a program together: in each launch they take tasks until none is left, then
 * wait for one another. All of it runs on a few words of shared memory, so a barrier costs no message.
 *
 * Tasks next to each other are a share, one for each thread, which goes through its own from the front; whoever has come to the end of
 * his takes what is left of others' from behind. So a thread finds in its own cache what it wrote in the launch before, where
 * tasks of both go along the same rows.
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
  /** Shares of a launch's tasks, of two launches in turn, each on a cache line of its own. */
  shares: 16,
} as const;

/** Words of a share: tasks of it that are taken, of those how many from the front, and from behind. More may be counted as taken than there are. */
export const shareWords = { taken: 0, front: 1, behind: 2, all: 16 } as const;
/** More threads have shares in common. */
export const mostShares = 64;
/** Launches that have words. While one runs, those of the next are set back: they were those of the last, which all threads have left. */
export const turns = 2;
const shareAt = (launch: number, share: number) =>
  words.shares + shareWords.all * ((launch % turns) * mostShares + share);
const shareCount = (threads: number) => Math.min(threads, mostShares);

/** Where the reason of a failure begins, in UTF-8, and how long it may be. */
const reasonAt = 4 * shareAt(turns - 1, mostShares);
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
    if (threads > 1) setBack(control, i + 1, shareOf(thread, threads));
    try {
      runTasks(control, i, launches[i], thread, threads);
    } catch (error) {
      fail(control, error);
      throw error;
    }
    if (threads > 1 && !arrive(control, (base + threads * (i - first + 1)) | 0, i, threads))
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

/** Which share a thread begins with. */
function shareOf(thread: number, threads: number): number {
  return Math.floor((thread * shareCount(threads)) / threads);
}

/** Runs tasks of a launch until none is left to be taken. */
function runTasks(
  control: Int32Array,
  launch: number,
  { kernel, tasks }: PreparedLaunch,
  thread: number,
  threads: number,
): void {
  if (threads === 1) {
    for (let task = 0; task < tasks; task++) kernel(task, thread);
    return;
  }
  const shares = shareCount(threads);
  const first = shareOf(thread, threads);
  for (let i = 0; i < shares; i++) {
    const share = (first + i) % shares;
    const from = Math.ceil((share * tasks) / shares);
    const to = Math.ceil(((share + 1) * tasks) / shares);
    const at = shareAt(launch, share);
    while (
      Atomics.load(control, at + shareWords.taken) < to - from &&
      Atomics.add(control, at + shareWords.taken, 1) < to - from
    )
      kernel(
        i === 0
          ? from + Atomics.add(control, at + shareWords.front, 1)
          : to - 1 - Atomics.add(control, at + shareWords.behind, 1),
        thread,
      );
  }
}

/** Says that nothing of a launch's share is taken. */
function setBack(control: Int32Array, launch: number, share: number): void {
  const at = shareAt(launch, share);
  for (const word of [shareWords.taken, shareWords.front, shareWords.behind])
    Atomics.store(control, at + word, 0);
}

/** Waits until the count of arrivals at the end of a launch is `all`; false if that will not happen. */
function arrive(control: Int32Array, all: number, launch: number, threads: number): boolean {
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
    let now = count;
    for (let share = 0; share < shareCount(threads); share++)
      now += Atomics.load(control, shareAt(launch, share) + shareWords.taken);
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

/** Sets out for a run from launch `first` on: nothing of it is taken. */
export function setOut(control: Int32Array, first: number, threads: number): void {
  for (let share = 0; share < shareCount(threads); share++) setBack(control, first, share);
  Atomics.store(control, words.first, first);
  Atomics.store(control, words.base, Atomics.load(control, words.arrived));
}

export interface Command {
  /** One of `commands`. */
  readonly command: number;
  readonly program?: number;
  readonly first?: number;
  readonly threads: number;
}

/** Starts a run of so many threads from launch `first` on: workers awake. */
export function begin(control: Int32Array, { command, program = 0, first = 0, threads }: Command): void {
  setOut(control, first, threads);
  Atomics.store(control, words.program, program);
  Atomics.store(control, words.command, command);
  Atomics.add(control, words.generation, 1);
  Atomics.notify(control, words.generation);
}
