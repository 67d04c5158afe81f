export { type NativeEngineOptions, nativeEngine } from "./engine.ts";
export { type Examination, examine } from "./examine.ts";
export { type EngineName, engineNames, type OpenEngineOptions, openEngine } from "./open.ts";
