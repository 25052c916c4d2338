/**
 * Brings the code of a function into this instance. The artifact's format says how; `handler-shape.ts` says what was found in it.
 */
import { constants, promises as fs } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script, constants as vmConstants } from 'node:vm';
import { serializeError, TroupeError } from '../errors.ts';
import type { InstanceImage } from '../transport/instance-control.ts';
import { findHandler, type LoadedFunction } from './handler-shape.ts';

interface ScriptOptions {
  /** V8's code cache for exactly this source, flags and version; V8 ignores one that does not fit. */
  readonly cachedData?: Buffer;
}

/**
 * Loads a function of the format `script` or `module`. Throws `HANDLER_INVALID` when there is no handler in it and
 * `INSTANCE_START_FAILED`, with the original as its cause, when its code cannot be read, parsed or evaluated.
 */
export async function loadHandler(image: InstanceImage): Promise<LoadedFunction> {
  let exported: unknown;
  try {
    exported =
      image.format === 'module'
        ? await import(pathToFileURL(image.entry).href)
        : evaluateScript(image.entry, await fs.readFile(image.entry, 'utf8'));
  } catch (thrown) {
    throw startFailed(thrown);
  }
  return findHandler(exported, 'The function');
}

/** Throws `INSTANCE_START_FAILED` unless the file may be executed. */
export async function checkExecutable(image: InstanceImage): Promise<void> {
  try {
    await fs.access(image.entry, constants.X_OK);
  } catch (thrown) {
    throw startFailed(thrown);
  }
}

const WRAPPER_HEAD = '(function (exports, require, module, __filename, __dirname) { ';
const WRAPPER_TAIL = '\n})';

/** Evaluates a CommonJS script and returns what it exports. */
function evaluateScript(entry: string, source: string, options: ScriptOptions = {}): unknown {
  if (source.includes('import(')) silenceLoaderWarning();
  const script = new Script(WRAPPER_HEAD + source.replace(/^#!/, '//') + WRAPPER_TAIL, {
    filename: entry,
    columnOffset: -WRAPPER_HEAD.length,
    importModuleDynamically: vmConstants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...options,
  });
  const module = { exports: {} as unknown };
  script.runInThisContext()(module.exports, createRequire(entry), module, entry, dirname(entry));
  return module.exports;
}

/**
 * The first `import()` out of a script makes Node say, once per thread, that its default loader is experimental there. That is our choice
 * and no news to the function: this one warning is swallowed, and nothing stays patched after it.
 */
function silenceLoaderWarning(): void {
  const original = process.emitWarning;
  const filter = (...parameters: Parameters<typeof original>): void => {
    const [warning] = parameters;
    if (!String(warning).includes('vm.USE_MAIN_CONTEXT_DEFAULT_LOADER')) return original.apply(process, parameters);
    if (process.emitWarning === filter) process.emitWarning = original;
  };
  process.emitWarning = filter as typeof original;
}

function startFailed(thrown: unknown): TroupeError {
  const { name, message } = serializeError(thrown);
  return new TroupeError('INSTANCE_START_FAILED', `The function could not be loaded: ${name}: ${message}`, {
    cause: thrown,
  });
}
