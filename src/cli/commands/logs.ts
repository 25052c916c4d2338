/** `troupe logs`: what functions wrote. */
import type { Command } from 'commander';
import type { FunctionLogLine } from '../../ecosystem/monitoring/protocol.ts';
import { HostClient } from '../host-client.ts';
import { addHostOptions, type HostFlags, wholeNumberFrom } from '../options.ts';
import { interruptible } from '../signals.ts';
import { type Colors, type Terminal, toJson } from '../terminal.ts';

interface LogFlags extends HostFlags {
  readonly lines: number;
  readonly follow?: boolean;
}

/** In place of lines that came faster than they were read. */
interface Gap {
  readonly notice: 'dropped';
  readonly lines: number;
}

export function addLogs(program: Command, terminal: Terminal): void {
  const command = program
    .command('logs')
    .description('Show the log lines of functions, with the invocation that wrote each.')
    .argument('[name]', 'only this function')
    .option('-f, --follow', 'go on with new lines until Ctrl-C')
    .option('-n, --lines <n>', 'how many of the latest lines', wholeNumberFrom(0), 100);
  addHostOptions(command, 'print each line as JSON')
    .addHelpText('after', '\nExamples:\n  $ troupe logs hello -f\n  $ troupe logs --json -n 1000')
    .action((name: string | undefined, flags: LogFlags) =>
      interruptible(terminal, (signal) => logs(name, flags, terminal, signal)),
    );
}

async function logs(name: string | undefined, flags: LogFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const client = await HostClient.open(flags.host, signal);
  const query = new URLSearchParams({ limit: String(flags.lines) });
  if (name !== undefined) {
    client.functionPath(name);
    query.set('function', name);
  }
  if (flags.follow) query.set('follow', '1');
  let shown = 0;
  await client.lines({ method: 'GET', path: `/logs?${query}` }, async (text) => {
    shown++;
    terminal.out(flags.json ? text : format(JSON.parse(text) as FunctionLogLine | Gap, terminal.outColors));
    await terminal.drained();
  });
  if (shown > 0 || signal.aborted) return;
  // A name that was mistyped must not look like silence.
  if (name !== undefined && flags.lines > 0) await client.json({ method: 'GET', path: client.functionPath(name) });
  if (!flags.json)
    terminal.note(name === undefined ? 'No function has written a line.' : `${name} has written no line.`);
}

function format(line: FunctionLogLine | Gap, { dim, cyan, green, yellow, red }: Colors): string {
  if ('notice' in line) return yellow(`... ${line.lines} lines left out: they came faster than they were read`);
  const { wallMs, level, functionName, functionVersion, invocationId, message, fields } = line;
  const paint = { debug: dim, info: green, warn: yellow, error: red }[level];
  const time = new Date(wallMs).toISOString().slice(11, 23);
  const where = cyan(`${functionName}@${functionVersion}`);
  const facts = fields ? ` ${dim(toJson(fields))}` : '';
  return `${dim(time)} ${paint(level.padEnd(5))} ${where} ${dim(invocationId ?? '-')} ${message}${facts}`;
}
