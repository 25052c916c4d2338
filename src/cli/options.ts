/** Options that several commands share, and how their values are read. Loads nothing of the runtime. */
import { type Command, InvalidArgumentError } from 'commander';

export interface HostFlags {
  readonly host?: string;
  readonly json?: boolean;
}

/** Longest timeout of a call: a day. */
export const MAX_TIMEOUT_MS = 86_400_000;

export function addHostOptions(command: Command, json: string): Command {
  return command
    .option('--host <url>', 'the host; the default is TROUPE_HOST, then http://127.0.0.1:4460')
    .option('--json', json);
}

/** Reads a whole number in digits: no exponents, no fractions, nothing past what a double holds exactly. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('It must be a whole number.');
  }
  return value;
}

export function wholeNumberFrom(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = wholeNumber(text);
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(
      max === Number.MAX_SAFE_INTEGER ? `It must be at least ${min}.` : `It must be from ${min} to ${max}.`,
    );
  };
}

/** Without the members that are undefined: under `exactOptionalPropertyTypes` absent and undefined differ. */
export function defined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

/** Reads `Name: value`, several times. Names are in lower case, as every HTTP server has them; one that is repeated is one, as HTTP joins them. */
export function header(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name = '', value = ''] = /^([!#$%&'*+.^`|~\w-]+):\s*(.*?)\s*$/.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError("It must look like 'Name: value'.");
  const key = name.toLowerCase();
  return { ...earlier, [key]: earlier[key] === undefined ? value : `${earlier[key]}, ${value}` };
}
