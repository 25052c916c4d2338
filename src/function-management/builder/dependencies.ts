/**
 * Installs the packages of a directory source from its lock file, in a directory of the builder's own: the source is never written to.
 *
 * The directory is named after what is installed and on which platform, so that equal lock files share one installation, and is
 * renamed into place when complete. Scripts of packages do not run.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { TroupeError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isInside, LOCK_FILES } from './source.ts';

const LAST_LINES = 15;
const MAX_OUTPUT_BYTES = 4 * 1_048_576;
const MANIFEST_FILES = ['package.json', ...LOCK_FILES, '.npmrc'] as const;

export interface InstallerOptions {
  /** Holds one directory per installation. */
  readonly directory: string;
  readonly temporaryPath: () => string;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

export class DependencyInstaller {
  readonly #options: InstallerOptions;
  readonly #running = new Map<string, Promise<string>>();
  readonly #children = new Set<ChildProcess>();

  constructor(options: InstallerOptions) {
    this.#options = options;
  }

  /** The directory whose `node_modules` holds the packages that the lock file of `root` names. Throws `BUILD_FAILED`. */
  async install(root: string): Promise<string> {
    const files = await collectFiles(root);
    const name = await nameOf(root, files);
    const directory = join(this.#options.directory, name);
    if ((await stat(directory).catch(() => undefined))?.isDirectory()) return directory;
    const running = this.#running.get(name) ?? this.#installInto(directory, root, files);
    this.#running.set(name, running);
    try {
      return await running;
    } finally {
      this.#running.delete(name);
    }
  }

  /** Removes every installation that is not in `kept`. */
  async retain(kept: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#options.directory).catch(() => [])) {
      if (!kept.has(name)) await rm(join(this.#options.directory, name), { recursive: true, force: true });
    }
  }

  /** Ends what is running; its builds fail. */
  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  async #installInto(directory: string, root: string, files: readonly string[]): Promise<string> {
    const temporary = this.#options.temporaryPath();
    try {
      for (const file of files) {
        await mkdir(dirname(join(temporary, file)), { recursive: true });
        await copyFile(join(root, file), join(temporary, file));
      }
      await this.#run(temporary, root);
      await mkdir(this.#options.directory, { recursive: true });
      await mkdir(join(temporary, 'node_modules'), { recursive: true });
      await rename(temporary, directory);
      return directory;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  #run(cwd: string, root: string): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    const parameters = ['ci', '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error'];
    return new Promise((done, fail) => {
      let isLate = false;
      const child = execFile('npm', parameters, { cwd, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
        cancel();
        this.#children.delete(child);
        if (!error) return done();
        // The person who reads it knows the source, not the directory in which npm ran.
        const lines = `${stdout}\n${stderr}`
          .replaceAll(cwd, root)
          .split('\n')
          .filter((line) => line.trim() !== '');
        const reason = isLate ? `It took longer than ${timeoutMs} ms.` : lines.slice(-LAST_LINES).join('\n');
        fail(
          new TroupeError(
            'BUILD_FAILED',
            `"npm ci" failed for ${root}:\n${reason || `${error.message}. Is npm installed?`}`,
            {
              details: { file: join(root, 'package.json') },
            },
          ),
        );
      });
      const cancel = clock.after(timeoutMs, () => {
        isLate = true;
        child.kill('SIGKILL');
      });
      this.#children.add(child);
    });
  }
}

/** The manifests, and the archives inside the source that the lock file names as `file:`. Paths relative to the root. */
async function collectFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of MANIFEST_FILES) {
    const isFile = (await stat(join(root, name)).catch(() => undefined))?.isFile() ?? false;
    if (isFile) found.push(name);
  }
  for (const name of LOCK_FILES) {
    const text = await readFile(join(root, name), 'utf8').catch(() => '');
    for (const [, path = ''] of text.matchAll(/"resolved":\s*"file:([^"]+)"/g)) {
      const archive = resolve(root, path);
      const facts = await stat(archive).catch(() => undefined);
      if (facts?.isFile() && isInside(await realpath(archive), root)) found.push(relative(root, archive));
    }
  }
  return [...new Set(found)].sort();
}

async function nameOf(root: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}-${process.versions.modules}\n`);
  for (const file of files) {
    const bytes = await readFile(join(root, file));
    hash.update(`${file} ${bytes.byteLength}\n`).update(bytes);
  }
  return hash.digest('hex').slice(0, 32);
}
