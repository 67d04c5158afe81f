/** How much there is to do in a program: whether it pays to wake other threads for it. */

import type { Plan } from "../graph/planned.ts";
import { bytesMoved } from "../graph/traffic.ts";

/**
 * Work from which on a program is shared among threads: about 0.15 ms of one. To wake a thread takes a third of that, and each
 * step waits for the slowest: LeNet-5 on one image takes 23 µs alone, and on two threads as long at best, on a busy machine
 * fifty times.
 */
export const leastSharedWork = 6e6;

/** Multiply-adds of a run, and twice the bytes that it moves, which take as long. */
export function workOf({ steps }: Plan): number {
  return steps.reduce((sum, step) => sum + step.macs + 2 * bytesMoved(step), 0);
}
