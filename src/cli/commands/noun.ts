/** Commands of one noun that talk to a host: how each is described, and what is opened for it. */
import type { Command } from 'commander';
import { HostClient } from '../host-client.ts';
import { addHostOptions, type HostFlags } from '../options.ts';
import { interruptible } from '../signals.ts';
import type { Terminal } from '../terminal.ts';

export interface Call<Flags> {
  readonly client: HostClient;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

interface CommandSpec {
  readonly usage: string;
  readonly description: string;
  readonly examples: readonly string[];
}

/** A command of the noun, and what it does. */
export type AddCommand = <Flags extends HostFlags>(
  spec: CommandSpec,
  run: (call: Call<Flags>) => Promise<void>,
) => Command;

export function addNoun(
  program: Command,
  terminal: Terminal,
  { usage: name, description, examples }: CommandSpec,
): AddCommand {
  const noun = program.command(name).description(description).addHelpText('after', examplesText(name, examples));
  return (spec, run) =>
    addHostOptions(noun.command(spec.usage).description(spec.description), 'print JSON')
      .addHelpText('after', examplesText(name, spec.examples))
      .action((...given: unknown[]) =>
        interruptible(terminal, async (signal) => {
          const flags = given.at(-2) as never;
          const args = given.slice(0, -2).flat() as string[];
          const client = await HostClient.open((flags as HostFlags).host, signal);
          await run({ client, flags, args, terminal, signal });
        }),
      );
}

function examplesText(name: string, examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  $ troupe ${name} ${example}`).join('\n')}`;
}
