export * from "./activations.ts";
export * from "./combinators.ts";
export * from "./conv2d.ts";
export * from "./initializers.ts";
export * from "./linear.ts";
export * from "./network.ts";
export { checkOneOf, checkWhole } from "./options.ts";
export * from "./pooling.ts";
export * from "./scope.ts";
