export * from "./formula.ts";
export * from "./index-expression.ts";
export * from "./value.ts";
