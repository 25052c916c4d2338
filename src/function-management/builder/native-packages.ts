/**
 * Tells which packages cannot be bundled because they load native add-ons. Such a package stays outside of the bundle and is loaded
 * from where it is installed.
 *
 * A package counts as native when it, or one of its direct dependencies as installed, ships a `*.node` file.
 */

import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/** A package is searched this far; add-ons lie near the top, and some packages hold tens of thousands of files. */
const MAX_ENTRIES = 5_000;
const MAX_DEPTH = 6;
const MAX_REMEMBERED = 2_000;

export class NativePackages {
  /** By directory and change time of its package.json: packages do not change while installed. */
  readonly #known = new Map<string, Promise<boolean>>();

  /** `directory` is the real path of an installed package. */
  async isNative(directory: string): Promise<boolean> {
    if (await this.#ships(directory)) return true;
    for (const name of await dependencyNames(directory)) {
      const dependency = await findPackage(name, directory);
      if (dependency && (await this.#ships(dependency))) return true;
    }
    return false;
  }

  async #ships(directory: string): Promise<boolean> {
    const facts = await stat(join(directory, 'package.json'), { bigint: true }).catch(() => undefined);
    const key = `${directory}|${facts?.mtimeNs}|${facts?.ctimeNs}`;
    const known = this.#known.get(key);
    if (known) return known;
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    const found = shipsAddOn(directory);
    this.#known.set(key, found);
    return found;
  }
}

/** `sharp` of `sharp/lib/x`, `@a/b` of `@a/b/c`; undefined for what names no package. */
export function packageNameOf(specifier: string): string | undefined {
  return /^(?:@[^/\\:]+\/)?[^./\\:#@][^/\\:]*/.exec(specifier)?.[0];
}

/** The real path of the package as Node would find it from `fromDirectory`; `look` is told each place that was looked at. */
export async function findPackage(
  name: string,
  fromDirectory: string,
  look: (place: string) => void = () => undefined,
): Promise<string | undefined> {
  for (let directory = fromDirectory; ; directory = dirname(directory)) {
    const place = join(directory, 'node_modules', name);
    look(place);
    const found = await realpath(place).catch(() => undefined);
    if (found) return found;
    if (dirname(directory) === directory) return undefined;
  }
}

/** What `require(specifier)` loads from `fromDirectory`, or undefined when it cannot be required. */
export function resolveRequire(specifier: string, fromDirectory: string): string | undefined {
  try {
    return createRequire(join(fromDirectory, 'importer.js')).resolve(specifier);
  } catch {
    return undefined;
  }
}

async function dependencyNames(directory: string): Promise<string[]> {
  try {
    const description: unknown = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
    const { dependencies, optionalDependencies } = description as Record<string, object | undefined>;
    return [...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {})];
  } catch {
    return [];
  }
}

async function shipsAddOn(directory: string): Promise<boolean> {
  let remaining = MAX_ENTRIES;
  const pending = [{ directory, depth: 0 }];
  for (let next = pending.shift(); next && remaining > 0; next = pending.shift()) {
    const entries = await readdir(next.directory, { withFileTypes: true }).catch(() => []);
    remaining -= entries.length;
    for (const entry of entries) {
      if (entry.name.endsWith('.node') && !entry.isDirectory()) return true;
      const isSearched = entry.isDirectory() && entry.name !== 'node_modules' && next.depth < MAX_DEPTH;
      if (isSearched) pending.push({ directory: resolve(next.directory, entry.name), depth: next.depth + 1 });
    }
  }
  return false;
}
