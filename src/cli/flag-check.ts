/** Checks the values of flags where each option is defined, in config.ts, and complains in the words of the command line. Pure. */
import type { z } from 'zod';
import { TroupeError } from '../errors.ts';

/** Throws `INVALID_ARGUMENT` that names each wrong flag. `flagOf` is the flag of each option. */
export function checkFlags(
  values: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, z.ZodType>>,
  flagOf: Readonly<Record<string, string>>,
): void {
  const faults = Object.entries(values).flatMap(([option, value]) => {
    const issues = shape[option]?.safeParse(value).error?.issues ?? [];
    const flag = flagOf[option] ?? option;
    if (typeof value === 'object') return issues.map(({ path, message }) => `${flag} ${path.join('.')}: ${message}`);
    // Of several bounds that are broken, the tightest stands last.
    return issues.slice(-1).map(({ message }) => `${flag} ${value}: ${message}`);
  });
  if (faults.length > 0) throw new TroupeError('INVALID_ARGUMENT', `${faults.join('; ')}.`, { details: { faults } });
}
