/** Named files of one training run, wherever they live: a folder in Node, memory in tests, storage in a browser. */

export interface RunStore {
  /** The file's bytes, or undefined when there is none. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Replaces the file whole: after a crash it has either its old bytes or all of the new ones. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Adds text to the end of the file and returns once it is kept. */
  append(name: string, text: string): Promise<void>;
  /** How messages call the file, for example its path. */
  locate(name: string): string;
}

/** A store that lasts as long as it is referenced. */
export function memoryStore(): RunStore & { readonly files: Map<string, Uint8Array<ArrayBuffer>> } {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  return {
    files,
    async read(name) {
      return files.get(name)?.slice();
    },
    async write(name, bytes) {
      files.set(name, new Uint8Array(bytes));
    },
    async append(name, text) {
      const before = files.get(name) ?? new Uint8Array();
      const added = new TextEncoder().encode(text);
      const after = new Uint8Array(before.length + added.length);
      after.set(before);
      after.set(added, before.length);
      files.set(name, after);
    },
    locate: (name) => name,
  };
}
