import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { CORNERS, failureOf, SharedHost } from './shared-host.ts';

const THROWER = `import { check } from './lib/check.ts';
interface Event {
  readonly how: 'here' | 'there' | 'nested' | 'code' | 'text' | 'nothing' | 'reject';
}
type Unused = { readonly a: number };

export default async function failing({ how }: Event): Promise<unknown> {
  if (how === 'here') throw new RangeError('thrown here');
  if (how === 'there') return check(how);
  if (how === 'nested') throw new Error('outer', { cause: new TypeError('middle', { cause: new Error('inner') }) });
  if (how === 'code') throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  if (how === 'text') throw 'just text';
  if (how === 'nothing') throw undefined;
  return Promise.reject(new SyntaxError('rejected'));
}
`;
const CHECK = `export type Checked = string;

export function check(value: string): never {
  throw new EvalError(\`not \${value}\`);
}
`;

describe.each(CORNERS)('an error of a function in a $isolation of an agent $agent', ({ agent, isolation }) => {
  const host = new SharedHost({ agent });

  it('keeps its name, message, code and causes, and a stack that names the TypeScript source', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'lib'));
    await writeFile(join(directory, 'index.ts'), THROWER);
    await writeFile(join(directory, 'lib', 'check.ts'), CHECK);
    await host.troupe.deploy({ name: 'thrower', source: directory, isolation });
    const causeOf = async (how: string) => {
      const failure = await failureOf(host.troupe.invoke('thrower', { how }));
      expect(failure.code).toBe('FUNCTION_ERROR');
      return failure.cause as Error & { code?: string };
    };
    const frames = (error: Error) => (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));

    const here = await causeOf('here');
    expect(here).toMatchObject({ name: 'RangeError', message: 'thrown here' });
    expect(here.stack).toMatch(/^RangeError: thrown here\n/);
    expect(frames(here)[0]).toMatch(/failing .*index\.ts:8:\d+\)?$/);
    const there = await causeOf('there');
    expect(frames(there)[0]).toMatch(/check .*lib\/check\.ts:4:\d+\)?$/);
    expect(frames(there)[1]).toMatch(/index\.ts:9:\d+\)?$/);
    expect(frames(there).join('\n')).not.toMatch(/instance-runtime|artifacts/);

    const nested = await causeOf('nested');
    expect(nested).toMatchObject({
      message: 'outer',
      cause: { name: 'TypeError', message: 'middle', cause: { message: 'inner' } },
    });
    expect(frames(nested.cause as Error)[0]).toMatch(/index\.ts:10:\d+\)?$/);
    expect(await causeOf('code')).toMatchObject({ code: 'ENOENT', message: 'no such file' });
    expect(await causeOf('reject')).toMatchObject({ name: 'SyntaxError', message: 'rejected' });
    expect((await causeOf('text')).message).toBe('just text');
    expect((await failureOf(host.troupe.invoke('thrower', { how: 'nothing' }))).code).toBe('FUNCTION_ERROR');
  });

  it('that ends the instance fails the call with a typed error, and the next call is answered', async () => {
    const name = await host.function(
      `export default (how) => {
        if (how === 'exit') process.exit(3);
        if (how === 'timer') return new Promise(() => setTimeout(() => { throw new Error('from a timer') }));
        if (how === 'rejection') return new Promise(() => { Promise.reject(new Error('nobody caught this')) });
        return 'alive';
      }`,
      { isolation },
    );
    for (const [how, message] of [
      ['exit', 'process.exit'],
      ['timer', 'from a timer'],
      ['rejection', 'nobody caught this'],
    ] as const) {
      const failure = await failureOf(host.troupe.invoke(name, how));
      expect(failure.code).toBe('INSTANCE_CRASHED');
      expect(failure.message).toContain(message);
      const { result, invocation } = await host.troupe.invokeWithDetails(name);
      expect([result, invocation.coldStart]).toEqual(['alive', 'replaced']);
    }
  });

  it('thrown as a TroupeError by the function itself is a FUNCTION_ERROR with that error as its cause', async () => {
    const name = await host.function(
      `import { TroupeError } from 'troupe';
      export default () => { throw new TroupeError('TIMEOUT', 'I say so', { details: { mine: 1 } }) }`,
      { isolation },
    );
    const failure = await failureOf(host.troupe.invoke(name));
    expect(failure).toMatchObject({ code: 'FUNCTION_ERROR', cause: { code: 'TIMEOUT', details: { mine: 1 } } });
  });
});

describe('an error that is hard to read', () => {
  const host = new SharedHost();

  it.each([
    ['a circular cause', `const a = new Error('round'); a.cause = a; throw a`, 'round'],
    ['a getter that throws', `throw { get message() { throw new Error('inside') }, name: 'x', stack: 'y' }`, ''],
    ['a giant message', `throw new Error('x'.repeat(1_000_000))`, 'xxx'],
    ['an object that is no error', `throw { status: 500, why: 'data' }`, '500'],
    [
      'details that are no data',
      `throw Object.assign(new Error('odd'), { code: 'X', details: { f() {} }, name: 'TroupeError' })`,
      'odd',
    ],
  ])('such as %s still arrives as FUNCTION_ERROR', async (_, body, message) => {
    const name = await host.function(`export default () => { ${body} }`);
    const failure = await failureOf(host.troupe.invoke(name));
    expect(failure.code).toBe('FUNCTION_ERROR');
    expect(failure.message).toContain(message);
    expect(failure.message.length).toBeLessThan(20_000);
  });
});
