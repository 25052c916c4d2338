/** The payload of a call, from the command line, a file or standard input. */
import { readFile } from 'node:fs/promises';
import { TroupeError } from '../errors.ts';

export interface PayloadOptions {
  /** JSON text; `@path` reads it from a file, `-` from standard input. */
  readonly data?: string;
  /** A file whose bytes are the payload as they are. */
  readonly file?: string;
}

export async function readPayload({ data, file }: PayloadOptions): Promise<unknown> {
  if (data !== undefined && file !== undefined) {
    throw new TroupeError('INVALID_ARGUMENT', 'Give --data or --file, not both.');
  }
  if (file !== undefined) return new Uint8Array(await readInput(file));
  if (data === undefined) return undefined;
  if (data === '-') return parseJson(await readStandardInput(), 'standard input');
  if (data.startsWith('@')) return parseJson((await readInput(data.slice(1))).toString('utf8'), data.slice(1));
  return parseJson(data, '--data');
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new TroupeError(
      'INVALID_JSON',
      `${where} is not JSON: ${why}. Quote it for the shell, as in -d '{"name":"Ada"}'.`,
    );
  }
}

async function readInput(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `Cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
