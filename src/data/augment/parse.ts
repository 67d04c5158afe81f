/** The small language of `--augment`: `crop,flip`, `shift:2,rotate:10`, `affine:degrees=15:scale=0.05`. */

import { OptionError } from "../../tensor/errors.ts";
import { transforms } from "./registry.ts";
import { type Augmentation, checkedValues, type Transform } from "./transform.ts";

/**
 * Reads a list of transforms: names with commas between, each followed by numbers in the order of its parameters or as
 * `parameter=number`, with colons before. The empty text and `none` are no augmentation.
 *
 * Throws an OptionError that lists what there is.
 */
export function parseAugmentation(text: string): readonly Augmentation[] {
  const trimmed = text.trim();
  return trimmed === "" || trimmed === "none" ? [] : trimmed.split(",").map(parseOne);
}

/** The text that `parseAugmentation` reads back to the same list. */
export function formatAugmentation(augmentations: readonly Augmentation[]): string {
  return augmentations
    .map(({ name, values }) =>
      [name, ...Object.entries(values).map(([key, value]) => `${key}=${value}`)].join(":"),
    )
    .join(",");
}

/** The transform of this name. Throws an OptionError that lists what there is. */
export function transformNamed(name: string): Transform {
  const found = transforms.find((transform) => transform.name === name);
  if (!found) {
    const list = transforms.map((transform) => `${transform.name} (${transform.about})`).join(", ");
    throw new OptionError(`There is no augmentation "${name}". There are: ${list}.`, { name });
  }
  return found;
}

function parseOne(text: string): Augmentation {
  const [name, ...rest] = text.split(":").map((part) => part.trim());
  const transform = transformNamed(name);
  const keys = Object.keys(transform.parameters);
  const values: Record<string, number> = {};
  for (const [place, part] of rest.entries()) {
    const [left, right] = part.includes("=") ? part.split("=") : [keys[place], part];
    if (left === undefined) {
      throw new OptionError(
        `augmentation ${text}: ${name} takes ${keys.length} numbers (${keys.join(", ")}), not ${rest.length}.`,
        { name, text },
      );
    }
    const value = right.trim() === "" ? Number.NaN : Number(right);
    if (Number.isNaN(value)) {
      throw new OptionError(`augmentation ${text}: "${right}" is not a number.`, { name, text });
    }
    values[left.trim()] = value;
  }
  return { name, values: checkedValues(transform, values) };
}
