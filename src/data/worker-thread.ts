/** A worker thread with one face in Node and in browsers. */

/** The page's end of the wire. */
export interface Thread {
  post(message: unknown, transfer: ArrayBuffer[]): void;
  /** While held, the thread keeps a Node process alive; it starts free. */
  hold(isHeld: boolean): void;
  stop(): Promise<void>;
}

export interface ThreadEvents {
  readonly message: (message: unknown) => void;
  /** The thread has died or could not start. Called at least once then; later calls say nothing new. */
  readonly death: (cause: unknown) => void;
}

/**
 * Starts the loader's worker, or returns nothing where there are no threads.
 *
 * Node's module is named in a variable so that bundlers for browsers do not look for it.
 */
export async function startThread(events: ThreadEvents): Promise<Thread | undefined> {
  if (isNode()) return startNodeThread(events);
  const worker = browserWorker();
  if (!worker) return undefined;
  worker.addEventListener("message", (event) => events.message(event.data));
  worker.addEventListener("messageerror", () => events.death(new Error("a message could not be read")));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    events.death(event.error ?? new Error(event.message || "the worker's code could not be loaded"));
  });
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    hold: () => undefined,
    stop: async () => worker.terminate(),
  };
}

function browserWorker(): Worker | undefined {
  if (typeof Worker === "undefined") return undefined;
  try {
    // Bundlers know this very form and bundle the worker's code.
    return new Worker(new URL("./loader-worker.js", import.meta.url), { type: "module" });
  } catch {
    // A page may forbid workers (Content-Security-Policy, another origin); batches are then prepared in place.
    return undefined;
  }
}

async function startNodeThread(events: ThreadEvents): Promise<Thread> {
  const specifier = "node:worker_threads";
  const threads: typeof import("node:worker_threads") = await import(/* @vite-ignore */ specifier);
  // No flags of the main thread: some are not allowed in a worker, and this one needs none.
  const worker = new threads.Worker(nodeEntry(), { execArgv: [] });
  worker.unref();
  worker.on("message", events.message);
  worker.on("messageerror", events.death);
  worker.on("error", events.death);
  worker.on("exit", (code) => events.death(new Error(`the worker ended with exit code ${code}`)));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    stop: async () => {
      await worker.terminate();
    },
  };
}

/** The compiled worker: beside this file, or under dist/ when this file is a TypeScript source, as in tests. */
function nodeEntry(): URL {
  const isSource = import.meta.url.endsWith(".ts");
  return new URL(
    isSource ? "../../dist/data/node/loader-worker.js" : "./node/loader-worker.js",
    import.meta.url,
  );
}

function isNode(): boolean {
  return typeof process !== "undefined" && process.versions?.node !== undefined;
}
