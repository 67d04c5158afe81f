/**
 * Cross-entropy of softmax(x) with labels: −Σ t·log softmax(x) for each row of logits.
 *
 *   x [.., k], labels [..]     whole numbers 0 … k − 1, t is 1 at the label and 0 elsewhere; another label gives NaN
 *   x [.., k], labels [.., k]  t given for each class
 *
 * Rows are images, x [n, k] and labels [n], or pixels, x [n, h, w, k] and labels [n, h, w].
 *
 * Label smoothing takes (1 − labelSmoothing)·t + labelSmoothing / k for t: Szegedy et al., "Rethinking the Inception
 * Architecture for Computer Vision", 2015, section 7.
 */

import { over } from "../kernels/formula.ts";
import type { Axis } from "../kernels/index-expression.ts";
import { position, type Source, sum as sumOver, type Value, value } from "../kernels/value.ts";
import { OptionError, ShapeError } from "../tensor/errors.ts";
import { formatShape, type Shape, sameShape } from "../tensor/shape.ts";
import { divide } from "./divide.ts";
import { mean } from "./mean.ts";
import { multiply } from "./multiply.ts";
import { defineOp, type Op, type Tensor } from "./operation.ts";
import { reshape } from "./reshape.ts";
import { scale } from "./scale.ts";
import { logSoftmax, rowNormalizers } from "./softmax.ts";
import { sum } from "./sum.ts";

export interface CrossEntropyAttributes {
  /** Share of each label that is spread over all classes, in [0, 1). Default 0. */
  readonly labelSmoothing?: number;
  /** A label whose rows count for nothing, such as 255 at the borders of objects in PASCAL VOC. Default: none. */
  readonly ignoreLabel?: number;
}

export interface CrossEntropyOptions extends CrossEntropyAttributes {
  /**
   * What becomes of the rows' losses: "mean", over rows that are not ignored (NaN where all are), and "sum" give shape [],
   * "none" one number a row. Default "mean".
   */
  readonly reduction?: "mean" | "sum" | "none";
}

/** The loss of logits x [.., k] against labels [..] or [.., k]. */
export function crossEntropy(
  { x, labels }: { readonly x: Tensor; readonly labels: Tensor },
  { reduction = "mean", ...attributes }: CrossEntropyOptions = {},
): Tensor {
  const rows = crossEntropyRows({ x, labels, ...rowNormalizers(x) }, attributes);
  if (reduction === "none") return rows;
  const axes = rows.shape.map((_, axis) => axis);
  if (reduction === "sum") return sum({ x: rows }, { axes });
  const { ignoreLabel } = attributes;
  if (ignoreLabel === undefined) return mean({ x: rows }, { axes });
  const counted = sum({ x: countedRows({ labels }, { ignoreLabel }) }, { axes });
  return divide({ a: sum({ x: rows }, { axes }), b: counted }, {});
}

/** 1 for rows whose label counts, 0 for those that are ignored. */
const countedRows: Op<"labels", { readonly ignoreLabel: number }> = defineOp({
  name: "countedRows",
  shape: ({ labels }) => labels,
  value: ({ labels }, { ignoreLabel }, shape) => [
    over(shape, (...i) =>
      labels
        .at(...i)
        .equals(ignoreLabel)
        .select(0, 1),
    ),
  ],
});

