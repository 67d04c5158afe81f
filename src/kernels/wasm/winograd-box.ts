/** What Winograd's kernels are made of: tiles of an image, transformed from a box with its edges, and the tasks of others. */

import type { Axis } from "../index-expression.ts";
import type { Read } from "../schedule-contraction.ts";
import type { Operand } from "../value.ts";
import type { BoxTransform } from "../winograd-halves.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { emitBox } from "./box.ts";
import { renderTransform } from "./nest.ts";
import type { Launch, Target } from "./target.ts";

/** A transform and its two passes. */
export interface RenderedTransform {
  readonly box: Operand;
  readonly passes: readonly [Launch, Launch];
}

/** Renders the passes; `given` are the axes that the parts hold. */
export function renderBoxTransform(
  target: Target,
  { box, columns, columnParts, parts }: BoxTransform,
  to: Operand,
  given: readonly Axis[],
): RenderedTransform {
  const [half, whole] = [target.layoutOf(columns), target.layoutOf(to)];
  return {
    box,
    passes: [
      renderTransform(
        target,
        columnParts.map((part) => ({ part, layout: half })),
      ),
      renderTransform(
        target,
        parts.map((part) => ({ part, layout: whole })),
        given,
      ),
    ],
  };
}

/** Which rows of which image a box is copied from. */
export interface BoxPlace {
  /** The axis of the image's rows, how many of it the box has, and the first. */
  readonly axis: Axis;
  readonly block: number;
  readonly from: Local;
  /** The axis of images, where there are several, and where it stands. */
  readonly outside: Axis | undefined;
  readonly place: Local;
}

/** Copies a box from what `read` reads, and transforms its tiles. */
export function emitBoxTransform(
  f: FunctionBuilder,
  target: Target,
  read: Read,
  { axis, block, from, outside, place }: BoxPlace,
  { box, passes }: RenderedTransform,
  given: readonly Local[],
): void {
  const layout = target.layoutOf(box);
  const [to, end] = [f.local("i32"), f.local("i32")];
  f.get(from).i32(block).op("i32.add").set(end);
  f.i32(target.address(layout));
  target.addThread(f, layout);
  f.set(to);
  emitBox(
    f,
    target,
    { a: read, batch: [] },
    {
      box: {
        extents: [1, ...box.shape],
        blocked: axis,
        block,
        outside: outside === undefined ? [] : [outside],
      },
      ...{ to, from, end },
      variables: new Map(outside === undefined ? [] : [[outside, place]]),
    },
  );
  forEachTask(f, passes[0]);
  forEachTask(f, passes[1], given);
  f.release(to, end);
}

/** Runs `body` with `at` from 0 to `end` − 1, at least once. */
export function forEachPlace(f: FunctionBuilder, at: Local, end: Local | number, body: () => void): void {
  f.i32(0).set(at);
  f.loop(() => {
    body();
    f.get(at).i32(1).op("i32.add").tee(at);
    if (typeof end === "number") f.i32(end);
    else f.get(end);
    f.op("i32.lt_s");
  });
}

/** Calls all tasks of a launch, one after the other. */
export function forEachTask(
  f: FunctionBuilder,
  { index, tasks }: Launch,
  given: readonly Local[] = [],
): void {
  const at = f.local("i32");
  forEachPlace(f, at, tasks, () => {
    f.get(at).get(f.parameter(1));
    for (const each of given) f.get(each);
    f.call(index);
  });
  f.release(at);
}
