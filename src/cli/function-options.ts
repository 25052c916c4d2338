/** The options of a function on the command line, as `deploy` and `invoke` share them. */
import { accessSync, constants, statSync } from 'node:fs';
import { extname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FunctionConfig } from '../config.ts';
import { checkFlags } from './flag-check.ts';
import { defined, wholeNumber } from './options.ts';

/** What commander makes of the flags below. */
export interface FunctionFlags {
  readonly isolation?: FunctionConfig['isolation'];
  readonly runtime?: FunctionConfig['runtime'];
  readonly memory?: number;
  readonly functionTimeout?: number;
  readonly concurrency?: number;
  readonly min?: number;
  readonly max?: number;
  readonly keepAlive?: number;
  readonly priority?: FunctionConfig['priority'];
  readonly idempotent?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

// Written out, for config.ts brings the schema library, which costs as much as the rest of the command line.
const ISOLATIONS = ['thread', 'process'] as const satisfies readonly FunctionConfig['isolation'][];
const RUNTIMES = ['node', 'exec'] as const satisfies readonly FunctionConfig['runtime'][];
const PRIORITIES = ['high', 'normal', 'background'] as const satisfies readonly FunctionConfig['priority'][];

/** The flag of each option of a function. */
const FLAG_OF = {
  isolation: '--isolation',
  runtime: '--runtime',
  memoryMb: '--memory',
  timeoutMs: '--function-timeout',
  concurrency: '--concurrency',
  minInstances: '--min',
  maxInstances: '--max',
  keepAliveMs: '--keep-alive',
  priority: '--priority',
  idempotent: '--idempotent',
  env: '--env',
} satisfies Partial<Record<keyof FunctionConfig, string>>;

export function addFunctionOptions(command: Command): Command {
  return command
    .optionsGroup('Options of the function:')
    .addOption(new Option('--isolation <kind>', 'what an instance is').choices(ISOLATIONS))
    .addOption(new Option('--runtime <kind>', 'exec runs any executable').choices(RUNTIMES))
    .option('--memory <MiB>', 'memory limit of an instance', wholeNumber)
    .option('--function-timeout <ms>', 'longest run of a call', wholeNumber)
    .option('--concurrency <n>', 'calls inside an instance at a time', wholeNumber)
    .option('--min <n>', 'instances kept ready', wholeNumber)
    .option('--max <n>', 'most instances', wholeNumber)
    .option('--keep-alive <ms>', 'how long an idle instance is kept', wholeNumber)
    .addOption(new Option('--priority <level>', 'who goes first when room is short').choices(PRIORITIES))
    .option('--idempotent', 'calls may be run again after a crash')
    .option('-e, --env <NAME=VALUE>', 'environment variable; may be repeated', environmentVariable);
}

/** The flags that were given, as the user writes them. */
export function givenFunctionFlags(flags: FunctionFlags): string[] {
  return Object.keys(toOptions(flags)).map((option) => FLAG_OF[option as keyof typeof FLAG_OF]);
}

/** Throws `INVALID_ARGUMENT` that names the flag whose value is out of range. */
export async function toFunctionConfig(flags: FunctionFlags, path: string): Promise<FunctionConfig> {
  const config = toOptions({ ...flags, ...(flags.runtime === undefined && isExecutable(path) && { runtime: 'exec' }) });
  const { functionConfigSchema } = await import('../config.ts');
  checkFlags(config, functionConfigSchema.shape, FLAG_OF);
  return config;
}

function toOptions(flags: FunctionFlags): FunctionConfig {
  return defined({
    isolation: flags.isolation,
    runtime: flags.runtime,
    memoryMb: flags.memory,
    timeoutMs: flags.functionTimeout,
    concurrency: flags.concurrency,
    minInstances: flags.min,
    maxInstances: flags.max,
    keepAliveMs: flags.keepAlive,
    priority: flags.priority,
    idempotent: flags.idempotent,
    env: flags.env,
  });
}

const SCRIPT_EXTENSIONS = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.jsx', '.tsx', '.json', '.zip']);

/** A file that may be executed and is no script of ours needs no `--runtime exec`. */
function isExecutable(path: string): boolean {
  if (SCRIPT_EXTENSIONS.has(extname(path))) return false;
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function environmentVariable(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must look like NAME=VALUE.');
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}
