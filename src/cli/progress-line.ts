/** A line of a terminal that is drawn over and over, at most ten times a second. */

import type { Host } from "./host.ts";

const everyMs = 100;

export class ProgressLine {
  readonly #host: Host;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #isDrawn = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Draws what `line` gives, if it is a terminal and it is time; `line` is asked only then. */
  draw(line: () => string): void {
    const now = this.#host.clock();
    if (!this.#host.isTerminal || now - this.#drawnAt < everyMs) return;
    this.#drawnAt = now;
    this.#isDrawn = true;
    // Cut to the width: a line that wraps cannot be drawn over.
    this.#host.log(`\r${line().slice(0, this.#host.columns() - 1)}\x1b[K`);
  }

  /** Clears the line, so that what follows stands alone. */
  clear(): void {
    if (this.#isDrawn) this.#host.log("\r\x1b[K");
    this.#isDrawn = false;
  }

  /** Writes a line that stays. */
  print(text: string): void {
    this.clear();
    this.#host.log(`${text}\n`);
  }
}

/** "[████····]": `fraction` of `width` characters. */
export function bar(fraction: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return `[${"█".repeat(full)}${"·".repeat(width - full)}]`;
}
