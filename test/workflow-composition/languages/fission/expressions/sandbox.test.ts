import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../../src/kernel/virtual-clock.ts';
import { until } from '../../../../support/until.ts';
import { createExpressions, evaluated, forSandbox, reasonOf, TestScope } from './scope.ts';

const expressions = createExpressions();
afterAll(() => expressions.close());

const valueAt = async (source: string, scope = new TestScope()) => (await evaluated(expressions, source, scope)).value;
const ENDLESS = '(() => { for (;;); })()';
/** A built-in that never looks at a deadline, and takes days. */
const STUCK = 'Array.prototype.indexOf.call({ length: 2 ** 52 }, 1)';

it.each([
  ['taskId + 1', 'current1'],
  ['input() + input(undefined, "n")', 'mine7'],
  ["input('first').map((n) => n * 2)", [2, 4]],
  ["output('first').items.map(({ name }) => name)", ['one', 'two']],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of an expression.
  ['`${output()}!`', 'own output!'],
  ["Object.keys(outputHeaders('first'))", ['content-type']],
  ["param() + ' to ' + param('name')", 'given to Ada'],
  ["Object.keys(task('first')).sort()", ['Id', 'Inputs', 'Output', 'OutputHeaders']],
  ['$.Tasks.first.Output.total + 1', 4],
  ['Object.keys($.Tasks)', ['current', 'first', 'bytes']],
  ['$.Workflow.Id + $.Invocation.Id', 'wi'],
  ["output('first').total > 2 ? 'many' : 'few'", 'many'],
  [
    "[output('nobody'), input('nobody'), param('x'), task('x'), outputHeaders('x')].map(String)",
    Array(5).fill('undefined'),
  ],
  ['uid().length + 0', 36],
])('evaluates %s', async (source, value) => {
  expect(await evaluated(expressions, source)).toEqual({ value, sync: false });
});

it.each([
  ['void 0', null],
  ['() => 1', null],
  ['[() => 1, undefined, Symbol.iterator]', [null, null, null]],
  ['({ a: undefined, b: () => 1, c: 1 + 1 })', { c: 2 }],
  ['[0 / 0, 1 / 0, -0 * 1]', [null, null, 0]],
  ['new Date(0)', '1970-01-01T00:00:00.000Z'],
  ['new Map([[1, 2]])', {}],
  ['"é" + "\\u{1F600}"', 'é😀'],
])('puts out %s as JSON has it', async (source, value) => {
  expect((await evaluated(expressions, source)).value).toEqual(value);
});

it('takes bytes in and puts them out as bytes', async () => {
  expect(await valueAt("output('bytes').length + 1")).toBe(4);
  expect(await valueAt("[...output('bytes')].reverse()")).toEqual([255, 2, 1]);
  expect(await valueAt("({ all: output('bytes'), part: output('bytes').subarray(1) })")).toEqual({
    all: new Uint8Array([1, 2, 255]),
    part: new Uint8Array([2, 255]),
  });
  const scope = new TestScope({ tasks: { current: { Output: { file: Buffer.from('hello') } } } });
  expect(await valueAt('[output().file, 1 + 1]', scope)).toEqual([new Uint8Array(Buffer.from('hello')), 2]);
  // What an expression itself makes JSON of is as JavaScript has it.
  expect(await valueAt("JSON.stringify(output('bytes'))")).toBe('{"0":1,"1":2,"2":255}');
});

it.each([
  ['nobody.name', "ReferenceError: 'nobody' is not defined"],
  ['output().x.y', 'TypeError: '],
  ['(() => { throw new RangeError("no") })()', 'threw RangeError: no.'],
  ['(() => { throw "a text" })()', 'threw a text.'],
  ['(() => { throw { a: 1 } })()', 'threw {"a":1}.'],
  ['(() => { throw { get message() { throw 1 }, toJSON() { throw 2 } } })()', 'cannot be shown'],
  ['1n + 1n', 'a BigInt is no JSON'],
  ['[{ a: 1n }]', 'a BigInt is no JSON'],
  ['Promise.resolve(1)', 'expressions do not wait'],
  ['(() => { const a = []; a[0] = a; return a })()', 'circular'],
  ['require("fs")', "'require' is not defined"],
  ['output().constructor.constructor("return process")()', "'process' is not defined"],
])('fails where %s throws, and says what', async (source, message) => {
  expect(await reasonOf(() => valueAt(source))).toBe('thrown');
  await expect(valueAt(source)).rejects.toThrow(message);
});

