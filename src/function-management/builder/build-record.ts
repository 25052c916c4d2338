/**
 * Remembers what a build was made of, so that unchanged source is recognised without building it.
 *
 * Invariant 3 (README): a record is believed only while every file that the build read still has the same bytes, and every place where
 * it looked (package.json, tsconfig.json, the names beside each file) still says the same. A file's size, times and inode number
 * stand for its bytes only if they were settled when it was read; a file that was written in the seconds before is hashed again, as
 * git does for its index.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { LOCK_FILES } from './source.ts';

/** Coarser than the time stamps of any file system in use. */
const SETTLED_AFTER_MS = 2_500;
const SCRIPT_OR_DATA = /\.(?:[cm]?[jt]sx?|json)$/;

const inputSchema = z.object({
  path: z.string(),
  /** Absent: there was no such file. */
  sha256: z.string().optional(),
  /** Size, times and inode number. */
  stamp: z.string(),
  /** Milliseconds since the Unix epoch. */
  readAtMs: z.number(),
});

const recordSchema = z.object({
  toolchain: z.string(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  inputs: z.array(inputSchema),
  listings: z.array(z.object({ directory: z.string(), names: z.string() })),
});

export type InputFile = z.infer<typeof inputSchema>;
export type BuildRecord = z.infer<typeof recordSchema>;

/** What a build read, and the directories in which it looked for more. */
export interface BuildTrace {
  readonly inputs: readonly InputFile[];
  readonly lookedIn: readonly string[];
}

export class BuildRecords {
  readonly #directory: string;
  readonly #toolchain: string;
  readonly #nowMs: () => number;

  /** `toolchain` names everything but the source that a build depends on; a record of another one is not believed. */
  constructor(directory: string, toolchain: string, nowMs: () => number) {
    this.#directory = directory;
    this.#toolchain = toolchain;
    this.#nowMs = nowMs;
  }

  /** The hash of the artifact that a build would give again, or undefined when that is not certain. */
  async find(key: string): Promise<string | undefined> {
    const record = await this.#read(this.#file(key));
    if (record?.toolchain !== this.#toolchain) return undefined;
    const [inputs, listings] = await Promise.all([
      Promise.all(record.inputs.map((input) => this.#isUnchanged(input))),
      Promise.all(record.listings.map(async ({ directory, names }) => names === (await listNames(directory)))),
    ]);
    return inputs.includes(false) || listings.includes(false) ? undefined : record.hash;
  }

  async write(key: string, hash: string, { inputs, lookedIn }: BuildTrace): Promise<void> {
    const places = await this.#lookedAt(inputs.map(({ path }) => path));
    const own = new Set([...lookedIn, ...inputs.map(({ path }) => dirname(path)).filter((path) => !isInstalled(path))]);
    const listings = await Promise.all(
      [...own].map(async (directory) => ({ directory, names: await listNames(directory) })),
    );
    const record: BuildRecord = { toolchain: this.#toolchain, hash, inputs: [...inputs, ...places], listings };
    await mkdir(this.#directory, { recursive: true });
    const file = this.#file(key);
    // No flush: a record that a power cut tears does not parse, which costs one build.
    await writeFile(`${file}.tmp`, JSON.stringify(record));
    await rename(`${file}.tmp`, file);
  }

  async forget(key: string): Promise<void> {
    await rm(this.#file(key), { force: true });
  }

  /** Removes the records whose artifact is not in `kept`. */
  async retain(kept: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const file = join(this.#directory, name);
      const record = await this.#read(file);
      if (!record || !kept.has(record.hash)) await rm(file, { force: true });
    }
  }

  #file(key: string): string {
    return join(this.#directory, `${key}.json`);
  }

  async #read(file: string): Promise<BuildRecord | undefined> {
    try {
      return recordSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    } catch {
      return undefined;
    }
  }

  async #isUnchanged(input: InputFile): Promise<boolean> {
    const now = await this.#look(input.path, input);
    return now.sha256 === input.sha256;
  }

  /** The file as it is now; its bytes are read only if its stamp does not already say that they are those of `known`. */
  async #look(path: string, known?: InputFile): Promise<InputFile> {
    const readAtMs = this.#nowMs();
    const facts = await stat(path, { bigint: true }).catch(() => undefined);
    if (!facts?.isFile()) return { path, stamp: '', readAtMs };
    const stamp = `${facts.size}|${facts.mtimeNs}|${facts.ctimeNs}|${facts.ino}`;
    const changedAtMs = Number(facts.ctimeNs / 1_000_000n);
    if (known?.sha256 && known.stamp === stamp && changedAtMs + SETTLED_AFTER_MS < known.readAtMs) return known;
    const bytes = await readFile(path).catch(() => undefined);
    return bytes ? { path, stamp, readAtMs, sha256: hashOf(bytes) } : { path, stamp, readAtMs };
  }

  /** The files that steer how the inputs are found and read, whether they exist or not. */
  async #lookedAt(paths: readonly string[]): Promise<InputFile[]> {
    const places = new Set<string>();
    for (const path of paths) {
      for (let directory = dirname(path); ; directory = dirname(directory)) {
        const description = join(directory, 'package.json');
        if (places.has(description)) break;
        places.add(description);
        if (!isInstalled(directory)) {
          places.add(join(directory, 'tsconfig.json'));
          for (const name of LOCK_FILES) places.add(join(directory, name));
        }
        if (dirname(directory) === directory) break;
      }
    }
    const known = new Set(paths);
    return Promise.all([...places].filter((path) => !known.has(path)).map((path) => this.#look(path)));
  }
}

export function isInstalled(directory: string): boolean {
  return /[\\/]node_modules(?:[\\/]|$)/.test(directory);
}

/**
 * A new `x.ts` beside `x.js` changes what `./x` means, and so does a link that leads elsewhere. Names that no import can find do not
 * count: editors and tests write such files all the time.
 */
async function listNames(directory: string): Promise<string> {
  const real = await realpath(directory).catch(() => '');
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const names = entries.map(async (entry) => {
    if (entry.isSymbolicLink())
      return `${entry.name} -> ${await readlink(join(directory, entry.name)).catch(() => '')}`;
    return SCRIPT_OR_DATA.test(entry.name) ? entry.name : '';
  });
  return hashOf(Buffer.from([real, ...(await Promise.all(names)).filter((name) => name !== '').sort()].join('\0')));
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
