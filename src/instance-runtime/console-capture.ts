/**
 * Turns what a function prints into log lines: the five methods of `console` that have a level, and whatever is written to the standard
 * streams, line by line. Nothing else of Node is touched.
 *
 * The streams are patched when they are first asked for: making them costs milliseconds, and most functions never do.
 */
import { format } from 'node:util';
import type { LogLevel } from '../transport/protocol.ts';
import type { LogSender, OutputStream } from './log-sender.ts';

const LEVEL_OF_METHOD = {
  debug: 'debug',
  log: 'info',
  info: 'info',
  warn: 'warn',
  error: 'error',
} as const satisfies Record<string, LogLevel>;

export function captureConsole(logs: LogSender): void {
  for (const method of ['debug', 'log', 'info', 'warn', 'error'] as const) {
    const level = LEVEL_OF_METHOD[method];
    console[method] = (...parts: unknown[]) => logs.log(level, format(...parts));
  }
  captureStream('stdout', logs);
  captureStream('stderr', logs);
}

function captureStream(name: OutputStream, logs: LogSender): void {
  const descriptor = Object.getOwnPropertyDescriptor(process, name);
  let patched: NodeJS.WriteStream | undefined;
  const get = (): NodeJS.WriteStream => {
    patched ??= patchWrite(descriptor?.get?.call(process) as NodeJS.WriteStream, name, logs);
    return patched;
  };
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get });
}

function patchWrite(stream: NodeJS.WriteStream, name: OutputStream, logs: LogSender): NodeJS.WriteStream {
  // A character may be split over two writes.
  const decoder = new TextDecoder();
  const write = (chunk: string | Uint8Array, second?: unknown, third?: unknown): boolean => {
    logs.write(name, typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }));
    const callback = typeof second === 'function' ? second : third;
    if (typeof callback === 'function') process.nextTick(callback);
    return true;
  };
  stream.write = write as typeof stream.write;
  return stream;
}
