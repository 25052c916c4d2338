import { describe, expect, it } from 'vitest';
import type { TroupeError } from '../../src/errors.ts';
import { defineFunction } from '../../src/guest.ts';
import type { Context } from '../../src/handler.ts';
import { findHandler } from '../../src/instance-runtime/handler-shape.ts';

const context = {} as Context;
const value = (result: unknown) => () => result;

describe('Finding the handler', () => {
  it.each([
    ['a default function', { default: value(1) }, 'value'],
    ['an async generator', { async *default() {} }, 'stream'],
    ['a plain generator', { *default() {} }, 'stream'],
    ['an object with fetch', { default: { fetch: value(1) } }, 'fetch'],
    ['module.exports that is a function', value(1), 'value'],
    ['module.exports with fetch', { fetch: value(1) }, 'fetch'],
    ['the named export of AWS Lambda', { handler: value(1) }, 'value'],
    ['a bundled ES module', { __esModule: true, default: value(1) }, 'value'],
    ['a bundled ES module that was imported', { default: { __esModule: true, default: value(1) } }, 'value'],
    ['the handler export of one', { default: { __esModule: true, handler: value(1) } }, 'value'],
    ['a default that is no handler beside one', { default: { some: 'options' }, handler: value(1) }, 'value'],
    ['a defined value', { default: defineFunction({ handler: value(1) }) }, 'value'],
    ['a defined stream', { default: defineFunction({ handler: async function* () {} }) }, 'stream'],
    ['a defined fetch', { default: defineFunction({ handler: { fetch: () => new Response() } }) }, 'fetch'],
  ])('takes %s', (_title, exported, shape) => {
    expect(findHandler(exported, 'it').shape).toBe(shape);
  });

  it('keeps `this` of a fetch handler', () => {
    const target = {
      name: 'mine',
      fetch() {
        return this.name;
      },
    };
    expect(findHandler({ default: target }, 'it').call({}, context)).toBe('mine');
  });

  it('prefers the config of the defined function to the export beside it', () => {
    const defined = defineFunction({ handler: value(1), config: { timeoutMs: 1 } });
    expect(findHandler({ default: defined, config: { timeoutMs: 2 } }, 'it').config).toEqual({ timeoutMs: 1 });
    expect(findHandler({ default: value(1), config: { timeoutMs: 2 } }, 'it').config).toEqual({ timeoutMs: 2 });
  });

  it.each([
    [{ default: 3, helper: value(1) }, '`default` (number), `helper` (function)'],
    [{}, 'no exports at all'],
    ['text', 'a module that is a string'],
    [null, 'a module that is null'],
  ])('refuses %o, saying what was found and what is allowed', (exported, found) => {
    const refuse = () => findHandler(exported, 'Function "it"');
    expect(refuse).toThrow(`Function "it" exports no handler: found ${found}.`);
    expect(refuse).toThrow(/async function\*.*fetch\(request\)/);
    expect(codeOf(refuse)).toBe('HANDLER_INVALID');
  });

  it.each([[{ timeoutMs: () => 1 }], [[1]], ['fast']])('refuses the config %o, which is no plain data', (config) => {
    expect(codeOf(() => findHandler({ default: value(1), config }, 'it'))).toBe('HANDLER_INVALID');
  });
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (thrown) {
    return (thrown as TroupeError).code;
  }
}
