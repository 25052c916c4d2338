/**
 * How the bundler finds and reads files: keeps native packages outside, leads `troupe` to the guest entry, holds a directory source
 * inside its root, and notes every file with the hash of exactly those bytes that were built.
 *
 * Invariant 5 (README): the root is checked before a file is read, so that no error message can show a file from outside.
 */
import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { OnLoadResult, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { type InputFile, isInstalled } from './build-record.ts';
import { findPackage, type NativePackages, packageNameOf, resolveRequire } from './native-packages.ts';
import { isInside } from './source.ts';

export interface BundlePluginOptions {
  readonly format: 'script' | 'module';
  /** Real path of the directory that a directory source must not leave; absent for files and inline code, which may. */
  readonly root?: string;
  /** Where the builder installed the source's packages; it goes before any other place. */
  readonly installed?: string;
  readonly natives: NativePackages;
  /** Packages known to be native from an earlier attempt. */
  readonly nativeDirectories: ReadonlySet<string>;
  readonly maxSourceBytes: number;
  readonly nowMs: () => number;
}

/** What the plugin learned while the bundler ran. */
export interface BundleNotes {
  readonly inputs: Map<string, InputFile>;
  /** Where imports of the user's own files were looked for: paths as written, before links are resolved. */
  readonly lookedIn: Set<string>;
  /** What was put before the first line, by path. */
  readonly prefixes: Map<string, string>;
  /** Packages that turned out to be native only when the bundler met their add-on: build again with these outside. */
  readonly foundNative: Set<string>;
  /** Real paths outside of the root that the source asked for. */
  readonly escapes: string[];
}

const SCRIPT_FILE = /\.[cm]?[jt]sx?$/;
const PLACE_WORDS = /import\.meta|__dirname|__filename/;
/** Marks our own questions to the resolver, so that they are not answered by us again. */
const ASKED = { troupe: 'asked' } as const;

/** `dist/guest.js` beside the compiled builder, `src/guest.ts` beside its source. */
const GUEST_ENTRY = fileURLToPath(
  new URL(`../../guest${extname(import.meta.url) === '.ts' ? '.ts' : '.js'}`, import.meta.url),
);

/** The names that stand for a file's place; `bundle.ts` tells esbuild to use them. */
export const PLACE_DEFINES = {
  'import.meta.url': '__troupe_url',
  'import.meta.dirname': '__troupe_dirname',
  'import.meta.filename': '__troupe_filename',
  __dirname: '__troupe_dirname',
  __filename: '__troupe_filename',
} as const;

export function bundlePlugin(options: BundlePluginOptions, notes: BundleNotes): Plugin {
  return {
    name: 'troupe',
    setup(build) {
      build.onResolve({ filter: /^troupe(?:\/|$)/ }, () => ({ path: GUEST_ENTRY }));
      build.onResolve({ filter: /\.node$/ }, (asked) => resolveAddOn(asked, options, notes));
      build.onResolve({ filter: /^\.\.?(?:\/|$)/ }, ({ path, resolveDir }) => {
        if (!isInstalled(resolveDir)) notes.lookedIn.add(dirname(join(resolveDir, path)));
        return undefined;
      });
      build.onResolve({ filter: /^[^./]/ }, (asked) => resolvePackage(build, asked, options, notes));
      build.onLoad({ filter: /.*/, namespace: 'file' }, ({ path }) => load(path, options, notes));
    },
  };
}

async function resolvePackage(
  build: PluginBuild,
  asked: OnResolveArgs,
  options: BundlePluginOptions,
  notes: BundleNotes,
): Promise<OnResolveResult | undefined> {
  if (asked.pluginData === ASKED || asked.kind === 'entry-point' || isBuiltin(asked.path)) return undefined;
  const found = await locatePackage(asked, options, notes);
  if (!found) return undefined;
  const isNative = options.nativeDirectories.has(found.directory) || (await options.natives.isNative(found.directory));
  if (isNative) {
    await noteInput(join(found.directory, 'package.json'), options, notes);
    const required = resolveRequire(asked.path, found.from);
    if (required !== undefined) return { path: externalPath(required, asked, options.format), external: true };
  } else if (found.from === asked.resolveDir) return undefined;
  const { kind, importer } = asked;
  const resolved = await build.resolve(asked.path, { kind, importer, resolveDir: found.from, pluginData: ASKED });
  if (resolved.errors.length > 0) return undefined;
  if (isNative) return { path: externalPath(resolved.path, asked, options.format), external: true };
  const { path, namespace, external, sideEffects } = resolved;
  return { path, namespace, external, sideEffects };
}

/** The packages of the source itself come from where the builder installed them; those find their own beside them. */
async function locatePackage(
  asked: OnResolveArgs,
  { root, installed }: BundlePluginOptions,
  notes: BundleNotes,
): Promise<{ readonly directory: string; readonly from: string } | undefined> {
  const name = packageNameOf(asked.path);
  if (name === undefined) return undefined;
  const isOwn = root !== undefined && isInside(asked.resolveDir, root);
  const look = (place: string) => {
    if (!isInstalled(asked.resolveDir)) notes.lookedIn.add(place);
  };
  for (const from of installed !== undefined && isOwn ? [installed, asked.resolveDir] : [asked.resolveDir]) {
    const directory = await findPackage(name, from, look);
    if (directory !== undefined) return { directory, from };
  }
  return undefined;
}

/** An `import` takes a URL in every form of artifact; `require` takes a path only. */
function externalPath(path: string, { kind }: OnResolveArgs, format: 'script' | 'module'): string {
  const isImport = kind === 'import-statement' || kind === 'dynamic-import';
  return format === 'module' && isImport ? pathToFileURL(path).href : path;
}

function resolveAddOn(asked: OnResolveArgs, options: BundlePluginOptions, notes: BundleNotes): OnResolveResult {
  const owner = packageDirectoryOf(asked.resolveDir);
  if (owner !== undefined && !options.nativeDirectories.has(owner)) {
    notes.foundNative.add(owner);
    return { path: asked.path, external: true };
  }
  const path = resolveRequire(asked.path, asked.resolveDir);
  return path === undefined ? {} : { path, external: true };
}

function packageDirectoryOf(directory: string): string | undefined {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(directory)?.[0];
}

async function load(path: string, options: BundlePluginOptions, notes: BundleNotes): Promise<OnLoadResult> {
  const outside = await leavesRoot(path, options);
  if (outside !== undefined) {
    notes.escapes.push(outside);
    return { errors: [{ text: `${outside} is outside of the source directory` }] };
  }
  const input = await noteInput(path, options, notes);
  if (!('bytes' in input)) return { errors: [input] };
  if (!SCRIPT_FILE.test(path)) return { contents: input.bytes, loader: 'default' };
  const text = input.bytes.toString('utf8');
  if (!PLACE_WORDS.test(text)) return { contents: input.bytes, loader: 'default' };
  const prefix = placePrefix(path, text);
  notes.prefixes.set(path, prefix);
  // A "#!" line must stay first; what follows it moves by the prefix instead.
  const hashbang = /^#!.*\n/.exec(text)?.[0] ?? '';
  return { contents: hashbang + prefix + text.slice(hashbang.length), loader: 'default' };
}

/** Code finds the files beside it at the place where it was deployed from. On one line, so that line numbers stay. */
function placePrefix(path: string, text: string): string {
  const strict = /^\s*(['"])use strict\1/.test(text) ? '"use strict";' : '';
  const quoted = (value: string) => JSON.stringify(value);
  return `${strict}var __troupe_url=${quoted(pathToFileURL(path).href)},__troupe_dirname=${quoted(dirname(path))},__troupe_filename=${quoted(path)};`;
}

/** The real path outside of the root that the file leads to. */
async function leavesRoot(path: string, { root, installed }: BundlePluginOptions): Promise<string | undefined> {
  if (root === undefined) return undefined;
  const real = await realpath(path).catch(() => path);
  if (isInside(real, root) || isInside(real, dirname(GUEST_ENTRY))) return undefined;
  if (installed !== undefined && isInside(real, join(installed, 'node_modules'))) return undefined;
  for (let directory = dirname(root); ; directory = dirname(directory)) {
    if (isInside(real, join(directory, 'node_modules'))) return undefined;
    if (dirname(directory) === directory) return real;
  }
}

async function noteInput(
  path: string,
  options: BundlePluginOptions,
  notes: BundleNotes,
): Promise<{ readonly bytes: Buffer } | { readonly text: string }> {
  try {
    const facts = await stat(path, { bigint: true });
    if (!facts.isFile()) return { text: `${path} is not a regular file` };
    if (facts.size > BigInt(options.maxSourceBytes)) {
      return { text: `${basename(path)} is ${facts.size} bytes long; the limit is ${options.maxSourceBytes}` };
    }
    const readAtMs = options.nowMs();
    const bytes = await readFile(path);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const { size, mtimeNs, ctimeNs, ino } = facts;
    notes.inputs.set(path, { path, sha256, readAtMs, stamp: `${size}|${mtimeNs}|${ctimeNs}|${ino}` });
    return { bytes };
  } catch (cause) {
    return { text: `Cannot read ${path}: ${(cause as Error).message}` };
  }
}
