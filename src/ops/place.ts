/** Where in a model an operation is being built: each tensor and each error says the layer it belongs to. */

const path: string[] = [];

/** Runs `build` one level deeper in the path of names, "layer1" then "0" then "conv1". */
export function within<T>(name: string, build: () => T): T {
  path.push(name);
  try {
    return build();
  } finally {
    path.pop();
  }
}

/** The path so far, joined by dots; "" at the top. */
export function currentPlace(): string {
  return path.join(".");
}
