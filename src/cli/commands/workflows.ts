/** `troupe wf`: workflows and their executions on a running host. */
import { type Command, Option } from 'commander';
import { DURABILITIES } from '../../workflow-composition/events.ts';
import { EXECUTION_STATUSES } from '../../workflow-composition/execution-state.ts';
import { HostClient } from '../host-client.ts';
import { addHostOptions, type HostFlags, MAX_TIMEOUT_MS, wholeNumberFrom } from '../options.ts';
import { readPayload } from '../payload.ts';
import { interruptible } from '../signals.ts';
import type { Terminal } from '../terminal.ts';
import * as definitions from '../workflows/definitions.ts';
import * as executions from '../workflows/executions.ts';

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

const MAX_LISTED = 1_000;
/** A year: executions wait for people. */
const MAX_EXECUTION_MS = 365 * MAX_TIMEOUT_MS;

export function addWorkflows(program: Command, terminal: Terminal): void {
  const wf = program
    .command('wf')
    .description('Deploy workflows, start them, and look after their executions.')
    .addHelpText(
      'after',
      `
Examples:
  $ troupe wf deploy ./order.wf.yaml --name order
  $ troupe wf start order -d '{"id":17}' --id order-17
  $ troupe wf watch order-17`,
    );
  const add: Add = ({ usage, description, examples }, run) =>
    addHostOptions(wf.command(usage).description(description), 'print JSON')
      .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ troupe wf ${example}`).join('\n')}`)
      .action((...given: unknown[]) =>
        interruptible(terminal, async (signal) => {
          const flags = given.at(-2) as never;
          const args = given.slice(0, -2) as string[];
          await run({ client: await HostClient.open((flags as HostFlags).host, signal), flags, args, signal });
        }),
      );
  addDefinitions(add, terminal);
  addStarting(add, terminal);
  addLooking(add, terminal);
  addCommands(add, terminal);
}

function addDefinitions(add: Add, terminal: Terminal): void {
  add<HostFlags & { readonly name: string }>(
    {
      usage: 'deploy <path>',
      description: 'Check a workflow and make it the current version. What runs stays on its version.',
      examples: ['deploy ./order.wf.yaml --name order'],
    },
    ({ client, flags, args: [path = ''] }) => definitions.deploy(client, { path, name: flags.name }, flags, terminal),
  ).requiredOption('-n, --name <name>', 'lower-case letters, digits and hyphens');
  add<executions.ListFlags>(
    {
      usage: 'ls [name]',
      description: 'List the workflows; with a name, or one of the options for it, the executions, newest first.',
      examples: ['ls', 'ls order', 'ls order --status failed --limit 10', 'ls --executions'],
    },
    ({ client, flags, args: [name] }) =>
      name === undefined && !flags.executions && flags.status === undefined && flags.limit === undefined
        ? definitions.list(client, flags, terminal)
        : executions.list(client, name, flags, terminal),
  )
    .option('--executions', 'the executions of all workflows')
    .addOption(new Option('--status <status>', 'executions in this status only').choices(EXECUTION_STATUSES))
    .option('--limit <n>', 'at most so many executions; the default is 100', wholeNumberFrom(1, MAX_LISTED));
  add<HostFlags>(
    {
      usage: 'alias <name> <alias> <version>',
      description: 'Point an alias at a version. Moving "current" back is a rollback.',
      examples: ['alias order current 3'],
    },
    ({ client, flags, args: [name = '', alias = '', version = ''] }) =>
      definitions.setAlias(client, { name, alias, version: definitions.versionOf(version) }, flags, terminal),
  );
  add<HostFlags>(
    {
      usage: 'rm <name>',
      description: 'Remove a workflow with all its versions. Executions that run go on to their end.',
      examples: ['rm order'],
    },
    ({ client, flags, args: [name = ''] }) => definitions.remove(client, name, flags, terminal),
  );
}

