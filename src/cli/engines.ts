/** What can be asked of `--engine`. */

export const engineChoices = ["auto", "wasm", "js"] as const;
export type EngineChoice = (typeof engineChoices)[number];
