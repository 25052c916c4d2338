/** `troupe bench`: how long a function takes, cold against warm, component by component. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { TroupeError, toTroupeError } from '../../errors.ts';
import type { BenchFigures } from '../bench/figures.ts';
import type { Plan } from '../bench/stages.ts';
import { addFunctionOptions, type FunctionFlags, givenFunctionFlags, toFunctionConfig } from '../function-options.ts';
import { checkPath, looksLikePath, refuseFlags, withHint } from '../function-target.ts';
import { HostClient } from '../host-client.ts';
import { addHostOptions, defined, type HostFlags, wholeNumberFrom } from '../options.ts';
import { type PayloadOptions, readPayload } from '../payload.ts';
import { interruptible } from '../signals.ts';
import { type Terminal, toJson } from '../terminal.ts';

interface BenchFlags extends PayloadOptions, FunctionFlags, HostFlags {
  readonly calls?: number;
  readonly cold?: number;
  readonly inFlight?: number;
  readonly duration?: number;
  readonly agent?: 'inline' | 'process';
  readonly get?: string;
  readonly version?: number;
  readonly alias?: string;
}

const DEFAULTS = { calls: 20_000, cold: 10, inFlight: 16, durationMs: 5_000 };
const MAX_CALLS = 100_000;
/** More samples of calls under load say no more. */
const MAX_LOAD_CALLS = 1_000_000;
const MAX_COLD = 1_000;
const MAX_IN_FLIGHT = 10_000;
const MAX_DURATION_MS = 3_600_000;

const HELP = `
What is measured:
  cold       Calls that find no instance. For each, the function is deployed under
             a new name, as the public API allows; its code is built and cached.
             "spare": from a worker kept ready with no function in it; "fresh": on
             a host that keeps none. By name, nothing is deployed: "met" are the
             cold starts that calls happened to meet.
  warm       Calls to an instance that is there, one at a time, after up to 1 s of
             calls that do not count: as your own program makes them (--agent
             inline, the default), as under "troupe serve" (--agent process), or
             over HTTP (by name).
  in flight  So many callers, each of which calls again when it has its answer. The
             function's --concurrency and --max say how many instances there are.

Components: route, queue, place (on a node), start (a worker), specialise (load the
function), deliver, run, reply, all as in the ledger; outside is what the caller
waits beyond: encoding, decoding, waking up, HTTP. Every figure is a quantile of its
own, so columns do not add up.

--json prints one object. Times are in microseconds, and quantiles are
{ min, mean, p50, p90, p99, p999, max }:
  { function, host, agent, isolation, environment, deploy: { buildMs, bytes },
    cold: { spare, fresh, met: { calls, totalUs, componentsUs: { route, ... } } },
    warm: { calls, totalUs, componentsUs, histogram: [{ fromUs, toUs, count }] },
    load: { inFlight, calls, seconds, perSecond, totalUs, instances },
    coldStarts: { first, burst, ... }, logLines }

The options of the function, --cold, --agent and --get are for one in a file;
--version, --alias and --host for one on a host, where calls are real calls.

Examples:
  $ troupe bench ./hello.ts -d '{"name":"Ada"}'
  $ troupe bench ./resize --isolation process --cold 20 --in-flight 4
  $ troupe bench hello --host http://127.0.0.1:4460 --json`;

