import { describe, expect, it } from 'vitest';
import { resolveFunctionConfig } from '../../../src/config.ts';
import {
  checkAlias,
  functionNotFound,
  KEPT_VERSIONS,
  repairEntry,
  repeatedVersion,
  withVersion,
} from '../../../src/function-management/registry/catalogue.ts';
import type { FunctionAlias } from '../../../src/function-management/registry/protocol.ts';
import { newVersion } from './versions.ts';

const version = (number: number) => ({ ...newVersion('thumbnail', `a${number}`), version: number, createdAtMs: 0 });
const entry = withVersion(withVersion(undefined, version(1)).next, version(3)).next;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const alias = (name: string, ...versions: number[]): FunctionAlias => ({
  name: 'thumbnail',
  alias: name,
  targets: versions.map((each) => ({ version: each, weight: 1 })),
});

describe('a deploy repeats the current version', () => {
  it('when artifact, shape and configuration are all the same', () => {
    expect(repeatedVersion(entry, newVersion('thumbnail', 'a3'))?.version).toBe(3);
  });

  it('but not when one differs, nor when it equals a version that is not current, nor when current is split', () => {
    expect(repeatedVersion(undefined, newVersion('thumbnail', 'a3'))).toBeUndefined();
    expect(repeatedVersion(entry, newVersion('thumbnail', 'a1'))).toBeUndefined();
    expect(repeatedVersion(entry, { ...newVersion('thumbnail', 'a3'), shape: 'stream' })).toBeUndefined();
    const config = resolveFunctionConfig({ env: { A: 'b' } });
    expect(repeatedVersion(entry, { ...newVersion('thumbnail', 'a3'), config })).toBeUndefined();
    expect(
      repeatedVersion({ ...entry, aliases: [alias('current', 1, 3)] }, newVersion('thumbnail', 'a3')),
    ).toBeUndefined();
  });
});

describe('the versions of a function', () => {
  it('are kept while an alias leads to them, and beyond that the newest ones', () => {
    let kept = { ...entry, aliases: [...entry.aliases, alias('baseline', 1)] };
    const prunedNumbers: number[] = [];
    for (let number = 4; number <= KEPT_VERSIONS + 10; number++) {
      const { next, pruned } = withVersion(kept, version(number));
      kept = { ...next, aliases: [...next.aliases] };
      prunedNumbers.push(...pruned.map((each) => each.version));
    }
    const newest = KEPT_VERSIONS + 10;
    expect(prunedNumbers).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(kept.versions.map((each) => each.version)).toEqual([1, ...range(10, newest)]);
  });
});

describe('an alias', () => {
  it('may split calls between versions by weight', () => {
    const split = {
      ...alias('canary'),
      targets: [
        { version: 1, weight: 0.9 },
        { version: 3, weight: 0.1 },
      ],
    };
    expect(checkAlias(entry, split)).toEqual(split);
  });

  it.each(['7', 'Canary', '../up', '', '__proto__', '-a'])('may not be called %j', (name) => {
    expect(() => checkAlias(entry, alias(name, 1))).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
  });

  it('is refused with the versions that exist when it points to another', () => {
    const wrong = () => checkAlias(entry, alias('canary', 2));
    expect(wrong).toThrow(
      expect.objectContaining({
        code: 'VERSION_NOT_FOUND',
        details: { name: 'thumbnail', version: 2, versions: [1, 3] },
      }),
    );
    expect(wrong).toThrow('it has 1, 3.');
  });

  it.each([
    ['no target', []],
    [
      'a version twice',
      [
        { version: 1, weight: 1 },
        { version: 1, weight: 1 },
      ],
    ],
    ['a weight of zero', [{ version: 1, weight: 0 }]],
    ['a weight that is no number', [{ version: 1, weight: Number.NaN }]],
  ])('is refused with %s', (_, targets) => {
    expect(() => checkAlias(entry, { ...alias('canary'), targets })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('a function with missing versions', () => {
  it('has current on the newest that is left, and loses the other aliases that point nowhere', () => {
    const { versions } = entry;
    const repaired = repairEntry('thumbnail', {
      versions,
      aliases: [alias('current', 4), alias('old', 2), alias('split', 1, 2), alias('whole', 1)],
    });
    expect(repaired.entry?.aliases).toEqual([alias('current', 3), alias('split', 1), alias('whole', 1)]);
    expect(repaired.changed).toEqual([alias('split', 1), alias('current', 3)]);
    expect(repaired.dropped).toEqual([alias('old', 2)]);
  });

  it('is gone when none is left', () => {
    expect(repairEntry('thumbnail', { versions: [], aliases: [alias('current', 1)] })).toEqual({
      changed: [],
      dropped: [alias('current', 1)],
    });
  });
});

it('suggests the closest name for one that is not deployed, and nothing that is another word', () => {
  const deployed = ['thumbnail', 'thumbnails-big', 'csv'];
  expect(functionNotFound('thumbnial', deployed).message).toContain('Did you mean "thumbnail"?');
  expect(functionNotFound('cvs-report', deployed).details).toEqual({ name: 'cvs-report' });
  expect(functionNotFound('cs', deployed).details).toMatchObject({ suggestion: 'csv' });
});
