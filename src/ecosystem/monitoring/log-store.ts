/**
 * The latest log lines of all functions, and whoever follows them. Bounded: the oldest line goes when a new one comes.
 * Called in the transport's turn, so a follower must only hand on.
 */
import type { LogOrigin } from '../../function-management/instance/protocol.ts';
import type { LogLine } from '../../transport/protocol.ts';
import type { FunctionLogLine, LogFilter } from './protocol.ts';

type Follower = (line: FunctionLogLine) => void;

export class LogStore {
  readonly #lines: FunctionLogLine[];
  readonly #capacity: number;
  readonly #followers = new Set<Follower>();
  #written = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#lines = [];
  }

  /** All lines ever written. */
  get written(): number {
    return this.#written;
  }

  append(origin: LogOrigin, line: LogLine): void {
    const stored: FunctionLogLine = { ...line, ...origin, sequence: this.#written };
    if (this.#capacity > 0) this.#lines[this.#written % this.#capacity] = stored;
    this.#written++;
    for (const follower of this.#followers) follower(stored);
  }

  /** Oldest first. */
  latest({ functionName, limit = this.#capacity }: LogFilter = {}): FunctionLogLine[] {
    const found: FunctionLogLine[] = [];
    const first = Math.max(0, this.#written - this.#capacity);
    for (let sequence = this.#written - 1; sequence >= first && found.length < limit; sequence--) {
      const line = this.#lines[sequence % this.#capacity];
      if (line && (functionName === undefined || line.functionName === functionName)) found.push(line);
    }
    return found.reverse();
  }

  /** Calls back for every later line; the answer ends it. */
  follow(functionName: string | undefined, follower: Follower): () => void {
    const matching: Follower = (line) => {
      if (functionName === undefined || line.functionName === functionName) follower(line);
    };
    this.#followers.add(matching);
    return () => void this.#followers.delete(matching);
  }
}