export function addBench(program: Command, terminal: Terminal): void {
  const command = program
    .command('bench')
    .description('Measure a function, cold against warm, by component: in a file, or by name on a running host.')
    .argument('<function>', 'a path such as ./hello.ts, or a name')
    .option('-d, --data <json>', 'the payload of each call as JSON; @file reads a file, - standard input')
    .option('-f, --file <path>', 'the payload: the bytes of a file; - standard input')
    .option(
      '--get <path>',
      'ask a function that exports fetch for this page; without a payload the default is /',
      httpPath,
    )
    .option('--calls <n>', `warm calls of each caller (default: ${DEFAULTS.calls})`, wholeNumberFrom(1, MAX_CALLS))
    .option(
      '--duration <ms>',
      `most time that a part spends in calls (default: ${DEFAULTS.durationMs} where no number is given)`,
      wholeNumberFrom(1, MAX_DURATION_MS),
    )
    .option(
      '--cold <n>',
      `cold starts of each kind (default: ${DEFAULTS.cold}); 0 for none`,
      wholeNumberFrom(0, MAX_COLD),
    )
    .option(
      '--in-flight <n>',
      `calls at a time for the throughput (default: ${DEFAULTS.inFlight}); 0 for none`,
      wholeNumberFrom(0, MAX_IN_FLIGHT),
    )
    .addOption(new Option('--agent <kind>', 'where instances live (default: inline)').choices(['inline', 'process']))
    .option('--version <n>', 'call this version', wholeNumberFrom(1))
    .option('--alias <name>', 'call through this alias');
  addHostOptions(command, 'print all figures as one JSON object');
  addFunctionOptions(command)
    .addHelpText('after', HELP)
    .action((target: string, flags: BenchFlags) =>
      interruptible(terminal, (signal) => bench(target, flags, terminal, signal)),
    );
}

async function bench(target: string, flags: BenchFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const plan = planOf(flags, terminal, signal);
  const figures = looksLikePath(target) ? await file(target, flags, plan) : await onHost(target, flags, plan);
  if (signal.aborted) return;
  if (flags.json) return terminal.out(toJson(figures));
  const { report } = await import('../bench/report.ts');
  for (const line of report(figures, terminal.outColors)) terminal.out(line);
}

/** Whoever says how many calls wants them all, unless they also say for how long. */
function planOf(flags: BenchFlags, terminal: Terminal, signal: AbortSignal): Plan {
  const { calls, cold, inFlight = DEFAULTS.inFlight, duration } = flags;
  return {
    calls: calls ?? DEFAULTS.calls,
    warmUpCalls: calls ?? MAX_CALLS,
    loadCalls: calls === undefined ? MAX_LOAD_CALLS : Math.min(MAX_LOAD_CALLS, calls * inFlight),
    coldStarts: cold ?? DEFAULTS.cold,
    inFlight,
    durationMs: duration ?? (calls === undefined ? DEFAULTS.durationMs : Number.POSITIVE_INFINITY),
    coldDurationMs: duration ?? (cold === undefined ? DEFAULTS.durationMs : Number.POSITIVE_INFINITY),
    signal,
    note: (line) => terminal.note(terminal.noteColors.dim(line)),
  };
}

async function file(path: string, flags: BenchFlags, plan: Plan): Promise<BenchFigures> {
  refuseFlags(flags, ['version', 'alias', 'host'], 'is for a function on a host, and this is a file');
  checkPath(path);
  const payload = await readPayload(flags, plan.signal);
  if (payload !== undefined) refuseFlags(flags, ['get'], 'sends no payload: leave out --data and --file');
  const config = await toFunctionConfig(flags, path);
  const { benchFile } = await import('../bench/bench-file.ts');
  return benchFile({ path, config, payload, get: flags.get, agent: flags.agent ?? 'inline', plan });
}

async function onHost(name: string, flags: BenchFlags, plan: Plan): Promise<BenchFigures> {
  const why = `is for a function in a file, and "${name}" is on a host`;
  refuseFlags(flags, ['cold', 'agent', 'get'], why);
  const [misplaced] = givenFunctionFlags(flags);
  if (misplaced !== undefined) throw new TroupeError('INVALID_ARGUMENT', `${misplaced} ${why}.`);
  const client = await HostClient.open(flags.host, plan.signal);
  const payload = await readPayload(flags, plan.signal);
  const { benchHost } = await import('../bench/bench-host.ts');
  try {
    return await benchHost({ client, name, payload, plan, ...defined({ version: flags.version, alias: flags.alias }) });
  } catch (thrown) {
    throw withHint(toTroupeError(thrown), name);
  }
}

function httpPath(text: string): string {
  if (text.startsWith('/') && URL.canParse(`http://localhost${text}`)) return text;
  throw new InvalidArgumentError('It must look like /path?query.');
}
