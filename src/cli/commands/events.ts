/** `troupe events`: publishes events, and shows those that a running host keeps. */
import type { Command } from 'commander';
import * as events from '../events/events.ts';
import { addNoun } from '../noun.ts';
import { wholeNumberFrom } from '../options.ts';
import type { Terminal } from '../terminal.ts';

const MAX_LISTED = 1_000;

export function addEvents(program: Command, terminal: Terminal): void {
  const add = addNoun(program, terminal, {
    name: 'events',
    description: 'Publish events, which start what triggers say, and list them.',
    examples: [`publish --type order.placed --source /shop -d '{"id":17}'`, 'ls --type order.placed'],
  });
  add<events.PublishFlags>(
    {
      usage: 'publish',
      description:
        'Publish a CloudEvent, or many, and say what that starts. An event of the same source and id is one.',
      examples: [
        `publish --type order.placed --source /shop --id A-1 -d '{"cents":3450}'`,
        'publish --file events.json',
      ],
    },
    async ({ client, flags, signal }) => {
      const published = await events.eventsFrom(flags, signal);
      await events.publish(client, published, flags, terminal);
    },
  )
    .option('--type <type>', 'what has happened, as in order.placed')
    .option('--source <uri>', 'where, as in /shop')
    .option('--id <id>', 'its id, of its own within its source; made up where it is left out')
    .option('--subject <subject>', 'to what it has happened')
    .option('--time <time>', 'when, as in 2026-01-31T12:00:00Z; now where it is left out')
    .option('--attribute <name=value>', 'another attribute; may be repeated', events.attribute)
    .option('-d, --data <json>', 'its data as JSON; @file reads a file, - standard input')
    .option('--file <path>', 'an event as JSON, or an array of at most 1,000; - is standard input');
  add<events.ListFlags>(
    {
      usage: 'ls',
      description: 'List events, newest first, with the triggers that each has fired.',
      examples: ['ls --type order.placed --limit 10', 'ls --follow --json'],
    },
    ({ client, flags }) =>
      flags.follow ? events.follow(client, flags, terminal) : events.list(client, flags, terminal),
  )
    .option('--type <type>', 'of that type only')
    .option('--source <uri>', 'of that source only')
    .option('--limit <n>', 'at most so many; the default is 50', wholeNumberFrom(1, MAX_LISTED))
    .option('--before <sequence>', 'only those before that one', wholeNumberFrom(0))
    .option('-f, --follow', 'those to come, as they come, until Ctrl-C');
}
