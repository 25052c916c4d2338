/** The command line of the torture runner. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { describeThrown } from './findings.ts';

export interface TortureOptions {
  readonly suites: readonly string[];
  readonly rounds: number;
  readonly seed: number;
  readonly json: boolean;
}

const MAX_SEED = 2 ** 32 - 1;

export function usage(names: readonly string[]): string {
  return [
    'Usage: npm run torture -- [--suite NAME|all] [--rounds N] [--seed S] [--json]',
    `Suites: ${names.join(', ')}, all`,
  ].join('\n');
}

/** The options, or what is wrong with them. */
export function parseOptions(args: readonly string[], names: readonly string[]): TortureOptions | string {
  const options = {
    suite: { type: 'string', default: 'all' },
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    json: { type: 'boolean', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false }));
  } catch (thrown) {
    return describeThrown(thrown);
  }
  const { suite, json } = values;
  if (suite !== 'all' && !names.includes(suite)) return `There is no suite "${suite}".`;
  const rounds = wholeNumber(values.rounds, 1, 1_000_000);
  if (rounds === undefined) return `--rounds must be a whole number from 1, not "${values.rounds}".`;
  const seed = values.seed === undefined ? randomInt(2 ** 31) : wholeNumber(values.seed, 0, MAX_SEED);
  if (seed === undefined) return `--seed must be a whole number from 0 to ${MAX_SEED}, not "${values.seed}".`;
  return { suites: suite === 'all' ? names : [suite], rounds, seed, json };
}

function wholeNumber(text: string, low: number, high: number): number | undefined {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= low && value <= high ? value : undefined;
}
