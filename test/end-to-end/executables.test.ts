import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FunctionConfig } from '../../src/config.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { failureOf, SharedHost } from './shared-host.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;

describe.each(['inline', 'process'] as const)('an executable under an agent %s', (agent) => {
  const host = new SharedHost({ agent });
  let count = 0;

  async function executable(script: string, config: FunctionConfig = {}): Promise<string> {
    const source = join(await temporaryDirectory(), 'program');
    await writeFile(source, script);
    await chmod(source, 0o755);
    const name = `program-${++count}`;
    await host.troupe.deploy({ name, source, runtime: 'exec', ...config });
    return name;
  }

  it('gets text and bytes unchanged and anything else as JSON, and answers JSON, text or bytes', async () => {
    const cat = await executable('#!/bin/sh\ncat\n');
    expect(await host.troupe.invoke(cat, 'no JSON: é\n')).toBe('no JSON: é');
    expect(await host.troupe.invoke(cat, { a: [1, 'é'] })).toEqual({ a: [1, 'é'] });
    expect(await host.troupe.invoke(cat, '{"b":2}')).toEqual({ b: 2 });
    const bytes = Uint8Array.of(0, 255, 254, 10);
    expect(Buffer.from(await host.troupe.invoke<Uint8Array>(cat, bytes)).equals(bytes)).toBe(true);
    const large = 'x'.repeat(1_000_000);
    expect(await host.troupe.invoke(cat, large)).toBe(large);
  });

  it('sees its own variables and its invocation, and its standard error is logged', async () => {
    const name = await executable('#!/bin/sh\necho "for $WHO" >&2\necho "{\\"id\\":\\"$TROUPE_INVOCATION_ID\\"}"\n', {
      env: { WHO: 'you' },
    });
    const { result, invocation } = await host.troupe.invokeWithDetails(name);
    expect(result).toEqual({ id: invocation.id });
    expect(host.troupe.logs({ functionName: name })).toMatchObject([
      { message: 'for you', level: 'warn', invocationId: invocation.id },
    ]);
    expect((await host.troupe.describe(name)).versions[0]?.config.isolation).toBe('process');
  });

  it('fails with its exit code and what it wrote to standard error', async () => {
    const name = await executable('#!/bin/sh\necho "disk on fire" >&2\nexit 3\n');
    const failure = await failureOf(host.troupe.invoke(name));
    expect(failure).toMatchObject({ code: 'FUNCTION_ERROR', details: { exitCode: 3, stderr: 'disk on fire\n' } });
    expect(failure.message).toContain('disk on fire');
  });

  it('is gone with all its descendants after a timeout, and answers the next call', async () => {
    const file = join(await temporaryDirectory(), 'pids');
    const name = await executable(
      `#!/bin/sh\n[ "$(cat)" = slow ] || { echo quick; exit 0; }\nsleep 1000 &\necho "$$ $!" > ${file}.new && mv ${file}.new ${file}\nwait\n`,
      { timeoutMs: 1_000 },
    );
    const failure = await failureOf(host.troupe.invoke(name, 'slow'));
    expect(failure.code).toBe('TIMEOUT');
    const { readFile } = await import('node:fs/promises');
    const pids = (await readFile(file, 'utf8')).trim().split(' ').map(Number);
    expect(pids.length).toBe(2);
    await until(() => pids.every((pid) => !isAlive(pid)), { what: 'the process group to be gone' });
    expect(await host.troupe.invoke(name, 'now')).toBe('quick');
  });

  it('streams its output as it comes', async () => {
    const name = await executable('#!/bin/sh\necho one\nread -r line\necho "$line"\n');
    const chunks: unknown[] = [];
    for await (const chunk of host.troupe.stream(name, 'two\n')) chunks.push(chunk);
    expect(chunks.join('')).toBe('one\ntwo\n');
  });

  it.runIf(hasPython)('may be Python', async () => {
    const name = await executable(
      '#!/usr/bin/env python3\nimport json, sys\nprint(json.dumps({"sum": sum(json.load(sys.stdin))}))\n',
    );
    expect(await host.troupe.invoke(name, [1, 2, 3])).toEqual({ sum: 6 });
  });
});

/** A zombie counts as gone: whoever has to reap it, it runs nothing. */
function isAlive(pid: number): boolean {
  const { stdout, status } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 && !stdout.startsWith('Z');
}
