/** `troupe db`: whether everything on disk is whole, and copies of it. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Backup, DataCheck } from '../../ecosystem/data-management/protocol.ts';
import { TroupeError } from '../../errors.ts';
import { HostClient } from '../host-client.ts';
import { interruptible } from '../signals.ts';
import { bytes, duration, type Terminal, table, toJson } from '../terminal.ts';

interface DataFlags {
  readonly data?: string;
  readonly host?: string;
  readonly json?: boolean;
}

const DEFAULT_DATA_DIR = '.troupe';

export function addData(program: Command, terminal: Terminal): void {
  const db = program
    .command('db')
    .description('Check and copy what a host has on disk.')
    .addHelpText(
      'after',
      '\nExamples:\n  $ troupe db check\n  $ troupe db backup /backups/today --host http://127.0.0.1:4460',
    );
  const add = (usage: string, description: string, examples: readonly string[]) =>
    db
      .command(usage)
      .description(description)
      .option(
        '--data <dir>',
        `a data directory that no host has open; the default is TROUPE_DATA_DIR, then ./${DEFAULT_DATA_DIR}`,
      )
      .option('--host <url>', 'that of a running host instead')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ troupe db ${example}`).join('\n')}`);
  add('check', 'Read every record and the code of every function, and say what is damaged or does not fit together.', [
    'check --data ./.troupe',
    'check --host http://127.0.0.1:4460',
  ]).action((flags: DataFlags) => interruptible(terminal, (signal) => check(flags, terminal, signal)));
  add('backup <dest>', 'Copy everything, while the host runs if it does. The copy is a data directory of its own.', [
    'backup /backups/today --host http://127.0.0.1:4460',
    'backup ../copy --data ./.troupe && troupe serve --data ../copy',
  ]).action((dest: string, flags: DataFlags) =>
    interruptible(terminal, (signal) => backup(dest, flags, terminal, signal)),
  );
}

async function check(flags: DataFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const report = await onData<DataCheck>(flags, signal, {
    stored: (care) => care.check(),
    remote: (client) => client.json({ method: 'GET', path: '/db/check' }),
  });
  if (flags.json) terminal.out(toJson(report));
  else for (const line of reportLines(report, terminal)) terminal.out(line);
  const { isSound, faults, furtherFaults } = report;
  if (isSound) return;
  const count = faults.length + furtherFaults;
  throw new TroupeError('RECORD_CORRUPT', `${count === 1 ? '1 fault was' : `${count} faults were`} found.`, {
    details: { faults: count },
  });
}

function reportLines(
  { records, faults, furtherFaults, quarantined, tookMs }: DataCheck,
  { outColors }: Terminal,
): string[] {
  const count = Object.values(records).reduce((sum, each) => sum + each, 0);
  const lines = [`${count} records read in ${duration(tookMs * 1_000)}`];
  if (faults.length > 0) {
    const rows = faults.map(({ database, key = '-', reason }) => [database, plain(key), plain(reason)]);
    lines.push('', ...table(outColors, ['DATABASE', 'KEY', 'FAULT'], rows));
    if (furtherFaults > 0) lines.push(`and ${furtherFaults} more`);
  }
  if (quarantined.length > 0) {
    const rows = quarantined.map(({ database, key = '-', reason, detectedAtMs }) => [
      database,
      plain(key),
      new Date(detectedAtMs).toISOString(),
      plain(reason),
    ]);
    lines.push('', ...table(outColors, ['QUARANTINED OF', 'KEY', 'FOUND', 'FAULT'], rows));
  }
  if (faults.length === 0) lines.push('no faults');
  return lines;
}

/** Keys may hold anything. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

async function backup(dest: string, flags: DataFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const directory = resolve(dest);
  const done = await onData<Backup>(flags, signal, {
    stored: (care) => care.backUp(directory),
    remote: (client) => client.json({ method: 'POST', path: '/db/backup', body: { directory } }),
  });
  if (flags.json) return terminal.out(toJson(done));
  terminal.out(`${done.directory}: ${bytes(done.bytes)} in ${duration(done.tookMs * 1_000)}`);
  terminal.note(`  run a host on it   troupe serve --data ${done.directory}`);
}

interface Care {
  check(): Promise<DataCheck>;
  backUp(directory: string): Promise<Backup>;
}

async function onData<Result>(
  { data, host }: DataFlags,
  signal: AbortSignal,
  ways: {
    readonly stored: (care: Care) => Promise<Result>;
    readonly remote: (client: HostClient) => Promise<Result>;
  },
): Promise<Result> {
  if (data !== undefined && host !== undefined) {
    throw new TroupeError('INVALID_ARGUMENT', 'Give --data or --host, not both.');
  }
  if (host !== undefined) return ways.remote(await HostClient.open(host, signal));
  const [{ withStoredData }, { readEnvironment }] = await Promise.all([
    import('../../data-care.ts'),
    import('../../config.ts'),
  ]);
  return withStoredData(data ?? readEnvironment('dataDir') ?? DEFAULT_DATA_DIR, ways.stored);
}
