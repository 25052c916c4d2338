/**
 * The command line: parses, runs one command, and turns whatever went wrong into a message and an exit code. Only what parsing needs is
 * loaded here; each command loads the rest when it runs.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { TroupeError, toTroupeError } from '../errors.ts';
import { addBench } from './commands/bench.ts';
import { addData } from './commands/data.ts';
import { addDeploy } from './commands/deploy.ts';
import { addEvents } from './commands/events.ts';
import { addFunctions } from './commands/functions.ts';
import { addInvoke } from './commands/invoke.ts';
import { addJobs } from './commands/jobs.ts';
import { addLogs } from './commands/logs.ts';
import { addSchedules } from './commands/schedules.ts';
import { addServe } from './commands/serve.ts';
import { addSimulate } from './commands/simulate.ts';
import { addTriggers } from './commands/triggers.ts';
import { addWorkflows } from './commands/workflows.ts';
import { openTerminal, reportError, type Terminal } from './terminal.ts';

/** Resolves with the exit code. */
export async function main(args: readonly string[], terminal: Terminal = openTerminal()): Promise<number> {
  const end = args.indexOf('--');
  const asJson = (end < 0 ? args : args.slice(0, end)).includes('--json');
  try {
    await buildProgram(terminal, asJson).parseAsync(args, { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    const error = thrown instanceof CommanderError ? usageError(thrown) : toTroupeError(thrown);
    // Commander has printed its own message for people.
    if (asJson || !(thrown instanceof CommanderError)) reportError(terminal, error, asJson);
    // Invariant 2.
    return error.exitCode;
  }
}

function usageError({ code, message }: CommanderError): TroupeError {
  const text = code === 'commander.help' ? 'A command is missing.' : message.replace(/^error: /, '');
  return new TroupeError('INVALID_ARGUMENT', text);
}

function buildProgram(terminal: Terminal, asJson: boolean): Command {
  const program = new Command('troupe')
    .description('Functions as a service, inside one host and inside one Node.js program.')
    .version(packageVersion(), '-V, --version')
    // Options belong to the command they follow: `troupe invoke f --version 2` names a version of f.
    .enablePositionalOptions()
    .showHelpAfterError('Run with --help for the options and an example.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => {
        if (!asJson) terminal.note(text.trimEnd());
      },
      getOutHasColors: () => terminal.outColors.isColorSupported,
      getErrHasColors: () => terminal.noteColors.isColorSupported,
    })
    .addHelpText(
      'after',
      `
Examples:
  $ troupe invoke ./hello.ts -d '{"name":"Ada"}'
  $ troupe serve
  $ troupe deploy ./hello.ts --name hello && troupe invoke hello -d '{"name":"Ada"}'

Exit codes: 0 ok, 1 function failed, 2 usage, 3 configuration or build, 4 not allowed, 5 not found, 6 timeout, 7 overloaded,
8 unavailable, 130 interrupted.`,
    );
  addInvoke(program, terminal);
  addServe(program, terminal);
  addDeploy(program, terminal);
  addFunctions(program, terminal);
  addWorkflows(program, terminal);
  addSchedules(program, terminal);
  addEvents(program, terminal);
  addTriggers(program, terminal);
  addJobs(program, terminal);
  addData(program, terminal);
  addLogs(program, terminal);
  addBench(program, terminal);
  addSimulate(program, terminal);
  return program;
}

function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
