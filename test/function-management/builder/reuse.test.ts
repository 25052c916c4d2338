import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TroupeError } from '../../../src/errors.ts';
import { BuilderFixture } from './builder-fixture.ts';

let fixture: BuilderFixture;
beforeEach(() => {
  fixture = new BuilderFixture();
});
afterEach(() => fixture.remove());

const artifactNames = () => readdirSync(fixture.artifactsDirectory).filter((name) => !name.startsWith('.'));
const unfinished = () => readdirSync(join(fixture.artifactsDirectory, '.building'));

function writeSource(): string {
  const root = fixture.write(
    {
      'package.json': '{"type":"module"}',
      'index.ts': "import { word } from './lib/word.ts'; export default () => word;",
      'lib/word.ts': "export const word = 'one';",
    },
    'fn',
  );
  return root;
}

describe('unchanged source', () => {
  it('is neither built nor loaded again, also after a restart', async () => {
    const source = writeSource();
    const first = await fixture.build(source);
    expect(first.reused).toBe(false);
    const second = await fixture.build(source);
    await fixture.restart();
    const third = await fixture.build(source);
    for (const again of [second, third]) {
      expect(again).toMatchObject({ reused: true, artifact: first.artifact, manifest: first.manifest });
    }
    expect(fixture.inspected).toHaveLength(1);
  });

  it('is recognised when only its time stamps changed', async () => {
    const source = writeSource();
    await fixture.build(source);
    utimesSync(join(source, 'index.ts'), 1, 1);
    expect((await fixture.build(source)).reused).toBe(true);
  });

  it.each([
    ['a neighbour, with equal length and equal times', 'lib/word.ts', "export const word = 'two';", 'two'],
    ['the entry', 'index.ts', "export default () => 'edited';", 'edited'],
    ['a script that now stands before another', 'lib/word.ts.ts', "export const word = 'three';", 'one'],
  ])('is no longer unchanged after an edit of %s', async (_, file, text, expected) => {
    const source = writeSource();
    const before = await fixture.build(source);
    const path = join(source, file);
    const times = existsSync(path) ? statSync(path) : undefined;
    writeFileSync(path, text);
    if (times) utimesSync(path, times.atime, times.mtime);
    expect(await fixture.call(source)).toBe(expected);
    expect((await fixture.build(source)).reused).toBe(true);
    if (expected !== 'one') expect((await fixture.build(source)).artifact.hash).not.toBe(before.artifact.hash);
  });

  it('is built again when a file appears that its imports now mean, or a tsconfig.json steers it', async () => {
    const source = fixture.write(
      { 'index.js': "exports.handler = () => require('./word').word;", 'word.json': '{"word":"data"}' },
      'fn',
    );
    expect(await fixture.call(source)).toBe('data');
    fixture.write({ 'word.js': "exports.word = 'code';" }, 'fn');
    expect(await fixture.call(source)).toBe('code');
    fixture.write({ 'tsconfig.json': '{"compilerOptions":{"strict":true}}' }, 'fn');
    expect((await fixture.build(source)).reused).toBe(false);
    expect((await fixture.build(source)).reused).toBe(true);
  });

  it('is built again when a link on the way to its imports, or to a package, leads elsewhere', async () => {
    const root = fixture.write({
      'b/index.js':
        "import { word } from '../a/lib/word.js'; import { kind } from 'kind'; export default () => [word, kind];",
      'one/word.js': "export const word = 'one';",
      'two/word.js': "export const word = 'two';",
      'packages/x/index.js': "exports.kind = 'x';",
      'packages/y/index.js': "exports.kind = 'y';",
      'a/readme.md': '',
      'node_modules/readme.md': '',
    });
    const relink = (target: string, link: string) => {
      rmSync(join(root, link), { force: true });
      symlinkSync(join(root, target), join(root, link));
    };
    relink('one', 'a/lib');
    relink('packages/x', 'node_modules/kind');
    const source = join(root, 'b/index.js');
    expect(await fixture.call(source)).toEqual(['one', 'x']);
    expect((await fixture.build(source)).reused).toBe(true);
    relink('two', 'a/lib');
    expect(await fixture.call(source)).toEqual(['two', 'x']);
    relink('packages/y', 'node_modules/kind');
    expect(await fixture.call(source)).toEqual(['two', 'y']);
    fixture.write({ 'b/node_modules/kind/index.js': "exports.kind = 'nearer';" });
    expect(await fixture.call(source)).toEqual(['two', 'nearer']);
  });

  it('has one artifact wherever inline code is equal', async () => {
    const code = { code: 'export default () => 1', language: 'js' } as const;
    const first = await fixture.build(code);
    expect(await fixture.build({ ...code })).toMatchObject({ reused: true, artifact: first.artifact });
    expect((await fixture.build({ ...code, code: 'export default () => 2' })).artifact.hash).not.toBe(
      first.artifact.hash,
    );
  });
});

