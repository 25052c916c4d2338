/** The command line: parses, runs one command, and turns whatever went wrong into a message and an exit code. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { toTroupeError } from '../errors.ts';
import { addDeploy } from './commands/deploy.ts';
import { addFunctions } from './commands/functions.ts';
import { addInvoke } from './commands/invoke.ts';
import { addLogs } from './commands/logs.ts';
import { addServe } from './commands/serve.ts';
import { processTerminal, reportError, type Terminal } from './terminal.ts';

const USAGE = 2;

/** Resolves with the exit code. */
export async function main(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  const program = buildProgram(terminal);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (thrown) {
    // Commander has printed its own message, or the help that was asked for.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE;
    const error = toTroupeError(thrown);
    reportError(terminal, error, args.includes('--json'));
    return error.exitCode;
  }
}

function buildProgram(terminal: Terminal): Command {
  const program = new Command('troupe')
    .description('Functions as a service, inside one host and inside one Node.js program.')
    .version(packageVersion(), '-V, --version')
    // Options belong to the command they follow: `troupe invoke f --version 2` names a version of f.
    .enablePositionalOptions()
    .showHelpAfterError('Run with --help for the options and an example.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
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
  addLogs(program, terminal);
  return program;
}

function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
