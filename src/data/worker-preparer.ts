/** Prepares batches on a worker thread; whatever happens to the thread, every batch asked for arrives or fails. */

import { compiledModule, startThread, type Thread, type ThreadEvents } from "../engines/pool/thread.ts";
import { DatasetError } from "../tensor/errors.ts";
import type { Batch } from "./dataset.ts";
import type { Preparation } from "./prepare.ts";
import type { DatasetSource } from "./source.ts";
import { fromFailure, type LoaderReply, type LoaderRequest } from "./worker-messages.ts";

/** How a thread is started; tests start others. */
export type ThreadStarter = (events: ThreadEvents) => Promise<Thread | undefined>;

const startLoaderThread: ThreadStarter = (events) =>
  startThread(
    {
      node: compiledModule("data/node/loader-worker.js"),
      browser: () => new Worker(new URL("./loader-worker.js", import.meta.url), { type: "module" }),
    },
    events,
  );

interface Pending {
  readonly indices: Uint32Array;
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerPreparer {
  #thread: Thread | undefined;
  #death: Error | undefined;
  #started: { resolve: (isOpen: boolean) => void; reject: (error: Error) => void } | undefined;
  #hasStarted = false;
  readonly #pending = new Map<number, Pending>();
  #nextTicket = 0;
  /** Memory of batches that the reader is done with. */
  readonly #free: ArrayBuffer[] = [];
  #waiting = 0;

  private constructor() {}

  /** Starts a worker and opens the set there; nothing where workers are not to be had. Throws what opening the set throws. */
  static async start(
    source: DatasetSource,
    preparation: Preparation,
    starter: ThreadStarter = startLoaderThread,
  ): Promise<WorkerPreparer | undefined> {
    const preparer = new WorkerPreparer();
    const isOpen = await preparer.#start(source, preparation, starter);
    return isOpen ? preparer : undefined;
  }

  prepare(indices: Uint32Array, epoch: number): Promise<Batch> {
    const promise = new Promise<Batch>((resolve, reject) => {
      if (this.#death) return reject(this.#death);
      const ticket = this.#nextTicket++;
      this.#pending.set(ticket, { indices, resolve, reject });
      const memory = this.#free.pop();
      const request: LoaderRequest = { type: "prepare", ticket, indices, epoch, ...(memory && { memory }) };
      this.#thread?.post(request, memory ? [memory] : []);
    });
    // A batch that nobody waits for any more must not count as an unhandled failure.
    promise.catch(() => undefined);
    return promise;
  }

  /** Waits for a batch; only meanwhile does the worker keep a Node process alive. */
  async wait(batch: Promise<Batch>): Promise<Batch> {
    if (this.#waiting++ === 0) this.#thread?.hold(true);
    try {
      return await batch;
    } finally {
      if (--this.#waiting === 0) this.#thread?.hold(false);
    }
  }

  /** Takes the memory of a batch back, to be filled anew. */
  recycle(batch: Batch): void {
    // A reader may itself have transferred the images; there is nothing to take back then.
    const memory = batch.images.buffer as ArrayBuffer;
    if (memory.byteLength > 0) this.#free.push(memory);
  }

  async dispose(): Promise<void> {
    this.#die(new DatasetError("This loader was disposed of while a batch was being prepared."));
    await this.#thread?.stop();
  }

  async #start(source: DatasetSource, preparation: Preparation, starter: ThreadStarter): Promise<boolean> {
    const opened = new Promise<boolean>((resolve, reject) => {
      this.#started = { resolve, reject };
    });
    this.#thread = await starter({
      // Only the worker's own code writes to this wire.
      message: (message) => this.#hear(message as LoaderReply),
      death: (cause) => {
        // A worker whose code does not load (a page that was not bundled for it) is as good as none.
        if (!this.#hasStarted) this.#started?.resolve(false);
        const reason = cause instanceof Error ? cause.message : String(cause);
        this.#die(new DatasetError(`The worker that prepares batches has died: ${reason}.`, {}, { cause }));
      },
    });
    if (!this.#thread) return false;
    this.#thread.hold(true);
    const request: LoaderRequest = { type: "open", source, preparation };
    try {
      this.#thread.post(request, []);
      const isOpen = await opened;
      this.#thread.hold(false);
      return isOpen;
    } catch (error) {
      await this.#thread.stop();
      throw error;
    }
  }

  #hear(reply: LoaderReply): void {
    if (reply.type === "started") this.#hasStarted = true;
    else if (reply.type === "opened") this.#started?.resolve(true);
    else if (reply.type === "failed") {
      const error = fromFailure(reply.failure);
      if (reply.ticket === undefined) this.#started?.reject(error);
      else this.#settle(reply.ticket)?.reject(error);
    } else {
      const pending = this.#settle(reply.ticket);
      const { images, labels } = reply;
      pending?.resolve({ images, labels, count: labels.length, indices: pending.indices });
    }
  }

  #settle(ticket: number): Pending | undefined {
    const pending = this.#pending.get(ticket);
    this.#pending.delete(ticket);
    return pending;
  }

  #die(error: Error): void {
    if (this.#death) return;
    this.#death = error;
    this.#started?.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
