/** Puts buffers that live at different times into the same memory. */

export interface Lifetime {
  readonly elements: number;
  /** First and last step that need the buffer. */
  readonly from: number;
  readonly to: number;
}

/** Cache lines of 64 bytes hold 16 numbers; buffers start on one. */
const alignment = 16;

/**
 * An offset in elements for each buffer, such that buffers that live at the same time do not overlap, and the size of
 * the whole. Largest first, each at the lowest place that is free ("greedy by size": Pisarchyk and Lee, "Efficient memory
 * management for deep neural net inference", 2020, arXiv:2001.03288, section 4.2).
 */
export function allocate(lifetimes: readonly Lifetime[]): { offsets: number[]; elements: number } {
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const placed: { from: number; to: number; start: number; end: number }[] = [];
  const bySize = lifetimes
    .map((_, i) => i)
    .sort((a, b) => lifetimes[b].elements - lifetimes[a].elements || a - b);
  let elements = 0;
  for (const i of bySize) {
    const { from, to } = lifetimes[i];
    const length = Math.ceil(lifetimes[i].elements / alignment) * alignment;
    let start = 0;
    // `placed` is kept in order of `start`, so one walk finds the first gap that is wide enough.
    for (const other of placed) {
      if (other.to < from || to < other.from) continue;
      if (other.start >= start + length) break;
      start = Math.max(start, other.end);
    }
    offsets[i] = start;
    elements = Math.max(elements, start + length);
    const at = placed.findIndex((other) => other.start > start);
    placed.splice(at < 0 ? placed.length : at, 0, { from, to, start, end: start + length });
  }
  return { offsets, elements };
}
