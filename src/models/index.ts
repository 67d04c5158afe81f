export { type LeNet5Options, lenet5 } from "./lenet5.ts";
export * from "./receptive-field.ts";
export * from "./summary.ts";
