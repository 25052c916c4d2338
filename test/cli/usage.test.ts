import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addFunctionOptions } from '../../src/cli/function-options.ts';
import { DEFAULT_HOST, DEFAULT_PORT, ISOLATIONS, PRIORITIES } from '../../src/config.ts';
import { inProcess } from './in-process.ts';
import { errorOf, troupe } from './troupe-process.ts';

const HELLO = fileURLToPath(new URL('./fixtures/hello.ts', import.meta.url));
const ORDER = fileURLToPath(new URL('./fixtures/order.wf.yaml', import.meta.url));
const COMMANDS = [
  'invoke',
  'serve',
  'deploy',
  'fn',
  'wf',
  'job',
  'dlq',
  'queue',
  'schedule',
  'events',
  'trigger',
  'db',
  'logs',
  'bench',
  'simulate',
];
const WF_COMMANDS = 'deploy ls alias rm start result show history watch signal cancel pause resume redrive'.split(' ');
const NOUN_COMMANDS = [
  ...['ls', 'describe', 'versions', 'rm', 'alias'].map((name) => `fn ${name}`),
  ...WF_COMMANDS.map((name) => `wf ${name}`),
  ...['ls', 'show', 'add', 'rm', 'pause', 'resume', 'backfill'].map((name) => `schedule ${name}`),
  ...['publish', 'ls'].map((name) => `events ${name}`),
  ...['ls', 'show', 'add', 'rm'].map((name) => `trigger ${name}`),
  ...['ls', 'show', 'result', 'enqueue', 'cancel', 'retry'].map((name) => `job ${name}`),
  ...['ls', 'show', 'retry', 'purge'].map((name) => `dlq ${name}`),
  ...['ls', 'pause', 'resume'].map((name) => `queue ${name}`),
  ...['check', 'backup'].map((name) => `db ${name}`),
];

const words = (args: string) =>
  args
    .split(' ')
    .filter(Boolean)
    .map((arg) => (arg === 'HELLO' ? HELLO : arg === 'ORDER' ? ORDER : arg));

