/** A worker thread with one face in Node and in browsers. */

/** The starter's end of the wire. */
export interface Thread {
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** While held, the thread keeps a Node process alive; it starts free. */
  hold(isHeld: boolean): void;
  stop(): Promise<void>;
}

export interface ThreadEvents {
  readonly message: (message: unknown) => void;
  /** The thread has died or could not start. Called at least once then; later calls say nothing new. */
  readonly death: (cause: unknown) => void;
}

export interface ThreadCode {
  /** The compiled module that a Node worker runs. */
  readonly node: URL;
  /** Makes a browser's worker: a call of `new Worker(new URL(…))` as bundlers know it. */
  readonly browser: () => Worker;
}

/**
 * Starts a worker, or returns nothing where there are no threads.
 *
 * Node's module is named in a variable so that bundlers for browsers do not look for it.
 */
export async function startThread(code: ThreadCode, events: ThreadEvents): Promise<Thread | undefined> {
  if (isNode()) return startNodeThread(code.node, events);
  if (typeof Worker === "undefined") return undefined;
  let worker: Worker;
  try {
    worker = code.browser();
  } catch {
    // A page may forbid workers (Content-Security-Policy, another origin).
    return undefined;
  }
  worker.addEventListener("message", (event) => events.message(event.data));
  worker.addEventListener("messageerror", () => events.death(new Error("a message could not be read")));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    events.death(event.error ?? new Error(event.message || "the worker's code could not be loaded"));
  });
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    hold: () => undefined,
    stop: async () => worker.terminate(),
  };
}

async function startNodeThread(url: URL, events: ThreadEvents): Promise<Thread> {
  const specifier = "node:worker_threads";
  const threads: typeof import("node:worker_threads") = await import(/* @vite-ignore */ specifier);
  // No flags of the main thread: some are not allowed in a worker, and this one needs none.
  const worker = new threads.Worker(url, { execArgv: [] });
  worker.unref();
  worker.on("message", events.message);
  worker.on("messageerror", events.death);
  worker.on("error", events.death);
  worker.on("exit", (exitCode) => events.death(new Error(`the worker ended with exit code ${exitCode}`)));
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    stop: async () => {
      await worker.terminate();
    },
  };
}

/** The compiled form of a module of this package, given by its path under src/: tests run from TypeScript sources. */
export function compiledModule(path: string): URL {
  const isSource = import.meta.url.endsWith(".ts");
  return new URL(isSource ? `../../../dist/${path}` : `../../${path}`, import.meta.url);
}

export function isNode(): boolean {
  return typeof process !== "undefined" && process.versions?.node !== undefined;
}
