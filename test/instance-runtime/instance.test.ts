import { afterEach, describe, expect, it } from 'vitest';
import { TroupeError } from '../../src/errors.ts';
import { FRAME_KINDS } from '../../src/transport/protocol.ts';
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

describe.each(INSTANCE_KINDS)('An instance in a %s', (kind) => {
  const run = async (code: string, overrides: Parameters<typeof instanceOf>[2] = {}) => {
    const instance = await instanceOf(kind, code, overrides);
    started.push(instance);
    return instance;
  };

  it('answers calls with the value of its handler and the time it ran', async () => {
    const { host, manifest } = await run('exports.default = async ({ a, b }) => ({ sum: a + b })');
    const record = await host.start({ a: 1, b: 2 }).done;
    expect(record.value).toEqual({ sum: 3 });
    expect(record.runMs).toBeGreaterThan(0);
    expect(manifest).toEqual({ shape: 'value', config: {} });
  });

  it('wraps what the handler threw, so that name, message, code and stack arrive', async () => {
    const { host } = await run(
      `exports.default = () => { throw Object.assign(new RangeError('far'), { code: 'FAR' }) }`,
    );
    const failure = await failureOf(host.invoke());
    expect(failure).toMatchObject({ code: 'FUNCTION_ERROR', message: 'Function "sample" failed: far' });
    expect(failure.cause).toMatchObject({ name: 'RangeError', message: 'far', code: 'FAR' });
    expect((failure.cause as Error).stack).toContain('function.js:1:');
  });

  it('reports a function that cannot be loaded, with the original as cause', async () => {
    const instance = await startInstance(kind);
    started.push(instance);
    const outcome = await instance.specialise(await writeArtifact(`throw new TypeError('at the top')`));
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: { code: 'INSTANCE_START_FAILED', cause: { name: 'TypeError', message: 'at the top' } },
    });
  });

  it('gives the handler a context like that of AWS Lambda', async () => {
    const { host } = await run(
      `exports.handler = async (event, context) => {
        const { getRemainingTimeInMillis, functionName, functionVersion, awsRequestId, memoryLimitInMB, attempt, idempotencyKey } = context;
        return { left: getRemainingTimeInMillis(), functionName, functionVersion, awsRequestId, memoryLimitInMB, attempt, idempotencyKey };
      }`,
    );
    const value = await host.invoke(null, { timeoutMs: 5_000, meta: { id: 'one', attempt: 2, key: 'k' } });
    expect(value).toMatchObject({
      functionName: 'sample',
      functionVersion: '3',
      awsRequestId: 'one',
      memoryLimitInMB: 128,
      attempt: 2,
      idempotencyKey: 'k',
    });
    expect((value as { left: number }).left).toBeGreaterThan(4_000);
    expect((value as { left: number }).left).toBeLessThanOrEqual(5_000);
  });

  it('shows the function the variables of its image and no others, and itself as the program', async () => {
    const image = { env: { COLOUR: 'red' } };
    const { host } = await run('exports.default = () => ({ env: { ...process.env }, argv: process.argv })', image);
    const { env, argv } = (await host.invoke()) as { env: Record<string, string>; argv: string[] };
    expect(env).toEqual({ COLOUR: 'red' });
    expect(argv).toHaveLength(2);
    expect(argv[1]).toMatch(/function\.js$/);
  });

  it('lets a script import() and require, without a word on standard error', async () => {
    const { host } = await run(
      `exports.default = async () => [(await import('node:path')).basename('/a/b'), require('node:path').basename('/c/d')]`,
    );
    expect(await host.invoke()).toEqual(['b', 'd']);
    expect(host.logs).toEqual([]);
  });

  it('loads an ES module with top-level await', async () => {
    const code = `const ready = await Promise.resolve(7); export const config = { timeoutMs: 9 }; export default () => ready;`;
    const { host, manifest } = await run(code, { format: 'module', fileName: 'function.mjs' });
    expect(await host.invoke()).toBe(7);
    expect(manifest).toEqual({ shape: 'value', config: { timeoutMs: 9 } });
  });

  it('turns console output into log lines of their invocation, ahead of its answer', async () => {
    const { host } = await run(
      `exports.default = async (name, context) => {
        console.debug('%s starts', name);
        await new Promise(setImmediate);
        console.error('bad', { n: 1 });
        process.stdout.write('two\\nlines, ');
        process.stdout.write('the last unfinished');
        context.log.warn('structured', { size: 3 });
      }`,
      {},
    );
    await Promise.all([host.invoke('a'), host.invoke('b')]);
    const lines = host.logs.filter(({ invocationId }) => invocationId === 'inv-1');
    expect(lines.map(({ level, message }) => [level, message])).toEqual([
      ['debug', 'a starts'],
      ['error', 'bad { n: 1 }'],
      ['info', 'two'],
      ['warn', 'structured'],
      ['info', 'lines, the last unfinished'],
    ]);
    expect(lines[3]?.fields).toEqual({ size: 3 });
    expect(host.logs.filter(({ invocationId }) => invocationId === 'inv-2')).toHaveLength(5);
    expect(host.frames.at(-1)).toBe(FRAME_KINDS.result);
  });

  it('cuts a log line that is too long, and says so', async () => {
    const { host } = await run(`exports.default = () => console.log('x'.repeat(70_000))`);
    await host.invoke();
    expect(host.logs[0]?.message).toMatch(/x \.\.\. \(cut, 4464 more characters\)$/);
  });

  it('refuses a result that cannot be encoded, with the place of the fault', async () => {
    const { host } = await run('exports.default = () => ({ rows: [1, { callback() {} }] })');
    const failure = await failureOf(host.invoke());
    expect(failure.code).toBe('RESULT_NOT_ENCODABLE');
    expect(failure.details).toEqual({ path: 'value.rows[1].callback' });
  });

  it('refuses a result over the payload limit', async () => {
    const { host } = await run(`exports.default = () => 'x'.repeat(3_000)`, { payloadLimitBytes: 2_048 });
    expect(await failureOf(host.invoke())).toMatchObject({ code: 'RESULT_TOO_LARGE', details: { limitBytes: 2_048 } });
  });

  it('refuses a payload that cannot be decoded, and goes on', async () => {
    const { host } = await run('exports.default = (n) => n + 1');
    const broken = host.invoke(null, { encoded: Buffer.from([0xd9]) });
    expect(await failureOf(broken)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await host.invoke(1)).toBe(2);
  });

  it('keeps prototype keys of a payload from polluting anything', async () => {
    const { host } = await run(
      'exports.default = (event) => [({}).polluted, Object.getPrototypeOf(event) === Object.prototype]',
    );
    expect(
      await host.invoke(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')),
    ).toEqual([undefined, true]);
  });

  it('aborts the signal of a cancelled call with the reason, and answers once when the handler settles', async () => {
    const { host } = await run(
      `exports.default = (mode, { signal }) => new Promise((resolve, reject) => {
        console.log('waiting');
        signal.addEventListener('abort', () => mode === 'obey' ? reject(signal.reason) : resolve(signal.reason.code));
      })`,
    );
    const obedient = host.start('obey');
    obedient.cancel('timeout');
    expect(await failureOf(obedient.done)).toMatchObject({ code: 'TIMEOUT' });
    const stubborn = host.start('resolve');
    stubborn.cancel('cancelled');
    expect((await stubborn.done).value).toBe('CANCELLED');
  });

  describe('streaming', () => {
    const counter = `exports.default = async function* (n, { log }) {
      try { for (let i = 0; i < n; i++) { log.info('made ' + i); yield i } } finally { log.info('closed') }
    }`;

    it('yields chunks in order, then ends', async () => {
      const { host, manifest } = await run(counter);
      expect(manifest.shape).toBe('stream');
      expect(await host.stream(100)).toEqual(Array.from({ length: 100 }, (_, index) => index));
    });

    it('does not pull the generator at zero credit, and closes it when the call is cancelled', async () => {
      const { host } = await run(counter);
      const call = host.start(1_000, { mode: 'stream', withholdCredit: true });
      await host.until(() => call.chunks.length === 16);
      call.grant(2);
      await host.until(() => call.chunks.length === 18);
      call.cancel();
      expect(await failureOf(call.done)).toMatchObject({ code: 'CANCELLED' });
      expect(host.logs.map(({ message }) => message).slice(-2)).toEqual(['made 17', 'closed']);
      expect(call.chunks).toHaveLength(18);
    });

    it('fails after the chunks that were made when the generator throws', async () => {
      const { host } = await run(`exports.default = async function* () { yield 1; throw new Error('later') }`);
      const call = host.start(null, { mode: 'stream' });
      expect(await failureOf(call.done)).toMatchObject({ code: 'FUNCTION_ERROR', cause: { message: 'later' } });
      expect(call.chunks).toEqual([1]);
    });

    it('gives one chunk for a value, the chunks of a generator that a plain function returned, and collects for a value call', async () => {
      const { host } = await run(
        `exports.default = (kind) => kind === 'array' ? [1, 2] : (async function* () { yield 'a'; yield 'b' })()`,
      );
      expect(await host.stream('array')).toEqual([[1, 2]]);
      expect(await host.stream('generator')).toEqual(['a', 'b']);
      expect(await host.invoke('generator')).toEqual(['a', 'b']);
    });

    it('stops collecting an endless stream at the payload limit', async () => {
      const { host } = await run(
        `exports.default = async function* () { try { for (;;) yield 'x'.repeat(100) } finally { console.log('closed') } }`,
        { payloadLimitBytes: 2_048 },
      );
      expect(await failureOf(host.invoke())).toMatchObject({ code: 'RESULT_TOO_LARGE' });
      expect(host.logs.map(({ message }) => message)).toEqual(['closed']);
    });
  });

  describe('calling other functions', () => {
    it('sends name, payload and options, and settles with the answer or the failure', async () => {
      const { host } = await run(
        `exports.default = async (event, { invoke }) => {
          const sum = await invoke('adder', { a: 1 }, { timeoutMs: 50, idempotencyKey: 'k' });
          try { await invoke('broken') } catch (error) { return { sum, code: error.code } }
        }`,
      );
      const seen: unknown[] = [];
      host.onNested = (meta, payload) => {
        seen.push({ meta, payload });
        if (meta.name === 'broken') throw new TroupeError('FUNCTION_NOT_FOUND', 'None.');
        return 2;
      };
      expect(await host.invoke()).toEqual({ sum: 2, code: 'FUNCTION_NOT_FOUND' });
      expect(seen).toEqual([
        { meta: { name: 'adder', parentCall: 1, timeoutMs: 50, idempotencyKey: 'k' }, payload: { a: 1 } },
        { meta: { name: 'broken', parentCall: 1 }, payload: undefined },
      ]);
    });

    it('never allows a nested call more time than is left', async () => {
      const { host } = await run(`exports.default = (event, { invoke }) => invoke('other', 1, { timeoutMs: 60_000 })`);
      host.onNested = ({ timeoutMs }, _payload, { argument }) => ({ timeoutMs, argument });
      const { timeoutMs, argument } = (await host.invoke(null, { timeoutMs: 2_000 })) as Record<string, number>;
      expect(timeoutMs).toBeLessThanOrEqual(2_000);
      expect(argument).toBeLessThanOrEqual(2_000);
    });

    it('gives up what is still open when its parent ends', async () => {
      const { host } = await run(`exports.default = (event, { invoke }) => { void invoke('slow'); return 'done' }`);
      const cancelled = new Promise<number>((resolve) => {
        host.onNestedCancel = resolve;
      });
      host.onNested = () => new Promise(() => undefined);
      expect(await host.invoke()).toBe('done');
      expect(await cancelled).toBe(1);
      expect(await host.invoke()).toBe('done');
    });

    it('gives up one call when the signal given for it aborts', async () => {
      const { host } = await run(
        `exports.default = (event, { invoke }) => {
          const controller = new AbortController();
          const call = invoke('slow', null, { signal: controller.signal });
          controller.abort(new Error('enough'));
          return call.catch((error) => error.message);
        }`,
      );
      host.onNested = () => new Promise(() => undefined);
      expect(await host.invoke()).toBe('enough');
    });

    it('names the calling function when the failure of the nested one is passed on', async () => {
      const { host } = await run(`exports.default = (event, { invoke }) => invoke('other')`);
      host.onNested = () => {
        throw new TroupeError('FUNCTION_ERROR', 'Function "other" failed: boom');
      };
      expect(await failureOf(host.invoke())).toMatchObject({
        code: 'FUNCTION_ERROR',
        message: 'Function "sample" failed: Function "other" failed: boom',
        cause: { code: 'FUNCTION_ERROR' },
      });
    });
  });

  describe('over HTTP', () => {
    it('gives a fetch handler a Request and streams its Response, with every Set-Cookie', async () => {
      const { host, manifest } = await run(
        `exports.default = { async fetch(request, context) {
          const headers = new Headers({ 'x-name': context.functionName });
          headers.append('set-cookie', 'a=1'); headers.append('set-cookie', 'b=2');
          return new Response(request.method + ' ' + new URL(request.url).pathname + ' ' + await request.text(), { status: 201, headers });
        } }`,
      );
      expect(manifest.shape).toBe('fetch');
      const { head, body } = await host.http({
        method: 'POST',
        url: 'http://localhost/fn/sample/x?y=1',
        body: Buffer.from('hello'),
      });
      expect(body).toBe('POST /fn/sample/x hello');
      expect(head.status).toBe(201);
      expect(head.headers.filter(([name]) => name === 'set-cookie')).toEqual([
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ]);
    });

    it('sends the head before the body is there, and pulls the body with credit', async () => {
      const { host } = await run(
        `let made = 0;
        exports.default = { fetch: () => new Response(new ReadableStream({
          pull(controller) { if (++made > 40) controller.close(); else controller.enqueue(Buffer.from(made + ',')) },
        }, { highWaterMark: 0 })) }`,
      );
      const call = host.start(
        { method: 'GET', url: 'http://localhost/', headers: [], body: new Uint8Array(0) },
        { mode: 'http', withholdCredit: true },
      );
      await host.until(() => call.chunks.length === 16);
      call.grant(100);
      const { chunks, head } = await call.done;
      expect(head?.status).toBe(200);
      expect(chunks[0]).toHaveLength(0);
      expect(Buffer.concat(chunks as Uint8Array[]).toString()).toMatch(/^1,2,.*,40,$/);
    });

    it('answers a cancelled call although its body never comes', async () => {
      const { host } = await run(
        `exports.default = { fetch: () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })) }`,
      );
      const event = { method: 'GET', url: 'http://localhost/', headers: [], body: new Uint8Array(0) };
      const call = host.start(event, { mode: 'http' });
      await host.until(() => call.chunks.length === 1);
      call.cancel('timeout');
      expect(await failureOf(call.done)).toMatchObject({ code: 'TIMEOUT' });
    });

    it('answers an invocation without HTTP from a fetch handler', async () => {
      const { host } = await run(
        `exports.default = { async fetch(request) {
          const { n } = await request.json();
          if (n < 0) return new Response('negative', { status: 422 });
          return Response.json({ twice: n * 2 });
        } }`,
      );
      expect(await host.invoke({ n: 4 })).toEqual({ twice: 8 });
      expect(await failureOf(host.invoke({ n: -1 }))).toMatchObject({
        code: 'FUNCTION_ERROR',
        details: { status: 422 },
      });
    });

    it('gives other handlers an event, and makes a response of what they return', async () => {
      const { host } = await run(
        `exports.default = (event) => {
          switch (event.path) {
            case '/event': return event;
            case '/page': return '<h1>Hi</h1>';
            case '/gateway': return { statusCode: 418, headers: { 'X-Many': ['a', 'b'] }, body: 'aGk=', isBase64Encoded: true };
            case '/bytes': return Buffer.from([1, 2]);
          }
        }`,
      );
      const { head, body } = await host.http({
        url: 'http://localhost/event?a=1&b=2&b=3&__proto__=4',
        headers: [['Accept', 'x']],
        body: Buffer.from([255]),
      });
      expect(head.headers).toEqual([['content-type', 'application/json']]);
      expect(JSON.parse(body)).toEqual(
        JSON.parse(
          '{"method":"GET","path":"/event","query":{"a":"1","b":["2","3"],"__proto__":"4"},"headers":{"accept":"x"},"body":"/w==","isBase64Encoded":true}',
        ),
      );
      expect((await host.http({ url: 'http://localhost/page' })).head.headers).toEqual([
        ['content-type', 'text/html; charset=utf-8'],
      ]);
      const gateway = await host.http({ url: 'http://localhost/gateway' });
      expect(gateway.body).toBe('hi');
      expect(gateway.head).toMatchObject({
        status: 418,
        headers: [['x-many', 'a'], ['x-many', 'b'], expect.anything()],
      });
      expect((await host.http({ url: 'http://localhost/bytes' })).head.headers).toEqual([
        ['content-type', 'application/octet-stream'],
      ]);
      expect((await host.http({ url: 'http://localhost/nothing' })).head.status).toBe(204);
    });

    it('streams the chunks of a generator: text as it is, data as lines of JSON', async () => {
      const { host } = await run('exports.default = async function* () { yield { a: 1 }; yield { a: 2 } }');
      expect(await host.http({ url: 'http://localhost/' })).toEqual({
        head: { status: 200, headers: [['content-type', 'application/x-ndjson']] },
        body: '{"a":1}\n{"a":2}\n',
      });
    });
  });

  describe('of a function that misbehaves', () => {
    it('ends with the exit code of process.exit, and what was printed before arrives', async () => {
      const { host, ended } = await run(`exports.default = () => { console.log('goodbye'); process.exit(3) }`);
      const failure = await failureOf(host.invoke());
      expect(failure).toBeInstanceOf(Error);
      expect(await ended).toMatchObject({ exitCode: 3 });
      expect(host.logs.map(({ message }) => message)).toEqual(['goodbye']);
    });

    it.each([
      ['throws from a timer', `setTimeout(() => { throw new RangeError('from afar') }, 1)`],
      ['rejects unhandled', `void Promise.reject(new RangeError('from afar'))`],
    ])('ends when it %s, and says why', async (_title, statement) => {
      const { host, ended, control } = await run(
        `exports.default = () => { ${statement}; return new Promise(() => {}) }`,
      );
      await failureOf(host.invoke());
      const end = await ended;
      if (kind === 'thread') expect(end.error).toMatchObject({ name: 'RangeError', message: 'from afar' });
      else {
        expect(end.exitCode).toBe(70);
        expect(control.at(-1)).toMatchObject({ type: 'crashed', error: { name: 'RangeError', message: 'from afar' } });
      }
    });

    it('goes on when the function handles its own uncaught exceptions', async () => {
      const { host } = await run(
        `exports.default = () => new Promise((resolve) => {
          process.once('uncaughtException', (error) => resolve(error.message));
          setTimeout(() => { throw new Error('mine') }, 1);
        })`,
      );
      expect(await host.invoke()).toBe('mine');
    });
  });

  it('reports memory and calls inside while it works', async () => {
    const instance = await run(
      `let kept; exports.default = (event, { invoke }) => { kept = Buffer.alloc(50_000_000); return invoke('wait') }`,
    );
    let release: () => void = () => undefined;
    const isInside = new Promise<void>((resolve) => {
      instance.host.onNested = () => {
        resolve();
        return new Promise<void>((go) => {
          release = go;
        });
      };
    });
    const call = instance.host.start();
    await isInside;
    await instance.host.until(() => instance.gauge('arrayBufferBytes') >= 50_000_000);
    expect(instance.gauge('inFlight')).toBe(1);
    expect(instance.gauge('heapUsedBytes')).toBeGreaterThan(1_000_000);
    release();
    await call.done;
    await instance.host.until(() => instance.gauge('inFlight') === 0);
  });

  it('checks input and output of a defined function, and lists every issue', async () => {
    const schema = (test: string) => `{ '~standard': { version: 1, vendor: 'test', validate: async (value) => ${test}
      ? { value: { ...value, checked: true } }
      : { issues: [{ path: ['items', { key: 0 }], message: 'is wrong' }, { message: 'is odd' }] } } }`;
    const { host, manifest } = await run(
      `exports.default = { [Symbol.for('troupe.function')]: true, config: { concurrency: 2 },
        input: ${schema('value.in')}, output: ${schema('value.out')}, handler: (event) => event }`,
    );
    expect(manifest).toEqual({ shape: 'value', config: { concurrency: 2 } });
    expect(await host.invoke({ in: 1, out: 1 })).toEqual({ in: 1, out: 1, checked: true });
    expect(await failureOf(host.invoke({}))).toMatchObject({
      code: 'INVALID_INPUT',
      details: { issues: ['items.0: is wrong', 'is odd'] },
    });
    expect(await failureOf(host.invoke({ in: 1 }))).toMatchObject({ code: 'INVALID_OUTPUT' });
  });

  it('ends by itself when its agent leaves it, whatever the function still has running', async () => {
    const { disconnect, ended } = await run('setInterval(() => {}, 1_000); exports.default = () => 1');
    disconnect();
    expect(await ended).toMatchObject({ exitCode: 0 });
  });

  it('answers a hundred calls at once, each with its own result', async () => {
    const { host } = await run('exports.default = async (n) => { await new Promise(setImmediate); return n * 2 }');
    const values = await Promise.all(Array.from({ length: 100 }, (_, n) => host.invoke(n)));
    expect(values).toEqual(Array.from({ length: 100 }, (_, n) => n * 2));
  });
});