/** The loss of each row; `maximum` and `logSum` are those of x. */
export const crossEntropyRows: Op<"x" | "labels" | "maximum" | "logSum", CrossEntropyAttributes> = defineOp({
  name: "crossEntropy",
  shape({ x, labels }, { labelSmoothing = 0, ignoreLabel }) {
    const rows = x.slice(0, -1);
    if (!sameShape(labels, rows) && !sameShape(labels, x))
      throw new ShapeError(
        `labels ${formatShape(labels)} must have shape ${formatShape(rows)}, a class for each row of x ${formatShape(x)}, ` +
          `or ${formatShape(x)}, a share for each class.`,
        { x, labels },
      );
    if (!(labelSmoothing >= 0 && labelSmoothing < 1))
      throw new OptionError(`labelSmoothing is ${labelSmoothing}, but must be at least 0 and below 1.`, {
        labelSmoothing,
      });
    if (ignoreLabel !== undefined && (labels.length === x.length || !Number.isInteger(ignoreLabel)))
      throw new OptionError(
        `ignoreLabel is ${ignoreLabel}, but must be a whole number among labels ${formatShape(rows)}; labels are ${formatShape(labels)}.`,
        { ignoreLabel, labels },
      );
    return rows;
  },
  value: ({ x, labels, maximum, logSum }, { labelSmoothing = 0, ignoreLabel }, shape) => [
    over(shape, (...row) => {
      const k = classesOf(x.shape);
      const loss = sumOver([k], (ki) => {
        const surprise = logSum.at(...row, 0).minus(x.at(...row, ki).minus(maximum.at(...row, 0)));
        return weigh(labels, row, ki, x.shape, labelSmoothing, surprise);
      });
      if (labels.shape.length === x.shape.length) return loss;
      const label = labels.at(...row);
      const isClass = value(0)
        .lessOrEqual(label)
        .times(label.lessOrEqual(k - 1));
      // A label that is no class must not pass for a loss of 0.
      const checked = isClass.select(loss, value(0).over(0));
      return ignoreLabel === undefined ? checked : label.equals(ignoreLabel).select(0, checked);
    }),
  ],
  gradient(inputs, dy, attributes) {
    const { x, labels, maximum, logSum } = inputs;
    const isSoft = labels.shape.length === x.shape.length;
    const total = isSoft ? sum({ x: labels }, { axes: [x.shape.length - 1] }) : undefined;
    const dx = crossEntropyGradient({ x, labels, maximum, logSum, total, dy }, attributes);
    return isSoft ? { x: dx, labels: labelsGradient(x, dy, attributes) } : { x: dx };
  },
});

/** dx = (softmax(x)·Σt − t)·dy; `total` is the sum of each row's labels, absent where they are classes. */
const crossEntropyGradient: Op<
  "x" | "labels" | "maximum" | "logSum" | "total" | "dy",
  CrossEntropyAttributes
> = defineOp({
  name: "crossEntropyGradient",
  shape: ({ x }) => x,
  value: ({ x, labels, maximum, logSum, total, dy }, { labelSmoothing = 0, ignoreLabel }, shape) => [
    over(shape, (...i) => {
      const row = i.slice(0, -1);
      const k = i[i.length - 1];
      const softmax = x
        .at(...i)
        .minus(maximum.at(...row, 0))
        .minus(logSum.at(...row, 0))
        .exp();
      const target = weigh(labels, row, k, shape, labelSmoothing, value(1));
      const all =
        total === undefined
          ? value(1)
          : total
              .at(...row)
              .times(1 - labelSmoothing)
              .plus(labelSmoothing);
      const dx = softmax
        .times(all)
        .minus(target)
        .times(dy.at(...row));
      if (ignoreLabel === undefined) return dx;
      return labels
        .at(...row)
        .equals(ignoreLabel)
        .select(0, dx);
    }),
  ],
});

/** `term` times the target of class k, smoothed. */
function weigh(
  labels: Source,
  row: readonly Axis[],
  k: Axis,
  x: Shape,
  labelSmoothing: number,
  term: Value,
): Value {
  const spread = labelSmoothing / classesOf(x);
  if (labels.shape.length === x.length)
    return labels
      .at(...row, k)
      .times(1 - labelSmoothing)
      .plus(spread)
      .times(term);
  const isLabel = labels.at(...row).equals(position(k));
  // Without smoothing other classes are left out, not multiplied by 0: a logit of −∞ masks a class.
  if (labelSmoothing === 0) return isLabel.select(term, 0);
  return isLabel.select(1 - labelSmoothing + spread, spread).times(term);
}

/** dt = −(1 − labelSmoothing)·log softmax(x)·dy */
function labelsGradient(x: Tensor, dy: Tensor, { labelSmoothing = 0 }: CrossEntropyAttributes): Tensor {
  const perRow = reshape({ x: dy }, { shape: [...dy.shape, 1] });
  return scale({ x: multiply({ a: logSoftmax({ x }), b: perRow }, {}) }, { factor: labelSmoothing - 1 });
}

function classesOf(x: Shape): number {
  return x[x.length - 1];
}
