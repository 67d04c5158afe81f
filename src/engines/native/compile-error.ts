import { EngineError } from "../../tensor/errors.ts";

/** Kernels that cannot be compiled, kept or loaded: what an engine without a compiler does not need. */
export class CompileError extends EngineError {}
