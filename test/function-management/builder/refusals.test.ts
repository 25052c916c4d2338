import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BuilderFixture } from './builder-fixture.ts';

let fixture: BuilderFixture;
beforeEach(() => {
  fixture = new BuilderFixture();
});
afterEach(() => fixture.remove());

describe('a source that does not build', () => {
  it('is refused with file, line, column, reason and the line itself', async () => {
    const root = fixture.write({ 'fn.ts': 'const a = 1;\nexport default () => {\n\treturn a +* 2;\n};\n' });
    const error = await fixture.refused(join(root, 'fn.ts'));
    expect(error.code).toBe('BUILD_FAILED');
    expect(error.message).toBe(
      `${join(root, 'fn.ts')}:3:12: Unexpected "*"\n  3 | \treturn a +* 2;\n    | \t          ^`,
    );
    expect(error.details).toEqual({
      file: join(root, 'fn.ts'),
      line: 3,
      column: 12,
      text: 'Unexpected "*"',
      errors: 1,
    });
  });

  it('names places below the working directory relative to it', async () => {
    const directory = join('test', 'function-management', 'builder', `.broken-${process.pid}`);
    mkdirSync(directory);
    try {
      fixture.write({ 'fn.js': 'export default (' }, relative(fixture.root, join(process.cwd(), directory)));
      const error = await fixture.refused(join(directory, 'fn.js'));
      expect(error.message.split('\n')[0]).toMatch(new RegExp(`^${directory}/fn\\.js:1:17: `));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('counts columns in characters, and not the code that the builder put before the first line', async () => {
    const root = fixture.write({ 'fn.js': "const é = 'ü', p = __dirname; let x = ; export default 1;" });
    const error = await fixture.refused(join(root, 'fn.js'));
    expect(error.details).toMatchObject({ line: 1, column: 39 });
    expect(error.message).toContain("  1 | const é = 'ü', p = __dirname; let x = ;");
  });

  it('has all its errors listed, the first one in the details', async () => {
    const root = fixture.write({
      'fn.js': "import './a.js';\nimport './b.js';\nexport default 1;",
      'a.js': 'let = ;',
      'b.js': '}',
    });
    const error = await fixture.refused(join(root, 'fn.js'));
    expect(error.message).toContain(`${join(root, 'a.js')}:1:`);
    expect(error.message).toContain(`${join(root, 'b.js')}:1:`);
    expect(error.details?.['errors']).toBeGreaterThanOrEqual(2);
    expect(error.message.startsWith(`${error.details?.['file']}:`)).toBe(true);
  });

  it('says which import leads nowhere, and how to mend it', async () => {
    const root = fixture.write({ 'fn.js': "import x from '@no/such/part';\nimport './gone.js';\nexport default x;" });
    const { message } = await fixture.refused(join(root, 'fn.js'));
    expect(message).toContain(`${join(root, 'fn.js')}:1:15: Could not resolve "@no/such/part"`);
    expect(message).toContain('npm install @no/such\n');
    expect(message).toContain(`${join(root, 'fn.js')}:2:8: Could not resolve "./gone.js"`);
  });

  it('is refused when its package.json is not JSON', async () => {
    const root = fixture.write({ 'package.json': '{', 'index.js': '' }, 'fn');
    expect(await fixture.refused(root)).toMatchObject({
      code: 'BUILD_FAILED',
      details: { file: join(root, 'package.json') },
    });
  });

  it('is refused when it becomes too large', async () => {
    await fixture.remove();
    fixture = new BuilderFixture({ maxSourceBytes: 1_000 });
    const long = `export default () => '${'x'.repeat(900)}';`;
    const root = fixture.write({
      'fn.js': `${long} // ${'y'.repeat(200)}`,
      'two.js': "import a from './one.js'; export default a;",
      'one.js': long,
    });
    expect(await fixture.refused(join(root, 'fn.js'))).toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining('1000'),
    });
    expect(await fixture.refused(join(root, 'two.js'))).toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining('1000'),
    });
    expect(await fixture.refused({ code: `${long} // ${'y'.repeat(200)}`, language: 'js' })).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('has the place in its source named when it throws while it loads', async () => {
    const root = fixture.write({
      'fn.ts': "type T = 1;\n\nthrow new RangeError('not today');\nexport default 1 as T;",
    });
    const error = await fixture.refused(join(root, 'fn.ts'));
    expect(error.cause?.stack).toContain(`${join(root, 'fn.ts')}:3:7`);
    expect(JSON.stringify(error)).not.toContain('.building');
  });
});

describe('a directory source', () => {
  const outside = "export const secret = 'do not show';";

  it('is refused when a link leaves it, and the link is named', async () => {
    const root = fixture.write(
      { 'index.js': "export { secret as default } from './lib/link.js';", 'lib/own.js': '' },
      'fn',
    );
    fixture.write({ 'outside.js': outside });
    symlinkSync(join(fixture.root, 'outside.js'), join(root, 'lib/link.js'));
    const error = await fixture.refused(root);
    expect(error).toMatchObject({ code: 'SOURCE_OUTSIDE_ROOT', details: { path: join(root, 'lib/link.js') } });
    expect(error.message).toContain(join(root, 'lib/link.js'));
    expect(fixture.inspected).toHaveLength(0);
  });

  it('is refused when a linked directory leaves it, and shows nothing of what lies there', async () => {
    const root = fixture.write({ 'index.js': "export { default } from './lib/broken.js';" }, 'fn');
    fixture.write({ 'elsewhere/broken.js': 'password: hunter2 (' });
    symlinkSync(join(fixture.root, 'elsewhere'), join(root, 'lib'));
    const error = await fixture.refused(root);
    expect(error).toMatchObject({ code: 'SOURCE_OUTSIDE_ROOT', details: { path: join(root, 'lib') } });
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  it.each([
    ['import', { 'index.js': "\nexport { secret as default } from '../outside.js';" }],
    ['entry', { 'package.json': '{"main":"../outside.js"}' }],
  ])('is refused when its %s leaves it', async (_, files) => {
    const root = fixture.write(files as Record<string, string>, 'fn');
    fixture.write({ 'outside.js': outside });
    const error = await fixture.refused(root);
    expect(error.code).toBe('SOURCE_OUTSIDE_ROOT');
    if (_ === 'import') expect(error.message).toContain(`${join(root, 'index.js')}:2`);
  });

  it('is refused when its entry is a link that leaves it', async () => {
    const root = fixture.write({ 'readme.md': '' }, 'fn');
    fixture.write({ 'outside.js': outside });
    symlinkSync(join(fixture.root, 'outside.js'), join(root, 'index.js'));
    expect(await fixture.refused(root)).toMatchObject({ code: 'SOURCE_OUTSIDE_ROOT' });
  });

  it('may be a link itself, hold links to its own files, import `troupe` and packages installed above it', async () => {
    fixture.write({ 'node_modules/word/index.js': "exports.word = 'above';" });
    const root = fixture.write(
      {
        'real.js':
          "import { word } from 'word'; import { TroupeError } from 'troupe'; export const handler = () => [word, typeof TroupeError];",
      },
      'fn',
    );
    symlinkSync(join(root, 'real.js'), join(root, 'index.js'));
    symlinkSync(root, join(fixture.root, 'link'));
    expect(await fixture.call(join(fixture.root, 'link'))).toEqual(['above', 'function']);
  });

  it('leaves a file source free to import its neighbours', async () => {
    fixture.write({ 'shared.js': "export const word = 'shared';" });
    const root = fixture.write({ 'fn.js': "import { word } from '../shared.js'; export default () => word;" }, 'fn');
    expect(await fixture.call(join(root, 'fn.js'))).toBe('shared');
  });

  it('needs a lock file when it has dependencies, and only then', async () => {
    const root = fixture.write(
      { 'package.json': '{"dependencies":{"marked":"^18.0.0"}}', 'index.js': 'export default () => 1;' },
      'fn',
    );
    expect(await fixture.refused(root)).toMatchObject({
      code: 'LOCKFILE_REQUIRED',
      message: expect.stringContaining('npm install --package-lock-only'),
    });
    fixture.write({ 'package.json': '{"dependencies":{},"devDependencies":{"marked":"1"}}' }, 'fn');
    expect(await fixture.call(root)).toBe(1);
  });
});

describe('dependencies from a lock file', () => {
  let packed: string;
  beforeAll(() => {
    packed = mkdtempSync(join(tmpdir(), 'troupe-packed-'));
    mkdirSync(join(packed, 'word'));
    const word = { name: 'word', version: '1.0.0', scripts: { install: 'exit 1' } };
    writeFileSync(join(packed, 'word/package.json'), JSON.stringify(word));
    writeFileSync(join(packed, 'word/index.js'), "exports.word = 'installed';");
    const dependencies = { word: 'file:word-1.0.0.tgz' };
    writeFileSync(join(packed, 'package.json'), JSON.stringify({ name: 'fn', version: '1.0.0', dependencies }));
    const npm = (...parameters: string[]) => execFileSync('npm', parameters, { cwd: packed, stdio: 'pipe' });
    npm('pack', '--silent', './word');
    npm('install', '--package-lock-only', '--offline', '--silent', '--no-audit');
  });
  afterAll(() => rmSync(packed, { recursive: true, force: true }));

  /** A package with a lock file, packed as an archive inside the source, so that npm needs no network. */
  function writeLocked(): string {
    const root = fixture.write(
      { 'package.json': '{"name":"fn","version":"1.0.0","dependencies":{"word":"file:word-1.0.0.tgz"}}' },
      'fn',
    );
    copyFileSync(join(packed, 'word-1.0.0.tgz'), join(root, 'word-1.0.0.tgz'));
    copyFileSync(join(packed, 'package-lock.json'), join(root, 'package-lock.json'));
    return fixture.write({ 'index.js': "import { word } from 'word'; export default () => word;" }, 'fn');
  }

  it('are installed apart from the source, once, and win over what is installed above it', async () => {
    const root = writeLocked();
    fixture.write({ 'node_modules/word/index.js': "exports.word = 'above';" });
    expect(await fixture.call(root)).toBe('installed');
    expect(readdirSync(root)).not.toContain('node_modules');
    const [first] = await Promise.all([fixture.build(root), fixture.build(root)]);
    expect(first.reused).toBe(true);
    fixture.write({ 'index.js': "import { word } from 'word'; export default () => word + '!';" }, 'fn');
    expect(await fixture.call(root)).toBe('installed!');
    const installations = () => readdirSync(join(fixture.artifactsDirectory, '.dependencies'));
    expect(installations()).toHaveLength(1);
    const keep = [(await fixture.build(root)).artifact.hash];
    await fixture.builder.ask('collectGarbage', { keep });
    expect(installations()).toHaveLength(1);
    await fixture.builder.ask('collectGarbage', { keep: [] });
    expect(installations()).toHaveLength(0);
    expect(await fixture.call(root)).toBe('installed!');
  });

  it('are taken as they are when they lie beside the source', async () => {
    const root = writeLocked();
    fixture.write({ 'node_modules/word/index.js': "exports.word = 'beside';" }, 'fn');
    expect(await fixture.call(root)).toBe('beside');
  });

  it('that cannot be installed refuse the build with what npm said', async () => {
    const root = fixture.write(
      {
        'package.json': '{"name":"fn","version":"1.0.0","dependencies":{"word":"file:gone.tgz"}}',
        'package-lock.json': '{"name":"fn","version":"1.0.0","lockfileVersion":3,"packages":{}}',
        'index.js': 'export default () => 1;',
      },
      'fn',
    );
    const error = await fixture.refused(root);
    expect(error).toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringMatching(/npm ci.*\n(?:.*\n)*.*fn\/gone\.tgz/),
    });
    expect(readdirSync(join(fixture.artifactsDirectory, '.building'))).toEqual([]);
  });

  it('that take too long to install are given up', async () => {
    await fixture.remove();
    fixture = new BuilderFixture({ installTimeoutMs: 1 });
    const error = await fixture.refused(writeLocked());
    expect(error).toMatchObject({ code: 'BUILD_FAILED', message: expect.stringContaining('longer than 1 ms') });
  });
});

describe('an executable', () => {
  it('is copied with its mode, is not loaded, and is recognised when unchanged', async () => {
    const root = fixture.write({ 'greet.sh': '#!/bin/sh\necho "hello $(cat)"\n' });
    const built = await fixture.build(join(root, 'greet.sh'), 'exec');
    expect(built).toMatchObject({
      reused: false,
      artifact: { format: 'exec' },
      manifest: { shape: 'exec', config: {} },
    });
    expect(statSync(built.artifact.entry).mode & 0o777).toBe(0o755);
    expect(execFileSync(built.artifact.entry, { input: 'you', encoding: 'utf8' })).toBe('hello you\n');
    expect(built.artifact.sourceMap).toBeUndefined();
    expect(fixture.inspected).toHaveLength(0);
    expect(await fixture.build(join(root, 'greet.sh'), 'exec')).toMatchObject({
      reused: true,
      artifact: built.artifact,
    });
    fixture.write({ 'greet.sh': '#!/bin/sh\necho "HELLO $(cat)"\n' });
    const edited = await fixture.build(join(root, 'greet.sh'), 'exec');
    expect(readFileSync(edited.artifact.entry, 'utf8')).toContain('HELLO');
  });

  it('is refused without an executable bit, and the error says how to set it', async () => {
    const root = fixture.write({ 'greet.sh': '#!/bin/sh\n' });
    chmodSync(join(root, 'greet.sh'), 0o644);
    expect(await fixture.refused(join(root, 'greet.sh'), 'exec')).toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining(`chmod +x ${join(root, 'greet.sh')}`),
    });
  });

  it('is a file, not a directory and not code', async () => {
    expect(await fixture.refused(fixture.write({ 'a.sh': '#!/bin/sh\n' }), 'exec')).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await fixture.refused({ code: '1', language: 'js' }, 'exec')).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
