import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { errorOf, killWhatIsLeft, TroupeProcess, troupe } from './troupe-process.ts';

afterEach(killWhatIsLeft);

describe('troupe invoke with a file', () => {
  it('runs it with nothing else running: the result on standard output, the log on standard error', async () => {
    const ran = await troupe(['invoke', './hello.ts', '-d', '{"name":"Ada"}']);
    expect(ran).toEqual({ code: 0, stdout: '{"hello":"Ada"}\n', stderr: 'info greeting Ada\n' });
  });

  it('shows with --json where the time went', async () => {
    const { code, stdout } = await troupe(['invoke', './hello.ts', '--json']);
    const { result, invocation } = JSON.parse(stdout);
    expect({ code, result }).toEqual({ code: 0, result: { hello: 'world' } });
    expect(Object.keys(invocation)).toEqual(['id', 'coldStart', 'phasesUs']);
    expect(invocation.coldStart).toBe('first');
    expect(invocation.phasesUs.start).toBeGreaterThan(0);
  });

  it('takes a folder, an executable, and a path without ./', async () => {
    expect(await troupe(['invoke', './folder', '-d', '[1]'])).toMatchObject({ stdout: '{"folder":[1]}\n' });
    expect(await troupe(['invoke', './bytes.sh', '-d', '"abcd"'])).toMatchObject({ stdout: '4\n' });
    expect(await troupe(['invoke', 'hello.ts'])).toMatchObject({ stdout: '{"hello":"world"}\n' });
  });

  it('reads the payload from a file, from a pipe, or as bytes', async () => {
    const directory = await temporaryDirectory();
    const path = join(directory, 'event.json');
    await writeFile(path, '\uFEFF{"a":1}');
    const event = { type: 'object', event: { a: 1 } };
    expect(JSON.parse((await troupe(['invoke', './kind.js', '-d', `@${path}`])).stdout)).toEqual(event);
    expect(JSON.parse((await troupe(['invoke', './kind.js', '-d', '-'], { input: '{"a":1}' })).stdout)).toEqual(event);
    expect(await troupe(['invoke', './kind.js', '--file', path])).toMatchObject({ stdout: '{"bytes":10}\n' });
    expect(await troupe(['invoke', './kind.js', '--file', '-'], { input: 'abc' })).toMatchObject({
      stdout: '{"bytes":3}\n',
    });
  });

  it('prints each chunk of a stream as a line, and what ended it early as an error', async () => {
    const whole = await troupe(['invoke', './count.js', '--stream', '-d', '{"to":3}']);
    expect(whole).toEqual({ code: 0, stdout: '{"i":1}\n{"i":2}\n{"i":3}\n', stderr: '' });
    const broken = await troupe(['invoke', './count.js', '--stream', '-d', '{"to":3,"failAt":2}']);
    expect(broken).toMatchObject({ code: 1, stdout: '{"i":1}\n', stderr: expect.stringContaining('not 2') });
  });

  it('ends quietly when nobody reads on', async () => {
    const process = new TroupeProcess(['invoke', './count.js', '--stream', '-d', '{"to":1000000000}']);
    await until(() => process.stdout.includes('{"i":3}'));
    process.child.stdout.destroy();
    expect(await process.done()).toMatchObject({ code: 0, stderr: '' });
  });

  it('writes no colour codes unless to a terminal', async () => {
    const ran = await troupe(['invoke', './throws.ts'], { env: { CI: 'true' } });
    expect(ran.stderr).not.toContain('\u001B');
  });
});

