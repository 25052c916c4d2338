/** `troupe serve`: a host with its gateway, in the foreground. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { DEFAULT_HOST, DEFAULT_PORT, type HostOptions, readEnvironment } from '../../config.ts';
import { type Gateway, startGateway } from '../../ecosystem/gateway/gateway.ts';
import { TroupeError } from '../../errors.ts';
import { createTroupe } from '../../troupe.ts';
import { wholeNumber } from '../function-options.ts';
import { aborted } from '../signals.ts';
import { type Terminal, toJson } from '../terminal.ts';

interface ServeFlags {
  readonly port?: number;
  readonly address: string;
  readonly data?: string;
  readonly agent: 'inline' | 'process';
  readonly agents?: number;
  readonly budget?: number;
  readonly payloadLimit?: number;
  readonly drain?: number;
  readonly json?: boolean;
}

const DEFAULT_DATA_DIR = '.troupe';

export function addServe(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('Run a host and its HTTP gateway. Ctrl-C lets calls finish, a second one does not.')
    .option('--port <n>', `TCP port, 0 for any free one; the default is TROUPE_PORT, then ${DEFAULT_PORT}`, wholeNumber)
    .option('--address <ip>', 'address to listen on', DEFAULT_HOST)
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
  const dataDir = flags.data ?? readEnvironment('dataDir') ?? DEFAULT_DATA_DIR;
  const port = flags.port ?? environmentPort() ?? DEFAULT_PORT;
  const interrupts = new AbortController();
  const interrupt = () => {
    if (interrupts.signal.aborted) process.exit(130);
    interrupts.abort();
    terminal.note('Letting calls finish. Ctrl-C again to stop at once.');
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const options: HostOptions = {
    dataDir,
    agent: flags.agent,
    ...(flags.agents === undefined ? {} : { agents: flags.agents }),
    ...(flags.budget === undefined ? {} : { memoryBudgetMb: flags.budget }),
    ...(flags.payloadLimit === undefined ? {} : { payloadLimitBytes: flags.payloadLimit }),
    ...(flags.drain === undefined ? {} : { drainTimeoutMs: flags.drain }),
  };
  const troupe = await createTroupe(options);
  let gateway: Gateway | undefined;
  try {
    gateway = await startGateway({ host: troupe, port, address: flags.address });
    if (flags.json) terminal.out(toJson({ url: gateway.url, dataDir, pid: process.pid }));
    terminal.note(`troupe serves ${gateway.url}, data in ${dataDir}`);
    terminal.note(`  deploy a function   troupe deploy ./hello.ts --name hello${hostFlag(gateway.url)}`);
    await aborted(interrupts.signal);
  } finally {
    // The gateway stops taking requests while the host lets those inside finish.
    await Promise.all([gateway?.close(), troupe.close()]);
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function environmentPort(): number | undefined {
  const text = readEnvironment('port');
  if (text === undefined) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new TroupeError('CONFIG_INVALID', `TROUPE_PORT must be a port number, not "${text}".`);
}

function hostFlag(url: string): string {
  return url === `http://${DEFAULT_HOST}:${DEFAULT_PORT}` ? '' : ` --host ${url}`;
}