function addStarting(add: Add, terminal: Terminal): void {
  add<executions.StartFlags & { readonly data?: string }>(
    {
      usage: 'start <name>',
      description: 'Start an execution and print its id; with --wait, its result.',
      examples: [`start order -d '{"id":17}' --id order-17`, 'start order -d @order.json --wait'],
    },
    async ({ client, flags, args: [name = ''], signal }) => {
      executions.checkWorkflowArgument(name);
      client.workflowPath(name);
      const { data } = flags;
      const input = await readPayload(data === undefined ? {} : { data }, signal);
      await executions.start(client, { name, input }, flags, { terminal, signal });
    },
  )
    .option('-d, --data <json>', 'the input as JSON; @file reads a file, - standard input')
    .option('--id <id>', 'its id, 1 to 200 characters; a second start with it starts nothing')
    .option('--version <n>', 'start this version', wholeNumberFrom(1))
    .option('--alias <name>', 'start through this alias')
    .addOption(
      new Option('--durability <kind>', 'what a crash may cost; the default is that of the workflow').choices(
        DURABILITIES,
      ),
    )
    .option('--timeout <ms>', 'cancel it after this long', wholeNumberFrom(1, MAX_EXECUTION_MS))
    .option('--wait', 'wait for the result and print it; Ctrl-C leaves the execution alone');
  add<HostFlags>(
    {
      usage: 'result <id>',
      description: 'Wait for the result of an execution and print it.',
      examples: ['result order-17'],
    },
    ({ client, flags, args: [id = ''], signal }) =>
      executions.leavingAlone(id, { terminal, signal }, () => executions.showResult(client, { id }, flags, terminal)),
  );
}

function addLooking(add: Add, terminal: Terminal): void {
  add<HostFlags>(
    {
      usage: 'show <id>',
      description: 'Show an execution: its graph, and where its time went.',
      examples: ['show order-17'],
    },
    ({ client, flags, args: [id = ''] }) => executions.show(client, id, flags, terminal),
  );
  add<HostFlags>(
    {
      usage: 'history <id>',
      description: 'Show everything that has happened to an execution, in order.',
      examples: ['history order-17', 'history order-17 --json'],
    },
    ({ client, flags, args: [id = ''] }) => executions.history(client, id, flags, terminal),
  );
  add<HostFlags>(
    {
      usage: 'watch <id>',
      description: 'Show an execution as it goes on, until it has ended. Ctrl-C leaves it alone.',
      examples: ['watch order-17', 'watch order-17 --json'],
    },
    async ({ client, flags, args: [id = ''], signal }) => {
      client.executionPath(id);
      const { watch } = await import('../workflows/watching.ts');
      const watching = { client, id, terminal, signal };
      await executions.leavingAlone(id, watching, () => watch(watching, flags));
    },
  );
}

function addCommands(add: Add, terminal: Terminal): void {
  add<HostFlags & { readonly data?: string }>(
    {
      usage: 'signal <id> <signal>',
      description: 'Send a signal, which is kept until a step takes it.',
      examples: [`signal order-17 approved -d '{"by":"Ada"}'`],
    },
    async ({ client, flags, args: [id = '', name = ''], signal }) => {
      client.signalPath(id, name);
      const payload = await readPayload(flags.data === undefined ? {} : { data: flags.data }, signal);
      await executions.signal(client, { id, name, payload }, flags, terminal);
    },
  ).option('-d, --data <json>', 'its payload as JSON; @file reads a file, - standard input');
  add<HostFlags & { readonly reason?: string }>(
    {
      usage: 'cancel <id>',
      description: 'Cancel an execution. What it has done is taken back where the workflow says how.',
      examples: ['cancel order-17 --reason "out of stock"'],
    },
    ({ client, flags, args: [id = ''] }) => {
      const body = flags.reason === undefined ? undefined : { reason: flags.reason };
      return executions.command(client, { id, name: 'cancel', ...(body && { body }) }, flags, terminal);
    },
  ).option('--reason <text>', 'kept with it');
  for (const [name, description] of [
    ['pause', 'Pause an execution: what runs goes on to its end, nothing more starts.'],
    ['resume', 'Let an execution that was paused go on.'],
    ['redrive', 'Run again what has failed, or was cancelled, of an execution; what succeeded stays.'],
  ] as const) {
    add<HostFlags>({ usage: `${name} <id>`, description, examples: [`${name} order-17`] }, ({ client, flags, args }) =>
      executions.command(client, { id: args[0] ?? '', name }, flags, terminal),
    );
  }
}
