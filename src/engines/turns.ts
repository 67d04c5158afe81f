/** What a session is asked for, one thing at a time, in the order of asking. */

export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Does `task` when all asked for before it is done, whether that succeeded or not. */
  take<T>(task: () => T | Promise<T>): Promise<T> {
    const result = this.last.then(task);
    this.last = result.catch(() => undefined);
    return result;
  }
}
