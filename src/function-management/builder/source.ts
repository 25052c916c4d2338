/**
 * Finds out what a source is: which file is its entry and where its root lies. Reads the file system, changes nothing.
 *
 * Invariant 5 (README): nothing outside the root of a directory source is read; symbolic links are resolved before they are judged.
 */
import { createHash } from 'node:crypto';
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { TroupeError } from '../../errors.ts';
import type { BuildRequest, FunctionSource } from './protocol.ts';

/** Where nothing else is said, the entry of a directory is `index` or `handler` with one of these, in this order. */
const SCRIPT_EXTENSIONS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'] as const;
const ENTRY_NAMES = ['index', 'handler'] as const;
const ZIP_MAGIC = Buffer.from('PK\x03\x04', 'latin1');

export type LocatedSource =
  | { readonly kind: 'file'; readonly entry: string; readonly directory: string }
  | { readonly kind: 'executable'; readonly entry: string; readonly directory: string }
  | {
      readonly kind: 'directory';
      readonly entry: string;
      readonly directory: string;
      readonly dependencies: DependencyMode;
    }
  | { readonly kind: 'inline'; readonly code: string; readonly language: 'js' | 'ts'; readonly directory: string };

/** Where a directory's packages are: it needs none, they lie beside it, or the builder installs them from the lock file. */
type DependencyMode = 'none' | 'present' | 'install';

const packageSchema = z.looseObject({
  main: z.string().optional(),
  exports: z.unknown().optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
});

/** Throws `SOURCE_NOT_FOUND`, `SOURCE_OUTSIDE_ROOT`, `LOCKFILE_REQUIRED`, `INVALID_ARGUMENT` or `BUILD_FAILED`. */
export async function locateSource(request: BuildRequest, maxCodeBytes: number): Promise<LocatedSource> {
  const { source, runtime } = request;
  if (typeof source !== 'string' && !(source instanceof URL)) return locateInline(source, runtime, maxCodeBytes);
  const path = toPath(source);
  const { real, isDirectory } = await probe(path);
  if (isDirectory) {
    if (runtime !== 'exec') return await locateInDirectory(path, real);
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `${path} is a directory. With runtime "exec" the source is one executable file; name it.`,
    );
  }
  if (runtime === 'exec') return { kind: 'executable', entry: real, directory: dirname(real) };
  await refuseArchive(path, real);
  if (!isScript(real)) {
    throw new TroupeError(
      'BUILD_FAILED',
      `${path} is neither JavaScript nor TypeScript (${SCRIPT_EXTENSIONS.join(', ')}). To run it as an executable, deploy it with runtime "exec".`,
      { details: { file: path } },
    );
  }
  return { kind: 'file', entry: real, directory: dirname(real) };
}

/** Two requests with equal keys build the same thing. */
export function sourceKey(source: LocatedSource): string {
  return createHash('sha256').update(JSON.stringify(source)).digest('hex');
}

export function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

function locateInline(
  source: Exclude<FunctionSource, string | URL>,
  runtime: BuildRequest['runtime'],
  maxCodeBytes: number,
): LocatedSource {
  // The types say so, but plain JavaScript calls this too.
  const { code, language } = (source ?? {}) as Partial<typeof source>;
  if (typeof code !== 'string' || (language !== 'js' && language !== 'ts')) {
    const message = "The source is a path, a file URL, or { code: string, language: 'js' | 'ts' }.";
    throw new TroupeError('INVALID_ARGUMENT', message);
  }
  if (runtime === 'exec') {
    throw new TroupeError('INVALID_ARGUMENT', 'Runtime "exec" takes the path of an executable file, not inline code.');
  }
  const bytes = Buffer.byteLength(code);
  if (bytes > maxCodeBytes) {
    throw new TroupeError('INVALID_ARGUMENT', `Inline code is ${bytes} bytes long; the limit is ${maxCodeBytes}.`);
  }
  return { kind: 'inline', code, language, directory: process.cwd() };
}

function toPath(source: string | URL): string {
  if (source === '')
    throw new TroupeError('INVALID_ARGUMENT', 'The source is empty; give the path of a file or directory.');
  try {
    if (source instanceof URL || source.startsWith('file:')) return fileURLToPath(source);
  } catch (cause) {
    throw new TroupeError('INVALID_ARGUMENT', `${String(source)} is not a file URL of this machine.`, { cause });
  }
  if (source.includes('\0')) throw new TroupeError('INVALID_ARGUMENT', 'The source path contains a zero byte.');
  return resolve(source);
}

async function probe(path: string): Promise<{ real: string; isDirectory: boolean }> {
  try {
    const real = await realpath(path);
    const facts = await stat(real);
    if (facts.isDirectory() || facts.isFile()) return { real, isDirectory: facts.isDirectory() };
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'There is nothing at' : 'Cannot read';
    throw new TroupeError('SOURCE_NOT_FOUND', `${reason} ${path}; give the path of a file or directory.`, {
      details: { path },
      cause,
    });
  }
  throw new TroupeError('INVALID_ARGUMENT', `${path} is neither a file nor a directory.`);
}

