/**
 * Log lines of this instance, on their way out. They may be dropped, never block: a full channel drops them, and says how many.
 */
import type { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from '../handler.ts';
import { encodeMeta } from '../transport/codec.ts';
import { type Channel, EMPTY, FRAME_KINDS, type LogLevel, type LogLine } from '../transport/protocol.ts';
import type { Invocation } from './invocation.ts';
import type { Outbox } from './outbox.ts';

const MAX_LINE_CHARACTERS = 65_536;

type Fields = Readonly<Record<string, unknown>>;
export type OutputStream = 'stdout' | 'stderr';

const LEVEL_OF: Readonly<Record<OutputStream, LogLevel>> = { stdout: 'info', stderr: 'warn' };

export class LogSender {
  readonly #outbox: Outbox;
  readonly #current: AsyncLocalStorage<Invocation>;
  /** What was written outside of any invocation and is no full line yet. */
  readonly #partialLines = new Map<string, string>();
  #dropped = 0;

  constructor(channel: Channel, outbox: Outbox, current: AsyncLocalStorage<Invocation>) {
    this.#outbox = outbox;
    this.#current = current;
    channel.onWritable(() => this.#sayDropped());
  }

  /** Sends one line for the invocation that is running now. */
  log(level: LogLevel, message: string, fields?: Fields): void {
    this.#send(this.#current.getStore(), level, message, fields);
  }

  loggerFor(invocation: Invocation): Logger {
    const at = (level: LogLevel) => (message: string, fields?: Fields) =>
      this.#send(invocation, level, String(message), fields);
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  /** Text written to an output stream: each full line is a log line, the rest waits for its end. */
  write(stream: OutputStream, text: string): void {
    const invocation = this.#current.getStore();
    const partial = invocation && !invocation.isFinished ? invocation.partialLines : this.#partialLines;
    const lines = ((partial.get(stream) ?? '') + text).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) this.#send(invocation, LEVEL_OF[stream], line);
    if (rest.length > MAX_LINE_CHARACTERS) {
      this.#send(invocation, LEVEL_OF[stream], rest);
      partial.delete(stream);
    } else if (rest === '') partial.delete(stream);
    else partial.set(stream, rest);
  }

  /** Sends what the invocation wrote without ending its line. */
  endOf(invocation: Invocation): void {
    if (invocation.partialLines.size === 0) return;
    for (const [stream, text] of invocation.partialLines)
      this.#send(invocation, LEVEL_OF[stream as OutputStream], text);
    invocation.partialLines.clear();
  }

  /** The same for what was written outside of any invocation. */
  end(): void {
    for (const [stream, text] of this.#partialLines) this.#send(undefined, LEVEL_OF[stream as OutputStream], text);
    this.#partialLines.clear();
  }

  #send(invocation: Invocation | undefined, level: LogLevel, message: string, fields?: Fields): void {
    const line: LogLine = {
      level,
      message: cut(message),
      wallMs: Date.now(),
      ...(invocation ? { invocationId: invocation.id } : {}),
      ...(fields === undefined ? {} : { fields }),
    };
    if (this.#dropped > 0) this.#sayDropped();
    if (this.#dropped > 0 || !this.#offer(line, invocation?.channelNumber ?? 0)) this.#dropped++;
  }

  #sayDropped(): void {
    if (this.#dropped === 0) return;
    const message = `${this.#dropped} log lines were dropped: the function logs faster than its host reads.`;
    if (this.#offer({ level: 'warn', message, wallMs: Date.now() }, 0)) this.#dropped = 0;
  }

  #offer(line: LogLine, call: number): boolean {
    return this.#outbox.offer({
      kind: FRAME_KINDS.log,
      port: 0,
      call,
      argument: 0,
      meta: encodeLine(line),
      payload: EMPTY,
    });
  }
}

/** Fields are user data: what cannot be encoded is described instead. */
function encodeLine(line: LogLine): Uint8Array {
  try {
    return encodeMeta(line);
  } catch (thrown) {
    return encodeMeta({ ...line, fields: { unencodable: thrown instanceof Error ? thrown.message : 'fields' } });
  }
}

function cut(message: string): string {
  if (message.length <= MAX_LINE_CHARACTERS) return message;
  const over = message.length - MAX_LINE_CHARACTERS;
  return `${message.slice(0, MAX_LINE_CHARACTERS)} ... (cut, ${over} more characters)`;
}
