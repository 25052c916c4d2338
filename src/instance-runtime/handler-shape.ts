/**
 * Finds the handler among the exports of a loaded function and tells its shape. Pure.
 *
 * Looked at in this order: the default export (also as esbuild and CommonJS wrap it), `module.exports` itself, and the named export
 * `handler` of AWS Lambda. Each may be a function, an object with a `fetch` method, or what `defineFunction` returned.
 */
import type { FunctionConfig } from '../config.ts';
import { TroupeError } from '../errors.ts';
import { type Context, FUNCTION_BRAND, type StandardSchema } from '../handler.ts';
import type { HandlerShape } from '../transport/instance-control.ts';

/** A function ready to be called. */
export interface LoadedFunction {
  readonly shape: HandlerShape;
  readonly config: FunctionConfig;
  /** The event is a `Request` for the shape `fetch`. May return a promise, and for the shape `stream` returns a generator. */
  readonly call: (event: unknown, context: Context) => unknown;
  /** Only for executables: the output as it comes. */
  readonly stream?: (event: unknown, context: Context) => AsyncIterator<unknown>;
  readonly input?: StandardSchema;
  readonly output?: StandardSchema;
  /** False: nothing in its code prints, so nobody has to know which call is running. */
  readonly mayPrint?: boolean;
}

type Callable = (...parameters: unknown[]) => unknown;
type Bag = Readonly<Record<PropertyKey, unknown>>;

/** Throws `HANDLER_INVALID`. */
export function findHandler(exported: unknown, where: string): LoadedFunction {
  const names = unwrapInterop(exported);
  for (const candidate of candidates(exported, names)) {
    const found = describeHandler(candidate);
    if (found) return { config: readConfig(names?.['config'], where), ...found };
  }
  throw new TroupeError(
    'HANDLER_INVALID',
    `${where} exports no handler: found ${listExports(exported, names)}. Export one of: ` +
      '`export default async (event, context) => result`, `export default async function* (event, context) { yield chunk }`, ' +
      'or `export default { fetch(request) { return new Response() } }`.',
  );
}

/** A CommonJS module made from an ES module, imported as an ES module, has its exports one level down. */
function unwrapInterop(exported: unknown): Bag | undefined {
  if (!isBag(exported)) return undefined;
  const inner = exported['default'];
  return isBag(inner) && inner['__esModule'] === true ? inner : exported;
}

function* candidates(exported: unknown, names: Bag | undefined): Generator<unknown> {
  yield names?.['default'];
  yield exported;
  if (names !== exported) yield names;
  yield names?.['handler'];
}

type Described = Omit<LoadedFunction, 'config'> & { readonly config?: FunctionConfig };

function describeHandler(value: unknown): Described | undefined {
  if (!isBag(value)) return undefined;
  if (value[FUNCTION_BRAND] !== true) return describePlain(value);
  const handler = describePlain(value['handler']);
  if (!handler) return undefined;
  const { config, input, output } = value as {
    config?: FunctionConfig;
    input?: StandardSchema;
    output?: StandardSchema;
  };
  return {
    ...handler,
    ...(config === undefined ? {} : { config: readConfig(config, 'defineFunction') }),
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
  };
}

function describePlain(value: unknown): Described | undefined {
  if (typeof value === 'function') {
    const isGenerator = /^\[object (Async)?GeneratorFunction\]$/.test(Object.prototype.toString.call(value));
    return { shape: isGenerator ? 'stream' : 'value', call: value as Callable };
  }
  if (!isBag(value)) return undefined;
  const { fetch } = value;
  if (typeof fetch !== 'function') return undefined;
  return { shape: 'fetch', call: (request, context) => (fetch as Callable).call(value, request, context) };
}

function readConfig(config: unknown, where: string): FunctionConfig {
  if (config === undefined) return {};
  try {
    // It leaves the instance, so it must be data; checking what it says is the host's business.
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return structuredClone(config);
  } catch {
    // Said below.
  }
  throw new TroupeError('HANDLER_INVALID', `The \`config\` of ${where} is not a plain object of options.`);
}

function listExports(exported: unknown, names: Bag | undefined): string {
  if (!names) return `a module that is ${exported === null ? 'null' : `a ${typeof exported}`}`;
  const described = Object.keys(names).map((name) => `\`${name}\` (${describeType(names[name])})`);
  return described.length === 0 ? 'no exports at all' : described.slice(0, 20).join(', ');
}

function describeType(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

function isBag(value: unknown): value is Bag {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
