/** JSON as a file header needs it: valid UTF-8 and no key said twice, which `JSON.parse` alone lets pass. */

/** Why a text was refused, and at which of its bytes where that is known. */
export interface JsonFault {
  readonly reason: string;
  readonly offset: number;
}

/** The value of `bytes`, or why there is none. */
export function parseStrictJson(bytes: Uint8Array): { readonly value: unknown } | JsonFault {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { reason: "the text is not valid UTF-8", offset: 0 };
  }
  const deep = tooDeep(text);
  if (deep !== undefined) return { reason: `brackets are nested over ${mostLevels} deep`, offset: deep };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { reason: `the text is not valid JSON (${shortened(error)})`, offset: 0 };
  }
  const duplicate = duplicateKey(text);
  if (duplicate) {
    return {
      reason: `the key ${JSON.stringify(duplicate.key)} stands twice`,
      offset: new TextEncoder().encode(text.slice(0, duplicate.index)).length,
    };
  }
  return { value };
}

/** Levels of nested objects and arrays: files that are meant well have three or four. */
const mostLevels = 64;

/** The first place that is nested too deep: a few megabytes of brackets would become gigabytes of objects. */
function tooDeep(text: string): number | undefined {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === "\\") i++;
    } else if (character === "{" || character === "[") {
      if (++depth > mostLevels) return new TextEncoder().encode(text.slice(0, i)).length;
    } else if (character === "}" || character === "]") depth--;
  }
  return undefined;
}

/** The engine's message quotes the text, which for a broken file may be long and unprintable. */
function shortened(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const printable = message.replace(/[^\x20-\x7e]+/g, "?");
  return printable.length > 120 ? `${printable.slice(0, 120)}…` : printable;
}

/** The first key that its object has had before. Takes `text` for valid JSON, so quotes and braces can be trusted. */
function duplicateKey(text: string): { readonly key: string; readonly index: number } | undefined {
  const open: (Set<string> | undefined)[] = []; // keys so far of each enclosing object; undefined for an array
  const keyEnd = /\s*:/y;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === "{") open.push(new Set());
    else if (character === "[") open.push(undefined);
    else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      const keys = open.at(-1);
      keyEnd.lastIndex = i + 1;
      if (!keys || !keyEnd.test(text)) continue;
      const key = JSON.parse(text.slice(start, i + 1)) as string; // a quoted string of valid JSON
      if (keys.has(key)) return { key, index: start };
      keys.add(key);
    }
  }
  return undefined;
}