it.each([
  'Object.prototype.leaked = 1',
  'Array.prototype.map = () => "leaked"',
  'globalThis.leaked = 1',
  'leaked = 1',
  '(0, eval)("var leaked = 1; let alsoLeaked = 2")',
  'Function("return this")().leaked = 1',
  'JSON.stringify = () => "leaked"',
  'JSON.parse = () => ({ taskId: "leaked" })',
  'Object.hasOwn = () => false',
  'String.prototype.startsWith = () => true',
  'Uint8Array.prototype.toJSON = () => "leaked"',
  'Promise.prototype.then = 1',
  'Object.defineProperty(Object.prototype, "toJSON", { value: () => "leaked" })',
  'Object.freeze(Array.prototype) && Object.freeze(Object.prototype) && 1',
  'Math.random = () => 4',
  'delete globalThis.Array',
  '$.Tasks.first.Output.total = "leaked"',
  'Symbol.for("leaked").description',
  'Promise.resolve().then(() => { globalThis.leaked = 1 }) && 1',
  '(() => { globalThis.leaked = []; for (;;) leaked.push(1) })()',
])('leaves nothing behind of %s', async (source) => {
  const probe = `JSON.stringify([
    typeof leaked, typeof alsoLeaked, ({}).leaked, ({}).toJSON, [1, 2].map((n) => n + 1), output('first').total, taskId,
    Math.random() < 1, Object.getOwnPropertyNames(globalThis).length, 'toJSON' in Uint8Array.prototype, 'toJSON' in BigInt.prototype,
    Object.isFrozen(Array.prototype),
  ])`;
  const before = await valueAt(probe);
  await reasonOf(() => valueAt(source));
  expect(await valueAt(probe)).toBe(before);
  expect(await valueAt("[output('bytes'), 1 + 1]")).toEqual([new Uint8Array([1, 2, 255]), 2]);
});

it('gives every expression other chance', async () => {
  const values = new Set(await Promise.all(Array.from({ length: 50 }, () => valueAt('Math.random() + uid()'))));
  expect(values.size).toBe(50);
});

it('answers in the order in which it was asked', async () => {
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 500 }, async (_, index) => {
      expect(await valueAt(`${index} + 0`)).toBe(index);
      order.push(index);
    }),
  );
  expect(order).toEqual(order.toSorted((a, b) => a - b));
});

it('takes the data as it is when it is asked', async () => {
  const tasks = { current: { Output: { n: 1 } } };
  const asked = valueAt('output().n + 1', new TestScope({ tasks }));
  tasks.current.Output.n = 100;
  expect(await asked).toBe(2);
});

it('ships only what an expression looks at', async () => {
  const large = 'x'.repeat(100_000);
  const scope = new TestScope({
    tasks: { small: { Output: 1, Inputs: { default: large } }, large: { Output: large } },
  });
  const before = expressions.stats.shippedBytes;
  await valueAt("output('small') + 1", scope);
  expect(expressions.stats.shippedBytes - before).toBeLessThan(200);
  await valueAt('output("la" + "rge").length', scope);
  expect(expressions.stats.shippedBytes - before).toBeGreaterThan(200_000);
});

describe('a script', () => {
  it('gives the value of its last statement', async () => {
    const source = 'let sum = 0; for (const n of list) sum += n; if (sum > 5) { sum * 10 } else { -1 }';
    expect(await expressions.run(source, { list: [1, 2, 3] })).toBe(60);
    expect(await expressions.run('var a = 1;', {})).toBe(null);
    expect(await expressions.run('// nothing', {})).toBe(null);
  });

  it('sees its variables and nothing else', async () => {
    const seen = '[typeof $, typeof output, typeof taskId, typeof require, typeof process, typeof console, a]';
    expect(await expressions.run(seen, { a: new Uint8Array([7]) })).toEqual([
      ...Array(6).fill('undefined'),
      new Uint8Array([7]),
    ]);
    expect(await expressions.run('typeof a', {})).toBe('undefined');
  });

  it('fails as an expression does', async () => {
    expect(await reasonOf(() => expressions.run('throw new Error("no")', {}))).toBe('thrown');
    expect(await reasonOf(() => expressions.run('for (;;);', {}))).toBe('timeout');
    await expect(expressions.run('throw new Error("no")', {})).rejects.toThrow('threw Error: no');
    expect(await expressions.run('1 + 1', {})).toBe(2);
  });
});

