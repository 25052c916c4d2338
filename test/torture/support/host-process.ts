/** The host under torture, seen from outside: a process group that can be killed, and its door. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { within } from './within.ts';

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;
const KEPT_STDERR = 4_000;

export type Answer =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
  /** The host was gone before it answered. */
  | { readonly kind: 'cut' };

export const CUT: Answer = { kind: 'cut' };

export class HostProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, (answer: Answer) => void>();
  readonly #said = new Map<string, () => void>();
  readonly #ended: Promise<unknown>;
  readonly loaded: Promise<void>;
  readonly ready: Promise<void>;
  #stderr = '';
  #number = 0;
  #isOver = false;

  /** Loads the program, which is bundled beside the runner under that name and waits then. */
  constructor(program: string) {
    this.#child = spawn(process.execPath, [fileURLToPath(new URL(`./${program}.mjs`, import.meta.url))], {
      // A process group of its own: that is what is killed.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.loaded = this.#hears('loaded');
    this.ready = this.#hears('ready');
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stderr?.on('data', (text) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-KEPT_STDERR);
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => this.#heard(line));
    // What was said before the end is heard: an acknowledgement that has left the process is one.
    this.#ended = Promise.all([once(this.#child, 'exit'), once(lines, 'close')]).then(() => this.#over());
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when it has ended and all that it said was heard. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  /** Of its end: a signal, or an exit code. */
  get endedBy(): string {
    return String(this.#child.signalCode ?? this.#child.exitCode);
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** What its life is to be. Resolves when it begins, or it has ended. */
  async begin(life: object): Promise<void> {
    await within(Promise.race([this.loaded, this.#ended]), READY_LIMIT_MS, 'The program of the host');
    this.#send(life);
  }

  /** Resolves once it is ready, or has ended. */
  async isUp(): Promise<boolean> {
    await within(Promise.race([this.ready, this.#ended]), READY_LIMIT_MS, 'The start of the host');
    return !this.#isOver;
  }

  request(operation: string, body: unknown = {}): Promise<Answer> {
    if (this.#isOver) return Promise.resolve(CUT);
    const number = ++this.#number;
    return new Promise((resolve) => {
      this.#pending.set(number, resolve);
      this.#send({ number, operation, body });
    });
  }

  #send(line: unknown): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** As a power cut would, but for the page cache. */
  kill(): void {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }

  beginClosing(): void {
    this.#child.stdin?.end();
  }

  /** Resolves with how it ended. */
  async stop(): Promise<string> {
    this.beginClosing();
    try {
      await within(this.#ended, STOP_LIMIT_MS, 'The end of the host');
    } finally {
      this.kill();
    }
    return this.endedBy;
  }

  #hears(what: string): Promise<void> {
    return new Promise((resolve) => {
      this.#said.set(what, resolve);
    });
  }

  #heard(line: string): void {
    const { said, number, value, error } = JSON.parse(line);
    this.#said.get(said)?.();
    const resolve = this.#pending.get(number);
    this.#pending.delete(number);
    resolve?.(error ? { kind: 'error', ...error } : { kind: 'value', value });
  }

  #over(): void {
    this.#isOver = true;
    for (const resolve of this.#pending.values()) resolve(CUT);
    this.#pending.clear();
  }
}
