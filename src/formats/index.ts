export { type ElementType, elementBytes, toFloat32 } from "./element-types.ts";
export { isPyTorch, type PyTorchFile, readPyTorch } from "./pytorch.ts";
export { writePyTorch } from "./pytorch-write.ts";
export * from "./safetensors.ts";
export {
  isSafetensorsIndex,
  readSafetensorsIndex,
  readShards,
  type ShardOptions,
  writeShards,
} from "./safetensors-shards.ts";
export * from "./store.ts";
