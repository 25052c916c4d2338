/**
 * Brings the code of a function into this instance. The artifact's format says how; `handler-shape.ts` says what was found in it.
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script, constants as vmConstants } from 'node:vm';
import { serializeError, TroupeError } from '../errors.ts';
import type { InstanceImage } from '../transport/instance-control.ts';
import { scriptText, sourceOf, WRAPPER_HEAD, type WrappedScript, wrapScript } from '../transport/wrapped-script.ts';
import { type CacheableScript, readCodeCache } from './code-cache.ts';
import { findHandler, type LoadedFunction } from './handler-shape.ts';

export interface LoadedHandler {
  readonly loaded: LoadedFunction;
  /** A script whose code cache is missing, or can be improved once it was called. */
  readonly uncached?: CacheableScript;
}

/**
 * Loads a function of the format `script` or `module`. Throws `HANDLER_INVALID` when there is no handler in it and
 * `INSTANCE_START_FAILED`, with the original as its cause, when its code cannot be read, parsed or evaluated.
 */
export async function loadHandler(image: InstanceImage): Promise<LoadedHandler> {
  let found: LoadedScript;
  try {
    found = image.format === 'module' ? { exported: await import(pathToFileURL(image.entry).href) } : loadScript(image);
  } catch (thrown) {
    throw startFailed(thrown);
  }
  const { exported, mayPrint = true, ...rest } = found;
  return { loaded: { ...findHandler(exported, 'The function'), mayPrint }, ...rest };
}

interface LoadedScript {
  readonly exported: unknown;
  readonly mayPrint?: boolean;
  readonly uncached?: CacheableScript;
}

/** Reads synchronously: nobody else is in this instance yet, and going through the thread pool takes longer than reading. */
function loadScript({ entry, filename = entry, codeCache, code }: InstanceImage): LoadedScript {
  if (code) {
    const { script, ...found } = evaluate(code, filename, code.cache);
    if (script.cachedDataRejected !== true) return found;
    return { ...found, uncached: { entry, filename, source: sourceOf(code), script } };
  }
  const named = { entry, filename, source: readFileSync(entry) };
  const cached = codeCache === undefined ? undefined : readCodeCache(named);
  const { script, ...found } = evaluate(wrapScript(named.source), filename, cached?.data);
  const isComplete = cached?.stage === 'used' && script.cachedDataRejected !== true;
  return codeCache === undefined || isComplete ? found : { ...found, uncached: { ...named, script } };
}

/** Throws `INSTANCE_START_FAILED` unless the file may be executed. */
export function checkExecutable(image: InstanceImage): void {
  try {
    accessSync(image.entry, constants.X_OK);
  } catch (thrown) {
    throw startFailed(thrown);
  }
}

function evaluate(wrapped: WrappedScript, filename: string, cachedData: Uint8Array | undefined) {
  // Four times as fast as looking through the text of it.
  if (wrapped.mayImport) silenceLoaderWarning();
  const script = new Script(scriptText(wrapped), {
    filename,
    columnOffset: -WRAPPER_HEAD.length,
    importModuleDynamically: vmConstants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  const module = { exports: {} as unknown };
  script.runInThisContext()(module.exports, requireFrom(filename), module, filename, dirname(filename));
  return { exported: module.exports, script, mayPrint: wrapped.mayPrint };
}

/** As Node makes it, but not before it is used: a bundle that needs nothing else never does, and it is a tenth of what loading costs. */
function requireFrom(filename: string): NodeJS.Require {
  let made: NodeJS.Require | undefined;
  const real = () => {
    made ??= createRequire(filename);
    return made;
  };
  return new Proxy(((id: string) => real()(id)) as NodeJS.Require, {
    get: (_, name) => Reflect.get(real(), name),
    set: (_, name, value) => Reflect.set(real(), name, value),
    has: (_, name) => Reflect.has(real(), name),
  });
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
