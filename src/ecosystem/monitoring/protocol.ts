/** Monitoring and logging: what functions wrote, and what every component counts. Types only. */
import type { LogLevel } from '../../transport/protocol.ts';

export interface FunctionLogLine {
  /** Grows by one with every line of the host. */
  readonly sequence: number;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly functionName: string;
  readonly functionVersion: number;
  readonly instanceId: string;
  readonly invocationId?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface LogFilter {
  readonly functionName?: string;
  /** At most so many, the newest. */
  readonly limit?: number;
}
