export { type ElementType, elementBytes, toFloat32 } from "./element-types.ts";
export * from "./safetensors.ts";
export * from "./store.ts";
