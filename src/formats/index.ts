export { type ElementType, elementBytes, toFloat32 } from "./element-types.ts";
export { isPyTorch, type PyTorchFile, readPyTorch } from "./pytorch.ts";
export * from "./safetensors.ts";
export * from "./store.ts";
