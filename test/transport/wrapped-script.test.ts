import { Script } from 'node:vm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasHashbang, scriptText, sourceOf, wrapScript } from '../../src/transport/wrapped-script.ts';

it('Any text survives, of ASCII and of all else', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const wrapped = wrapScript(Buffer.from(`/*${text}*/`));
      expect(scriptText(wrapped)).toContain(`/*${text}*/`);
      expect(Buffer.from(sourceOf(wrapped)).toString()).toBe(`/*${text}*/`);
      expect(wrapped.isAscii).toBe(Buffer.byteLength(text) === text.length);
    }),
  );
});

it('A script that says how to execute it, or ends in a comment, is a function all the same', () => {
  const source = Buffer.from('#!/usr/bin/env node\nmodule.exports = 7; // seven');
  expect(hasHashbang(source)).toBe(true);
  const module = { exports: undefined };
  new Script(scriptText(wrapScript(source))).runInThisContext()(module.exports, undefined, module, '', '');
  expect(module.exports).toBe(7);
});

it('Whether it may import is known', () => {
  expect(wrapScript(Buffer.from("import('x')")).mayImport).toBe(true);
  expect(wrapScript(Buffer.from('imports(x)')).mayImport).toBe(false);
});

it.each(["console.log('x')", 'process.stdout.write(x)', "import { stderr } from 'node:process'"])(
  'Whether it may print is known: %s',
  (source) => {
    expect(wrapScript(Buffer.from(source)).mayPrint).toBe(true);
    expect(wrapScript(Buffer.from('module.exports = (event) => event')).mayPrint).toBe(false);
  },
);
