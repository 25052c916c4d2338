/** `troupe serve` as a process that can be killed, and its HTTP door. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { within } from '../support/within.ts';
import { ABSENT, type Listed, type Target } from './journal.ts';

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 30_000;
const REQUEST_LIMIT_MS = 30_000;
const KEPT_STDERR = 4_000;

export class HostProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stdout = '';
  #stderr = '';
  #url = '';
  #isKilled = false;

  private constructor(root: string, dataDir: string) {
    const args = [join(root, 'bin/troupe.js'), 'serve', '--json', '--port', '0', '--data', dataDir, '--budget', '2048'];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'exit');
    this.#child.stderr?.on('data', (text) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-KEPT_STDERR);
    });
  }

  static spawn(root: string, dataDir: string): HostProcess {
    return new HostProcess(root, dataDir);
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** Resolves once it says that it listens. */
  async ready(): Promise<void> {
    const said = new Promise<string>((resolve, reject) => {
      this.#child.stdout?.on('data', (text) => {
        this.#stdout += text;
        const url = /"url":\s*"([^"]+)"/.exec(this.#stdout)?.[1];
        if (url) resolve(url);
      });
      void this.#ended.then(() => reject(new Error(`The host ended before it was up: ${this.#stderr}`)));
    });
    this.#url = await within(said, READY_LIMIT_MS, 'The start of the host');
  }

  /** As a power cut would, but for the page cache. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** As the first Ctrl-C does. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    try {
      await within(this.#ended, STOP_LIMIT_MS, 'The end of the host');
    } finally {
      this.#child.kill('SIGKILL');
    }
    return this.#child.exitCode;
  }

  deploy(name: string, code: string): Promise<unknown> {
    const config = { memoryMb: 32, keepAliveMs: 1_000 };
    return this.#request('PUT', `/functions/${name}`, { source: { code, language: 'js' }, config });
  }

  setAlias(name: string, alias: string, targets: readonly Target[]): Promise<unknown> {
    return this.#request('PUT', `/functions/${name}/aliases/${alias}`, { targets });
  }

  removeAlias(name: string, alias: string): Promise<unknown> {
    return this.#request('DELETE', `/functions/${name}/aliases/${alias}`);
  }

  remove(name: string): Promise<unknown> {
    return this.#request('DELETE', `/functions/${name}`);
  }

  invoke(name: string, version?: number): Promise<unknown> {
    const query = version === undefined ? '' : `?version=${version}`;
    return this.#request('POST', `/functions/${name}/invocations${query}`, {});
  }

  async list(): Promise<ReadonlyMap<string, Listed>> {
    const answer = (await this.#request('GET', '/functions')) as readonly {
      readonly name: string;
      readonly versions: readonly { readonly version: number }[];
      readonly aliases: readonly { readonly alias: string; readonly targets: readonly Target[] }[];
    }[];
    return new Map(
      answer.map(({ name, versions, aliases }) => {
        const byAlias = Object.fromEntries(aliases.map(({ alias, targets }) => [alias, targets]));
        return [name, { ...ABSENT, versions: versions.map(({ version }) => version), aliases: byAlias }];
      }),
    );
  }

  async #request(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${this.#url}${path}`, {
      method,
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new RefusedRequest(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }
}

/** The host answered, and not as it should. Anything else that a request throws is a connection that broke. */
export class RefusedRequest extends Error {}
