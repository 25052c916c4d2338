import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { nameOf } from '../../src/cli/invoke-file.ts';
import { bytes, duration, table } from '../../src/cli/terminal.ts';
import { FUNCTION_NAME_PATTERN } from '../../src/config.ts';

describe('what people read', () => {
  it.each([
    [0.04, '0.0 us'],
    [5.25, '5.3 us'],
    [950, '950 us'],
    [1_234, '1.23 ms'],
    [45_678, '45.7 ms'],
    [999_900, '1000 ms'],
    [3_400_000, '3.40 s'],
    [86_400_000_000, '86400 s'],
  ])('%d us are %s', (us, text) => expect(duration(us)).toBe(text));

  it.each([
    [999, '999 B'],
    [1_180, '1.18 kB'],
    [6_291_456, '6.29 MB'],
    [5_000_000_000, '5000 MB'],
  ])('%d bytes are %s', (count, text) => expect(bytes(count)).toBe(text));

  it('a table has columns of equal width and no spaces at the end of a line', () => {
    const lines = table(
      pc.createColors(false),
      ['NAME', 'N', ''],
      [
        ['a', '1', ''],
        ['longer', '2', 'x'],
      ],
    );
    expect(lines).toEqual(['NAME    N', 'a       1', 'longer  2  x']);
  });
});

describe('the name of a function in a file', () => {
  it.each([
    ['./Hello World.ts', 'hello-world'],
    ['functions/resize/index.ts', 'resize'],
    ['./functions/resize/', 'resize'],
    ['./__.js', 'function'],
  ])('of %s is %s', (path, name) => expect(nameOf(path)).toBe(name));

  it('is always allowed', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (path) => FUNCTION_NAME_PATTERN.test(nameOf(`./${path}`))));
  });
});
