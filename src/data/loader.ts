/**
 * Gives the images of a set in batches, in an order that follows from (seed, epoch), prepared ahead on a worker thread so that
 * the engine does not wait.
 */

import { DatasetError, OptionError } from "../tensor/errors.ts";
import { keyOf, permutation } from "../tensor/random.ts";
import type { Augmentation } from "./augment/index.ts";
import type { Batch, Dataset } from "./dataset.ts";
import { type Preparation, preparer } from "./prepare.ts";
import { sourceOf } from "./source.ts";
import { WorkerPreparer } from "./worker-preparer.ts";

export interface LoaderOptions {
  /** Images in a batch; the last of an epoch may have fewer. */
  readonly batch: number;
  /** Seed of order and augmentation. Default 0. */
  readonly seed?: number;
  /** Whether each epoch has an order of its own; otherwise it is the order of the set. Default false. */
  readonly shuffle?: boolean;
  /** Random changes to each image, anew in each epoch. Default none. */
  readonly augment?: readonly Augmentation[];
  /** Mean and standard deviation of each channel, in units of 0…1. Default: those of the set. */
  readonly normalization?: Dataset["normalization"];
  /** Leaves the last batch out when it is not full. Default false. */
  readonly dropLast?: boolean;
  /** Batches that are prepared ahead of the one in use. Default 3. */
  readonly prefetch?: number;
  /** Whether a worker thread prepares them, where there are threads and the set can be opened there. Default true. */
  readonly worker?: boolean;
}

export interface EpochOptions {
  /** Index of the first batch, to go on in the middle of an epoch. Default 0. */
  readonly from?: number;
}

/** Prepares batches, here or on a worker. */
type Backend = Pick<WorkerPreparer, "prepare" | "wait" | "recycle" | "dispose">;

export class Loader {
  readonly dataset: Dataset;
  /** Batches in an epoch. */
  readonly batches: number;
  /** Images in a batch, but for the last. */
  readonly batch: number;
  readonly #options: Required<Omit<LoaderOptions, "batch">>;
  #backend: Promise<Backend> | undefined;
  #isDisposed = false;

  constructor(dataset: Dataset, options: LoaderOptions) {
    const { batch, seed = 0, shuffle = false, augment = [], dropLast = false, prefetch = 3 } = options;
    const { normalization = dataset.normalization, worker = true } = options;
    if (!Number.isInteger(batch) || batch < 1) {
      throw new OptionError(
        `Loader of ${dataset.name}: batch must be a whole number from 1 on, not ${batch}.`,
        {
          batch,
        },
      );
    }
    if (!Number.isInteger(prefetch) || prefetch < 1) {
      throw new OptionError(
        `Loader of ${dataset.name}: prefetch must be a whole number from 1 on, not ${prefetch}.`,
        { prefetch },
      );
    }
    this.dataset = dataset;
    this.batch = batch;
    this.batches = dropLast ? Math.floor(dataset.length / batch) : Math.ceil(dataset.length / batch);
    this.#options = { seed, shuffle, augment, normalization, dropLast, prefetch, worker };
    // Wrong transforms and normalisation fail here and not in the first batch.
    preparer(dataset, this.#preparation);
  }

  /** Indices of the images in the order of epoch `epoch`. */
  order(epoch: number): Uint32Array {
    const { length } = this.dataset;
    if (this.#options.shuffle) return permutation(length, keyOf(this.#options.seed, epoch));
    return Uint32Array.from({ length }, (_, i) => i);
  }

  /**
   * The batches of epoch `epoch`, each image once. A batch is valid until the next one is asked for: its memory of images is then
   * filled anew, and `images` has length 0. Copy what must last.
   *
   * The iteration throws a DatasetError when an image cannot be read or the worker dies, and may be left at any batch.
   */
  async *epoch(epoch: number, { from = 0 }: EpochOptions = {}): AsyncGenerator<Batch, void, undefined> {
    if (!Number.isInteger(from) || from < 0 || from > this.batches) {
      throw new OptionError(
        `Loader of ${this.dataset.name}: an epoch has ${this.batches} batches, so it cannot start at ${from}.`,
        { from, batches: this.batches },
      );
    }
    if (this.#isDisposed) throw new DatasetError("This loader was disposed of.");
    this.#backend ??= this.#start();
    const backend = await this.#backend;
    const order = this.order(epoch);
    const ahead: Promise<Batch>[] = [];
    let next = from;
    const fill = (count: number) => {
      while (ahead.length < count && next < this.batches) {
        const start = next++ * this.batch;
        ahead.push(backend.prepare(order.slice(start, start + this.batch), epoch));
      }
    };
    try {
      fill(this.#options.prefetch);
      for (let first = ahead.shift(); first; first = ahead.shift()) {
        fill(this.#options.prefetch);
        const batch = await backend.wait(first);
        yield batch;
        backend.recycle(batch);
      }
    } finally {
      // Left early: what still comes gives its memory back, and what fails has nobody to tell.
      for (const batch of ahead) batch.then(backend.recycle.bind(backend), () => undefined);
    }
  }

  /** Ends the worker. Iterations under way throw a DatasetError. A process that ends does not need it. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    const backend = await this.#backend?.catch(() => undefined);
    await backend?.dispose();
  }

  async #start(): Promise<Backend> {
    const source = sourceOf(this.dataset);
    if (this.#options.worker && source) {
      const onWorker = await WorkerPreparer.start(source, this.#preparation);
      if (onWorker) return onWorker;
    }
    return inPlace(this.dataset, this.#preparation);
  }

  get #preparation(): Preparation {
    const { seed, augment, normalization } = this.#options;
    return { seed, augment, normalization };
  }
}

/** Prepares batches on the thread that asks. */
function inPlace(dataset: Dataset, preparation: Preparation): Backend {
  const prepare = preparer(dataset, preparation);
  let failure: DatasetError | undefined;
  return {
    prepare: (indices, epoch) => {
      const batch = failure ? Promise.reject(failure) : prepare(indices, epoch).catch(typed);
      batch.catch(() => undefined);
      return batch;
    },
    wait: (batch) => batch,
    recycle: () => undefined,
    dispose: async () => {
      failure = new DatasetError("This loader was disposed of while a batch was being prepared.");
    },
  };
}

/** Whatever a set's reader throws comes out as a DatasetError. */
function typed(cause: unknown): never {
  if (cause instanceof DatasetError) throw cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new DatasetError(`A batch could not be prepared: ${reason}`, {}, { cause });
}
