/** The options of a function on the command line, as `deploy` and `invoke` share them. */
import { accessSync, constants, statSync } from 'node:fs';
import { extname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type FunctionConfig, ISOLATIONS, PRIORITIES } from '../config.ts';

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

export function addFunctionOptions(command: Command): Command {
  return command
    .addOption(new Option('--isolation <kind>', 'what an instance is').choices(ISOLATIONS))
    .addOption(new Option('--runtime <kind>', 'exec runs any executable').choices(['node', 'exec']))
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

export function toFunctionConfig(flags: FunctionFlags, path: string): FunctionConfig {
  const runtime = flags.runtime ?? (isExecutable(path) ? 'exec' : undefined);
  const config = {
    isolation: flags.isolation,
    runtime,
    memoryMb: flags.memory,
    timeoutMs: flags.functionTimeout,
    concurrency: flags.concurrency,
    minInstances: flags.min,
    maxInstances: flags.max,
    keepAliveMs: flags.keepAlive,
    priority: flags.priority,
    idempotent: flags.idempotent,
    env: flags.env,
  };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
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

/** The range of each option is checked where the option is defined; here only that it is a number at all. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function environmentVariable(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must look like NAME=VALUE.');
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}
