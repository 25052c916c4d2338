/** A noun of the command line whose commands talk to a host: `troupe <noun> <command>`. */
import type { Command } from 'commander';
import { HostClient } from './host-client.ts';
import { addHostOptions, type HostFlags } from './options.ts';
import { interruptible } from './signals.ts';
import type { Terminal } from './terminal.ts';

interface NounCall<Flags> {
  readonly client: HostClient;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly signal: AbortSignal;
}

/** Adds a command of the noun, and what it does. */
export type AddToNoun = <Flags extends HostFlags>(
  spec: { readonly usage: string; readonly description: string; readonly examples: readonly string[] },
  run: (call: NounCall<Flags>) => Promise<void>,
) => Command;

export function addNoun(
  program: Command,
  terminal: Terminal,
  {
    name,
    description,
    examples,
  }: { readonly name: string; readonly description: string; readonly examples: readonly string[] },
): AddToNoun {
  const helpOf = (lines: readonly string[]) =>
    `\nExamples:\n${lines.map((line) => `  $ troupe ${name} ${line}`).join('\n')}`;
  const noun = program.command(name).description(description).addHelpText('after', helpOf(examples));
  return (spec, run) =>
    addHostOptions(noun.command(spec.usage).description(spec.description), 'print JSON')
      .addHelpText('after', helpOf(spec.examples))
      .action((...given: unknown[]) =>
        interruptible(terminal, async (signal) => {
          const flags = given.at(-2) as never;
          const args = given.slice(0, -2) as string[];
          await run({ client: await HostClient.open((flags as HostFlags).host, signal), flags, args, signal });
        }),
      );
}