describe('a bound', () => {
  it('ends an expression that does not end, and the others go on in the same worker', async () => {
    const { workersStarted } = expressions.stats;
    const outcomes = await Promise.allSettled([valueAt('1 + 1'), valueAt(ENDLESS), valueAt('2 + 2')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(
      await reasonOf(() => valueAt('(() => { try { for (;;); } catch { return 1 } finally { for (;;); } })()')),
    ).toBe('timeout');
    expect(await reasonOf(() => valueAt('/(a+)+$/.test("a".repeat(50) + "b")'))).toBe('timeout');
    expect(expressions.stats.workersStarted).toBe(workersStarted);
  });

  it('holds memory', async () => {
    const small = createExpressions({ memoryBytes: 8_388_608, timeoutMs: 5_000 });
    const bombs = [
      '"x".repeat(1e8)',
      'new Uint8Array(1e8).length',
      '(() => { const a = []; for (;;) a.push(new Array(1000).fill(a)) })()',
      '(() => { let s = "x"; for (;;) s += s })()',
      '[...Array(3e6).keys()]',
    ];
    for (const bomb of bombs) expect(await reasonOf(() => evaluated(small, bomb)), bomb).toBe('memory');
    const scope = new TestScope({ tasks: { current: { Output: 'x'.repeat(20_000_000) } } });
    expect(await reasonOf(() => evaluated(small, 'output().length + 1', scope))).toBe('memory');
    expect((await evaluated(small, '1 + 1')).value).toBe(2);
    await small.close();
  });

  it('holds recursion', async () => {
    expect(await reasonOf(() => valueAt('(function f() { return 1 + f() })()'))).toBe('thrown');
    expect(await reasonOf(() => valueAt('(function f() { return [1].map(f) })()'))).toBe('thrown');
    expect(await reasonOf(() => valueAt(`${'['.repeat(20_000)}${']'.repeat(20_000)}.length + 1`))).toMatch(
      /syntax|thrown/,
    );
    expect(await valueAt('((f) => f(f, 1000))((f, n) => (n === 0 ? 0 : 1 + f(f, n - 1)))')).toBe(1000);
  });

  it('holds the size of a result', async () => {
    const patient = createExpressions({ timeoutMs: 5_000 });
    for (const source of ['"x".repeat(1e7)', 'new Uint8Array(7e6)', '"é".repeat(4e6)']) {
      expect(await reasonOf(() => evaluated(patient, source)), source).toBe('too-large');
    }
    expect((await evaluated(patient, '"x".repeat(6e6)')).value).toHaveLength(6_000_000);
    await patient.close();
  });

  it('holds what waits', async () => {
    const full = createExpressions();
    const many = Array.from({ length: 10_001 }, () => evaluated(full, '1 + 1'));
    const outcomes = await Promise.allSettled(many);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10_000);
    expect(outcomes.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'OVERLOADED' } });
    await full.close();
  });
});

describe('a worker', () => {
  it('that is stuck in a built-in is replaced, and only the guilty expression fails', async () => {
    const clock = new VirtualClock();
    const watched = createExpressions({ clock });
    expect((await evaluated(watched, '0 + 0')).value).toBe(0);
    const asked = ['1 + 1', STUCK, '2 + 2', '3 + 3'].map((source) => reasonOf(() => evaluated(watched, source)));
    let isSettled = false;
    const all = Promise.all(asked).finally(() => {
      isSettled = true;
    });
    await until(async () => {
      await clock.advance(500);
      return isSettled;
    });
    expect(await all).toEqual([undefined, 'timeout', undefined, undefined]);
    expect(watched.stats).toMatchObject({ workersStarted: 2, waiting: 0 });
    await watched.close();
  });

  it('that cannot be started fails what waits, and what comes later tries again', async () => {
    const broken = createExpressions({ workerPath: `/nowhere/${randomUUID()}.js` });
    expect(await reasonOf(() => evaluated(broken, '1 + 1'))).toBe('stopped');
    await expect(evaluated(broken, '1 + 1')).rejects.toThrow('cannot be started');
    expect(broken.stats.workersStarted).toBe(2);
    expect((await evaluated(broken, '[1]')).value).toEqual([1]);
  });

  it('whose memory has grown is replaced, unnoticed', async () => {
    const grown = createExpressions({ timeoutMs: 5_000 });
    const large = '"x".repeat(2e7).length + "y".repeat(2e7).length + 0';
    const asked = [
      `(() => { const all = []; for (let n = 0; n < 40; n++) all.push(new Uint8Array(1e6)); return all.length })()`,
      large,
    ];
    expect(await Promise.all(asked.map(async (source) => (await evaluated(grown, source)).value))).toEqual([40, 4e7]);
    expect((await evaluated(grown, '1 + 1')).value).toBe(2);
    expect(grown.stats.workersStarted).toBeGreaterThan(1);
    await grown.close();
  });
});

describe('when it is closed', () => {
  it('what waits fails with "stopped", and so does what comes later; paths still work', async () => {
    const closed = createExpressions();
    const waiting = [ENDLESS, STUCK, '1 + 1'].map((source) => reasonOf(() => evaluated(closed, source)));
    await closed.close();
    expect(await Promise.all(waiting)).toEqual(['stopped', 'stopped', 'stopped']);
    expect(await reasonOf(() => evaluated(closed, '1 + 1'))).toBe('stopped');
    expect(await reasonOf(() => closed.run('1', {}))).toBe('stopped');
    expect((await evaluated(closed, 'output()')).value).toBe('own output');
    await closed.close();
  });

  it('a worker that was never needed was never started', async () => {
    const unused = createExpressions();
    await evaluated(unused, 'output()');
    await unused.close();
    expect(unused.stats.workersStarted).toBe(0);
  });

  it('one that was woken is the one that is used', async () => {
    const woken = createExpressions();
    woken.wake();
    woken.wake();
    expect(woken.stats.workersStarted).toBe(1);
    expect((await evaluated(woken, forSandbox('1 + 1'))).value).toBe(2);
    expect(woken.stats.workersStarted).toBe(1);
    await woken.close();
    woken.wake();
    expect(woken.stats.workersStarted).toBe(1);
  });
});

it('evaluates an expression that went through JSON, too', async () => {
  const stored = JSON.parse(JSON.stringify(expressions.compile(forSandbox('1 + 1'))));
  expect(await expressions.evaluate(stored, new TestScope())).toBe(2);
});
