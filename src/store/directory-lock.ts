/**
 * One process per data directory (invariant 5), held by something that the kernel frees when the process ends, however it ends.
 *
 * The holder listens on a Unix socket that is linked as `lock/<generation>`; whoever can connect to the highest generation knows that
 * its holder lives. A dead one is not removed but outbid: the taker links its own socket, listening already, as the next generation.
 * Linking fails where the name exists, so one of two takers wins, and generations never go down, so a taker that acts on an old look
 * at the directory finds a higher one when it looks again, and gives way. Needs no pids, so containers may share a directory.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, linkSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { TroupeError } from '../errors.ts';
import { prepareDirectory, unusable } from './data-directory.ts';

/** A holder answers as soon as its event loop turns; after this its pid stays unknown, and the lock is held all the same. */
const ANSWER_TIMEOUT_MS = 1_000;

/** Each attempt that fails means that another taker came first. */
const MAX_ATTEMPTS = 50;

type Holder = { readonly isAlive: true; readonly pid?: number } | { readonly isAlive: false };

interface DirectoryLock {
  release(): Promise<void>;
}

/** Rejects with `DATA_DIR_LOCKED` (`details.pid` is the holder's, where it could be learnt) or `DATA_DIR_UNUSABLE`. */
export async function lockDirectory(dataDir: string): Promise<DirectoryLock> {
  try {
    return await DirectoryLockTaker.take(dataDir);
  } catch (error) {
    throw error instanceof TroupeError ? error : unusable(dataDir, error);
  }
}

class DirectoryLockTaker {
  readonly #dataDir: string;
  readonly #directory: string;
  readonly #descriptor: number;

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#directory = join(dataDir, 'lock');
    prepareDirectory(this.#directory);
    this.#descriptor = openSync(this.#directory, 'r');
  }

  static async take(dataDir: string): Promise<DirectoryLock> {
    const taker = new DirectoryLockTaker(dataDir);
    const name = `${randomUUID()}.new`;
    let server: Server | undefined;
    try {
      server = await listen(taker.#socketPath(name));
      const generation = await taker.#win(name);
      taker.#removeAllBut(generation);
    } catch (error) {
      await taker.#release(server, name);
      throw error;
    }
    return { release: () => taker.#release(server, name) };
  }

  async #win(name: string): Promise<number> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const highest = this.#highest();
      if (highest > 0) {
        const holder = await askHolder(this.#socketPath(String(highest)));
        if (holder.isAlive) throw this.#locked(holder.pid);
      }
      const own = highest + 1;
      if (this.#highest() === highest && this.#link(name, own)) {
        if (this.#highest() === own) return own;
        this.#unlink(String(own));
      }
    }
    throw this.#locked(undefined);
  }

  /** 0 when nobody ever held the lock. */
  #highest(): number {
    return Math.max(0, ...readdirSync(this.#directory).map(Number).filter(Number.isSafeInteger));
  }

  #link(name: string, generation: number): boolean {
    try {
      linkSync(join(this.#directory, name), join(this.#directory, String(generation)));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Older generations, and sockets whose taker died before it won or lost. */
  #removeAllBut(generation: number): void {
    for (const name of readdirSync(this.#directory)) {
      if (name !== String(generation) && (Number(name) < generation || name.endsWith('.new'))) this.#unlink(name);
    }
  }

  #unlink(name: string): void {
    try {
      unlinkSync(join(this.#directory, name));
    } catch {
      // Another taker was faster, which is all that was wanted.
    }
  }

  /** The generation stays, as the mark of a holder that is gone. */
  async #release(server: Server | undefined, name: string): Promise<void> {
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    this.#unlink(name);
    closeSync(this.#descriptor);
  }

  /** A socket's address has room for about 100 bytes; on Linux a descriptor stands for the directory, however long its path. */
  #socketPath(name: string): string {
    return process.platform === 'linux' ? `/proc/self/fd/${this.#descriptor}/${name}` : join(this.#directory, name);
  }

  #locked(pid: number | undefined): TroupeError {
    const holder =
      pid === process.pid ? 'this same process' : pid === undefined ? 'another process' : `the process with pid ${pid}`;
    return new TroupeError(
      'DATA_DIR_LOCKED',
      `The data directory ${this.#dataDir} is in use by ${holder}. Stop that one, talk to it with --host, or use another directory with --data.`,
      { details: { directory: this.#dataDir, ...(pid !== undefined && { pid }) } },
    );
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.unref();
      socket.end(String(process.pid));
    });
    server.once('error', reject);
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function askHolder(path: string): Promise<Holder> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path);
    const alive = () => {
      socket.destroy();
      resolve({ isAlive: true, ...(/^\d+$/.test(answer) && { pid: Number(answer) }) });
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, alive);
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('end', alive);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve({ isAlive: false });
      else if (error.code === 'EACCES' || error.code === 'EPERM') reject(error);
      else alive();
    });
  });
}
