/** `troupe schedule`: what a running host calls at certain times. */
import { type Command, Option } from 'commander';
import { MISSED_POLICIES, OVERLAP_POLICIES } from '../../ecosystem/event-management/protocol.ts';
import { HostClient } from '../host-client.ts';
import { addHostOptions, type HostFlags, wholeNumberFrom } from '../options.ts';
import { readPayload } from '../payload.ts';
import * as actions from '../schedules/actions.ts';
import { spanMs, timeMs } from '../schedules/words.ts';
import { interruptible } from '../signals.ts';
import type { Terminal } from '../terminal.ts';

interface Call<Flags> {
  readonly client: HostClient;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly signal: AbortSignal;
}

/** A command of the noun, and what it does. */
type Add = <Flags extends HostFlags>(
  spec: { readonly usage: string; readonly description: string; readonly examples: readonly string[] },
  run: (call: Call<Flags>) => Promise<void>,
) => Command;

const MAX_LISTED = 10_000;

export function addSchedules(program: Command, terminal: Terminal): void {
  const schedule = program
    .command('schedule')
    .description('Have functions and workflows called at certain times.')
    .addHelpText(
      'after',
      `
Examples:
  $ troupe schedule add nightly report --cron '0 3 * * *' --time-zone Europe/Zurich
  $ troupe schedule add beat ping --every 5m
  $ troupe schedule ls`,
    );
  const add: Add = ({ usage, description, examples }, run) =>
    addHostOptions(schedule.command(usage).description(description), 'print JSON')
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ troupe schedule ${example}`).join('\n')}`)
      .action((...given: unknown[]) =>
        interruptible(terminal, async (signal) => {
          const flags = given.at(-2) as never;
          const args = given.slice(0, -2) as string[];
          await run({ client: await HostClient.open((flags as HostFlags).host, signal), flags, args, signal });
        }),
      );
  addLooking(add, terminal);
  addAdding(add, terminal);
  addChanging(add, terminal);
}

function addLooking(add: Add, terminal: Terminal): void {
  add<actions.ListFlags>(
    {
      usage: 'ls',
      description: 'List the schedules, by name, with when each fires next.',
      examples: ['ls', 'ls --function report', 'ls --after nightly --limit 100'],
    },
    ({ client, flags }) => actions.list(client, flags, terminal),
  )
    .option('--function <name>', 'those that call this function')
    .option('--after <name>', 'those whose names come after this one')
    .option('--limit <n>', 'at most so many; the default is 1000', wholeNumberFrom(1, MAX_LISTED));
  add<HostFlags>(
    {
      usage: 'show <name>',
      description: 'Show a schedule: its next five times, and what came of the last one.',
      examples: ['show nightly'],
    },
    ({ client, flags, args: [name = ''] }) => actions.show(client, name, flags, terminal),
  );
}

function addAdding(add: Add, terminal: Terminal): void {
  add<actions.AddFlags & { readonly data?: string }>(
    {
      usage: 'add <name> <function>',
      description: 'Add a schedule, or change the one of that name, and print its next times.',
      examples: [
        `add nightly report --cron '0 3 * * *' --time-zone Europe/Zurich -d '{"days":1}'`,
        'add beat ping --every 5m --overlap skip',
        'add launch send-mail --at 2030-01-31T18:00:00Z',
      ],
    },
    async ({ client, flags, args: [name = '', target = ''], signal }) => {
      client.schedulePath(name);
      const payload = await readPayload(flags.data === undefined ? {} : { data: flags.data }, signal);
      await actions.add(client, { name, target, payload }, flags, terminal);
    },
  )
    .option('--cron <pattern>', 'minute hour day month weekday, with seconds before them if there are six')
    .option('--time-zone <zone>', "of the pattern; the default is the host's")
    .option('--every <time>', 'every so long, as 90s, 5m, 1h30m', spanMs)
    .option('--at <time>', 'once, as 2030-01-31T18:00; of your time zone where it names none', timeMs)
    .addOption(
      new Option('--missed <what>', 'for times at which the host did not run: one job, or none').choices(
        MISSED_POLICIES,
      ),
    )
    .addOption(new Option('--overlap <what>', 'while the job before has not ended').choices(OVERLAP_POLICIES))
    .option('--start-at <time>', 'not before', timeMs)
    .option('--end-at <time>', 'not after', timeMs)
    .option('--job <json>', 'options of its jobs, as {"maxAttempts":5}')
    .option('-d, --data <json>', 'the payload as JSON; @file reads a file, - standard input');
}

function addChanging(add: Add, terminal: Terminal): void {
  add<HostFlags>(
    {
      usage: 'rm <name>',
      description: 'Remove a schedule. Jobs that it has enqueued go on.',
      examples: ['rm nightly'],
    },
    ({ client, flags, args: [name = ''] }) => actions.remove(client, name, flags, terminal),
  );
  for (const [command, description] of [
    ['pause', 'Pause a schedule: it does not fire until it is resumed.'],
    ['resume', 'Let a schedule that was paused go on. What passed meanwhile is not caught up with.'],
  ] as const) {
    add<HostFlags>(
      { usage: `${command} <name>`, description, examples: [`${command} nightly`] },
      ({ client, flags, args: [name = ''] }) => actions.setPaused(client, { name, command }, flags, terminal),
    );
  }
  add<HostFlags & { readonly from: number; readonly to?: number }>(
    {
      usage: 'backfill <name>',
      description: 'Enqueue a job for each time of a schedule that has passed, but for those that have one.',
      examples: ['backfill nightly --from 2026-01-01 --to 2026-02-01'],
    },
    ({ client, flags, args: [name = ''] }) => actions.backfill(client, name, flags, terminal),
  )
    .requiredOption('--from <time>', 'the first time, included', timeMs)
    .option('--to <time>', 'the last time, included; the default is now', timeMs);
}
