/** `troupe serve`: a host with its gateway, in the foreground. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { HostOptions } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import { checkFlags } from '../flag-check.ts';
import { defined, wholeNumber, wholeNumberFrom } from '../options.ts';
import { aborted, catchInterrupts } from '../signals.ts';
import { type Terminal, toJson } from '../terminal.ts';

interface ServeFlags {
  readonly port?: number;
  readonly address?: string;
  readonly data?: string;
  readonly agent: 'inline' | 'process';
  readonly agents?: number;
  readonly budget?: number;
  readonly payloadLimit?: number;
  readonly drain?: number;
  readonly json?: boolean;
}

const DEFAULT_DATA_DIR = '.troupe';
const MAX_PORT = 65_535;

/** The gateway waits this much longer than the host for calls, so that those that the host ends still get their answer. */
const ANSWER_MS = 1_000;

const FLAG_OF = {
  dataDir: '--data',
  agent: '--agent',
  agents: '--agents',
  memoryBudgetMb: '--budget',
  payloadLimitBytes: '--payload-limit',
  drainTimeoutMs: '--drain',
} satisfies Partial<Record<keyof HostOptions, string>>;

export function addServe(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('Run a host and its HTTP gateway. Ctrl-C lets calls finish, a second one does not.')
    .option(
      '--port <n>',
      'TCP port, 0 for any free one; the default is TROUPE_PORT, then 4460',
      wholeNumberFrom(0, MAX_PORT),
    )
    .option('--address <ip>', 'address to listen on (default: 127.0.0.1)')
    .option('--data <dir>', `data directory; the default is TROUPE_DATA_DIR, then ./${DEFAULT_DATA_DIR}`)
    .addOption(
      new Option('--agent <kind>', 'where instances live: a process that may die alone, or this one')
        .choices(['process', 'inline'])
        .default('process'),
    )
    .option('--agents <n>', 'node agents that share the budget', wholeNumber)
    .option('--budget <MiB>', 'memory that all instances together may use', wholeNumber)
    .option('--payload-limit <bytes>', 'largest payload and result', wholeNumber)
    .option('--drain <ms>', 'how long Ctrl-C waits for calls', wholeNumber)
    .option('--json', 'print { url, dataDir, pid } once it is up')
    .addHelpText(
      'after',
      `
Examples:
  $ troupe serve
  $ troupe serve --port 0 --data /var/lib/troupe --budget 2048`,
    )
    .action((flags: ServeFlags) => serve(flags, terminal));
}

async function serve(flags: ServeFlags, terminal: Terminal): Promise<void> {
  let isUp = false;
  const interrupts = catchInterrupts(() =>
    terminal.note(
      isUp ? 'Letting calls finish. Ctrl-C again to stop at once.' : 'Stopping. Ctrl-C again to stop at once.',
    ),
  );
  try {
    await runHost(flags, terminal, interrupts.signal, () => {
      isUp = true;
    });
  } finally {
    interrupts.release();
  }
  if (!isUp) throw new TroupeError('CANCELLED', 'Interrupted before the host was up.');
}

/** Until the interrupt. */
async function runHost(flags: ServeFlags, terminal: Terminal, interrupt: AbortSignal, up: () => void): Promise<void> {
  const { port, dataDir, address, options } = await settings(flags);
  const [{ createTroupe }, { startGateway }] = await Promise.all([
    import('../../troupe.ts'),
    import('../../ecosystem/gateway/gateway.ts'),
  ]);
  if (interrupt.aborted) return;
  const troupe = await createTroupe(options);
  let closeGateway = async () => {};
  try {
    if (interrupt.aborted) return;
    const gateway = await startGateway({ host: troupe, port, address });
    closeGateway = () => gateway.close({ timeoutMs: (options.drainTimeoutMs ?? 10_000) + ANSWER_MS });
    up();
    if (flags.json) terminal.out(toJson({ url: gateway.url, dataDir, pid: process.pid }));
    terminal.note(`troupe serves ${gateway.url}, data in ${dataDir}`);
    terminal.note(`  deploy a function   troupe deploy ./hello.ts --name hello${hostFlag(gateway.url)}`);
    await aborted(interrupt);
  } finally {
    // The gateway stops taking requests while the host lets those inside finish.
    await Promise.all([closeGateway(), troupe.close()]);
  }
}

interface Settings {
  readonly port: number;
  readonly dataDir: string;
  readonly address: string;
  readonly options: HostOptions;
}

/** Flag, then environment, then default. */
async function settings(flags: ServeFlags): Promise<Settings> {
  const { DEFAULT_HOST, DEFAULT_PORT, hostConfigSchema, readEnvironment } = await import('../../config.ts');
  const given = defined({
    dataDir: flags.data,
    agent: flags.agent,
    agents: flags.agents,
    memoryBudgetMb: flags.budget,
    payloadLimitBytes: flags.payloadLimit,
    drainTimeoutMs: flags.drain,
  });
  checkFlags(given, hostConfigSchema.unwrap().shape, FLAG_OF);
  const dataDir = resolve(flags.data ?? readEnvironment('dataDir') ?? DEFAULT_DATA_DIR);
  const port = flags.port ?? parsePort(readEnvironment('port')) ?? DEFAULT_PORT;
  return { port, dataDir, address: flags.address ?? DEFAULT_HOST, options: { ...given, dataDir } };
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= MAX_PORT) return port;
  throw new TroupeError('CONFIG_INVALID', `TROUPE_PORT must be a port number from 0 to ${MAX_PORT}, not "${text}".`);
}

function hostFlag(url: string): string {
  return url === 'http://127.0.0.1:4460' ? '' : ` --host ${url}`;
}
