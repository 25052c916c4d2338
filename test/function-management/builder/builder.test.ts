import { readFileSync, writeFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuilderFixture } from './builder-fixture.ts';

let fixture: BuilderFixture;
beforeEach(() => {
  fixture = new BuilderFixture();
});
afterEach(() => fixture.remove());

describe('the text of an artifact', () => {
  it('is ASCII, whatever language its comments are in, and says what the source says', async () => {
    const code = `// précis — 説明
export default (event) => {
  // — inside, 中
  return [\`\${event} – 日本\`, 'é', größe()].join();
  function größe() { return '\\u{1F600}'; }
};`;
    const root = fixture.write({ 'words.js': code });
    const { artifact } = await fixture.build(join(root, 'words.js'));
    expect(readFileSync(artifact.entry, 'latin1')).toMatch(/^[\0-\x7f]*$/);
    expect(await fixture.call(join(root, 'words.js'), 'x')).toBe('x – 日本,é,\u{1F600}');
  });

  it('keeps what regular expressions and raw templates hold', async () => {
    const code = '// — \nexport default (event) => [/[à-ü]—/u.test(event), String.raw`\\é—`];';
    const root = fixture.write({ 'raw.js': code });
    expect(await fixture.call(join(root, 'raw.js'), 'é—')).toEqual([true, '\\é—']);
  });

  it('keeps the names of functions and classes where two modules use the same', async () => {
    const root = fixture.write({
      'index.js': `import { Shape as Other, area as theirs } from './other.js';
        function area() {}
        class Shape {}
        class Named { static name = 'own'; }
        const arrow = () => 1;
        export default () => [Shape.name, Other.name, area.name, theirs.name, Named.name, arrow.name];`,
      'other.js': 'export class Shape { size = 1; static self = Shape.name; } export function area() {}',
    });
    expect(await fixture.call(join(root, 'index.js'), undefined)).toEqual([
      'Shape',
      'Shape',
      'area',
      'area',
      'own',
      'arrow',
    ]);
  });
});

describe('sources', () => {
  it('builds a file given as absolute path, relative path and file URL into the same artifact', async () => {
    const root = fixture.write({ 'sum.ts': 'export default (event: { a: number; b: number }) => event.a + event.b;' });
    const file = join(root, 'sum.ts');
    expect(await fixture.call(file, { a: 2, b: 3 })).toBe(5);
    const { artifact } = await fixture.build(file);
    expect((await fixture.build(pathToFileURL(file))).artifact).toEqual(artifact);
    expect((await fixture.build(pathToFileURL(file).href)).artifact).toEqual(artifact);
    expect((await fixture.build(relative(process.cwd(), file))).artifact).toEqual(artifact);
    expect(artifact.format).toBe('script');
    expect(artifact.bytes).toBe(readFileSync(artifact.entry).length);
    expect(artifact.directory).toBe(join(fixture.artifactsDirectory, artifact.hash));
  });

  it.each(['index.ts', 'index.mjs', 'index.cjs', 'handler.js'])(
    'finds %s as the entry of a directory',
    async (name) => {
      const code = name.endsWith('.cjs') ? 'exports.handler = () => "found";' : 'export const handler = () => "found";';
      expect(await fixture.call(fixture.write({ [name]: code }, 'fn'))).toBe('found');
    },
  );

  it.each([
    ['main', { main: 'lib/run' }],
    ['exports', { exports: { '.': { import: './lib/run.js' } }, main: 'nothing.js' }],
  ])('takes the entry that package.json names as %s', async (_, description) => {
    const files = { 'package.json': JSON.stringify(description), 'lib/run.js': 'exports.handler = () => "named";' };
    expect(await fixture.call(fixture.write(files, 'fn'))).toBe('named');
  });

  it('builds inline code', async () => {
    expect(await fixture.call({ code: 'export default (n: number): number => n * 2;', language: 'ts' }, 21)).toBe(42);
  });

  it('reports the config export through the manifest', async () => {
    const source = { code: 'export default () => 1; export const config = { timeoutMs: 5 };', language: 'js' } as const;
    expect((await fixture.build(source)).manifest).toEqual({ shape: 'value', config: { timeoutMs: 5 } });
    expect((await fixture.build(source)).manifest).toEqual({ shape: 'value', config: { timeoutMs: 5 } });
  });

  it('refuses what is not there, what is empty, and what has no entry', async () => {
    const root = fixture.write({ 'empty/readme.md': 'x', 'fn/package.json': '{"main":"gone.js"}' });
    expect(await fixture.refused(join(root, 'nothing'))).toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    expect(await fixture.refused(join(root, 'empty'))).toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    expect(await fixture.refused(join(root, 'fn'))).toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: expect.stringContaining('gone.js'),
    });
    expect(await fixture.refused('')).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await fixture.refused(null as never)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await fixture.refused('a\0b')).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await fixture.refused(new URL('https://example.com/x.js'))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('says that zip archives are not accepted yet, whatever they are called', async () => {
    const root = fixture.write({ 'fn.zip': 'PK\x03\x04', 'fn.js': 'PK\x03\x04' });
    for (const name of ['fn.zip', 'fn.js']) {
      expect(await fixture.refused(join(root, name))).toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/zip archives are not accepted yet/i),
      });
    }
  });

  it('refuses a file that is no script and names the exec runtime', async () => {
    const root = fixture.write({ 'fn.py': 'print(1)' });
    const error = await fixture.refused(join(root, 'fn.py'));
    expect(error).toMatchObject({ code: 'BUILD_FAILED', message: expect.stringContaining('runtime "exec"') });
  });
});

