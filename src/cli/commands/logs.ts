/** `troupe logs`: what functions wrote. */
import type { Command } from 'commander';
import pc from 'picocolors';
import type { FunctionLogLine } from '../../ecosystem/monitoring/protocol.ts';
import { wholeNumber } from '../function-options.ts';
import { HostClient } from '../host-client.ts';
import { interruptible } from '../signals.ts';
import { type Terminal, toJson } from '../terminal.ts';

interface LogFlags {
  readonly host?: string;
  readonly lines: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

export function addLogs(program: Command, terminal: Terminal): void {
  program
    .command('logs')
    .description('Show the log lines of functions, with the invocation that wrote each.')
    .argument('[name]', 'only this function')
    .option('-f, --follow', 'go on with new lines until Ctrl-C')
    .option('-n, --lines <n>', 'how many of the latest lines', wholeNumber, 100)
    .option('--host <url>', 'the host; the default is TROUPE_HOST, then http://127.0.0.1:4460')
    .option('--json', 'print each line as JSON')
    .addHelpText('after', '\nExamples:\n  $ troupe logs hello -f\n  $ troupe logs --json -n 1000')
    .action((name: string | undefined, flags: LogFlags) =>
      interruptible((signal) => logs(name, flags, terminal, signal)),
    );
}

async function logs(name: string | undefined, flags: LogFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const query = new URLSearchParams({ limit: String(flags.lines) });
  if (name !== undefined) query.set('function', name);
  if (flags.follow) query.set('follow', '1');
  const show = (text: string) => {
    const line = JSON.parse(text) as FunctionLogLine;
    terminal.out(flags.json ? text : format(line));
  };
  await new HostClient(flags.host).lines({ method: 'GET', path: `/logs?${query}` }, show, signal);
}

const PAINT = { debug: pc.dim, info: pc.green, warn: pc.yellow, error: pc.red };

function format({
  wallMs,
  level,
  functionName,
  functionVersion,
  invocationId,
  message,
  fields,
}: FunctionLogLine): string {
  const time = new Date(wallMs).toISOString().slice(11, 23);
  const where = pc.cyan(`${functionName}@${functionVersion}`);
  const facts = fields ? ` ${pc.dim(toJson(fields))}` : '';
  return `${pc.dim(time)} ${PAINT[level](level.padEnd(5))} ${where} ${pc.dim(invocationId ?? '-')} ${message}${facts}`;
}
