/**
 * FractalNet: Larsson, Maire and Shakhnarovich, "FractalNet: Ultra-Deep Neural Networks without Residuals", 2016,
 * arXiv:1605.07648.
 *
 * Equation 1 and figure 1: f₁ is a convolution, and f_{C+1} the mean of f_C ∘ f_C and a convolution. A block of C columns is so
 * 2^{C−1} convolutions deep in its first column, half as deep in each further one, and one in its last. Five blocks, each with max
 * pooling behind, have 5·2^{C−1} layers: 20 with 3 columns. Every convolution is 3×3, with batch norm and ReLU. Names are
 * pytorchcv's: block i, subblock j is the convolution of column j that ends in row i.
 *
 * Input [n, 32, 32, 3], other sizes pass from 32 on; output logits [n, classes].
 */

import * as nn from "../nn/index.ts";
import { checkRange, checkWhole } from "../nn/options.ts";
import { add } from "../ops/add.ts";
import { dropPathJoin } from "../ops/drop-path-join.ts";
import type { Tensor } from "../ops/operation.ts";
import { scale } from "../ops/scale.ts";
import { OptionError } from "../tensor/errors.ts";
import { convolution } from "./residual-network.ts";

export interface FractalNetOptions {
  /** The paper's C. Default 3: 20 layers. */
  readonly columns?: number;
  /** Channels of each block. Default 64, 128, 256, 512, 512, section 4.2's. */
  readonly widths?: readonly number[];
  /** Part of the channels of each block that training leaves out. Default 0, 0.1, 0.2, 0.3, 0.4, or none for other widths. */
  readonly dropout?: readonly number[];
  /** Probability that an input of a join is dropped, where an image samples its paths locally. Default 0.15. */
  readonly localDrop?: number;
  /** Probability that an image goes through one column alone. Default 0.5. */
  readonly globalDrop?: number;
  /** Length of the logits. Default 10. */
  readonly classes?: number;
}

const table = { widths: [64, 128, 256, 512, 512], dropout: [0, 0.1, 0.2, 0.3, 0.4] };

export function fractalNet(options: FractalNetOptions = {}): nn.Layer {
  const { columns = 3, widths = table.widths, localDrop = 0.15, globalDrop = 0.5, classes = 10 } = options;
  const { dropout = widths.map((_, block) => (options.widths === undefined ? table.dropout[block] : 0)) } =
    options;
  checkWhole("fractalNet", "columns", columns);
  if (!(localDrop >= 0 && localDrop < 1))
    throw new OptionError(`fractalNet: localDrop is ${localDrop}, but must be at least 0 and below 1.`, {
      localDrop,
    });
  checkRange("fractalNet", "globalDrop", globalDrop, 1);
  if (dropout.length !== widths.length)
    throw new OptionError(
      `fractalNet: dropout has ${dropout.length} numbers, but there are ${widths.length} blocks.`,
      { dropout, widths },
    );
  return (x, scope) => {
    // One stream for all joins: an image's column is the same everywhere.
    const globalStream = scope.training ? scope.randomStream() : 0;
    const drops = scope.training && localDrop + globalDrop > 0;
    const join = (tensors: readonly Tensor[], at: nn.Scope): Tensor => {
      const localStream = drops ? at.randomStream() : 0;
      if (tensors.length === 1) return tensors[0];
      const attributes = { local: localDrop, global: globalDrop, columns, localStream, globalStream };
      return drops ? dropPathJoin({ ...tensors }, attributes) : meanOf(tensors);
    };
    const blocks = widths.map((width, i) => [
      `unit${i + 1}`,
      nn.sequential({
        block: nn.sequential({ blocks: fractalBlock(columns, width, dropout[i], join) }),
        pool: nn.maxPool2d(2),
      }),
    ]);
    return nn.sequential({
      features: nn.sequential({ ...Object.fromEntries(blocks), final_pool: nn.globalAvgPool2d() }),
      output: nn.linear(classes),
    })(x, scope);
  };
}

type Join = (tensors: readonly Tensor[], scope: nn.Scope) => Tensor;

/** Row i has the convolutions that end there: of the first column in each row, of the second in every second, and so on. */
function fractalBlock(columns: number, width: number, dropout: number, join: Join): nn.Layer {
  const unit = nn.sequential({
    conv: convolution(width, 3, { padding: 1 }),
    bn: nn.batchNorm2d(),
    activ: nn.relu(),
    dropout: nn.channelDropout(dropout),
  });
  return (x, scope) => {
    const heads: Tensor[] = new Array(columns).fill(x);
    for (let row = 1; row <= 2 ** (columns - 1); row++) {
      const ending = heads.filter((_, column) => row % 2 ** column === 0);
      const given = ending.map((head, i) => scope.child(`block${row}.subblock${i + 1}`, unit, head));
      heads.fill(join(given, scope), 0, given.length);
    }
    return heads[0];
  };
}

function meanOf(tensors: readonly Tensor[]): Tensor {
  const sum = tensors.reduce((a, b) => add({ a, b }, {}));
  return scale({ x: sum }, { factor: 1 / tensors.length });
}
