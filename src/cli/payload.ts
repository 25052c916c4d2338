/** The payload of a call, from the command line, a file or standard input. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { TroupeError } from '../errors.ts';

export interface PayloadOptions {
  /** JSON text; `@path` reads it from a file, `-` from standard input. */
  readonly data?: string;
  /** A file whose bytes are the payload as they are; `-` is standard input. */
  readonly file?: string;
}

/** The highest payload limit that a host can have: what is longer need not be read to its end. */
const MAX_BYTES = 268_435_456;

export async function readPayload({ data, file }: PayloadOptions, signal: AbortSignal): Promise<unknown> {
  if (data !== undefined && file !== undefined) {
    throw new TroupeError('INVALID_ARGUMENT', 'Give --data or --file, not both.');
  }
  if (file !== undefined) return new Uint8Array(await readSource(file, signal));
  if (data === undefined) return undefined;
  if (data === '-') return parseJson(await readSource('-', signal), 'Standard input');
  if (data.startsWith('@')) return parseJson(await readSource(data.slice(1), signal), data.slice(1));
  return parseJson(data, '--data');
}

function parseJson(text: string | Buffer, where: string): unknown {
  try {
    // A byte order mark is not JSON, but editors put one before it.
    return JSON.parse(text.toString().replace(/^\uFEFF/, ''));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    const hint = where === '--data' ? ` Quote it for the shell, as in -d '{"name":"Ada"}'.` : '';
    throw new TroupeError('INVALID_JSON', `${where} is not JSON: ${why}.${hint}`);
  }
}

async function readSource(path: string, signal: AbortSignal): Promise<Buffer> {
  if (path === '-') return readAll(process.stdin, 'standard input', signal);
  if (path === '')
    throw new TroupeError('INVALID_ARGUMENT', 'A file to read has no name: write @path, or --file path.');
  return readAll(createReadStream(path), path, signal);
}

async function readAll(stream: Readable, what: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = () => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > MAX_BYTES) break;
    }
  } catch (cause) {
    if (signal.aborted) throw new TroupeError('CANCELLED', 'Interrupted.');
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TroupeError('INVALID_ARGUMENT', `Cannot read ${what}: ${why}.`, { cause });
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (length <= MAX_BYTES) return Buffer.concat(chunks);
  throw new TroupeError(
    'PAYLOAD_TOO_LARGE',
    `${what} is longer than ${MAX_BYTES} bytes, the most that a host can take.`,
  );
}
