export { constant } from "./constant.ts";
export { cosine } from "./cosine.ts";
export { exponential } from "./exponential.ts";
export { multiStep } from "./multi-step.ts";
export { parseSchedule, scheduleForms } from "./parse.ts";
export { plateau } from "./plateau.ts";
export * from "./schedule.ts";
export { step } from "./step.ts";
export * from "./warm-up.ts";
