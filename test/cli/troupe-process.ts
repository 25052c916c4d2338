/** Runs the real binary, as a shell would, with nothing of this process's environment that could lead it elsewhere. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.ts';

const BIN = fileURLToPath(new URL('../../bin/troupe.js', import.meta.url));
const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; without it there is none, and `open` never ends. */
  readonly input?: string | Uint8Array | { readonly open: true };
  readonly cwd?: string;
}

export interface Ran {
  /** As a shell has it: 128 and the signal's number if one ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<TroupeProcess>();

/** For the end of a test file: what a failed test has left. */
export async function killWhatIsLeft(): Promise<void> {
  await Promise.all([...running].map((process) => process.kill()));
}

export class TroupeProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  stdout = '';
  stderr = '';
  readonly #closed: Promise<unknown>;

  /** Leads a process group of its own, as a shell's jobs do. Fixtures lie in its working directory. */
  constructor(args: readonly string[], { env = {}, input, cwd = FIXTURES }: RunOptions = {}) {
    this.child = spawn(process.execPath, [BIN, ...args], {
      cwd,
      detached: true,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout += text;
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      this.stderr += text;
    });
    // A command that does not read its input may be gone before all of it is written.
    this.child.stdin.on('error', () => {});
    if (typeof input !== 'object' || input instanceof Uint8Array) this.child.stdin.end(input);
    this.#closed = once(this.child, 'close');
    running.add(this);
    void this.#closed.then(() => running.delete(this));
  }

  /** What Ctrl-C does in a terminal: the signal goes to the whole group. */
  interrupt(signal: NodeJS.Signals = 'SIGINT'): void {
    process.kill(-(this.child.pid ?? 0), signal);
  }

  /** Resolves once it has ended and closed its output. */
  async done(): Promise<Ran> {
    await this.#closed;
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.#closed;
  }
}

export function troupe(args: readonly string[], options?: RunOptions): Promise<Ran> {
  return new TroupeProcess(args, options).done();
}

export interface Serving {
  readonly process: TroupeProcess;
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number;
  /** A command against this host. */
  run(...args: string[]): Promise<Ran>;
}

/** `troupe serve --json` on any free port, once it is up. */
export async function serve(dataDir: string, args: readonly string[] = [], options?: RunOptions): Promise<Serving> {
  const port = options?.env?.['TROUPE_PORT'] === undefined ? ['--port', '0'] : [];
  const process = new TroupeProcess(['serve', '--json', '--data', dataDir, ...port, ...args], options);
  await until(() => process.stdout.includes('\n') || process.child.exitCode !== null, { what: 'the host to be up' });
  if (process.child.exitCode !== null) throw new Error(`serve ended: ${process.stderr}`);
  const up = JSON.parse(process.stdout) as { url: string; dataDir: string; pid: number };
  return { process, ...up, run: (...given) => troupe(given, { env: { TROUPE_HOST: up.url } }) };
}

/** The error that a command with `--json` reports: the last line of standard error, and the only one that is JSON. */
export function errorOf({ stderr }: Ran): { code: string; message: string; details: object; cause?: object } {
  const lines = stderr.trimEnd().split('\n');
  return JSON.parse(lines.at(-1) ?? '').error;
}
