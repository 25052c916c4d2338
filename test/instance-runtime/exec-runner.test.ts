import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { Context } from '../../src/handler.ts';
import { executableFunction } from '../../src/instance-runtime/exec-runner.ts';
import { ProcessGroups } from '../../src/instance-runtime/process-groups.ts';
import {
  failureOf,
  INSTANCE_KINDS,
  instanceOf,
  startInstance,
  type TestInstance,
  writeArtifact,
} from '../support/instance.ts';

const started: TestInstance[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((instance) => instance.stop()));
});

const isAlive = (pid: number): boolean => {
  try {
    // A zombie that nobody reaped is as good as gone.
    return existsSync(`/proc/${pid}`) ? true : process.kill(pid, 0);
  } catch {
    return false;
  }
};

const stateOf = async (pid: number): Promise<string> => {
  if (!isAlive(pid)) return 'gone';
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X');
  return stat.slice(stat.lastIndexOf(')') + 2)[0] ?? 'gone';
};

const untilGone = async (pid: number): Promise<void> => {
  const deadlineMs = performance.now() + 5_000;
  while (!['gone', 'X', 'Z'].includes(await stateOf(pid))) {
    if (performance.now() > deadlineMs) throw new Error(`Process ${pid} still lives.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe.each(INSTANCE_KINDS)('An executable in a %s', (kind) => {
  const run = async (script: string, overrides: Parameters<typeof instanceOf>[2] = {}) => {
    const image = { format: 'exec', fileName: 'run.sh', ...overrides } as const;
    const instance = await instanceOf(kind, `#!/bin/sh\n${script}\n`, image);
    started.push(instance);
    return instance;
  };

  it('gets text and bytes unchanged on standard input, nothing for undefined, anything else as JSON', async () => {
    const { host, manifest } = await run('printf "in:"; od -An -c | tr -d " \\n"');
    expect(manifest.shape).toBe('exec');
    expect(await host.invoke('a"b')).toBe('in:a"b');
    expect(await host.invoke(Buffer.from([0, 255]))).toBe('in:\\0377');
    expect(await host.invoke({ a: 1 })).toBe('in:{"a":1}');
    expect(await host.invoke(undefined)).toBe('in:');
  });

  it('gives its output as JSON if it parses, else as text without its last newline', async () => {
    const { host } = await run('cat');
    expect(await host.invoke('{"a":[1]}\n')).toEqual({ a: [1] });
    expect(await host.invoke('two\nlines\n\n')).toBe('two\nlines\n');
    expect(await host.invoke(Buffer.from([255, 0]))).toEqual(new Uint8Array([255, 0]));
  });

  it('fails with exit code and standard error, which also becomes log lines', async () => {
    const { host } = await run('echo first >&2; printf second >&2; exit 3');
    expect(await failureOf(host.invoke())).toMatchObject({
      code: 'FUNCTION_ERROR',
      message: 'Function "sample" failed: exit code 3: first\nsecond',
      details: { exitCode: 3, signal: null, stderr: 'first\nsecond' },
    });
    expect(host.logs.map(({ level, message, invocationId }) => [level, message, invocationId])).toEqual([
      ['warn', 'first', 'inv-1'],
      ['warn', 'second', 'inv-1'],
    ]);
  });

  it('keeps the end of a long standard error', async () => {
    const { host } = await run('i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1');
    const { details } = await failureOf(host.invoke());
    expect((details['stderr'] as string).length).toBeLessThanOrEqual(8_192);
    expect(details['stderr']).toMatch(/line 1999\n$/);
  });

  it('names the signal that ended it', async () => {
    const { host } = await run('kill -9 $$');
    expect(await failureOf(host.invoke())).toMatchObject({ details: { exitCode: null, signal: 'SIGKILL' } });
  });

  it('sees its own variables, a PATH and the invocation id, and starts in a neutral directory', async () => {
    const { host } = await run('echo "$COLOUR $TROUPE_INVOCATION_ID $(pwd) $(test -n "$PATH" && echo path)"', {
      env: { COLOUR: 'red' },
    });
    expect(await host.invoke()).toBe(`red inv-1 ${tmpdir()} path`);
  });

  it('may ignore its input, however large', async () => {
    const { host } = await run('exec 0<&-; echo done');
    expect(await host.invoke('x'.repeat(1_000_000))).toBe('done');
  });

  it('is stopped when its output is over the payload limit', async () => {
    const { host } = await run('yes', { payloadLimitBytes: 4_096 });
    expect(await failureOf(host.invoke())).toMatchObject({ code: 'RESULT_TOO_LARGE' });
  });

  it('streams its output as it comes', async () => {
    const { host } = await run('echo one; sleep 0.05; echo two');
    expect(await host.stream()).toEqual(['one\n', 'two\n']);
  });

  it('is ended when its call is cancelled, even if it ignores SIGTERM', async () => {
    const { host } = await run('trap "" TERM; echo $$ >&2; while :; do sleep 0.01; done');
    const call = host.start();
    await host.until(() => host.logs.length > 0);
    call.cancel('timeout');
    expect(await failureOf(call.done)).toMatchObject({ code: 'TIMEOUT' });
    await untilGone(Number(host.logs[0]?.message));
  });

  it('does not outlive its call in the background', async () => {
    const { host } = await run('sleep 60 & echo $!');
    const pid = await host.invoke();
    expect(pid).toBeGreaterThan(1);
    await untilGone(pid as number);
  });

  it('answers soon even if a descendant left its group and keeps the pipes open', async () => {
    const { host } = await run('setsid sleep 3 & echo done');
    const beganMs = performance.now();
    expect(await host.invoke()).toBe('done');
    expect(performance.now() - beganMs).toBeLessThan(2_000);
  });

  it('cannot become an instance when it may not be executed', async () => {
    const instance = await startInstance(kind);
    started.push(instance);
    const image = await writeArtifact('', { format: 'exec' });
    const outcome = await instance.specialise({ ...image, entry: `${image.entry}-missing` });
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: { code: 'INSTANCE_START_FAILED', cause: { code: 'ENOENT' } },
    });
  });
});

