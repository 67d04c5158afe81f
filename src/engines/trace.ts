/**
 * A profiled run in the form that chrome://tracing and ui.perfetto.dev show: a bar a step, and above it one for each layer that the
 * step lies in.
 *
 * Google, "Trace Event Format", complete events ("ph": "X"), times in microseconds.
 */

import { durationsOf, type Profile } from "./profile.ts";

export interface TraceEvent {
  readonly name: string;
  /** "layer" or "step". */
  readonly cat: string;
  readonly ph: "X";
  /** Microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly pid: number;
  readonly tid: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface Trace {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly TraceEvent[];
}

/** The run of median length. Bars that contain others come first, as readers of the format like it. */
export function traceOf({ steps, timeline }: Pick<Profile, "steps" | "timeline">): Trace {
  const known = new Map(steps.map((each) => [each.step, each]));
  const traceEvents: TraceEvent[] = [];
  /** Layers that the last step was in, outermost first: where their events are, and when they began. */
  let open: { readonly name: string; readonly at: number }[] = [];
  let endMs = 0;
  const close = (depth: number) => {
    for (const { at } of open.splice(depth)) {
      const event = traceEvents[at];
      traceEvents[at] = { ...event, dur: 1000 * endMs - event.ts };
    }
  };
  for (const { step, startMs, durationMs } of durationsOf(timeline)) {
    const profiled = known.get(step);
    if (profiled === undefined) continue;
    const { layer, operations, shape, macs, bytes } = profiled;
    const path = layer.split(".");
    const different = path.findIndex((name, depth) => open[depth]?.name !== name);
    close(different < 0 ? path.length : different);
    for (const name of path.slice(open.length)) {
      open.push({ name, at: traceEvents.length });
      traceEvents.push({ name, cat: "layer", ph: "X", ts: 1000 * startMs, dur: 0, pid: 1, tid: 1 });
    }
    endMs = startMs + durationMs;
    traceEvents.push({
      name: operations,
      cat: "step",
      ph: "X",
      ts: 1000 * startMs,
      dur: 1000 * durationMs,
      pid: 1,
      tid: 1,
      args: { step, layer, shape: shape.join("×"), macs, bytes },
    });
  }
  close(0);
  open = [];
  return { displayTimeUnit: "ms", traceEvents };
}
