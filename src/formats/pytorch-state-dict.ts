/** Finds the state dict in what a checkpoint of PyTorch holds, and gives its arrays flat names. */

import { CheckpointError } from "../tensor/errors.ts";
import { StridedTensor, type TorchValue } from "./pytorch-pickle.ts";
import type { RawTensor } from "./safetensors.ts";

export type Plain = string | number | boolean | null;

/** Where training scripts put the state dict, beside epoch and optimizer. */
const stateDictKeys = ["state_dict", "model_state_dict", "model"];

/** Every name begins so where the network was wrapped in DataParallel. */
const wrapper = "module.";

// A pickle can refer to one dictionary from many places, or from within itself: what is walked is bounded.
const mostLevels = 16;
const mostEntries = 200_000;
const mostNameLength = 1000;

/** Arrays and plain values of a checkpoint's value. Throws a CheckpointError when it holds no arrays by name. */
export function stateDictOf(
  value: TorchValue,
  read: (tensor: StridedTensor, name: string) => RawTensor,
  file: string,
): { tensors: Map<string, RawTensor>; entries: Map<string, Plain> } {
  const fail = (reason: string) => new CheckpointError(`${file}: ${reason}.`, { file, reason });
  if (!(value instanceof Map)) throw fail("holds no dictionary of arrays, but a single value");

  const under = stateDictKeys.map((key) => value.get(key)).find((each) => each instanceof Map);
  const found = new Map<string, StridedTensor>();
  let walked = 0;
  const walk = (dictionary: Map<string, TorchValue>, prefix: string, level: number) => {
    if (level > mostLevels) throw fail(`has dictionaries within dictionaries, over ${mostLevels} deep`);
    for (const [key, each] of dictionary) {
      if (++walked > mostEntries) throw fail(`has over ${mostEntries.toLocaleString("en-US")} entries`);
      const name = prefix + key;
      if (name.length > mostNameLength) throw fail(`has a name of over ${mostNameLength} letters`);
      if (each instanceof Map) walk(each, `${name}.`, level + 1);
      else if (each instanceof StridedTensor) {
        if (found.has(name)) throw fail(`has two arrays called ${name}`);
        found.set(name, each);
      }
    }
  };
  walk(under ?? value, "", 1);
  if (found.size === 0) throw fail("holds no arrays by name");

  const isWrapped = [...found.keys()].every((name) => name.startsWith(wrapper));
  const tensors = new Map<string, RawTensor>();
  for (const [name, tensor] of found) {
    const plainName = isWrapped ? name.slice(wrapper.length) : name;
    tensors.set(plainName, read(tensor, plainName));
  }
  const entries = new Map<string, Plain>();
  for (const [key, each] of value) {
    if (each === null || typeof each === "string" || typeof each === "number" || typeof each === "boolean")
      entries.set(key, each);
  }
  return { tensors, entries };
}
