/** Data sets from files, folders and the network, in Node. */

export { cacheFolder } from "./node/cache-folder.ts";
export { type DecodeOptions, decodeImage } from "./node/decode-image.ts";
export type { DownloadProgress } from "./node/download.ts";
export { FolderDataset } from "./node/folder-dataset.ts";
export { availableSplits, type OpenDatasetOptions, openDataset } from "./node/open.ts";
export { type ImageFolderOptions, openImageFolder } from "./node/open-folder.ts";
