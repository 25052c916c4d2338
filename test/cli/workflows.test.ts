/** Workflows through the real binary: in a file with nothing running, and on a running host. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { until } from '../support/until.ts';
import { errorOf, killWhatIsLeft, type Ran, type Serving, serve, TroupeProcess, troupe } from './troupe-process.ts';

/** One task that calls a function, or a workflow, with the input. */
const calling = (name: string) => `apiVersion: 1
output: Only
tasks:
  Only:
    run: ${name}
    inputs: "{ $.Invocation.Inputs.default }"
`;

const ECHO = 'export default (event) => ({ echo: event });\n';

async function directoryOf(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await temporaryDirectory();
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(directory, name), content);
    if (content.startsWith('#!')) await chmod(join(directory, name), 0o755);
  }
  return directory;
}

const json = ({ stdout }: Ran) => JSON.parse(stdout);

describe('troupe invoke with a workflow in a file', () => {
  afterEach(killWhatIsLeft);

  it('deploys what it names of its directory, runs it, and prints its output', async () => {
    const ran = await troupe(['invoke', './order.wf.yaml', '-d', '{"name":"Ada"}']);
    expect(ran).toMatchObject({ code: 0, stderr: 'info greeting Ada\n' });
    expect(json(ran)).toEqual({ type: 'object', event: { hello: 'Ada' } });
  });

  it('shows with --json what the execution was', async () => {
    const { code, stdout } = await troupe(['invoke', './order.wf.yaml', '--json', '-d', '{"name":"Ada"}']);
    const { result, execution } = JSON.parse(stdout);
    expect({ code, result }).toEqual({ code: 0, result: { type: 'object', event: { hello: 'Ada' } } });
    expect(execution).toMatchObject({ workflow: 'order', version: 1, status: 'succeeded' });
    expect(execution.id).toEqual(expect.any(String));
    expect(execution.known.map(({ step }: { step: string }) => step).sort()).toEqual(['Greeted', 'Told']);
  });

  it('takes functions and workflows from elsewhere, executables too', async () => {
    const functions = await directoryOf({
      'inner.wf.yaml': calling('innermost'),
      'innermost.wf.yaml': calling('shout'),
      'shout.sh': '#!/bin/sh\ntr a-z A-Z\n',
      'broken.js': 'export default (',
    });
    const cwd = await directoryOf({ 'outer.wf.yaml': calling('inner') });
    const ran = await troupe(['invoke', 'outer.wf.yaml', '--functions', functions, '-d', '"quiet"'], { cwd });
    expect(ran).toMatchObject({ code: 0, stdout: '"QUIET"\n' });
    expect(ran.stderr).toContain('broken.js is left out');
  });

  it('hands headers to it', async () => {
    const cwd = await directoryOf({
      'headers.wf.yaml': calling('echo').replace('.default', '.headers'),
      'echo.js': ECHO,
    });
    const ran = await troupe(['invoke', 'headers.wf.yaml', '--header', 'X-Tenant: acme', '--header', 'A: b'], { cwd });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('acme');
  });

  it('exits 3 for a mistake, with its place and the directory looked in', async () => {
    const cwd = await directoryOf({ 'wrong.wf.yaml': calling('nowhere'), 'echo.js': ECHO });
    const { code, stdout, stderr } = await troupe(['invoke', './wrong.wf.yaml'], { cwd });
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^\.\/wrong\.wf\.yaml:\d+:\d+: .*nowhere/m);
    expect(stderr).toContain('Only');
    expect(stderr).toContain('Functions were looked for in .: none is there.');
  });

  it('exits 3 when a function that it names cannot be built', async () => {
    const cwd = await directoryOf({ 'wrong.wf.yaml': calling('broken'), 'broken.js': 'export default (' });
    expect(await troupe(['invoke', './wrong.wf.yaml'], { cwd })).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('broken.js'),
    });
  });

  it('exits 1 when a step fails, with the error of the function', async () => {
    const cwd = await directoryOf({
      'fails.wf.yaml': calling('fails'),
      'fails.js': 'export default () => { throw new TypeError("no good"); };\n',
    });
    const ran = await troupe(['invoke', './fails.wf.yaml', '--json'], { cwd });
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' });
    expect(JSON.stringify(errorOf(ran))).toContain('no good');
  });

  it('exits 130 when it is interrupted', async () => {
    const cwd = await directoryOf({
      'waits.wf.yaml': calling('waits'),
      'waits.js':
        'export default () => { console.log("inside"); return new Promise(() => setInterval(() => {}, 1e6)); };\n',
    });
    const process = new TroupeProcess(['invoke', './waits.wf.yaml'], { cwd });
    await until(() => process.stderr.includes('inside'));
    process.interrupt();
    expect(await process.done()).toMatchObject({ code: 130, stdout: '' });
  });
});