describe('exit codes', () => {
  it('1: the function failed, with its message and the place in its source', async () => {
    const { code, stdout, stderr } = await troupe(['invoke', './throws.ts', '-d', '{"name":"Ada"}']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('FUNCTION_ERROR');
    expect(stderr).toMatch(/TypeError: no good: Ada\n +at .*throws\.ts:6:\d+/);
  });

  it('1, as JSON: code, message, details and the cause', async () => {
    const error = errorOf(await troupe(['invoke', './throws.ts', '--json']));
    expect(error).toMatchObject({ code: 'FUNCTION_ERROR', details: {}, cause: { name: 'TypeError' } });
  });

  it('1: the function ended its process', async () => {
    const ran = await troupe(['invoke', './ends-itself.js', '--json']);
    expect(ran.code).toBe(1);
    expect(errorOf(ran).code).toBe('INSTANCE_CRASHED');
  });

  it('2: the payload is over the limit', async () => {
    const ran = await troupe(['invoke', './kind.js', '--file', '-', '--json'], { input: new Uint8Array(6_300_000) });
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 2, stdout: '' });
    expect(errorOf(ran).code).toBe('PAYLOAD_TOO_LARGE');
  });

  it('3: the source is broken, with file, line and code frame', async () => {
    const cwd = await temporaryDirectory();
    await writeFile(join(cwd, 'broken.ts'), 'export default () => {\n  const a = ;\n};\n');
    const { code, stdout, stderr } = await troupe(['invoke', './broken.ts'], { cwd });
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('broken.ts:2:13: Unexpected ";"\n  2 |   const a = ;\n    |             ^');
  });

  it('4: the source reaches out of its folder', async () => {
    const cwd = await temporaryDirectory();
    await mkdir(join(cwd, 'inside'));
    await writeFile(join(cwd, 'outside.js'), 'export default () => 1;');
    await symlink('../outside.js', join(cwd, 'inside', 'index.js'));
    expect(await troupe(['invoke', './inside'], { cwd })).toMatchObject({ code: 4, stdout: '' });
  });

  it('5: there is no such file', async () => {
    const ran = await troupe(['invoke', './missing.ts']);
    expect(ran).toMatchObject({ code: 5, stderr: 'error SOURCE_NOT_FOUND: There is nothing at ./missing.ts.\n' });
    expect(await troupe(['invoke', 'name.with.dots'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('The name of a deployed function has no dots.'),
    });
  });

  it.each(['--function-timeout', '--timeout'])('6: a loop without end is over at its %s', async (flag) => {
    const ran = await troupe(['invoke', './loop.js', flag, '200']);
    expect(ran).toMatchObject({ code: 6, stdout: '', stderr: expect.stringContaining('TIMEOUT') });
  });

  it('130: interrupted while it waits for its input', async () => {
    const process = new TroupeProcess(['invoke', './kind.js', '-d', '-'], { input: { open: true } });
    // More than a pipe holds: once it is gone, somebody reads.
    await new Promise((resolve) => process.child.stdin.write(' '.repeat(2_000_000), resolve));
    process.interrupt();
    expect(await process.done()).toEqual({ code: 130, stdout: '', stderr: 'Interrupted.\n' });
  });

  it('130: interrupted while the source, loaded to be looked at, runs for ever', async () => {
    const pidFile = join(await temporaryDirectory(), 'pid');
    const process = new TroupeProcess(['invoke', './loads-for-ever.js', '-e', `PID_FILE=${pidFile}`]);
    const pid = await until(async () => Number(await readFile(pidFile, 'utf8').catch(() => '')));
    process.interrupt();
    const startedMs = performance.now();
    expect(await process.done()).toMatchObject({ code: 130, stdout: '' });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await until(() => !isAlive(pid), { what: 'the node agent to be gone' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '130: %s in the middle of a call, which leaves no process',
    async (signal) => {
      const pidFile = join(await temporaryDirectory(), 'pid');
      const process = new TroupeProcess(['invoke', './sleeps.sh', '-e', `PID_FILE=${pidFile}`]);
      const pid = await until(async () => Number(await readFile(pidFile, 'utf8').catch(() => '')));
      process.interrupt(signal);
      expect(await process.done()).toMatchObject({ code: 130, stdout: '', stderr: 'Interrupted.\n' });
      await until(() => !isAlive(pid), { what: 'the executable to be gone' });
    },
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
