/** The base learning rate from the first step to the last. */

import type { Schedule } from "./schedule.ts";

export function constant(): Schedule {
  return { text: "constant", dependsOnEpochs: false, factor: () => 1 };
}