describe('troupe wf on a running host', () => {
  let host: Serving;
  let data: string;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'troupe-test-'));
    host = await serve(data);
    await host.run('deploy', './hello.ts', '--name', 'hello');
    await host.run('deploy', './kind.js', '--name', 'kind');
    await host.run('deploy', './throws.ts', '--name', 'throws');
  });

  afterAll(async () => {
    await killWhatIsLeft();
    await rm(data, { recursive: true, force: true, maxRetries: 5 });
  });

  const deployed = async (name: string, text: string) => {
    const directory = await directoryOf({ 'flow.wf.yaml': text });
    return host.run('wf', 'deploy', join(directory, 'flow.wf.yaml'), '--name', name);
  };

  it('deploys, starts, waits, and lists', async () => {
    expect(await host.run('wf', 'deploy', './order.wf.yaml', '--name', 'order')).toMatchObject({
      code: 0,
      stdout: 'order version 1 is deployed\n',
    });
    expect((await host.run('wf', 'ls')).stdout).toMatch(/^order +1 /m);
    const started = await host.run('wf', 'start', 'order', '-d', '{"name":"Ada"}', '--id', 'order-17', '--wait');
    expect(started).toMatchObject({ code: 0, stderr: 'order@1 runs as order-17\n' });
    expect(json(started)).toEqual({ type: 'object', event: { hello: 'Ada' } });
    const again = json(await host.run('wf', 'start', 'order', '--id', 'order-17', '--json'));
    expect(again).toEqual({ id: 'order-17', workflow: 'order', version: 1, isNew: false });
    expect((await host.run('wf', 'ls', 'order')).stdout).toMatch(/^order-17 +order@1 +succeeded /m);
    expect(json(await host.run('wf', 'ls', '--status', 'failed', '--json'))).toEqual([]);
  });

  it('shows an execution, its history and its events', async () => {
    await host.run('wf', 'deploy', './order.wf.yaml', '--name', 'shown');
    await host.run('wf', 'start', 'shown', '-d', '{"name":"Ada"}', '--id', 'shown-1', '--wait');
    const { stdout } = await host.run('wf', 'show', 'shown-1');
    expect(stdout).toMatch(/^workflow {3}shown@1 {2}succeeded$/m);
    expect(stdout).toMatch(/^✓ Greeted .*succeeded/m);
    expect(stdout).toMatch(/^✓ Told .*succeeded/m);
    expect(stdout).toContain('█ run');
    const history = await host.run('wf', 'history', 'shown-1');
    expect(history.stdout).toMatch(/^\+0 ms +execution started /m);
    expect(history.stdout).toMatch(/ step succeeded +Greeted/);
    const watched = (await host.run('wf', 'watch', 'shown-1', '--json')).stdout.trimEnd().split('\n');
    expect(watched.map((line) => JSON.parse(line).type)).toEqual(
      expect.arrayContaining(['executionStarted', 'stepSucceeded', 'executionSucceeded']),
    );
  });

  it('exits 1 for one that failed, and says where', async () => {
    await deployed('fails', calling('throws'));
    expect(await host.run('wf', 'start', 'fails', '--id', 'fails-1', '--wait')).toMatchObject({ code: 1, stdout: '' });
    const { stdout } = await host.run('wf', 'show', 'fails-1');
    expect(stdout).toMatch(/^✗ Only .*failed/m);
    expect(stdout).toMatch(/^error /m);
    expect((await host.run('wf', 'ls', '--status', 'failed')).stdout).toContain('fails-1');
  });

  it('watches one until it is interrupted, which leaves it alone; then cancels it', async () => {
    await deployed('naps', 'apiVersion: 1\noutput: Nap\ntasks:\n  Nap:\n    run: sleep\n    inputs: 3600s\n');
    await host.run('wf', 'start', 'naps', '--id', 'nap-1');
    const watching = new TroupeProcess(['wf', 'watch', 'nap-1'], { env: { TROUPE_HOST: host.url } });
    await until(() => watching.stdout.includes('execution started'));
    watching.interrupt();
    expect(await watching.done()).toMatchObject({
      code: 130,
      stderr: 'The execution nap-1 goes on.\nInterrupted.\n',
    });
    expect(json(await host.run('wf', 'show', 'nap-1', '--json')).status).toBe('running');
    expect(await host.run('wf', 'pause', 'nap-1')).toMatchObject({ code: 0, stdout: 'nap-1 is paused\n' });
    expect(await host.run('wf', 'resume', 'nap-1')).toMatchObject({ code: 0, stdout: 'nap-1 is running\n' });
    expect(await host.run('wf', 'cancel', 'nap-1', '--reason', 'enough')).toMatchObject({ code: 0 });
    expect(await host.run('wf', 'result', 'nap-1')).toMatchObject({ code: 130, stdout: '' });
    expect(json(await host.run('wf', 'show', 'nap-1', '--json')).status).toBe('cancelled');
  });

  it('exits 3 for a mistake, with its place', async () => {
    const { code, stdout, stderr } = await deployed('wrong', calling('nowhere'));
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/flow\.wf\.yaml:\d+:\d+: .*nowhere/);
  });

  it('exits 5 for what is not there', async () => {
    for (const args of [
      ['start', 'nope'],
      ['rm', 'nope'],
      ['ls', 'nope'],
      ['show', 'nope'],
      ['watch', 'nope'],
      ['signal', 'nope', 'go'],
      ['cancel', 'nope'],
    ]) {
      expect([args, (await host.run('wf', ...args)).code]).toEqual([args, 5]);
    }
  });

  it('removes a workflow', async () => {
    await deployed('removed', calling('hello'));
    expect(await host.run('wf', 'rm', 'removed')).toMatchObject({ code: 0 });
    expect(await host.run('wf', 'start', 'removed')).toMatchObject({ code: 5 });
  });
});
