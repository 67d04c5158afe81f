/**
 * Tiles that ask for what the next block of a sum will copy (`outer-product.ts`): its rows lie far apart, where prefetchers of the
 * machine do not follow. Each tile asks for a part, so that lines come evenly and leave the cache's own requests room.
 */

import { lineNumbers } from "./target.ts";
import { stepsInRound, type Tile } from "./tile.ts";

/** What a block copies of an operand in each step: lines from the first on, so many numbers further from step to step. */
export interface Copied {
  /** Where the next block's first step is, as C. */
  readonly start: string;
  /** Numbers of a step, as C, and as many as there are at most. */
  readonly numbers: string;
  readonly most: number;
  readonly apart: number;
}

export class NextBlock {
  private readonly operands: readonly [Copied, Copied];
  private readonly linesInRound: number;

  /** For so many tiles in a block. */
  constructor(operands: readonly [Copied, Copied], tiles: number) {
    this.operands = operands;
    const lines = operands.reduce((sum, { most }) => sum + Math.ceil(most / lineNumbers), 0);
    const wanted = [1, 2, stepsInRound].find((each) => tiles * each >= 0.9 * lines * stepsInRound);
    this.linesInRound = wanted ?? stepsInRound;
  }

  get asks(): Tile["asks"] {
    return { linesInRound: this.linesInRound };
  }

  /** Declares what the calls of a block's tiles use. */
  declarations(): readonly string[] {
    const lines = (numbers: string) => `(${numbers} + ${lineNumbers - 1}) / ${lineNumbers}`;
    const [a, b] = this.operands;
    return [
      "long asked = 0;",
      `const long linesA = ${lines(a.numbers)}, allLines = linesA + ${lines(b.numbers)};`,
      `const real *const nextA = ${a.start};`,
      `const real *const nextB = ${b.start};`,
    ];
  }

  /** A tile's call with the lines that are next, of which it asks for one in some steps; of none when all are asked for. */
  call(tile: (ahead: string) => string): string {
    const [a, b] = this.operands;
    const turns = stepsInRound / this.linesInRound;
    return `{
const long line = asked / ${turns}, step = asked % ${turns};
const real *const ahead = line < linesA ? nextA + line * ${lineNumbers} + step * ${a.apart} : line < allLines ? nextB + (line - linesA) * ${lineNumbers} + step * ${b.apart} : out;
const long apart = line < linesA ? ${turns * a.apart} : line < allLines ? ${turns * b.apart} : 0;
${tile("ahead, apart")}
asked++;
}`;
  }
}