describe('bundling', () => {
  it('leads `troupe` to the guest entry from a file that lies anywhere', async () => {
    const root = fixture.write({
      'fn.ts': `import { defineFunction, createTroupe, TroupeError } from 'troupe';
        import { defineFunction as same } from 'troupe/functions';
        export default defineFunction({ handler: () => 1, config: { timeoutMs: 7 } });
        export const handler = () => { try { createTroupe(); } catch (error) { return [error instanceof TroupeError, error.code, same === defineFunction]; } };`,
    });
    expect(await fixture.call(join(root, 'fn.ts'))).toEqual([true, 'GUEST_ONLY', true]);
    const { artifact } = await fixture.build(join(root, 'fn.ts'));
    const code = readFileSync(artifact.entry, 'utf8');
    expect(code).not.toMatch(/require\(/);
    expect(artifact.bytes).toBeLessThan(32_000);
  });

  it('turns top-level await into a module, also when a bundled package needs require', async () => {
    const root = fixture.write({
      'node_modules/old/index.js': "const { sep } = require('path'); exports.sep = sep;",
      'fn.mjs': `import { sep } from 'old'; import { createRequire } from 'node:module';
        const require = createRequire(import.meta.url);
        const value = await Promise.resolve(sep); export const handler = () => value + require('node:os').EOL;`,
    });
    expect(await fixture.call(join(root, 'fn.mjs'))).toBe('/\n');
    const { artifact } = await fixture.build(join(root, 'fn.mjs'));
    expect(artifact).toMatchObject({ format: 'module', entry: expect.stringMatching(/\.mjs$/) });
  });

  it('lets code find the files beside its source, in scripts and in modules', async () => {
    const root = fixture.write({
      'data.bin': 'beside',
      'node_modules/old/index.js': "'use strict'; exports.place = [__dirname, __filename];",
      'fn.js': `#!/usr/bin/env node
        import { readFileSync } from 'node:fs'; import { place } from 'old';
        const __dirname = new URL('.', import.meta.url).pathname;
        export const handler = () => [readFileSync(new URL('./data.bin', import.meta.url), 'utf8'), ...place, import.meta.filename, __dirname];`,
    });
    const expected = [
      'beside',
      join(root, 'node_modules/old'),
      join(root, 'node_modules/old/index.js'),
      join(root, 'fn.js'),
      `${root}/`,
    ];
    expect(await fixture.call(join(root, 'fn.js'))).toEqual(expected);
    const awaiting = `${readFileSync(join(root, 'fn.js'), 'utf8')}\nawait 0;`;
    writeFileSync(join(root, 'fn.js'), awaiting);
    expect(await fixture.call(join(root, 'fn.js'))).toEqual(expected);
  });

  it.each([
    ['script', ''],
    ['module', 'await Promise.resolve();'],
  ])('leaves a package with a native add-on outside of a %s, where it still loads', async (format, extra) => {
    const root = fixture.write({
      'fn.mjs': `import sharp from 'sharp'; ${extra}
        export const handler = async () => {
          const late = (await import('sharp')).default;
          const image = { create: { width: 4, height: 2, channels: 3, background: 'red' } };
          const { info } = await sharp(image).png().toBuffer({ resolveWithObject: true });
          return [info.width, late === sharp];
        };`,
    });
    await symlink(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
    expect(await fixture.call(join(root, 'fn.mjs'))).toEqual([4, true]);
    const { artifact } = await fixture.build(join(root, 'fn.mjs'));
    expect(artifact.format).toBe(format);
    expect(artifact.bytes).toBeLessThan(8_000);
  });

  it('bundles a package without add-ons, and a package whose add-on is found only while bundling stays outside', async () => {
    const addOn =
      "try { require('./build/addon.node'); } catch (error) { exports.why = error.code; exports.from = __dirname; }";
    const root = fixture.write({
      'node_modules/hidden/package.json': '{"name":"hidden","main":"index.js"}',
      'node_modules/hidden/index.js': addOn,
      'fn.js':
        "import { marked } from 'marked'; import hidden from 'hidden'; export const handler = () => [marked('# x'), hidden.from];",
    });
    await symlink(join(process.cwd(), 'node_modules/marked'), join(root, 'node_modules/marked'));
    expect(await fixture.call(join(root, 'fn.js'))).toEqual(['<h1>x</h1>\n', join(root, 'node_modules/hidden')]);
    const code = readFileSync((await fixture.build(join(root, 'fn.js'))).artifact.entry, 'utf8');
    expect(code).toContain(`require("${join(root, 'node_modules/hidden/index.js')}")`);
    expect(code).not.toMatch(/require\("[^"]*marked/);
  });

  it('gives every source its own absolute path in the source map, with its text', async () => {
    const root = fixture.write({
      'fn.ts': "import { x } from './lib/x.ts';\nexport default () => x;",
      'lib/x.ts': 'export const x = 1;',
    });
    const { artifact } = await fixture.build(join(root, 'fn.ts'));
    const map = JSON.parse(readFileSync(artifact.sourceMap ?? '', 'utf8'));
    expect(map.sources).toEqual([join(root, 'fn.ts'), join(root, 'lib/x.ts')]);
    expect(map.sourcesContent[1]).toBe('export const x = 1;');
  });
});
