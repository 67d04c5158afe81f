/** What a command needs of the process it runs in, so that tests can run it in theirs. */

export interface Host {
  /** Writes the result: standard output. */
  out(text: string): void;
  /** Writes everything else: standard error. */
  log(text: string): void;
  /** Whether `log` goes to a terminal, where a line can be drawn over. */
  readonly isTerminal: boolean;
  /** Width of that terminal in characters. */
  columns(): number;
  /** Milliseconds from any beginning. */
  clock(): number;
  /** The arguments as the user gave them, for the command that goes on from here. */
  readonly args: readonly string[];
  /** Calls back when the user or the system asks to stop. Returns what takes the wish back. */
  onStop(callback: (signal: StopSignal) => void): () => void;
}

export type StopSignal = "SIGINT" | "SIGTERM";

/** Exit codes as shells count them: 128 and the number of the signal. */
export const stopCodes: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** The process that the program runs as. */
export function processHost(): Host {
  const signals: readonly StopSignal[] = ["SIGINT", "SIGTERM"];
  return {
    out: (text) => process.stdout.write(text),
    log: (text) => process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns ?? 80,
    clock: () => performance.now(),
    args: process.argv.slice(2),
    onStop(callback) {
      let isAsked = false;
      const listeners = signals.map((signal) => {
        const listener = () => {
          // Asked twice: whoever presses Ctrl-C again will not wait for a checkpoint.
          if (isAsked) process.exit(stopCodes[signal]);
          isAsked = true;
          callback(signal);
        };
        process.on(signal, listener);
        return [signal, listener] as const;
      });
      return () => {
        for (const [signal, listener] of listeners) process.off(signal, listener);
      };
    },
  };
}
