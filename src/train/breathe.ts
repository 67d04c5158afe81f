/**
 * Lets the event loop run now and then. A loop of steps that never wait for anything outside would keep timers, signals
 * (Ctrl-C) and the drawing of a page from their turn.
 */

const everyMs = 50;

/** A function to await in a loop: it gives way when 50 ms have passed since it last did. */
export function breather(clock: () => number): () => Promise<void> {
  let last = clock();
  return async () => {
    if (clock() - last < everyMs) return;
    await new Promise((resume) => setTimeout(resume, 0));
    last = clock();
  };
}
