import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { errorOf, killWhatIsLeft, type Ran, type Serving, serve, TroupeProcess } from './troupe-process.ts';

let host: Serving;
let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'troupe-test-'));
  host = await serve(data);
});

afterAll(async () => {
  await killWhatIsLeft();
  await rm(data, { recursive: true, force: true, maxRetries: 5 });
});

const json = ({ stdout }: Ran) => JSON.parse(stdout);
const hello = (name: string) => `export default () => ({ version: ${JSON.stringify(name)} });\n`;

describe('against a running host', () => {
  it('deploys, calls, and says when nothing has changed', async () => {
    const first = await host.run('deploy', './hello.ts', '--name', 'hello');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^hello version 1, [\d.]+ kB, built in \d+ ms\n$/);
    expect(await host.run('deploy', './hello.ts', '--name', 'hello')).toMatchObject({
      stdout: 'hello version 1 is current already: nothing changed\n',
    });
    expect(await host.run('invoke', 'hello', '-d', '{"name":"Ada"}')).toEqual({
      code: 0,
      stdout: '{"hello":"Ada"}\n',
      stderr: '',
    });
    const detailed = json(await host.run('invoke', 'hello', '--json'));
    expect(detailed).toMatchObject({ result: { hello: 'world' }, invocation: { coldStart: null } });
  });

  it('takes the options of the function', async () => {
    const flags = '--memory 64 --function-timeout 5000 --max 2 --concurrency 3 --idempotent -e A=1 -e B=x=y'.split(' ');
    const deployed = await host.run('deploy', './hello.ts', '--name', 'options', '--json', ...flags);
    expect(json(deployed)).toMatchObject({ name: 'options', version: 1, isNew: true });
    const { versions } = json(await host.run('fn', 'describe', 'options', '--json'));
    expect(versions[0].config).toMatchObject({
      memoryMb: 64,
      timeoutMs: 5_000,
      maxInstances: 2,
      concurrency: 3,
      idempotent: true,
      env: { A: '1', B: 'x=y' },
    });
  });

  it('lists and describes', async () => {
    await host.run('deploy', './hello.ts', '--name', 'listed');
    await host.run('invoke', 'listed');
    const { stdout } = await host.run('fn', 'ls');
    expect(stdout).toMatch(/^NAME +VERSION +SHAPE +ISOLATION +MEMORY +BUNDLE$/m);
    expect(stdout).toMatch(/^listed +1 +value +thread +128 MiB +[\d.]+ kB$/m);
    expect(json(await host.run('fn', 'ls', '--json'))).toContainEqual(expect.objectContaining({ name: 'listed' }));
    const described = (await host.run('fn', 'describe', 'listed')).stdout;
    expect(described).toMatch(/^listed, version 1 of 1\n {2}alias current -> 1\n/);
    expect(described).toMatch(/^listed-1-\d+ +ready +1 +first /m);
    expect(described).toMatch(/ succeeded .* first$/m);
  });

  it('rolls back, splits by weight, calls a version, and removes', async () => {
    const cwd = await temporaryDirectory();
    const source = join(cwd, 'versioned.js');
    for (const version of ['one', 'two']) {
      await writeFile(source, hello(version));
      expect(await host.run('deploy', source, '--name', 'versioned')).toMatchObject({ code: 0 });
    }
    const called = async (...args: string[]) => json(await host.run('invoke', 'versioned', ...args)).version;
    expect(await called()).toBe('two');
    expect(await host.run('fn', 'alias', 'versioned', 'current', '1')).toMatchObject({
      code: 0,
      stdout: 'versioned: current -> 1\n',
    });
    expect(await called()).toBe('one');
    expect(await called('--version', '2')).toBe('two');
    expect(await host.run('fn', 'alias', 'versioned', 'canary', '1=90', '2=10')).toMatchObject({
      stdout: 'versioned: canary -> 1 (weight 90), 2 (weight 10)\n',
    });
    expect(['one', 'two']).toContain(await called('--alias', 'canary'));
    const versions = (await host.run('fn', 'versions', 'versioned')).stdout.split('\n');
    expect(versions[1]).toMatch(/^2 .* canary$/);
    expect(versions[2]).toMatch(/^1 .* canary, current$/);
    expect(await host.run('fn', 'alias', 'versioned', 'canary', '--rm')).toMatchObject({ code: 0 });
    expect(await host.run('invoke', 'versioned', '--alias', 'canary')).toMatchObject({ code: 5 });
    expect(await host.run('fn', 'rm', 'versioned', '--json')).toMatchObject({ stdout: '{"removed":"versioned"}\n' });
    expect(await host.run('invoke', 'versioned')).toMatchObject({ code: 5 });
  });

  it('prints chunks as they come, and an error after them as an error', async () => {
    await host.run('deploy', './count.js', '--name', 'count');
    const whole = await host.run('invoke', 'count', '--stream', '-d', '{"to":2}');
    expect(whole).toEqual({ code: 0, stdout: '{"i":1}\n{"i":2}\n', stderr: '' });
    const broken = await host.run('invoke', 'count', '--stream', '--json', '-d', '{"to":3,"failAt":3}');
    expect(broken).toMatchObject({ code: 1, stdout: '{"i":1}\n{"i":2}\n' });
    expect(errorOf(broken).code).toBe('FUNCTION_ERROR');
  });

  it('shows log lines, and goes on with new ones until it is interrupted', async () => {
    await host.run('deploy', './hello.ts', '--name', 'logged');
    await host.run('invoke', 'logged', '-d', '{"name":"before"}');
    const following = new TroupeProcess(['logs', 'logged', '-f'], { env: { TROUPE_HOST: host.url } });
    await until(() => following.stdout.includes('greeting before'));
    await host.run('invoke', 'logged', '-d', '{"name":"after"}');
    await until(() => following.stdout.includes('greeting after'));
    following.interrupt();
    const { code, stdout } = await following.done();
    expect(code).toBe(130);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^[\d:.]+ info {2}logged@1 \S+ greeting before$/),
      expect.stringMatching(/^[\d:.]+ info {2}logged@1 \S+ greeting after$/),
    ]);
    const latest = await host.run('logs', 'logged', '-n', '1', '--json');
    expect(json(latest)).toMatchObject({ level: 'info', functionName: 'logged', message: 'greeting after' });
  });

  it('ends quietly when nobody reads the log on', async () => {
    await host.run('deploy', './hello.ts', '--name', 'unread');
    await host.run('invoke', 'unread');
    const following = new TroupeProcess(['logs', 'unread', '-f'], { env: { TROUPE_HOST: host.url } });
    await until(() => following.stdout !== '');
    following.child.stdout.destroy();
    await host.run('invoke', 'unread');
    expect(await following.done()).toMatchObject({ code: 0, stderr: '' });
  });

  it('cancels the call of a client that is interrupted', async () => {
    await host.run('deploy', './waits.js', '--name', 'abandoned');
    const calling = new TroupeProcess(['invoke', 'abandoned', '-d', '{}'], {
      env: { TROUPE_HOST: host.url },
    });
    const latest = async () => json(await host.run('fn', 'describe', 'abandoned', '--json')).latest;
    await until(async () => (await host.run('logs', 'abandoned')).stdout.includes('inside'), { intervalMs: 50 });
    calling.interrupt();
    expect(await calling.done()).toMatchObject({ code: 130, stdout: '', stderr: 'Interrupted.\n' });
    expect(await until(async () => (await latest())[0], { intervalMs: 50 })).toMatchObject({ status: 'CANCELLED' });
  });
});

