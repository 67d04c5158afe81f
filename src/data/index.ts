/** Data sets, augmentation and the loader: what runs in browsers and in Node alike. */

export * from "./augment/index.ts";
export { decodeBlob, type ImageFilesOptions, imageFilesDataset } from "./browser-images.ts";
export { type CifarImages, type NamedBytes, readCifarRecords } from "./cifar.ts";
export { readCifarPickles } from "./cifar-pickle.ts";
export type { Batch, Dataset } from "./dataset.ts";
export { DigitsDataset, type DigitsOptions } from "./digits.ts";
export { fingerprintOf } from "./fingerprint.ts";
export { gunzip, isGzip } from "./gunzip.ts";
export { type IdxImages, inflateIdx, readIdxImages, readIdxLabels } from "./idx.ts";
export type { SplitName } from "./image-layout.ts";
export { type EpochOptions, Loader, type LoaderOptions } from "./loader.ts";
export { measureNormalization } from "./measure.ts";
export { MemoryDataset, memoryDataset } from "./memory-dataset.ts";
export { datasetNames, type NamedSet, namedSets, type PublishedFile } from "./named.ts";
export { type Normalization, normalizer } from "./normalization.ts";
export type { DatasetFacts, DatasetSource, ImageFit, SourcedDataset } from "./source.ts";
export { type HeldOut, type HoldOutOptions, holdOut, limit, type SubsetOptions, subset } from "./views.ts";
