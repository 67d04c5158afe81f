export { type AdoptedWeights, type AdoptOptions, adoptWeights } from "./adopt-weights.ts";
export * from "./checkpoint.ts";
export { CompiledLearner, createLearner } from "./compiled-learner.ts";
export * from "./events.ts";
export { fromReferenceLayout, toReferenceLayout } from "./layout.ts";
export type * from "./learner.ts";
export type { LearnerOptions } from "./learner-options.ts";
export * from "./optimizer.ts";
export { defaultTrainingOptions, type TrainingOptions, trainingOptions } from "./options.ts";
export type { EpochMeasures, Progress } from "./progress.ts";
export { type Recipe, recipeFor } from "./recipes.ts";
export { bestFile, lastFile } from "./run-keeper.ts";
export * from "./schedules/index.ts";
export * from "./trainer.ts";
export { type TrainingMemory, trainingMemory } from "./training-memory.ts";
export * from "./training-run.ts";
export { version } from "./version.ts";
export { namesOf, renamed, type WeightNames, weightNames } from "./weight-names.ts";
export {
  auxiliaryOf,
  type DeclaredWeight,
  headOf,
  loadWeights,
  type WeightOptions,
  weightsFor,
} from "./weights.ts";
export { readWeights, type WeightsFile } from "./weights-file.ts";
