/**
 * Runs an executable for each call: input on standard input, output from standard output, log lines from standard error.
 *
 * Invariant 7. Each run leads a process group of its own. The group is killed when the executable has ended, so nothing that it left in the background
 * outlives the call; a cancelled call gets SIGTERM, and after `TERMINATION_GRACE_MS` SIGKILL.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Context } from '../handler.ts';
import type { InstanceImage } from '../transport/instance-control.ts';
import { tooLarge } from './encode-within.ts';
import type { LoadedFunction } from './handler-shape.ts';
import { decodeText } from './http-event.ts';
import type { ProcessGroups } from './process-groups.ts';
import { Refusal } from './refusal.ts';

/** Shorter than the grace that the host gives the whole instance, so that a well-behaved executable costs no instance. */
const TERMINATION_GRACE_MS = 50;
/** The end of standard error that a failure carries. */
const STDERR_TAIL_BYTES = 8_192;
/** A line of log is cut here when its end does not come. */
const MAX_LINE_CHARACTERS = 65_536;
/**
 * A descendant that left the group may hold the pipes open for ever. After the executable has ended, silence of this length on its
 * output is taken for the end.
 */
const SILENCE_AFTER_EXIT_MS = 100;
/** Where the host's PATH is not known. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

interface ExecutableOptions {
  readonly image: InstanceImage;
  readonly groups: ProcessGroups;
  /** What executables need of the host's environment: PATH and the like. The variables of the image win. */
  readonly hostEnv: Readonly<Record<string, string>>;
  /** Between SIGTERM and SIGKILL; the default is `TERMINATION_GRACE_MS`. */
  readonly terminationGraceMs?: number;
}

export function executableFunction(options: ExecutableOptions): LoadedFunction {
  const { image, groups, hostEnv, terminationGraceMs = TERMINATION_GRACE_MS } = options;
  const env = { PATH: DEFAULT_PATH, ...hostEnv, ...image.env };
  const start = (event: unknown, context: Context) =>
    new Run({ image, groups, env, event, context, terminationGraceMs });
  return {
    shape: 'exec',
    config: {},
    call: async (event, context) => start(event, context).value(),
    stream: (event, context) => start(event, context).chunks(),
  };
}

interface RunOptions {
  readonly image: InstanceImage;
  readonly groups: ProcessGroups;
  readonly env: Readonly<Record<string, string>>;
  readonly event: unknown;
  readonly context: Context;
  readonly terminationGraceMs: number;
}

interface Exit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of the executable. */
class Run {
  readonly #options: RunOptions;
  readonly #child: ChildProcess;
  readonly #stdout: Readable;
  readonly #stderr: StderrReader;
  /** Never rejects. */
  readonly #exited: Promise<Exit | Error>;
  readonly #abort = (): void => this.#terminate();
  #killTimer: NodeJS.Timeout | undefined;