describe('exit codes of a running host', () => {
  it('1: the function failed, with its message and the place in its source', async () => {
    await host.run('deploy', './throws.ts', '--name', 'throws');
    const { code, stderr } = await host.run('invoke', 'throws', '-d', '{"name":"Ada"}');
    expect(code).toBe(1);
    expect(stderr).toMatch(/TypeError: no good: Ada\n +at .*throws\.ts:6:\d+/);
  });

  it('2: the payload is over the limit', async () => {
    const given = { env: { TROUPE_HOST: host.url }, input: new Uint8Array(6_300_000) };
    const ran = await new TroupeProcess(['invoke', 'hello', '--file', '-', '--json'], given).done();
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(ran).code).toBe('PAYLOAD_TOO_LARGE');
  });

  it('3: the source is broken, and what was deployed stays', async () => {
    const source = join(await temporaryDirectory(), 'kept.js');
    await writeFile(source, hello('good'));
    await host.run('deploy', source, '--name', 'kept');
    await writeFile(source, 'export default () => {\n  const a = ;\n};\n');
    const { code, stderr } = await host.run('deploy', source, '--name', 'kept');
    expect(stderr).toContain('kept.js:2:13: Unexpected ";"\n  2 |   const a = ;\n    |             ^');
    expect(code).toBe(3);
    expect(json(await host.run('invoke', 'kept'))).toEqual({ version: 'good' });
  });

  it.each([
    ['fn describe nothing', 'FUNCTION_NOT_FOUND'],
    ['fn versions nothing', 'FUNCTION_NOT_FOUND'],
    ['fn rm nothing', 'FUNCTION_NOT_FOUND'],
    ['fn alias nothing current 1', 'FUNCTION_NOT_FOUND'],
    ['fn alias hello current 99', 'VERSION_NOT_FOUND'],
    ['fn alias hello nothing --rm', 'ALIAS_NOT_FOUND'],
    ['invoke nothing', 'FUNCTION_NOT_FOUND'],
    ['invoke hello --version 99', 'VERSION_NOT_FOUND'],
    ['logs nothing', 'FUNCTION_NOT_FOUND'],
    ['deploy ./nothing.ts --name hello', 'SOURCE_NOT_FOUND'],
  ])('5: "troupe %s"', async (args, code) => {
    const ran = await host.run(...args.split(' '), '--json');
    expect(ran).toMatchObject({ code: 5, stdout: '' });
    expect(errorOf(ran).code).toBe(code);
  });

  it('6: the call took longer than its timeout', async () => {
    await host.run('deploy', './loop.js', '--name', 'loop', '--function-timeout', '200');
    expect(await host.run('invoke', 'loop')).toMatchObject({ code: 6, stderr: expect.stringContaining('TIMEOUT') });
  });

  it('7: the function is overloaded', async () => {
    const file = join(await temporaryDirectory(), 'go');
    await host.run('deploy', './waits.js', '--name', 'busy');
    const call = () => host.run('invoke', 'busy', '-d', JSON.stringify({ file }));
    const inside = call();
    await until(async () => (await host.run('logs', 'busy')).stdout.includes('inside'), { intervalMs: 50 });
    const others = [call(), call()];
    // One of them waits behind the call that is inside.
    expect(await Promise.race(others)).toMatchObject({ code: 7, stderr: expect.stringContaining('OVERLOADED') });
    await writeFile(file, '');
    const codes = (await Promise.all([inside, ...others])).map(({ code }) => code);
    expect(codes.sort()).toEqual([0, 0, 7]);
  });

  it('8: what answers is not a host', async () => {
    const { createServer } = await import('node:http');
    const other = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await until(() => other.listening);
    const { port } = other.address() as { port: number };
    const ran = await host.run('fn', 'ls', '--host', `127.0.0.1:${port}`);
    other.close();
    expect(ran).toMatchObject({ code: 8, stderr: expect.stringContaining('is not a troupe host') });
  });
});
