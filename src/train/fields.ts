/** Reads the fields of an untrusted JSON object, each with its type, and says which one is wrong. */

/** What JSON can hold. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

export class Fields {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #fail: (reason: string) => Error;

  /** `path` names the object in messages; `fail` makes the error of a reason. */
  constructor(value: unknown, path: string, fail: (reason: string) => Error) {
    if (!isObject(value)) throw fail(`${path} is ${shown(value)}, not an object`);
    this.#value = value;
    this.#path = path;
    this.#fail = fail;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#value, key);
  }

  keys(): string[] {
    return Object.keys(this.#value);
  }

  text(key: string): string {
    return this.#read(key, "text", (value) => typeof value === "string") as string;
  }

  flag(key: string): boolean {
    return this.#read(key, "true or false", (value) => typeof value === "boolean") as boolean;
  }

  number(key: string): number {
    return this.#read(key, "a finite number", Number.isFinite) as number;
  }

  numberOrNull(key: string): number | null {
    return this.#at(key) === null ? null : this.number(key);
  }

  /** A count: a whole number from 0. */
  count(key: string): number {
    return this.#read(key, "a whole number", isCount) as number;
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T {
    const rule = `one of ${choices.join(", ")}`;
    return this.#read(key, rule, (value) => choices.some((choice) => choice === value)) as T;
  }

  texts(key: string): readonly string[] {
    const isTexts = (value: unknown) =>
      Array.isArray(value) && value.every((item) => typeof item === "string");
    return this.#read(key, "a list of texts", isTexts) as readonly string[];
  }

  numbers(key: string, length?: number): readonly number[] {
    const rule = length === undefined ? "a list of finite numbers" : `a list of ${length} finite numbers`;
    const isNumbers = (value: unknown) =>
      Array.isArray(value) &&
      value.every(Number.isFinite) &&
      (length === undefined || value.length === length);
    return this.#read(key, rule, isNumbers) as readonly number[];
  }

  /** Shape of an image, [h, w, c], each at least 1. */
  imageShape(key: string): readonly [h: number, w: number, c: number] {
    const isShape = (value: unknown) =>
      Array.isArray(value) && value.length === 3 && value.every((extent) => isCount(extent) && extent > 0);
    return this.#read(key, "an image shape [h, w, c]", isShape) as readonly [number, number, number];
  }

  fields(key: string): Fields {
    return new Fields(this.#at(key), `${this.#path}.${key}`, this.#fail);
  }

  fieldsOrNull(key: string): Fields | null {
    return this.#at(key) === null ? null : this.fields(key);
  }

  /** Any JSON object, as it is. */
  object(key: string): JsonObject {
    return this.#read(key, "an object", isObject) as JsonObject;
  }

  #at(key: string): unknown {
    return this.has(key) ? this.#value[key] : undefined;
  }

  /** The casts above are sound because `test` has looked at the value. */
  #read(key: string, rule: string, test: (value: unknown) => boolean): unknown {
    const value = this.#at(key);
    if (!test(value)) throw this.#fail(`${this.#path}.${key} is ${shown(value)}, not ${rule}`);
    return value;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function shown(value: unknown): string {
  const text = value === undefined ? "missing" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
