/** `troupe trigger`: what a running host starts for which events. */
import type { Command } from 'commander';
import * as triggers from '../events/triggers.ts';
import { addNoun } from '../noun.ts';
import type { HostFlags } from '../options.ts';
import type { Terminal } from '../terminal.ts';

export function addTriggers(program: Command, terminal: Terminal): void {
  const add = addNoun(program, terminal, {
    name: 'trigger',
    description: 'Have events start functions and workflows.',
    examples: ['add mail send-mail --type order.placed', 'ls', 'show mail'],
  });
  add<HostFlags>(
    { usage: 'ls', description: 'List the triggers, and how often each was fired.', examples: ['ls', 'ls --json'] },
    ({ client, flags }) => triggers.list(client, flags, terminal),
  );
  add<HostFlags>(
    {
      usage: 'show <name>',
      description: 'Show a trigger: its filters, and what became of the last events.',
      examples: ['show mail'],
    },
    ({ client, flags, args: [name = ''] }) => triggers.show(client, name, flags, terminal),
  );
  add<triggers.AddFlags>(
    {
      usage: 'add <name> <function>',
      description:
        'Have every event that all filters match start a function or workflow, as a job. Replaces what has the name.',
      examples: [
        'add mail send-mail --type order.placed',
        `add stock count-stock --type-prefix order. --filter '{"not":{"exact":{"region":"test"}}}'`,
        `add audit log-event --job '{"maxAttempts":10,"priority":"background"}'`,
      ],
    },
    ({ client, flags, args: [name = '', functionName = ''] }) =>
      triggers.add(client, { name, functionName }, flags, terminal),
  )
    .option('--type <type>', 'of that type; repeated: of one of these', triggers.several)
    .option('--type-prefix <text>', 'with a type that begins so; repeated: with one of these', triggers.several)
    .option('--source <uri>', 'of that source; repeated: of one of these', triggers.several)
    .option('--source-prefix <text>', 'with a source that begins so; repeated: with one of these', triggers.several)
    .option('--subject <text>', 'of that subject; repeated: of one of these', triggers.several)
    .option('--subject-prefix <text>', 'with a subject that begins so; repeated: with one of these', triggers.several)
    .option('--filter <json>', 'a filter with exact, prefix, suffix, any, all or not; may be repeated', triggers.json)
    .option('--job <json>', 'how its jobs run, as in enqueue', triggers.json);
  add<HostFlags>(
    {
      usage: 'rm <name>',
      description: 'Remove a trigger. What it has not started yet it does not start any more.',
      examples: ['rm mail'],
    },
    ({ client, flags, args: [name = ''] }) => triggers.remove(client, name, flags, terminal),
  );
}
