/** `troupe job`, `troupe dlq` and `troupe queue`: durable jobs on a running host. */
import { type Command, Option } from 'commander';
import { JOB_STATUSES } from '../../ecosystem/event-management/protocol.ts';
import * as deadLetters from '../jobs/dead-letters.ts';
import * as jobs from '../jobs/jobs.ts';
import * as queues from '../jobs/queues.ts';
import { type HostFlags, MAX_TIMEOUT_MS, wholeNumberFrom } from '../options.ts';
import { readPayload } from '../payload.ts';
import type { Terminal } from '../terminal.ts';
import { type AddCommand, addNoun } from './noun.ts';

const MAX_LISTED = 1_000;
const MAX_ATTEMPTS = 1_000;
/** A hundred years. */
const MAX_DELAY_MS = 100 * 365 * MAX_TIMEOUT_MS;
const PRIORITIES = ['high', 'normal', 'background'];

export function addJobs(program: Command, terminal: Terminal): void {
  const job = addNoun(program, terminal, {
    usage: 'job',
    description: 'Call functions later, and until they succeed; look after the jobs that do.',
    examples: [`enqueue send-mail -d '{"to":"ada@example.org"}'`, 'ls --watch', 'show ID'],
  });
  addLooking(job);
  addEnqueue(job);
  for (const [name, description] of [
    ['cancel', 'End a job, whatever it does: one that runs is told so.'],
    ['retry', 'Begin a dead letter, or a job that was cancelled, anew.'],
  ] as const) {
    job<HostFlags>({ usage: `${name} <id>`, description, examples: [`${name} ID`] }, (call) =>
      jobs.command(call, name),
    );
  }
  addDeadLetters(program, terminal);
  addQueues(program, terminal);
}

function addLooking(job: AddCommand): void {
  job<jobs.ListFlags>(
    {
      usage: 'ls',
      description: 'List jobs, newest first; with --watch, show what they do as they do it.',
      examples: ['ls', 'ls --function send-mail --status failed --limit 10', 'ls --watch'],
    },
    async (call) => {
      if (!call.flags.watch) return jobs.list(call);
      const { watch } = await import('../jobs/watching.ts');
      await watch(call);
    },
  )
    .option('--function <name>', 'of this function, or workflow, only')
    .addOption(new Option('--status <status>', 'in this status only').choices(JOB_STATUSES))
    .option('--limit <n>', 'at most so many; the default is 50', wholeNumberFrom(1, MAX_LISTED))
    .option('--watch', 'go on until Ctrl-C: a live view, or a line per change where no terminal reads');
  job<HostFlags>(
    {
      usage: 'show <id>',
      description: 'Show everything about a job: every failed attempt with its stack.',
      examples: ['show ID'],
    },
    (call) => jobs.show(call),
  );
  job<HostFlags>(
    {
      usage: 'result <id>',
      description: 'Wait for the result of a job and print it. Ctrl-C leaves the job alone.',
      examples: ['result ID'],
    },
    (call) => jobs.showResult(call, call.args[0] ?? ''),
  );
}

function addEnqueue(job: AddCommand): void {
  job<jobs.EnqueueFlags>(
    {
      usage: 'enqueue <function>',
      description:
        'Have a function, or workflow, called until it succeeds, and print the id of the job once it is on disk.',
      examples: [
        `enqueue send-mail -d '{"to":"ada@example.org"}' --delay 60000`,
        'enqueue resize --file photo.jpg --priority background --wait',
      ],
    },
    async (call) => jobs.enqueue(call, await readPayload(call.flags, call.signal)),
  )
    .option('-d, --data <json>', 'the payload as JSON; @file reads a file, - standard input')
    .option('-f, --file <path>', 'the payload: the bytes of a file; - standard input')
    .option('--delay <ms>', 'not before so many ms', wholeNumberFrom(0, MAX_DELAY_MS))
    .addOption(new Option('--priority <priority>', 'who goes first; the default is normal').choices(PRIORITIES))
    .option('--ordering-key <key>', 'jobs of one key run one at a time, in order')
    .option('--idempotency-key <key>', 'a second job with it is the first one')
    .option('--max-attempts <n>', 'the first one included; the default is 3', wholeNumberFrom(1, MAX_ATTEMPTS))
    .option('--timeout <ms>', 'of each attempt', wholeNumberFrom(1, MAX_TIMEOUT_MS))
    .option('--wait', 'wait for the result and print it; Ctrl-C leaves the job alone');
}

function addDeadLetters(program: Command, terminal: Terminal): void {
  const dlq = addNoun(program, terminal, {
    usage: 'dlq',
    description: 'Look after dead letters: jobs whose attempts have all failed.',
    examples: ['ls', 'show ID', 'retry --all --function send-mail'],
  });
  dlq<deadLetters.DeadFlags>(
    { usage: 'ls', description: 'List dead letters, newest first.', examples: ['ls', 'ls --function send-mail'] },
    (call) => deadLetters.list(call),
  )
    .option('--function <name>', 'of this function, or workflow, only')
    .option('--limit <n>', 'at most so many; the default is 50', wholeNumberFrom(1, MAX_LISTED));
  dlq<HostFlags>(
    {
      usage: 'show <id>',
      description: 'Show a dead letter: every attempt with its error and its stack.',
      examples: ['show ID'],
    },
    (call) => deadLetters.show(call),
  );
  dlq<deadLetters.DeadFlags>(
    {
      usage: 'retry [ids...]',
      description: 'Begin dead letters anew: those of these ids, or with --all all of them.',
      examples: ['retry ID', 'retry --all', 'retry --all --function send-mail'],
    },
    (call) => deadLetters.retry(call),
  )
    .option('--all', 'all of them')
    .option('--function <name>', 'with --all: of this function, or workflow, only');
  dlq<deadLetters.DeadFlags>(
    {
      usage: 'purge',
      description: 'Forget dead letters, after a question where a person reads.',
      examples: ['purge --function send-mail', 'purge --yes'],
    },
    (call) => deadLetters.purge(call),
  )
    .option('--function <name>', 'of this function, or workflow, only')
    .option('-y, --yes', 'ask nothing');
}

function addQueues(program: Command, terminal: Terminal): void {
  const queue = addNoun(program, terminal, {
    usage: 'queue',
    description: 'Look after the queues of jobs: each function, or workflow, has one.',
    examples: ['ls', 'pause send-mail', 'resume send-mail'],
  });
  queue<HostFlags>(
    { usage: 'ls', description: 'List the queues, and how many jobs each has.', examples: ['ls'] },
    (call) => queues.list(call),
  );
  for (const [name, description] of [
    ['pause', 'Let no more jobs of a function begin; what runs goes on, and jobs still come in.'],
    ['resume', 'Let the jobs of a function begin again.'],
  ] as const) {
    queue<HostFlags>({ usage: `${name} <function>`, description, examples: [`${name} send-mail`] }, (call) =>
      queues.command(call, name),
    );
  }
}
