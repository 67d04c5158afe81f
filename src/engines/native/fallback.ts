/** The native engine where its compiler works, and another where it turns out, at the first plan, that it does not. */

import type { Plan } from "../../graph/planned.ts";
import type { StateLayout } from "../../graph/state-layout.ts";
import type { Engine, Program, Session } from "../engine.ts";
import { CompileError } from "./compile-error.ts";

/** `instead` opens the other engine, and tells the user why. It is asked once. */
export function withFallback(engine: Engine, instead: (why: CompileError) => Promise<Engine>): Engine {
  return new FallbackEngine(engine, instead);
}

class FallbackEngine implements Engine {
  private engine: Engine;
  private readonly instead: (why: CompileError) => Promise<Engine>;
  private other: Promise<Engine> | undefined;
  /** The native engine, once there is another. */
  private readonly earlier: Engine[] = [];

  constructor(engine: Engine, instead: (why: CompileError) => Promise<Engine>) {
    this.engine = engine;
    this.instead = instead;
  }

  get name(): string {
    return this.engine.name;
  }

  get threads(): number {
    return this.engine.threads;
  }

  async open(state: StateLayout): Promise<Session> {
    const session = await this.engine.open(state);
    return this.other === undefined
      ? new FallbackSession(session, state, (why) => this.fallBack(why))
      : session;
  }

  /** The other engine, which new sessions are opened on from now on. */
  private async fallBack(why: CompileError): Promise<Engine> {
    const before = this.engine;
    this.other ??= this.instead(why);
    this.engine = await this.other;
    // Its sessions that have programs go on.
    if (before !== this.engine) this.earlier.push(before);
    return this.engine;
  }

  dispose(): void {
    for (const each of [this.engine, ...this.earlier]) each.dispose();
  }
}

class FallbackSession implements Session {
  private session: Session;
  private readonly state: StateLayout;
  private readonly fallBack: (why: CompileError) => Promise<Engine>;
  /** Whether a program runs in the session: then it stays. */
  private isUsed = false;
  private moving: Promise<void> | undefined;

  constructor(session: Session, state: StateLayout, fallBack: (why: CompileError) => Promise<Engine>) {
    this.session = session;
    this.state = state;
    this.fallBack = fallBack;
  }

  async load(plan: Plan): Promise<Program> {
    try {
      const program = await this.session.load(plan);
      this.isUsed = true;
      return program;
    } catch (error) {
      if (!(error instanceof CompileError) || this.isUsed) throw error;
      this.moving ??= this.move(error);
      await this.moving;
      return this.session.load(plan);
    }
  }

  /** Goes on in a session of the other engine, from the same state. */
  private async move(why: CompileError): Promise<void> {
    const before = this.session;
    const after = await (await this.fallBack(why)).open(this.state);
    for (const name of this.state.entries.keys()) after.write(name, before.read(name));
    this.session = after;
    before.dispose();
  }

  read(name: string): Float32Array {
    return this.session.read(name);
  }

  write(name: string, values: ArrayLike<number>): void {
    this.session.write(name, values);
  }

  dispose(): void {
    this.session.dispose();
  }
}
