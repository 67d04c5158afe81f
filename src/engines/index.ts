export * from "./engine.ts";
export { jsEngine } from "./js/engine.ts";
export { type EvaluateOptions, evaluate } from "./js/evaluate.ts";
export * from "./profile.ts";
export { type Trace, type TraceEvent, traceOf } from "./trace.ts";
export { type WasmEngineOptions, wasmEngine } from "./wasm/engine.ts";
export { type WasmFeatures, wasmFeatures } from "./wasm/features.ts";