describe('help', () => {
  it.each(['', ...COMMANDS, ...NOUN_COMMANDS])('of "troupe %s" shows an example and exits 0', async (command) => {
    const { code, stdout, stderr } = await inProcess([...words(command), '--help']);
    expect(stdout).toMatch(/^Usage: troupe/);
    expect(stdout).toMatch(new RegExp(`Examples?:\n +\\$ .*troupe ${command}`));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('names the default address of a host as it is', async () => {
    const { stdout } = await inProcess(['fn', 'ls', '--help']);
    expect(stdout).toContain(`http://${DEFAULT_HOST}:${DEFAULT_PORT}`);
  });

  it('offers the choices that the configuration has', () => {
    const { options } = addFunctionOptions(new Command());
    const choices = (flag: string) => options.find(({ long }) => long === flag)?.argChoices;
    expect(choices('--isolation')).toEqual([...ISOLATIONS]);
    expect(choices('--priority')).toEqual([...PRIORITIES]);
  });

  it('is out at once, because parsing loads nothing but commander and colours', () => {
    const bin = fileURLToPath(new URL('../../bin/troupe.js', import.meta.url));
    expect([...packagesLoadedBy(bin)].sort()).toEqual(['commander', 'picocolors']);
  });
});

describe('a command line that is wrong', () => {
  const WRONG: readonly (readonly [args: string, says: string])[] = [
    ['', 'Usage: troupe'],
    ['fn', 'Usage: troupe fn'],
    ['inovke', 'Did you mean invoke?'],
    ['fn lst', 'Did you mean ls?'],
    ['invoke', "missing required argument 'function'"],
    ['invoke one two', 'too many arguments'],
    ['invoke HELLO --memry 5', 'Did you mean --memory?'],
    ['invoke HELLO --memory', "option '--memory <MiB>' argument missing"],
    ['invoke HELLO --memory much', "'--memory <MiB>' argument 'much' is invalid"],
    ['invoke HELLO --memory 1e3', "'--memory <MiB>' argument '1e3' is invalid"],
    ['invoke HELLO --memory 1.5', "'--memory <MiB>' argument '1.5' is invalid"],
    ['invoke HELLO --memory 99999999999999999999', 'is invalid. It must be a whole number.'],
    ['invoke HELLO --memory -64', '--memory -64'],
    ['invoke HELLO --memory 1', '--memory 1'],
    ['invoke HELLO --function-timeout -1', '--function-timeout -1'],
    ['invoke HELLO --concurrency 0', '--concurrency 0'],
    ['invoke HELLO --min -1', '--min -1'],
    ['invoke HELLO --max 0', '--max 0'],
    ['invoke HELLO --keep-alive -1', '--keep-alive -1'],
    ['invoke HELLO --isolation vm', 'Allowed choices are thread, process.'],
    ['invoke HELLO --runtime deno', 'Allowed choices are node, exec.'],
    ['invoke HELLO --priority urgent', 'Allowed choices are high, normal, background.'],
    ['invoke HELLO -e NAME', 'It must look like NAME=VALUE.'],
    ['invoke HELLO -e 1X=2', '--env 1X'],
    ['invoke HELLO --timeout 0', "'--timeout <ms>' argument '0' is invalid"],
    ['invoke HELLO --alias current', '--alias is for a function on a host'],
    ['invoke hello --memory 64', '--memory is for a function in a file'],
    ['invoke hello --version -1', "'--version <n>' argument '-1' is invalid"],
    ['invoke hello --host nowhere://x', '--host: "nowhere://x" is not the address of a host'],
    ['invoke Hello_World', '"Hello_World" is not a function name'],
    ['invoke HELLO -d {bad', '--data is not JSON'],
    ['invoke HELLO -d @missing.json', 'Cannot read missing.json'],
    ['invoke HELLO -d @', 'has no name'],
    ['invoke HELLO -d 1 --file hello.ts', 'Give --data or --file, not both.'],
    ['bench', "missing required argument 'function'"],
    ['bench HELLO --calls 0', "'--calls <n>' argument '0' is invalid. It must be from 1 to 100000."],
    ['bench HELLO --cold -1', "'--cold <n>' argument '-1' is invalid"],
    ['bench HELLO --in-flight many', "'--in-flight <n>' argument 'many' is invalid"],
    ['bench HELLO --duration 0', "'--duration <ms>' argument '0' is invalid"],
    ['bench HELLO --agent remote', 'Allowed choices are inline, process.'],
    ['bench HELLO --get tea', 'It must look like /path?query.'],
    ['bench HELLO --get /tea -d 1', '--get sends no payload'],
    ['bench HELLO --memory 1', '--memory 1'],
    ['bench HELLO -d {bad', '--data is not JSON'],
    ['bench HELLO --host 127.0.0.1', '--host is for a function on a host'],
    ['bench HELLO --alias current', '--alias is for a function on a host'],
    ['bench hello --cold 1', '--cold is for a function in a file'],
    ['bench hello --agent inline', '--agent is for a function in a file'],
    ['bench hello --isolation process', '--isolation is for a function in a file'],
    ['bench Hello_World', '"Hello_World" is not a function name'],
    ['simulate', 'give --host URL, --data DIR, --invocations FILE or --events FILE.'],
    ['simulate trace.csv', 'too many arguments'],
    ['simulate --invocation a.csv', 'Did you mean --invocations?'],
    ['simulate --duration a.csv', 'Did you mean --durations?'],
    ['simulate --memry a.csv', 'Did you mean --memory?'],
    ['simulate --event a.csv', 'Did you mean --events?'],
    ['simulate --policies fixed', 'Did you mean --policy?'],
    ['simulate --keepalive 5', 'Did you mean --keep-alive?'],
    ['simulate --cold-start 5', 'Did you mean --cold-start-ms?'],
    ['simulate --target-wast 5', 'Did you mean --target-waste?'],
    ['simulate --target-colt 5', 'Did you mean --target-cold?'],
    ['simulate --curves', 'Did you mean --curve?'],
    ['simulate --htm page.html', 'Did you mean --html?'],
    ['simulate --jsn', 'Did you mean --json?'],
    ['simulate --invocations', "option '--invocations <file>' argument missing"],
    ['simulate --invocations missing.csv', 'missing.csv: There is no such file.'],
    ['simulate --events missing.csv', 'missing.csv: There is no such file.'],
    ['simulate --invocations a.csv --events b.csv', 'Give --invocations or --events, not both.'],
    ['simulate --events b.csv --host 127.0.0.1:1', 'Give --events or --host, not both.'],
    ['simulate --host 127.0.0.1:1 --data .', 'Give --host or --data, not both.'],
    ['simulate --data . --memory b.csv', '--memory is about the functions of a trace in --invocations'],
    ['simulate --host ftp://a', '--host: "ftp://a" is not the address of a host'],
    ['simulate --data missing', 'missing is not the data directory of a host. Check the path.'],
    ['simulate --hots 127.0.0.1:1', 'Did you mean --host?'],
    ['simulate --durations a.csv', '--durations is about the functions of a trace in --invocations'],
    ['simulate --events a.csv --memory b.csv', '--memory is about the functions of a trace in --invocations'],
    ['simulate --events a.csv --policy predictve', '--policy predictve: no such policy. Did you mean predictive?'],
    ['simulate --events a.csv --policy lru', 'There are fixed, hybrid-histogram, reactive, predictive.'],
    ['simulate --events a.csv --policy fixed,', '--policy: a name is missing.'],
    ['simulate --events a.csv --policy fixed:ten', 'after the colon stands minutes, a whole number of minutes'],
    ['simulate --events a.csv --policy fixed:-1', 'after the colon stands minutes'],
    ['simulate --events a.csv --policy predictive:0', 'after the colon stands the exchange rate, a number above 0'],
    ['simulate --events a.csv --policy reactive:5', 'reactive takes no value'],
    ['simulate --events a.csv --keep-alive 1.5', "'--keep-alive <min>' argument '1.5' is invalid"],
    ['simulate --events a.csv --keep-alive -1', "'--keep-alive <min>' argument '-1' is invalid"],
    ['simulate --events a.csv --cold-start-ms 1e9', 'It must be a number, 0 or more.'],
    ['simulate --events a.csv --cold-start-ms 0', 'It must be above 0'],
    ['simulate --events a.csv --target-waste -1', "'--target-waste <gbmin>' argument '-1' is invalid"],
    ['simulate --events a.csv --target-cold 1.5', "'--target-cold <n>' argument '1.5' is invalid"],
    ['simulate --events a.csv --target-waste 1 --target-cold 1', 'Give --target-waste or --target-cold, not both.'],
    ['simulate --events a.csv --policy fixed --target-cold 1', '--target-cold chooses the exchange rate of predictive'],
    ['simulate --events a.csv --policy predictive:1 --target-waste 1', 'add predictive, without a rate, to --policy'],
    ['simulate --events a.csv --html nowhere/page.html', 'nowhere/page.html: The page has nowhere to go.'],
    ['job', 'Usage: troupe job'],
    ['job lst', 'Did you mean ls?'],
    [
      'job ls --status broken',
      'Allowed choices are waiting, delayed, running, retrying, succeeded, failed, cancelled.',
    ],
    ['job ls --limit 0', "'--limit <n>' argument '0' is invalid. It must be from 1 to 1000."],
    ['job ls --fucntion work', 'Did you mean --function?'],
    ['job ls --function Wrong_Name --watch', '"Wrong_Name" is not a function name'],
    ['job ls --watch --limit 5', '--limit is for a list, and --watch shows what goes on'],
    ['job show', "missing required argument 'id'"],
    ['job show one two', 'too many arguments'],
    ['job enqueue', "missing required argument 'function'"],
    ['job enqueue ./hello.ts', './hello.ts is a file, not the name of a function'],
    ['job enqueue work -d {bad', '--data is not JSON'],
    ['job enqueue work -d 1 --file hello.ts', 'Give --data or --file, not both.'],
    ['job enqueue work --delay -1', "'--delay <ms>' argument '-1' is invalid"],
    ['job enqueue work --max-attempts 0', "'--max-attempts <n>' argument '0' is invalid"],
    ['job enqueue work --priority urgent', 'Allowed choices are high, normal, background.'],
    ['job cancel', "missing required argument 'id'"],
    ['dlq retry', 'Give the ids of dead letters, or --all; not both.'],
    ['dlq retry one --all', 'Give the ids of dead letters, or --all; not both.'],
    ['dlq retry one --function work', '--function goes with --all'],
    ['dlq purge now', 'too many arguments'],
    ['queue pause', "missing required argument 'function'"],
    ['queue stop work', "unknown command 'stop'"],
    ['db', 'Usage: troupe db'],
    ['db chekc', 'Did you mean check?'],
    ['db check --data missing', 'missing is not the data directory of a host. Check the path.'],
    ['db check --data . --host 127.0.0.1:1', 'Give --data or --host, not both.'],
    ['db backup', "missing required argument 'dest'"],
    ['db backup copy --data missing', 'missing is not the data directory of a host. Check the path.'],
    ['serve --port 65536', "'--port <n>' argument '65536' is invalid"],
    ['serve --port -1', "'--port <n>' argument '-1' is invalid"],
    ['serve --agents 0 --budget 1', '--agents 0: Too small: expected number to be >=1; --budget 1'],
    ['serve --payload-limit 1', '--payload-limit 1'],
    ['serve --drain -1', '--drain -1'],
    ['deploy ./hello.ts', "required option '-n, --name <name>' not specified"],
    ['deploy HELLO --name ../up', '"../up" is not a function name'],
    ['logs -n -5', "'-n, --lines <n>' argument '-5' is invalid"],
    ['fn describe a/b', '"a/b" is not a function name'],
    ['fn alias hello current', 'Say which version'],
    ['fn alias hello current newest', '"newest" is neither a version nor VERSION=WEIGHT'],
    ['fn alias hello canary 2 --rm', 'Give versions, or --rm, not both.'],
    ['invoke HELLO --functions .', '--functions is for a workflow, and this is a function'],
    ['invoke HELLO --header A:b', '--header is for a workflow, and this is a function'],
    ['invoke hello --functions .', '--functions is for a workflow in a file'],
    ['invoke ORDER --function .', 'Did you mean --functions?'],
    ['invoke ORDER --headers A:b', 'Did you mean --header?'],
    ['invoke ORDER --header nothing', "It must look like 'Name: value'."],
    ['invoke ORDER --memory 64', '--memory is for a function, and this is a workflow'],
    ['invoke ORDER --stream', '--stream is for a function, and this is a workflow'],
    ['invoke ORDER --version 1', '--version is for a function on a host'],
    ['invoke ORDER -d {bad', '--data is not JSON'],
    ['schedule', 'Usage: troupe schedule'],
    ['schedule ad', 'Did you mean add?'],
    ['schedule add nightly', "missing required argument 'function'"],
    ['schedule add nightly report --every 5x', 'It must be a length of time, as 90s, 5m, 1h30m or 7d.'],
    ['schedule add nightly report --at soon', 'It must be a time, as 2030-01-31'],
    ['schedule add nightly report --missed twice', 'Allowed choices are once, skip.'],
    ['schedule backfill nightly', "required option '--from <time>' not specified"],
    ['wf', 'Usage: troupe wf'],
    ['wf dploy', 'Did you mean deploy?'],
    ['wf strat', 'Did you mean start?'],
    ['wf histroy', 'Did you mean history?'],
    ['wf wach', 'Did you mean watch?'],
    ['wf signl', 'Did you mean signal?'],
    ['wf cancle', 'Did you mean cancel?'],
    ['wf redrve', 'Did you mean redrive?'],
    ['wf deploy --name order', "missing required argument 'path'"],
    ['wf deploy ORDER', "required option '-n, --name <name>' not specified"],
    ['wf deploy ORDER --name order --nam order', 'Did you mean --name?'],
    ['wf deploy ORDER --name Order', '"Order" is not a workflow name'],
    ['wf deploy ORDER --name order --hots x', 'Did you mean --host?'],
    ['wf deploy ORDER --name order --host ftp://x', '--host: "ftp://x" is not the address of a host'],
    ['wf ls a b', 'too many arguments'],
    ['wf ls Order', '"Order" is not a workflow name'],
    ['wf ls --execution', 'Did you mean --executions?'],
    ['wf ls --statuss failed', 'Did you mean --status?'],
    ['wf ls --status broken', 'Allowed choices are running, paused, cancelling, succeeded, failed, cancelled.'],
    ['wf ls --limits 1', 'Did you mean --limit?'],
    ['wf ls --limit 0', "'--limit <n>' argument '0' is invalid. It must be from 1 to 1000."],
    ['wf alias order current', "missing required argument 'version'"],
    ['wf alias order current newest', '"newest" is not a version'],
    ['wf alias order current 0', '"0" is not a version'],
    ['wf rm', "missing required argument 'name'"],
    ['wf rm Order', '"Order" is not a workflow name'],
    ['wf start', "missing required argument 'name'"],
    ['wf start Order', '"Order" is not a workflow name'],
    ['wf start ORDER', 'run it without a host with "troupe invoke'],
    ['wf start order -d {bad', '--data is not JSON'],
    ['wf start order --dta 1', 'Did you mean --data?'],
    ['wf start order --ids a', 'Did you mean --id?'],
    ['wf start order --versions 1', 'Did you mean --version?'],
    ['wf start order --version two', "'--version <n>' argument 'two' is invalid"],
    ['wf start order --allias a', 'Did you mean --alias?'],
    ['wf start order --durabilty strict', 'Did you mean --durability?'],
    ['wf start order --durability eternal', 'Allowed choices are strict, pipelined, memory.'],
    ['wf start order --timout 5', 'Did you mean --timeout?'],
    ['wf start order --timeout 0', "'--timeout <ms>' argument '0' is invalid"],
    ['wf start order --wiat', 'Did you mean --wait?'],
    ['wf result', "missing required argument 'id'"],
    ['wf show', "missing required argument 'id'"],
    [`wf show ${'x'.repeat(201)}`, 'The id of an execution has 1 to 200 characters, not 201.'],
    ['wf history a b', 'too many arguments'],
    ['wf watch a --jsn', 'Did you mean --json?'],
    ['wf signal a', "missing required argument 'signal'"],
    ['wf signal a go -d {bad', '--data is not JSON'],
    [`wf signal a ${'x'.repeat(201)}`, 'The name of a signal has 1 to 200 characters, not 201.'],
    ['wf cancel a --resaon b', 'Did you mean --reason?'],
    ['wf pause', "missing required argument 'id'"],
    ['events', 'Usage: troupe events'],
    ['events publsh', 'Did you mean publish?'],
    ['events publish --type t', 'An event needs --source, or a --file that has it.'],
    ['events publish -d 1', 'An event needs --type and --source'],
    ['events publish --type t --source /s -d {bad', '--data is not JSON'],
    ['events publish --type t --source /s --attribute Trace=1', 'It must look like name=value'],
    ['events publish --file ./missing.json', 'Cannot read ./missing.json'],
    ['events publish --file HELLO', 'is not JSON'],
    ['events publish --file HELLO --type t', 'With --file all of the event is in the file'],
    ['events ls --limit 0', 'It must be from 1 to 1000.'],
    ['events ls --before -1', 'It must be at least 0.'],
    ['events ls --typ t', 'Did you mean --type?'],
    ['events ls --follow --limit 3', 'leave out --limit and --before'],
    ['trigger', 'Usage: troupe trigger'],
    ['trigger lst', 'Did you mean ls?'],
    ['trigger show', "missing required argument 'name'"],
    ['trigger show No_Name', '"No_Name" is not a trigger name'],
    ['trigger rm No_Name', '"No_Name" is not a trigger name'],
    ['trigger add mail', "missing required argument 'function'"],
    ['trigger add Mail send-mail', '"Mail" is not a trigger name'],
    ['trigger add mail send-mail --filter {bad', 'It is not JSON'],
    ['trigger add mail send-mail --job {} --job {}', 'Give --job once'],
    ['trigger add mail send-mail --typ-prefix a', 'Did you mean --type-prefix?'],
  ];

  it.each(WRONG)('"troupe %s" exits 2 and says what is wrong', async (args, says) => {
    const { code, stdout, stderr } = await inProcess(words(args));
    expect(stderr).toContain(says);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('is refused by the real binary too', async () => {
    const { code, stdout, stderr } = await troupe(['invoke', './hello.ts', '--min', '3', '--max', '2']);
    expect(stderr).toContain('minInstances (3) is over maxInstances (2)');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('is one line of JSON on standard error with --json', async () => {
    const ran = await troupe(['invoke', './hello.ts', '--json', '--nope']);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(errorOf(ran)).toEqual({ code: 'INVALID_ARGUMENT', message: "unknown option '--nope'", details: {} });
  });
});

describe('without a host', () => {
  const nowhere = { env: { TROUPE_HOST: '127.0.0.1:9' } };

  it.each([
    'fn ls',
    'fn rm hello',
    'logs',
    'logs -f',
    'deploy HELLO --name hello',
    'invoke hello',
    'bench hello',
    'wf ls',
    'wf start order',
    'wf show a',
    'wf watch a',
    'events ls',
    'events publish --type t --source /s',
    'trigger ls',
    'trigger add mail send-mail',
  ])('"troupe %s" exits 8 and says how to start one', async (args) => {
    const { code, stdout, stderr } = await troupe(args.split(' '), nowhere);
    expect(stderr).toContain('HOST_UNREACHABLE: No host answers at http://127.0.0.1:9. Start one with "troupe serve"');
    expect({ code, stdout }).toEqual({ code: 8, stdout: '' });
  });

  it('a folder that reads as a name is pointed out', async () => {
    const { code, stderr } = await troupe(['invoke', 'folder'], nowhere);
    expect(stderr).toContain('write ./folder');
    expect(code).toBe(8);
  });

  it('a wrong address in the environment is a fault of the configuration, and a flag wins over it', async () => {
    const wrong = { env: { TROUPE_HOST: 'ftp://x' } };
    expect(await troupe(['fn', 'ls'], wrong)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('TROUPE_HOST'),
    });
    expect(await troupe(['fn', 'ls', '--host', '127.0.0.1:9'], wrong)).toMatchObject({ code: 8 });
  });
});

const IMPORT = /^(?:import|export) (?:[^'"]* from )?['"]([^'"]+)['"];$/gm;

/** Follows static imports through the build; what is imported as a command runs does not count. */
function packagesLoadedBy(file: string, seen = new Set<string>(), packages = new Set<string>()): Set<string> {
  if (seen.has(file)) return packages;
  seen.add(file);
  for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    if (specifier.startsWith('.')) packagesLoadedBy(resolve(dirname(file), specifier), seen, packages);
    else if (!specifier.startsWith('node:')) packages.add(specifier);
  }
  return packages;
}
