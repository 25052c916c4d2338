import { afterEach, describe, expect, it } from 'vitest';
import { failureOf, INSTANCE_KINDS, instanceOf, type TestInstance } from '../support/instance.ts';

const started: TestInstance[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((instance) => instance.stop()));
});

describe.each(INSTANCE_KINDS)('An instance in a %s', (kind) => {
  const run = async (...parameters: Parameters<typeof instanceOf> extends [unknown, ...infer Rest] ? Rest : never) => {
    const instance = await instanceOf(kind, ...parameters);
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
      `exports.default = () => { throw Object.assign(new RangeError('too far'), { code: 'FAR' }) }`,
    );
    const failure = await failureOf(host.invoke());
    expect(failure).toMatchObject({ code: 'FUNCTION_ERROR', message: 'Function "sample" failed: too far' });
    expect(failure.cause).toMatchObject({ name: 'RangeError', message: 'too far', code: 'FAR' });
    expect((failure.cause as Error).stack).toContain('function.js:1:');
  });
});
