/** What the argument FUNCTION of a command means: the name of a deployed function, or a path to one. */
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { TroupeError } from '../errors.ts';

/** Names have no dots or slashes, paths to functions nearly always do. */
export function looksLikePath(target: string): boolean {
  return target.includes('/') || target.includes('\\') || extname(target) !== '' || /^\.+$/.test(target);
}

/** No function is in YAML. */
export function isWorkflowPath(path: string): boolean {
  return /\.ya?ml$/i.test(path);
}

/** Throws `SOURCE_NOT_FOUND`. */
export function checkPath(path: string): void {
  if (existsSync(path)) return;
  const hint = /[/\\]/.test(path) ? '' : ' The name of a deployed function has no dots.';
  throw new TroupeError('SOURCE_NOT_FOUND', `There is nothing at ${path}.${hint}`, { details: { path } });
}

/** A folder without `./` before it reads as a name. */
export function withHint(error: TroupeError, name: string): TroupeError {
  const isMissing = error.code === 'HOST_UNREACHABLE' || error.code === 'FUNCTION_NOT_FOUND';
  if (!isMissing || !existsSync(name)) return error;
  const message = `${error.message} To run what is in ${name} here, write ./${name}.`;
  return new TroupeError(error.code, message, { details: error.details, cause: error.cause });
}

/** Throws `INVALID_ARGUMENT` that names the first of these flags that was given. */
export function refuseFlags<Flags extends object>(
  flags: Flags,
  names: readonly (keyof Flags & string)[],
  why: string,
): void {
  const given = names.find((name) => flags[name] !== undefined);
  if (given !== undefined) throw new TroupeError('INVALID_ARGUMENT', `--${given} ${why}.`);
}