describe('A process instance with an executable', () => {
  it('announces each process group and its end', async () => {
    const instance = await instanceOf('process', '#!/bin/sh\ncat\n', {
      format: 'exec',
      fileName: 'run.sh',
    });
    started.push(instance);
    await instance.host.invoke('x');
    const groups = () => instance.control.filter(({ type }) => type.startsWith('group'));
    expect(groups()).toEqual([
      { type: 'groupStarted', pid: expect.any(Number) },
      { type: 'groupEnded', pid: (groups()[0] as { pid: number }).pid },
    ]);
  });

  it('kills the running group when its pipe closes', async () => {
    const instance = await instanceOf('process', '#!/bin/sh\necho $$ >&2; sleep 60\n', {
      format: 'exec',
      fileName: 'run.sh',
    });
    started.push(instance);
    const call = instance.host.start();
    await instance.host.until(() => instance.host.logs.length > 0);
    instance.disconnect();
    await failureOf(call.done);
    expect(await instance.ended).toMatchObject({ exitCode: 0 });
    await untilGone(Number(instance.host.logs[0]?.message));
  });
});

describe('Cancelling an executable', () => {
  it('tells it by SIGTERM first, and lets it finish within the grace', async () => {
    const script = '#!/bin/sh\ntrap "echo told >&2; exit 0" TERM\necho up >&2\nwhile :; do sleep 0.01; done\n';
    const image = await writeArtifact(script, { format: 'exec', fileName: 'run.sh' });
    const { call } = executableFunction({
      image,
      groups: new ProcessGroups(),
      hostEnv: {},
      terminationGraceMs: 20_000,
    });
    const controller = new AbortController();
    const lines: string[] = [];
    const warn = (line: string) => {
      lines.push(line);
      if (line === 'up') controller.abort(new Error('cancelled'));
    };
    const context = { invocationId: 'one', signal: controller.signal, log: { warn } } as unknown as Context;
    await expect(call(undefined, context)).rejects.toThrow('cancelled');
    expect(lines).toContain('told');
  });
});