  constructor(options: RunOptions) {
    const { image, groups, env, event, context } = options;
    this.#options = options;
    const input = toInput(event);
    const child = spawn(image.entry, [], {
      cwd: tmpdir(),
      detached: true,
      env: { ...env, TROUPE_INVOCATION_ID: context.invocationId },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#stdout = child.stdout;
    this.#stderr = new StderrReader(child.stderr, (line) => context.log.warn(line));
    groups.add(child);
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#release();
        resolve(error);
      });
      child.once('exit', (exitCode, signal) => {
        // In this very turn: later the number may be somebody else's.
        this.#release();
        resolve({ exitCode, signal });
      });
    });
    void this.#exited.then(() => this.#endAfterSilence());
    // It may end, or close its input, without reading all of it.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    context.signal.addEventListener('abort', this.#abort);
    if (context.signal.aborted) this.#abort();
  }

  /** JSON if the output parses, else text without its last newline; bytes when it is no text. */
  async value(): Promise<unknown> {
    const { image } = this.#options;
    const limitBytes = image.payloadLimitBytes;
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of this.#output()) {
      bytes += piece.byteLength;
      if (bytes <= limitBytes) pieces.push(piece);
      else this.#options.groups.signal(this.#child, 'SIGKILL');
    }
    if (bytes > limitBytes) throw tooLarge({ limitBytes, what: 'result', of: image.functionName });
    await this.#checkExit();
    return toOutput(Buffer.concat(pieces));
  }

  /** Text as it comes. Returning early kills the executable. */
  async *chunks(): AsyncGenerator<string, void, undefined> {
    const decoder = new StringDecoder('utf8');
    try {
      for await (const piece of this.#output()) {
        const text = decoder.write(piece);
        if (text !== '') yield text;
      }
      const rest = decoder.end();
      if (rest !== '') yield rest;
    } finally {
      this.#terminate();
    }
    await this.#checkExit();
  }

  async *#output(): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* this.#stdout as AsyncIterable<Buffer>;
    } catch {
      // Cut off after silence: what there was has been read.
    }
  }

  /** Throws what the call failed with. */
  async #checkExit(): Promise<void> {
    const { image, context } = this.#options;
    const exit = await this.#exited;
    await this.#stderr.ended;
    const of = `Function "${image.functionName}"`;
    if (exit instanceof Error) {
      throw new Refusal('FUNCTION_ERROR', `${of} failed: the executable cannot be started: ${exit.message}`, {
        cause: exit,
      });
    }
    context.signal.throwIfAborted();
    const { exitCode, signal } = exit;
    if (exitCode === 0) return;
    const { tail } = this.#stderr;
    const how = signal ? `ended by ${signal}` : `exit code ${exitCode}`;
    const said = tail.trim() === '' ? '.' : `: ${tail.trimEnd()}`;
    throw new Refusal('FUNCTION_ERROR', `${of} failed: ${how}${said}`, {
      details: { exitCode, signal, stderr: tail },
      cause: new Error(`${how}${said}`),
    });
  }

  #terminate(): void {
    if (this.#killTimer || !this.#isRunning) return;
    const { groups, terminationGraceMs } = this.#options;
    groups.signal(this.#child, 'SIGTERM');
    this.#killTimer = setTimeout(() => groups.signal(this.#child, 'SIGKILL'), terminationGraceMs);
  }

  get #isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #release(): void {
    clearTimeout(this.#killTimer);
    this.#options.groups.end(this.#child);
    this.#options.context.signal.removeEventListener('abort', this.#abort);
  }

  #endAfterSilence(): void {
    for (const stream of [this.#stdout, this.#stderr.stream]) {
      let timer: NodeJS.Timeout;
      let lastBytes = -1;
      const look = () => {
        const { bytesRead } = stream as Socket;
        // Data that nobody has taken yet is no silence, and neither is data that came since the last look.
        if (stream.readableLength === 0 && bytesRead === lastBytes) return stream.destroy();
        lastBytes = bytesRead;
        timer = setTimeout(look, SILENCE_AFTER_EXIT_MS);
      };
      timer = setTimeout(look, SILENCE_AFTER_EXIT_MS);
      stream.once('close', () => clearTimeout(timer));
    }
  }
}

/** Lines become log lines as they come; the end of the text is kept for a failure. */
class StderrReader {
  readonly stream: Readable;
  readonly ended: Promise<void>;
  tail = '';
  #partial = '';

  constructor(stream: Readable, log: (line: string) => void) {
    this.stream = stream;
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      this.tail = lastBytes(this.tail + text);
      const lines = (this.#partial + text).split('\n');
      this.#partial = lines.pop() ?? '';
      for (const line of lines) log(line);
      if (this.#partial.length > MAX_LINE_CHARACTERS) {
        log(this.#partial);
        this.#partial = '';
      }
    });
    this.ended = new Promise((resolve) => {
      stream.once('close', () => {
        if (this.#partial !== '') log(this.#partial);
        resolve();
      });
    });
    stream.on('error', () => {});
  }
}

function lastBytes(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.byteLength <= STDERR_TAIL_BYTES) return text;
  // A character may be cut at the front; its replacement mark is dropped.
  return bytes
    .subarray(-STDERR_TAIL_BYTES)
    .toString()
    .replace(/^\uFFFD+/, '');
}

/** A string or bytes unchanged, nothing for undefined, anything else as JSON. */
function toInput(event: unknown): string | Uint8Array {
  if (typeof event === 'string' || event instanceof Uint8Array) return event;
  if (event === undefined) return '';
  try {
    return JSON.stringify(event);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Refusal('INVALID_ARGUMENT', `The payload cannot be given to an executable as JSON: ${why}`);
  }
}

function toOutput(bytes: Buffer): unknown {
  const text = decodeText(bytes);
  if (text === undefined) return new Uint8Array(bytes);
  try {
    return JSON.parse(text);
  } catch {
    return text.replace(/\r?\n$/, '');
  }
}
