/** Opens a set again from the description that its first opener made. */

import { DatasetError } from "../tensor/errors.ts";
import type { Dataset } from "./dataset.ts";
import { DigitsDataset } from "./digits.ts";
import { MemoryDataset } from "./memory-dataset.ts";
import type { DatasetSource } from "./source.ts";
import { SubsetDataset } from "./views.ts";

/** Opens what this platform alone can, or returns nothing. */
export type PlatformOpener = (source: DatasetSource) => Dataset | undefined;

/** Opens any source; those that need Node or a page go to `platform`. */
export function openSource(source: DatasetSource, platform: PlatformOpener): Dataset {
  switch (source.kind) {
    case "digits":
      return new DigitsDataset(source);
    case "memory":
      return new MemoryDataset(source);
    case "subset":
      return new SubsetDataset(openSource(source.of, platform), source.indices, source.split);
    default: {
      const dataset = platform(source);
      if (!dataset) {
        throw new DatasetError(`A data set of kind "${source.kind}" cannot be opened here.`, {
          kind: source.kind,
        });
      }
      return dataset;
    }
  }
}
