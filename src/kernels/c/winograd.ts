import type { Layout } from "../layout.ts";
import type { Contraction } from "../schedule-contraction.ts";
import type { CTarget, Launch } from "./target.ts";

export function renderWinograd(_target: CTarget, _contraction: Contraction, _layout: Layout): Launch[] | undefined {
  return undefined;
}