describe('damage and crashes', () => {
  it.each([
    [
      'its entry was changed',
      (directory: string) => writeFileSync(join(directory, 'function.cjs'), 'exports.handler = () => "evil"'),
    ],
    ['its entry is gone', (directory: string) => rmSync(join(directory, 'function.cjs'))],
    ['its source map was changed', (directory: string) => writeFileSync(join(directory, 'function.cjs.map'), '{}')],
    ['its manifest is torn', (directory: string) => writeFileSync(join(directory, 'manifest.json'), '{"form')],
    ['it is gone', (directory: string) => rmSync(directory, { recursive: true })],
  ])('builds an artifact again when %s', async (_, damage) => {
    const source = writeSource();
    const { artifact } = await fixture.build(source);
    damage(artifact.directory);
    const again = await fixture.build(source);
    expect(again).toMatchObject({ reused: false, artifact });
    expect(await fixture.call(source)).toBe('one');
    expect(fixture.inspected).toHaveLength(2);
  });

  it('builds again when its record is torn', async () => {
    const source = writeSource();
    await fixture.build(source);
    const records = join(fixture.artifactsDirectory, '.records');
    for (const name of readdirSync(records)) writeFileSync(join(records, name), '{"toolchain":');
    expect(await fixture.call(source)).toBe('one');
    expect((await fixture.build(source)).reused).toBe(true);
  });

  it('does not believe what another version of the tools left', async () => {
    const source = writeSource();
    const { artifact } = await fixture.build(source);
    const manifest = join(artifact.directory, 'manifest.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(process.version, 'v18.0.0'));
    expect(await fixture.build(source)).toMatchObject({ reused: false, artifact });
    expect((await fixture.build(source)).reused).toBe(true);
  });

  it('clears away at start what a crash left half done', async () => {
    const source = writeSource();
    await fixture.build(source);
    await fixture.restart();
    fixture.write({ 'artifacts/.building/half/function.cjs': 'exports.hand' });
    await fixture.build(source);
    expect(unfinished()).toEqual([]);
  });

  it('leaves nothing behind that counts when it refuses', async () => {
    const source = writeSource();
    fixture.inspect = () =>
      Promise.reject(new TroupeError('HANDLER_INVALID', 'Two handlers.', { details: { found: 2 } }));
    expect(await fixture.refused(source)).toMatchObject({
      code: 'HANDLER_INVALID',
      message: 'Two handlers.',
      details: { found: 2 },
    });
    expect(artifactNames()).toEqual([]);
    expect(unfinished()).toEqual([]);
    fixture.inspect = async () => ({ shape: 'value', config: {} });
    expect(await fixture.build(source)).toMatchObject({ reused: false });
  });

  it('shows an artifact to nobody before it has been loaded', async () => {
    const source = writeSource();
    fixture.inspect = async (artifact) => {
      expect(artifactNames()).toEqual([]);
      expect(readFileSync(artifact.entry, 'utf8')).toContain('word');
      return { shape: 'value', config: {} };
    };
    await fixture.build(source);
    expect(artifactNames()).toHaveLength(1);
  });
});

describe('several builds at once', () => {
  it('builds the same source once', async () => {
    const source = writeSource();
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => fixture.build(source)));
    expect(fixture.inspected).toHaveLength(1);
    expect(new Set(outcomes.map(({ artifact }) => artifact.hash)).size).toBe(1);
    expect(outcomes.filter(({ reused }) => !reused)).toHaveLength(1);
  });

  it('never answers a request with a source older than the request', async () => {
    const source = writeSource();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((reach) => {
      fixture.inspect = async () => {
        reach();
        await held;
        return { shape: 'value', config: {} };
      };
    });
    const early = fixture.build(source);
    await reached;
    fixture.write({ 'lib/word.ts': "export const word = 'new';" }, 'fn');
    const late = fixture.build(source);
    release();
    expect((await late).artifact.hash).not.toBe((await early).artifact.hash);
    expect(await fixture.call(source)).toBe('new');
  });

  it('runs a bounded number side by side, queues a bounded number, and refuses the rest', async () => {
    await fixture.remove();
    fixture = new BuilderFixture({ maxConcurrentBuilds: 2, maxWaitingBuilds: 3 });
    let inside = 0;
    let most = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    fixture.inspect = async () => {
      most = Math.max(most, ++inside);
      await held;
      inside--;
      return { shape: 'value', config: {} };
    };
    const asked = Array.from({ length: 8 }, (_, index) =>
      fixture.ask({ code: `export default () => ${index}`, language: 'js' }),
    );
    const refused: unknown[] = [];
    for (const ask of asked) void ask.then((outcome) => outcome.kind === 'refused' && refused.push(outcome.error.code));
    await expect.poll(() => [inside, refused.length]).toEqual([2, 3]);
    release();
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter(({ kind }) => kind === 'built')).toHaveLength(5);
    expect(refused).toEqual(['OVERLOADED', 'OVERLOADED', 'OVERLOADED']);
    expect(most).toBe(2);
  });
});

