import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkNames, findIn, namedIn, workflowNameOf } from '../../src/cli/workflows/function-directory.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** By name; a text is a file, a list a folder with such files. */
async function directoryOf(files: Readonly<Record<string, string | readonly string[]>>): Promise<string> {
  const directory = await temporaryDirectory();
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    if (typeof content === 'string') {
      await writeFile(path, content);
      if (content.startsWith('#!')) await chmod(path, 0o755);
    } else {
      await mkdir(path);
      for (const file of content) await writeFile(join(path, file), '');
    }
  }
  return directory;
}

describe('Functions in a directory', () => {
  it('are modules, folders with an index, and executables that say by what', async () => {
    const directory = await directoryOf({
      'resize.ts': '',
      'Word_Count.mjs': '',
      thumbnail: ['index.ts', 'other.ts'],
      assets: ['logo.svg'],
      'count.sh': '#!/bin/sh\n',
      shout: '#!/usr/bin/env python3\n',
      'order.wf.yaml': '',
      'refund.wf.yml': '',
    });
    const { functions, workflows } = await findIn(directory);
    expect(functions.map(({ name, isExecutable }) => [name, isExecutable])).toEqual([
      ['word-count', false],
      ['count', true],
      ['resize', false],
      ['shout', true],
      ['thumbnail', false],
    ]);
    expect(workflows.map(({ name }) => name)).toEqual(['order', 'refund']);
  });

  it('are nothing else that lies about', async () => {
    const directory = await directoryOf({
      'types.d.ts': '',
      'resize.test.ts': '',
      'README.md': '',
      '.hidden.js': '',
      'not-executable.sh': 'echo',
      'config.yaml': '',
      node_modules: ['index.js'],
    });
    await writeFile(join(directory, 'binary'), Buffer.from([0, 1, 2]));
    await chmod(join(directory, 'binary'), 0o755);
    await symlink('nowhere.js', join(directory, 'dangling.js'));
    expect(await findIn(directory)).toEqual({ functions: [], workflows: [] });
  });

  it('of a directory that is not there are an error', async () => {
    await expect(findIn('/not/there')).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  });

  it('may not have one name twice', async () => {
    const directory = await directoryOf({ 'resize.ts': '', 'resize.sh': '#!/bin/sh\n' });
    const found = await findIn(directory);
    expect(() => checkNames(found)).toThrow(/resize\.sh and .*resize\.ts would both be called "resize"/);
  });
});

describe('What a workflow names', () => {
  const texts: Readonly<Record<string, string>> = {
    'ship.wf.yaml': 'run: pack\nrun: pay',
    'pay.wf.yaml': 'run: charge',
    'other.wf.yaml': 'run: unused',
  };
  const named = async (text: string) => {
    const directory = await directoryOf({
      ...texts,
      'pack.ts': '',
      'charge.ts': '',
      'charge-back.ts': '',
      'unused.ts': '',
    });
    const { functions, workflows } = namedIn(text, await findIn(directory), ({ path }) => texts[basename(path)] ?? '');
    return [...functions, ...workflows].map(({ name }) => name).sort();
  };

  it('is what stands in it as a word, and what that names in turn', async () => {
    expect(await named('tasks: { a: { run: ship } }')).toEqual(['charge', 'pack', 'pay', 'ship']);
    expect(await named('run: charge-back')).toEqual(['charge-back']);
    expect(await named('run: packing, unused2')).toEqual([]);
  });
});

describe('The name of a workflow in a file', () => {
  it.each([
    ['./order.wf.yaml', 'order'],
    ['dir/Order_Flow.WF.yml', 'order-flow'],
    ['order.yaml', 'order'],
  ])('of %s is %s', (path, name) => expect(workflowNameOf(path)).toBe(name));
});
