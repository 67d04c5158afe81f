/** Recognises the sums that Winograd's algorithms (`winograd.ts`) are for: 3×3 convolutions at stride 1, and the gradients of their filters. */

import type { Axis, Index } from "./index-expression.ts";
import type { Contraction } from "./schedule-contraction.ts";

/** A 3×3 convolution at stride 1, or its input gradient, as a contraction. */
export interface Correlation {
  readonly contraction: Contraction;
  /** The axis of images; undefined where there is one. */
  readonly image: Axis | undefined;
  /** Axes of the result's rows and columns. */
  readonly p: Axis;
  readonly q: Axis;
  /** Axes of the filter's rows and columns, and of the channels that are summed over. */
  readonly r: Axis;
  readonly s: Axis;
  readonly c: Axis;
}

/** The contraction as a 3×3 correlation; undefined where it is none. */
export function asCorrelation(contraction: Contraction): Correlation | undefined {
  const { a, m, k, batch, part } = contraction;
  if (batch.length > 0 || k.length !== 3 || a.at.length !== 4 || part.at.length !== 4) return undefined;
  const [image, vertical, horizontal, channels] = a.at;
  const [r, s, c] = k;
  const rows = m.filter((each) => !usesAxis(image, each));
  const [p, q] = rows;
  if (rows.length !== 2 || r.extent !== 3 || s.extent !== 3 || !channels.is(c)) return undefined;
  if (!isSliding(vertical, p, r) || !isSliding(horizontal, q, s)) return undefined;
  const images = m.find((each) => !rows.includes(each));
  return { contraction, image: images, p, q, r, s, c };
}

/** The gradient of the weight of a 3×3 convolution at stride 1, as a contraction. */
export interface WeightGradient {
  readonly contraction: Contraction;
  /** Axes of the filter's rows, columns and channels. */
  readonly r: Axis;
  readonly s: Axis;
  readonly c: Axis;
  /** Axes that are summed over: rows and columns of dy, and images where there are several. */
  readonly p: Axis;
  readonly q: Axis;
  readonly image: Axis | undefined;
}

/** The contraction as the gradient of a 3×3 filter at stride 1; undefined where it is none. */
export function asWeightGradient(contraction: Contraction): WeightGradient | undefined {
  const { a, b, m, k, n, batch } = contraction;
  if (batch.length > 0 || m.length !== 3 || a.at.length !== 4 || b.at.length !== 4) return undefined;
  const [r, s, c] = m;
  const [q, p, image] = k.toReversed();
  if (p === undefined || k.length > 3 || r.extent !== 3 || s.extent !== 3) return undefined;
  const [aImage, vertical, horizontal, channels] = a.at;
  if (!isSliding(vertical, p, r) || !isSliding(horizontal, q, s) || !channels.is(c)) return undefined;
  const [bImage, bRow, bColumn, bChannel] = b.at;
  if (!bRow.is(p) || !bColumn.is(q) || !bChannel.is(n)) return undefined;
  const isImage = (at: Index) =>
    image === undefined ? at.terms.length === 0 && at.constant === 0 : at.is(image);
  return isImage(aImage) && isImage(bImage) ? { contraction, r, s, c, p, q, image } : undefined;
}

/** Whether a window's tap slides along places, one by one. */
function isSliding(at: Index, place: Axis, tap: Axis): boolean {
  return at.terms.length === 2 && at.factorOf(place) === 1 && at.factorOf(tap) === 1;
}

function usesAxis(at: Index, of: Axis): boolean {
  return at.factorOf(of) !== 0;
}