describe('collecting garbage', () => {
  it('removes what is not kept, and only that', async () => {
    const [one, two, three] = await Promise.all(
      [1, 2, 3].map((value) => fixture.build({ code: `export default () => ${value}`, language: 'js' })),
    );
    fixture.write({ 'artifacts/notes.txt': 'not mine' });
    const keep = [two?.artifact.hash ?? ''];
    expect(await fixture.builder.ask('collectGarbage', { keep })).toEqual({ removed: 2 });
    expect(artifactNames().sort()).toEqual([...keep, 'notes.txt'].sort());
    expect(one?.artifact.hash).not.toBe(three?.artifact.hash);
    expect(await fixture.call({ code: 'export default () => 1', language: 'js' })).toBe(1);
    expect((await fixture.build({ code: 'export default () => 2', language: 'js' })).reused).toBe(true);
  });

  it('removes nothing while it is told to keep all, and then what was left', async () => {
    await fixture.build({ code: 'export default () => 1', language: 'js' });
    fixture.isGarbageKept = true;
    expect(await fixture.builder.ask('collectGarbage', { keep: [] })).toEqual({ removed: 0 });
    fixture.isGarbageKept = false;
    expect(await fixture.builder.ask('collectGarbage', { keep: [] })).toEqual({ removed: 1 });
  });

  it('does not touch what is being built', async () => {
    const source = writeSource();
    fixture.inspect = async () => {
      expect(await fixture.builder.ask('collectGarbage', { keep: [] })).toEqual({ removed: 0 });
      return { shape: 'value', config: {} };
    };
    const { artifact } = await fixture.build(source);
    expect(existsSync(artifact.entry)).toBe(true);
  });
});

describe('stopping', () => {
  it('lets builds finish, and refuses those that wait', async () => {
    await fixture.remove();
    fixture = new BuilderFixture({ maxConcurrentBuilds: 1 });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((reach) => {
      fixture.inspect = async () => {
        reach();
        await held;
        return { shape: 'value', config: {} };
      };
    });
    const inside = fixture.ask({ code: 'export default () => 1', language: 'js' });
    const waiting = fixture.ask({ code: 'export default () => 2', language: 'js' });
    await reached;
    const stopped = fixture.restart();
    expect(await waiting).toMatchObject({ kind: 'refused', error: { code: 'SHUTTING_DOWN' } });
    release();
    await stopped;
    expect(await inside).toMatchObject({ kind: 'built' });
  });

  it('leaves no process of the bundler behind', async () => {
    const bundlers = () =>
      readdirSync('/proc').filter((name) => {
        if (!/^\d+$/.test(name)) return false;
        try {
          const status = readFileSync(`/proc/${name}/status`, 'utf8');
          return (
            status.includes(`PPid:\t${process.pid}\n`) &&
            readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('esbuild')
          );
        } catch {
          return false;
        }
      }).length;
    const before = bundlers();
    await fixture.build({ code: 'export default () => 1', language: 'js' });
    expect(bundlers()).toBe(before + 1);
    await fixture.restart();
    await expect.poll(bundlers).toBe(before);
    await fixture.build({ code: 'export default () => 2', language: 'js' });
  });
});
