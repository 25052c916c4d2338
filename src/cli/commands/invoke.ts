/** `troupe invoke`: calls a function of a running host, or one in a file with a host of its own. */
import { existsSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import type { Command } from 'commander';
import { TroupeError } from '../../errors.ts';
import type { InvocationRecord } from '../../ledger/protocol.ts';
import { createTroupe, type Troupe } from '../../troupe.ts';
import { addFunctionOptions, type FunctionFlags, toFunctionConfig, wholeNumber } from '../function-options.ts';
import { HostClient } from '../host-client.ts';
import { type PayloadOptions, readPayload } from '../payload.ts';
import { interruptible } from '../signals.ts';
import { duration, type Terminal, toJson } from '../terminal.ts';

interface InvokeFlags extends PayloadOptions, FunctionFlags {
  readonly host?: string;
  readonly timeout?: number;
  readonly version?: number;
  readonly alias?: string;
  readonly idempotencyKey?: string;
  readonly stream?: boolean;
  readonly json?: boolean;
}

interface Answer {
  readonly result: unknown;
  readonly invocation: InvocationRecord;
}

export function addInvoke(program: Command, terminal: Terminal): void {
  const command = program
    .command('invoke')
    .description('Call a function: by name on a running host, or straight from a file, with nothing running.')
    .argument('<function>', 'a name, or a path such as ./hello.ts')
    .option('-d, --data <json>', 'the payload as JSON; @file reads a file, - standard input')
    .option('-f, --file <path>', 'the payload: the bytes of a file')
    .option('--timeout <ms>', 'give up after this long', wholeNumber)
    .option('--version <n>', 'call this version', wholeNumber)
    .option('--alias <name>', 'call through this alias')
    .option('--idempotency-key <key>', 'handed to the function')
    .option('--stream', 'print each chunk as it comes, one JSON text a line')
    .option('--host <url>', 'the host to call; the default is TROUPE_HOST, then http://127.0.0.1:4460')
    .option('--json', 'print { result, invocation } with the phases of the call');
  addFunctionOptions(command)
    .addHelpText(
      'after',
      `
The options from --isolation on apply to a function in a file.

Examples:
  $ troupe invoke ./hello.ts -d '{"name":"Ada"}'
  $ troupe invoke thumbnail -d @request.json --json
  $ echo '"some text"' | troupe invoke word-frequency -d -`,
    )
    .action((target: string, flags: InvokeFlags) => interruptible((signal) => invoke(target, flags, terminal, signal)));
}

async function invoke(target: string, flags: InvokeFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const payload = await readPayload(flags);
  if (!looksLikePath(target)) return invokeOnHost(target, payload, flags, terminal, signal);
  if (!existsSync(target)) throw new TroupeError('SOURCE_NOT_FOUND', `There is nothing at ${resolve(target)}.`);
  const troupe = await createTroupe({ drainTimeoutMs: 0 });
  try {
    await invokeEmbedded(troupe, target, payload, flags, terminal, signal);
  } finally {
    await troupe.close();
  }
}

/** Names have no dots or slashes, paths to functions nearly always do. */
function looksLikePath(target: string): boolean {
  return target.includes('/') || target.includes('\\') || extname(target) !== '' || target === '.';
}

async function invokeEmbedded(
  troupe: Troupe,
  path: string,
  payload: unknown,
  flags: InvokeFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const name = nameOf(path);
  const unfollow = troupe.followLogs(({ level, message }) => terminal.note(`${level} ${message}`));
  await troupe.deploy({ name, source: path, ...toFunctionConfig(flags, path) });
  const { timeout: timeoutMs, idempotencyKey } = flags;
  const options = { signal, ...defined({ timeoutMs, idempotencyKey }) };
  if (flags.stream) {
    for await (const chunk of troupe.stream(name, payload, options)) terminal.out(toJson(chunk));
  } else {
    print(await troupe.invokeWithDetails(name, payload, options), flags, terminal);
  }
  unfollow();
}

async function invokeOnHost(
  name: string,
  payload: unknown,
  flags: InvokeFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const query = new URLSearchParams(defined({ version: flags.version?.toString(), alias: flags.alias }));
  const headers: Record<string, string> = defined({
    'x-troupe-timeout-ms': flags.timeout?.toString(),
    'idempotency-key': flags.idempotencyKey,
  });
  const path = `/functions/${encodeURIComponent(name)}/invocations`;
  const client = new HostClient(flags.host);
  if (flags.stream) {
    const accept = { ...headers, accept: 'application/x-ndjson' };
    return client.lines(
      { method: 'POST', path: `${path}?${query}`, headers: accept, body: payload },
      (line) => terminal.out(line),
      signal,
    );
  }
  query.set('details', '1');
  print(
    await client.json<Answer>({ method: 'POST', path: `${path}?${query}`, headers, body: payload }, signal),
    flags,
    terminal,
  );
}

function print({ result, invocation }: Answer, { json }: InvokeFlags, terminal: Terminal): void {
  if (!json) return terminal.out(toJson(result, process.stdout.isTTY ? 2 : undefined));
  const { id, coldStart, phasesUs, totalUs } = invocation;
  terminal.out(toJson({ result, invocation: { id, coldStart: coldStart ?? null, phasesUs, totalUs } }));
  const phases = Object.entries(phasesUs).filter(([, us]) => us > 0);
  terminal.note(`${duration(totalUs)}: ${phases.map(([phase, us]) => `${phase} ${duration(us)}`).join(', ')}`);
}

/** A folder or file name as the name of a function: what is not allowed in one becomes a hyphen. */
function nameOf(path: string): string {
  const stem = basename(resolve(path), extname(path)).toLowerCase();
  const name = (stem === 'index' ? basename(resolve(path, '..')).toLowerCase() : stem).replaceAll(/[^a-z0-9]+/g, '-');
  return name.replaceAll(/^-+|-+$/g, '').slice(0, 63) || 'function';
}

function defined<T extends Readonly<Record<string, unknown>>>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
