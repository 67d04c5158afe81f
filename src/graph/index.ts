export * from "./backward.ts";
export * from "./describe.ts";
export * from "./order.ts";
export * from "./placement.ts";
export * from "./plan.ts";
export * from "./planned.ts";
export * from "./recompute.ts";
export * from "./state-layout.ts";
