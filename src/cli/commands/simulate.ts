/** `troupe simulate`: what a scaling policy would have done with calls that were recorded. */
import { type Command, InvalidArgumentError } from 'commander';
import { TroupeError } from '../../errors.ts';
import { refuseFlags } from '../function-target.ts';
import { wholeNumberFrom } from '../options.ts';
import { interruptible } from '../signals.ts';
import type { SimulateFlags } from '../simulate/run.ts';
import type { Terminal } from '../terminal.ts';

const MAX_KEEP_ALIVE_MINUTES = 527_040;
const MAX_COLD_START_MS = 600_000;

/** Of calls; exactly one is given. */
const SOURCES = ['invocations', 'events', 'host', 'data'] as const;
const NO_SOURCE = 'Say which calls to replay: give --host URL, --data DIR, --invocations FILE or --events FILE.';

const HELP = `
What is replayed: calls by the minute. Each minute is decided at its beginning, by
the policy code that the host runs, from the minutes before it; policies get no look
at the future. They come from a host, or from a trace in one of two formats, both of
CSV with a first line that names the columns; other columns are passed over.
  --host, --data what a host has counted of its own calls, in the last two weeks. It
                 counts always. A host that runs is asked with --host; it has its data
                 directory open, so --data is for one that does not. While no host ran,
                 nothing was called. TROUPE_HOST and TROUPE_DATA_DIR mean nothing here.
  --invocations  Azure Functions 2019: HashOwner, HashApp, HashFunction, Trigger,
                 then a column for each minute, named by its number.
    --memory     HashOwner, HashApp, perhaps HashFunction, AverageAllocatedMb. The
                 memory of an app holds for each of its functions; 170 MB where
                 unknown.
    --durations  HashOwner, HashApp, HashFunction, Average (ms). Calls times their
                 run time are the calls at once (Little's law), which policies see;
                 what is counted is only whether an instance is there.
  --events       Azure Functions 2021: app, func, end_timestamp, duration (seconds).
                 Each function is taken to need 170 MB.

Policies: fixed (a keep-alive; fixed:20 for 20 minutes), hybrid-histogram, reactive,
and predictive (predictive:2e-6 for an exchange rate of 2e-6 ms per MB-second). The
curve of predictive is that of its exchange rate: what a MB-second of memory is worth
in milliseconds of waiting. --target-waste and --target-cold search the whole trace
for the best rate, and only for the rate.

--json prints an array, an object for each policy, and with --curve one for each point
of the curves:
  policy                  as --policy takes it
  functions, invocations  in the trace
  activeMinutes           minutes in which a function is called, over all functions
  coldStarts              active minutes that began without an instance
  avoidableColdStarts     without the first active minute of each function
  p50FunctionColdPercent  coldStarts in percent of activeMinutes, of the median
                          function; only functions that are called count
  p75FunctionColdPercent  the same, of the function at the third quartile
  wasteGbMinutes          memory of instances in minutes without calls, from the first
                          call of each function to the end of the trace

The traces: https://github.com/Azure/AzurePublicDataset (CC-BY 4.0).
  2019: Shahrad et al., "Serverless in the Wild", USENIX ATC 2020, whose hybrid
        histogram (section 4, without ARIMA) is the policy hybrid-histogram.
  2021: Zhang et al., "Faster and Cheaper Serverless Computing on Harvested
        Resources", SOSP 2021.

Examples:
  $ troupe simulate --host http://127.0.0.1:4460
  $ troupe simulate --data .troupe --policy fixed,predictive --html curves.html
  $ troupe simulate --invocations invocations.csv --memory memory.csv
  $ troupe simulate --invocations invocations.csv --policy fixed:20,predictive
      --target-waste 1079 --json
  $ troupe simulate --events events.csv --curve --html curves.html`;

export function addSimulate(program: Command, terminal: Terminal): void {
  program
    .command('simulate')
    .description('Replay recorded calls against scaling policies: cold starts against wasted memory.')
    .option('--invocations <file>', 'calls by the minute, in the format of Azure Functions 2019')
    .option('--durations <file>', 'run times of the functions in --invocations')
    .option('--memory <file>', 'memory of the functions in --invocations')
    .option('--events <file>', 'single calls, in the format of Azure Functions 2021')
    .option('--host <url>', 'calls that a running host has counted')
    .option('--data <dir>', 'calls that a host has counted which does not run: its data directory')
    .option('--policy <names>', 'policies, separated by commas (default: all)')
    .option('--keep-alive <min>', 'of fixed and reactive (default: 10)', wholeNumberFrom(0, MAX_KEEP_ALIVE_MINUTES))
    .option(
      '--cold-start-ms <ms>',
      'what a cold start costs (default: what each policy takes it to be before the first)',
      coldStartMs,
    )
    .option('--target-waste <gbmin>', 'predictive: the fewest cold starts for so much waste', amount)
    .option('--target-cold <n>', 'predictive: the least waste for so many avoidable cold starts', wholeNumberFrom(0))
    .option('--curve', 'print the whole curves of predictive and fixed')
    .option('--html <file>', 'draw the curves, and the functions that fare worst, on one page')
    .option('--json', 'print the figures as a JSON array')
    .addHelpText('after', HELP)
    .action((flags: SimulateFlags) =>
      interruptible(terminal, async (signal) => {
        checkCombinations(flags);
        const { runSimulation } = await import('../simulate/run.ts');
        await runSimulation(flags, terminal, signal);
      }),
    );
}

function checkCombinations(flags: SimulateFlags): void {
  const { invocations, targetWaste, targetCold } = flags;
  if (invocations === undefined) {
    const why = 'is about the functions of a trace in --invocations: give that too';
    refuseFlags(flags, ['durations', 'memory'], why);
  }
  const [source, second] = SOURCES.filter((each) => flags[each] !== undefined);
  if (source === undefined) throw new TroupeError('INVALID_ARGUMENT', NO_SOURCE);
  if (second !== undefined) throw new TroupeError('INVALID_ARGUMENT', `Give --${source} or --${second}, not both.`);
  if (targetWaste === undefined || targetCold === undefined) return;
  throw new TroupeError('INVALID_ARGUMENT', 'Give --target-waste or --target-cold, not both.');
}

/** In digits, with or without a fraction. */
function amount(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number, 0 or more.');
}

function coldStartMs(text: string): number {
  const value = amount(text);
  if (value > 0 && value <= MAX_COLD_START_MS) return value;
  throw new InvalidArgumentError(`It must be above 0, and at most ${MAX_COLD_START_MS}.`);
}
