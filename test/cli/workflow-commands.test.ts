/** The commands of `troupe wf` against a real gateway in front of a host made of functions: what is sent, and what is printed. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GatewayExecution, GatewayWorkflows } from '../../src/ecosystem/gateway/protocol.ts';
import { TroupeError } from '../../src/errors.ts';
import { fakeExecution, fakeWorkflows, gatewayFor } from '../ecosystem/gateway/gateway-harness.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type InProcessOptions, inProcess } from './in-process.ts';
import { errorOf } from './troupe-process.ts';
import { execution, node, START_MS, succeeded } from './workflow-view/executions.ts';

async function host(parts: Partial<GatewayWorkflows> & { readonly one?: Partial<GatewayExecution> }) {
  const { one = {}, ...rest } = parts;
  const workflows = fakeWorkflows({ execution: (id) => fakeExecution(id, one), ...rest });
  const { url } = await gatewayFor({ workflows });
  return (args: readonly string[], options?: InProcessOptions) => inProcess(['wf', ...args, '--host', url], options);
}

const done = execution([node('charge'), node('ship', ['charge'])], {
  status: 'succeeded',
  endedAtMs: START_MS + 2_000,
  known: [succeeded('charge', { runMs: 1_000 }), succeeded('ship', { atMs: 1_000, runMs: 1_000 })],
});

const EVENTS = [
  { type: 'executionStarted', atMs: START_MS, workflow: 'order', version: 3, durability: 'strict' },
  { type: 'stepSucceeded', atMs: START_MS + 1_000, step: 'charge', attempt: 1 },
  { type: 'executionSucceeded', atMs: START_MS + 2_000, outputOf: 'ship' },
];

describe('troupe wf deploy', () => {
  it('sends the text of the file, and says what it has become', async () => {
    const seen: unknown[] = [];
    const run = await host({
      async deploy(options) {
        seen.push(options);
        return { name: options.name, version: 4, isNew: seen.length === 1 };
      },
    });
    const path = join(await temporaryDirectory(), 'order.wf.yaml');
    await writeFile(path, 'tasks: {}\n');
    expect(await run(['deploy', path, '--name', 'order'])).toEqual({
      code: 0,
      stdout: 'order version 4 is deployed\n',
      stderr: '',
    });
    const again = await run(['deploy', path, '--name', 'order']);
    expect(again.stdout).toBe('order version 4 is current already: nothing changed\n');
    expect(JSON.parse((await run(['deploy', path, '--name', 'order', '--json'])).stdout)).toMatchObject({ version: 4 });
    expect(seen[0]).toEqual({ name: 'order', source: { code: 'tasks: {}\n', language: 'yaml' } });
  });

  it('prints each mistake with its place in the file, and exits 3', async () => {
    const faults = [
      { message: 'task "a" calls "nope", which is not deployed', line: 3, column: 10 },
      { message: 'no task puts out anything', line: 1 },
      { message: 'it is empty' },
    ];
    const run = await host({
      deploy: () => Promise.reject(new TroupeError('WORKFLOW_INVALID', 'all of it', { details: { faults } })),
    });
    const path = join(await temporaryDirectory(), 'order.wf.yaml');
    await writeFile(path, 'tasks: {}\n');
    const { code, stdout, stderr } = await run(['deploy', path, '--name', 'order']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      `error WORKFLOW_INVALID: ${path} has 3 mistakes:`,
      `${path}:3:10: task "a" calls "nope", which is not deployed`,
      `${path}:1: no task puts out anything`,
      `${path}: it is empty`,
      '',
    ]);
    const asJson = errorOf(await run(['deploy', path, '--name', 'order', '--json']));
    expect(asJson).toMatchObject({ code: 'WORKFLOW_INVALID', details: { faults } });
  });

  it('of a file that is not there exits 5', async () => {
    const run = await host({});
    expect(await run(['deploy', './missing.wf.yaml', '--name', 'order'])).toMatchObject({ code: 5 });
  });
});

describe('troupe wf ls', () => {
  const version = { name: 'order', language: 'fission', source: '', sha256: '', createdAtMs: START_MS };

  it('lists workflows', async () => {
    const versions = [
      { ...version, version: 1 },
      { ...version, version: 2 },
    ];
    const run = await host({ list: async () => [{ name: 'order', versions, aliases: { current: 2, beta: 1 } }] });
    expect((await run(['ls'])).stdout.split('\n')).toEqual([
      'NAME   VERSION  OF  LANGUAGE  DEPLOYED                  ALIASES',
      'order  2        2   fission   2026-01-01T00:00:00.000Z  beta -> 1',
      '',
    ]);
    expect(JSON.parse((await run(['ls', '--json'])).stdout)).toHaveLength(1);
    const none = await host({ list: async () => [] });
    expect(await none(['ls'])).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('wf deploy') });
  });

  it('lists executions of a workflow, or of all', async () => {
    const queries: unknown[] = [];
    const error = { name: 'TroupeError', code: 'STEP_FAILED', message: 'x' };
    const run = await host({
      async executions(query) {
        queries.push(query);
        const { id, workflow, version, durability, startedAtMs } = done;
        const base = { workflow, version, durability, startedAtMs };
        return [
          { ...base, id, status: 'running', steps: 3 },
          {
            ...base,
            id: 'order-16',
            status: 'failed',
            steps: 1,
            endedAtMs: START_MS + 90_000,
            error,
            failedStep: 'ship',
          },
        ];
      },
    });
    expect((await run(['ls', 'order', '--status', 'failed', '--limit', '2'])).stdout.split('\n')).toEqual([
      'EXECUTION  WORKFLOW  STATUS   STARTED                   TOOK        STEPS  ERROR',
      'order-17   order@3   running  2026-01-01T00:00:00.000Z  -           3',
      'order-16   order@3   failed   2026-01-01T00:00:00.000Z  1 min 30 s  1      STEP_FAILED in ship',
      '',
    ]);
    await run(['ls', '--executions']);
    await run(['ls', '--status', 'running']);
    expect(queries).toEqual([{ workflow: 'order', status: 'failed', limit: 2 }, {}, { status: 'running' }]);
  });

  it('tells a workflow that never ran from a name that is wrong', async () => {
    const missing = new TroupeError('WORKFLOW_NOT_FOUND', 'No workflow "oder" is deployed. Did you mean "order"?');
    const run = await host({
      executions: async () => [],
      async describe(name) {
        if (name === 'order') return { name, versions: [], aliases: {} };
        throw missing;
      },
    });
    expect(await run(['ls', 'order'])).toEqual({ code: 0, stdout: '', stderr: 'There is no execution of order.\n' });
    expect(await run(['ls', 'oder'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('Did you mean "order"?'),
    });
  });
});

describe('troupe wf start', () => {
  const starting = async (one: Partial<GatewayExecution> = {}, isNew = true) => {
    const seen: unknown[] = [];
    const run = await host({
      one,
      async start(workflow, input, { headers: _, ...options }) {
        seen.push([workflow, input, options]);
        return { ...fakeExecution(options.id ?? 'made-up', one), workflow, version: 3, isNew };
      },
    });
    return { seen, run };
  };

  it('prints the id on standard output and the rest on standard error', async () => {
    const { seen, run } = await starting();
    expect(await run(['start', 'order', '-d', '{"id":17}'])).toEqual({
      code: 0,
      stdout: 'made-up\n',
      stderr: 'order@3 runs as made-up\n  watch it   troupe wf watch made-up\n',
    });
    const flags = '--id a/b --version 2 --alias beta --durability memory --timeout 500'.split(' ');
    const asJson = await run(['start', 'order', '--json', ...flags]);
    expect(JSON.parse(asJson.stdout)).toEqual({ id: 'a/b', workflow: 'order', version: 3, isNew: true });
    expect(seen).toEqual([
      ['order', { id: 17 }, {}],
      ['order', undefined, { id: 'a/b', version: 2, alias: 'beta', durability: 'memory', timeoutMs: 500 }],
    ]);
    const again = await starting({}, false);
    expect((await again.run(['start', 'order', '--id', "it's"])).stderr).toBe(
      `order@3 was started as it's before: nothing new is\n  watch it   troupe wf watch 'it'\\''s'\n`,
    );
  });

  it('waits with --wait, and prints the result', async () => {
    const { run } = await starting({ result: async () => ({ shipped: true }) });
    expect(await run(['start', 'order', '--wait'])).toEqual({
      code: 0,
      stdout: '{"shipped":true}\n',
      stderr: 'order@3 runs as made-up\n',
    });
    const asJson = await run(['start', 'order', '--wait', '--json']);
    expect(JSON.parse(asJson.stdout)).toEqual({
      result: { shipped: true },
      execution: { id: 'made-up', workflow: 'order', version: 3, isNew: true },
    });
    expect((await run(['result', 'made-up'])).stdout).toBe('{"shipped":true}\n');
  });

  it.each([
    ['STEP_FAILED', 1],
    ['TIMEOUT', 6],
    ['CANCELLED', 130],
  ] as const)('exits as its execution did: %s is %i', async (code, exitCode) => {
    const { run } = await starting({ result: () => Promise.reject(new TroupeError(code, 'No good.')) });
    expect(await run(['start', 'order', '--wait'])).toMatchObject({ code: exitCode, stdout: '' });
  });
});

describe('troupe wf show', () => {
  it('draws, or prints everything as JSON', async () => {
    const run = await host({ one: { status: async () => done } });
    const { code, stdout } = await run(['show', 'order-17']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^order-17\nworkflow {3}order@3 {2}succeeded\n/);
    expect(stdout).toContain('\n✓ charge  succeeded  1.00 s\n│\n✓ ship    succeeded  1.00 s\n');
    expect(stdout).toContain('\n█ run\n');
    expect(stdout).not.toContain('\u001B');
    expect(JSON.parse((await run(['show', 'order-17', '--json'])).stdout)).toEqual(done);
  });

  it('asks for the history only where the drawing needs it', async () => {
    let asked = 0;
    const history = async () => {
      asked++;
      return EVENTS;
    };
    const retried = { ...done, known: [succeeded('charge', {}, { attempts: 2 })] };
    for (const [details, times] of [
      [done, 0],
      [retried, 1],
    ] as const) {
      const run = await host({ one: { status: async () => details, history } });
      await run(['show', 'order-17']);
      expect(asked).toBe(times);
    }
  });

  it('of one that is not there exits 5', async () => {
    const run = await host({});
    expect(await run(['show', 'nope'])).toMatchObject({ code: 5, stdout: '' });
  });
});

describe('troupe wf history and watch', () => {
  const watching: Partial<GatewayWorkflows> & { one: Partial<GatewayExecution> } = {
    one: { history: async () => EVENTS, status: async () => done },
    async watch(_, listener) {
      for (const event of EVENTS) listener(event);
    },
  };

  it('print the events as a table, and one by one', async () => {
    const run = await host(watching);
    expect((await run(['history', 'order-17'])).stdout.split('\n')).toEqual([
      'TIME     EVENT                STEP    DETAIL',
      '+0 ms    execution started            order@3',
      '+1.00 s  step succeeded       charge',
      '+2.00 s  execution succeeded          the output of ship',
      '',
    ]);
    expect((await run(['watch', 'order-17'])).stdout.split('\n')).toEqual([
      '+0 ms         execution started     order@3',
      '+1.00 s       step succeeded        charge',
      '+2.00 s       execution succeeded   the output of ship',
      '',
    ]);
  });

  it('print them as JSON', async () => {
    const run = await host(watching);
    expect(JSON.parse((await run(['history', 'order-17', '--json'])).stdout)).toEqual(EVENTS);
    const lines = (await run(['watch', 'order-17', '--json'])).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(EVENTS);
  });

  it('draw on a terminal until the execution has ended, and leave the last drawing', async () => {
    const run = await host(watching);
    const { code, stdout } = await run(['watch', 'order-17'], { isInteractive: true, rows: 10 });
    expect(code).toBe(0);
    const last = stdout.slice(stdout.lastIndexOf('\r'));
    expect(last).toContain('✓ ship    succeeded  1.00 s\u001B[K\n');
    expect(last).toContain('█ run');
    expect(last).not.toContain('more lines');
  });

  it('say that the host has closed, and exit 8', async () => {
    const closing = new TroupeError('SHUTTING_DOWN', 'The host closes.');
    const run = await host({
      ...watching,
      async watch(_, listener) {
        listener(EVENTS[0] ?? {});
        throw closing;
      },
    });
    expect(await run(['watch', 'order-17'])).toMatchObject({
      code: 8,
      stderr: expect.stringContaining('SHUTTING_DOWN'),
    });
    const drawn = await run(['watch', 'order-17'], { isInteractive: true });
    expect(drawn).toMatchObject({ code: 8, stderr: expect.stringContaining('SHUTTING_DOWN') });
  });
});

describe('troupe wf signal, cancel, pause, resume, redrive, alias, rm', () => {
  it('do what they say, and say what they did', async () => {
    const seen: unknown[] = [];
    const told =
      <Answer>(name: string, answer: Answer) =>
      async (...args: unknown[]) => {
        seen.push([name, ...args]);
        return answer;
      };
    const run = await host({
      setAlias: told('alias', undefined),
      remove: told('rm', undefined),
      one: {
        signal: told('signal', undefined),
        cancel: told('cancel', 'cancelling'),
        pause: told('pause', 'paused'),
        resume: told('resume', 'running'),
        redrive: told('redrive', 'running'),
      },
    });
    const commands: [args: string, says: string][] = [
      ['signal a approved -d {"by":"Ada"}', 'signal approved is with a\n'],
      ['signal a approved --json', '{"id":"a","signal":"approved"}\n'],
      ['cancel a --reason late', 'a is cancelling\n'],
      ['cancel a --json', '{"id":"a","status":"cancelling"}\n'],
      ['pause a', 'a is paused\n'],
      ['resume a', 'a is running\n'],
      ['redrive a', 'a is running\n'],
      ['alias order current 2', 'order: current -> 2\n'],
      ['rm order', 'order is removed; its executions go on\n'],
      ['rm order --json', '{"removed":"order"}\n'],
    ];
    for (const [args, stdout] of commands) {
      expect(await run(args.split(' '))).toEqual({ code: 0, stdout, stderr: '' });
    }
    expect(seen).toEqual([
      ['signal', 'approved', { by: 'Ada' }],
      ['signal', 'approved', undefined],
      ['cancel', 'late'],
      ['cancel', undefined],
      ['pause'],
      ['resume'],
      ['redrive'],
      ['alias', 'order', 'current', 2],
      ['rm', 'order'],
      ['rm', 'order'],
    ]);
  });

  it('of one that cannot be exit 2', async () => {
    const run = await host({
      one: { redrive: () => Promise.reject(new TroupeError('CONFLICT', 'It has not failed.')) },
    });
    expect(await run(['redrive', 'a'])).toMatchObject({ code: 2, stderr: 'error CONFLICT: It has not failed.\n' });
  });
});
