/**
 * Striate in one import, for browsers and Node alike: the functions that most programs call, the errors they catch, and
 * everything else by folder. Files, folders and downloads are in `striate/data/node` and `striate/formats/node`.
 */

export * as data from "./data/index.ts";
export { type Batch, type Dataset, DigitsDataset, Loader, parseAugmentation } from "./data/index.ts";
export * as engines from "./engines/index.ts";
export { type Engine, jsEngine, wasmEngine, wasmFeatures } from "./engines/index.ts";
export { evaluate, type Metrics } from "./evaluate/index.ts";
export * as explain from "./explain/index.ts";
export * as formats from "./formats/index.ts";
export * as graph from "./graph/index.ts";
export { describe, gradients } from "./graph/index.ts";
export * as inference from "./inference/index.ts";
export { createClassifier } from "./inference/index.ts";
export * as kernels from "./kernels/index.ts";
export * as models from "./models/index.ts";
export { modelNamed, summarize } from "./models/index.ts";
export * as nn from "./nn/index.ts";
export { build, type Layer, type Network } from "./nn/index.ts";
export * as ops from "./ops/index.ts";
export * as tensor from "./tensor/index.ts";
export {
  CheckpointError,
  DatasetError,
  EngineError,
  OptionError,
  ShapeError,
  StriateError,
  TrainingError,
} from "./tensor/index.ts";
export * as training from "./train/index.ts";
export {
  type CompiledLearner,
  createLearner,
  decodeCheckpoint,
  encodeCheckpoint,
  type Learner,
  type LearnerOptions,
  recipeFor,
  sgd,
  type TrainingOptions,
  type TrainingRun,
  train,
  trainingOptions,
  version,
} from "./train/index.ts";
