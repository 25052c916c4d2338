/** Calls a function that is in a file: starts a host in this process, deploys, calls, and leaves nothing behind. */
import { basename, extname, resolve } from 'node:path';
import type { InvocationRecord } from '../ledger/protocol.ts';
import type { Troupe } from '../troupe.ts';
import { type FunctionFlags, toFunctionConfig } from './function-options.ts';
import { defined, type HostFlags } from './options.ts';
import type { PayloadOptions } from './payload.ts';
import { orAborted } from './signals.ts';
import { type Terminal, toJson } from './terminal.ts';

export interface InvokeFlags extends PayloadOptions, FunctionFlags, HostFlags {
  readonly timeout?: number;
  readonly version?: number;
  readonly alias?: string;
  readonly idempotencyKey?: string;
  readonly stream?: boolean;
  /** For a workflow. */
  readonly functions?: string;
  readonly header?: Readonly<Record<string, string>>;
}

/** What there is to print, from a gateway or from a host of our own. */
export interface Answer {
  readonly result: unknown;
  readonly invocation: Pick<InvocationRecord, 'id' | 'phasesUs'> & { readonly coldStart?: string | null };
}

interface FileInvocation {
  readonly path: string;
  readonly payload: unknown;
  readonly flags: InvokeFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly show: (answer: Answer) => void;
}

export async function invokeFile(invocation: FileInvocation): Promise<void> {
  const { path, flags, terminal, signal } = invocation;
  const config = await toFunctionConfig(flags, path);
  const { createTroupe } = await import('../troupe.ts');
  // A function under work may use up all memory or block for ever: that must cost its call, and not this process and its exit code.
  const troupe = await createTroupe({ agent: 'process', drainTimeoutMs: 0 });
  try {
    const name = nameOf(path);
    troupe.followLogs(({ level, message }) => terminal.note(`${level} ${message}`));
    await orAborted(troupe.deploy({ name, source: path, ...config }), signal);
    await call(troupe, name, invocation);
  } finally {
    await troupe.close();
  }
}

async function call(troupe: Troupe, name: string, invocation: FileInvocation): Promise<void> {
  const { payload, flags, terminal, signal, show } = invocation;
  const options = { signal, ...defined({ timeoutMs: flags.timeout, idempotencyKey: flags.idempotencyKey }) };
  if (!flags.stream) return show(await troupe.invokeWithDetails(name, payload, options));
  for await (const chunk of troupe.stream(name, payload, options)) {
    terminal.out(toJson(chunk));
    await terminal.drained();
  }
}

/** A folder or file name as the name of a function: what is not allowed in one becomes a hyphen. */
export function nameOf(path: string): string {
  const stem = basename(resolve(path), extname(path)).toLowerCase();
  const name = (stem === 'index' ? basename(resolve(path, '..')).toLowerCase() : stem).replaceAll(/[^a-z0-9]+/g, '-');
  return (
    name
      .slice(0, 64)
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 63)
      .replace(/-+$/, '') || 'function'
  );
}
