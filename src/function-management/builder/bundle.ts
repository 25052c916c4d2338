/**
 * Source in, one script and its source map out: drives esbuild. Writes nothing.
 *
 * The output depends on the source and its place only: no time, no temporary path.
 */
import { join, resolve } from 'node:path';
import type * as Esbuild from 'esbuild';
import type { TroupeError } from '../../errors.ts';
import { buildFailure } from './build-errors.ts';
import type { BuildTrace } from './build-record.ts';
import { type BundleNotes, bundlePlugin, PLACE_DEFINES } from './bundle-plugin.ts';
import { asciiComments, quickenNames } from './bundle-text.ts';
import { describeEscape } from './escape.ts';
import type { NativePackages } from './native-packages.ts';
import type { LocatedSource } from './source.ts';

export type BundledSource = Exclude<LocatedSource, { readonly kind: 'executable' }>;

export interface BundleOptions {
  readonly esbuild: typeof Esbuild;
  readonly natives: NativePackages;
  /** Where the builder installed the packages of the source, if it did. */
  readonly installed?: string;
  readonly maxSourceBytes: number;
  readonly nowMs: () => number;
}

export interface Bundle {
  readonly format: 'script' | 'module';
  readonly code: Uint8Array;
  readonly sourceMap: Uint8Array;
  readonly trace: BuildTrace;
}

/** Each attempt after the first knows more packages to be native, or that the source awaits at top level. */
const MAX_ATTEMPTS = 8;
const TOP_LEVEL_AWAIT = /^Top-level await is currently not supported with the "cjs" output format/;
/** Bundled CommonJS packages call `require` for built-ins; a module has none of its own. */
const MODULE_BANNER =
  "import{createRequire as __troupe_createRequire}from'node:module';var require=__troupe_createRequire(import.meta.url);";

/** Throws `BUILD_FAILED` or `SOURCE_OUTSIDE_ROOT`. */
export async function bundle(source: BundledSource, options: BundleOptions): Promise<Bundle> {
  const nativeDirectories = new Set<string>();
  let format: Bundle['format'] = 'script';
  for (let attempt = 1; ; attempt++) {
    const notes = emptyNotes();
    const built = await run(source, format, { ...options, nativeDirectories }, notes);
    if (attempt < MAX_ATTEMPTS && notes.foundNative.size > 0) {
      for (const directory of notes.foundNative) nativeDirectories.add(directory);
    } else if ('code' in built) {
      return { format, ...built, trace: { inputs: [...notes.inputs.values()], lookedIn: [...notes.lookedIn] } };
    } else if (format === 'script' && built.messages.some(({ text }) => TOP_LEVEL_AWAIT.test(text))) {
      format = 'module';
    } else {
      throw await explain(source, built.messages, notes);
    }
  }
}

function emptyNotes(): BundleNotes {
  return { inputs: new Map(), lookedIn: new Set(), prefixes: new Map(), foundNative: new Set(), escapes: [] };
}

type Attempt =
  | { readonly code: Uint8Array; readonly sourceMap: Uint8Array }
  | { readonly messages: readonly Esbuild.Message[] };

async function run(
  source: BundledSource,
  format: Bundle['format'],
  options: BundleOptions & { readonly nativeDirectories: ReadonlySet<string> },
  notes: BundleNotes,
): Promise<Attempt> {
  const { esbuild, natives, nativeDirectories, installed, maxSourceBytes, nowMs } = options;
  const plugin = bundlePlugin(
    {
      format,
      natives,
      nativeDirectories,
      maxSourceBytes,
      nowMs,
      ...(installed === undefined ? {} : { installed }),
      ...(source.kind === 'directory' ? { root: source.directory } : {}),
    },
    notes,
  );
  try {
    const { outputFiles } = await esbuild.build({ ...settings(source, format), ...entry(source), plugins: [plugin] });
    const written = outputFiles.find(({ path }) => !path.endsWith('.map'))?.contents ?? new Uint8Array(0);
    const code = await asciiComments(quickenNames(written), esbuild);
    const map = outputFiles.find(({ path }) => path.endsWith('.map'))?.text ?? '{}';
    return { code, sourceMap: mendSourceMap(map, source, notes) };
  } catch (thrown) {
    const { errors } = thrown as Partial<Esbuild.BuildFailure>;
    if (Array.isArray(errors)) return { messages: errors };
    throw thrown;
  }
}

function settings(source: BundledSource, format: Bundle['format']) {
  return {
    absWorkingDir: source.directory,
    outfile: join(source.directory, format === 'script' ? 'function.cjs' : 'function.mjs'),
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: format === 'script' ? 'cjs' : 'esm',
    sourcemap: 'external',
    sourcesContent: true,
    keepNames: true,
    minify: false,
    // V8 takes it in without decoding.
    charset: 'ascii',
    logLevel: 'silent',
    define: PLACE_DEFINES,
    // Assets come as text, binary ones as bytes: the artifact is then complete in itself.
    loader: { '.txt': 'text', '.md': 'text', '.html': 'text', '.csv': 'text', '.sql': 'text', '.wasm': 'binary' },
    // A script has no loader of its own for `import()`; a `require` in its place needs none.
    ...(format === 'script' ? { supported: { 'dynamic-import': false } } : { banner: { js: MODULE_BANNER } }),
  } as const satisfies Esbuild.BuildOptions;
}

function entry(source: BundledSource) {
  if (source.kind !== 'inline') return { entryPoints: [source.entry] };
  const { code, language, directory } = source;
  return { stdin: { contents: code, loader: language, resolveDir: directory, sourcefile: entryName(source) } };
}

function entryName(source: BundledSource): string {
  return source.kind === 'inline' ? `inline.${source.language}` : source.entry;
}

/** esbuild writes paths relative to its output file, which does not lie where it says; and the text with what the loader added. */
function mendSourceMap(json: string, source: BundledSource, { prefixes }: BundleNotes): Uint8Array {
  const map = JSON.parse(json) as { sources: string[]; sourcesContent: (string | null)[] };
  const inline = source.kind === 'inline' ? entryName(source) : undefined;
  const sources = map.sources.map((path) => (path === inline ? path : resolve(source.directory, path)));
  const sourcesContent = map.sourcesContent.map((text, index) => {
    const prefix = prefixes.get(sources[index] ?? '');
    return prefix === undefined || text === null ? text : text.replace(prefix, '');
  });
  return Buffer.from(JSON.stringify({ ...map, sources, sourcesContent }));
}

async function explain(
  source: BundledSource,
  messages: readonly Esbuild.Message[],
  notes: BundleNotes,
): Promise<TroupeError> {
  const outside = notes.escapes[0];
  if (outside && source.kind === 'directory') return await describeEscape(outside, source.directory, messages);
  return buildFailure(messages, {
    workingDirectory: source.directory,
    shownFrom: process.cwd(),
    prefixes: notes.prefixes,
  });
}