async function refuseArchive(path: string, real: string): Promise<void> {
  const file = await open(real, 'r');
  try {
    const start = await file.read(Buffer.alloc(ZIP_MAGIC.length), 0, ZIP_MAGIC.length, 0);
    if (extname(real).toLowerCase() !== '.zip' && !start.buffer.equals(ZIP_MAGIC)) return;
  } finally {
    await file.close();
  }
  throw new TroupeError(
    'INVALID_ARGUMENT',
    `${path} is a zip archive. Zip archives are not accepted yet: unpack it and deploy the directory.`,
  );
}

async function locateInDirectory(path: string, root: string): Promise<LocatedSource> {
  const description = await readPackage(path, root);
  const entry = await findEntry(path, root, description);
  const real = await realpath(entry);
  if (!isInside(real, root)) {
    throw new TroupeError(
      'SOURCE_OUTSIDE_ROOT',
      `${entry} leads to ${real}, outside of ${path}. Copy the file into the directory.`,
      { details: { path: entry, target: real } },
    );
  }
  const needsPackages = Object.keys(description?.dependencies ?? {}).length > 0;
  return {
    kind: 'directory',
    entry: real,
    directory: root,
    dependencies: needsPackages ? await dependencyMode(path, root) : 'none',
  };
}

async function readPackage(path: string, root: string): Promise<z.output<typeof packageSchema> | undefined> {
  const file = join(root, 'package.json');
  if (!(await isFile(file))) return undefined;
  try {
    if (isInside(await realpath(file), root)) return packageSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    const shown = join(path, 'package.json');
    throw new TroupeError('BUILD_FAILED', `${shown} is not a valid package.json.`, { details: { file: shown }, cause });
  }
  throw new TroupeError('SOURCE_OUTSIDE_ROOT', `${join(path, 'package.json')} is a link that leaves ${path}.`);
}

async function dependencyMode(path: string, root: string): Promise<DependencyMode> {
  const locks = await Promise.all(LOCK_FILES.map((name) => isFile(join(root, name))));
  if (!locks.includes(true)) {
    throw new TroupeError(
      'LOCKFILE_REQUIRED',
      `${path} has dependencies but no package-lock.json, so the build is not repeatable. Run "npm install --package-lock-only" there.`,
      { details: { path } },
    );
  }
  const modules = await stat(join(root, 'node_modules')).catch(() => undefined);
  return modules?.isDirectory() ? 'present' : 'install';
}

export const LOCK_FILES = ['package-lock.json', 'npm-shrinkwrap.json'] as const;

async function findEntry(
  path: string,
  root: string,
  description: z.output<typeof packageSchema> | undefined,
): Promise<string> {
  const named = entryOfExports(description?.exports) ?? description?.main;
  if (named !== undefined) {
    const target = resolve(root, named);
    if (!isInside(target, root)) {
      throw new TroupeError('SOURCE_OUTSIDE_ROOT', `package.json of ${path} names ${named}, outside of the directory.`);
    }
    const found = await firstFile([
      ...(isScript(target) ? [target] : []),
      ...SCRIPT_EXTENSIONS.map((extension) => target + extension),
      ...SCRIPT_EXTENSIONS.map((extension) => join(target, `index${extension}`)),
    ]);
    if (found) return found;
    throw new TroupeError(
      'SOURCE_NOT_FOUND',
      `package.json of ${path} names ${named} as its entry, but there is no such script. Build it first, or mend "main".`,
      { details: { path: target } },
    );
  }
  const names = ENTRY_NAMES.flatMap((name) => SCRIPT_EXTENSIONS.map((extension) => name + extension));
  const found = await firstFile(names.map((name) => join(root, name)));
  if (found) return found;
  throw new TroupeError(
    'SOURCE_NOT_FOUND',
    `${path} has no entry: add index.js or index.ts, or name one as "main" in package.json.`,
    { details: { path } },
  );
}

/** The target of "." under the conditions that Node applies to `import`; patterns and further entries are of no use here. */
function entryOfExports(exported: unknown, depth = 0): string | undefined {
  if (typeof exported === 'string') return exported;
  if (typeof exported !== 'object' || exported === null || depth > 8) return undefined;
  const branches = exported as Readonly<Record<string, unknown>>;
  for (const condition of ['.', 'node', 'import', 'default', 'require']) {
    const found = Object.hasOwn(branches, condition) ? entryOfExports(branches[condition], depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isScript(path: string): boolean {
  const extension = extname(basename(path));
  return SCRIPT_EXTENSIONS.some((known) => known === extension);
}

async function firstFile(candidates: readonly string[]): Promise<string | undefined> {
  for (const candidate of candidates) if (await isFile(candidate)) return candidate;
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
