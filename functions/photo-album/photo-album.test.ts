import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTroupe, type Troupe } from '../../src/troupe.ts';
import { makeAlbum } from './album.js';
import { writePhotographs } from './photographs.js';
import { ProgressBar } from './progress-bar.js';

/** What was written, as a terminal or a file would take it. */
function stream(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

describe('a photo album', () => {
  let troupe: Troupe;
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'troupe-album-'));
    troupe = await createTroupe();
  });

  afterAll(async () => {
    await troupe.close();
    await rm(root, { recursive: true });
  });

  it('has three sizes of each photograph, made two at a time', async () => {
    const photographs = await writePhotographs(join(root, 'six'), 6);
    const running = new Set<string>();
    let most = 0;
    const stop = troupe.jobs.watch(({ id, status }) => {
      if (status === 'running') running.add(id);
      else running.delete(id);
      most = Math.max(most, running.size);
    });
    const output = stream(false);
    const album = await makeAlbum(troupe, { photographs, to: join(root, 'six-album'), stream: output });
    stop();
    expect(most).toBe(2);
    expect(album.damaged).toEqual([]);
    expect(album.photographs.map(({ from }) => from)).toEqual(photographs);
    for (const { files } of album.photographs) {
      const widths = await Promise.all(files.map(async (file) => (await sharp(file).metadata()).width));
      expect(widths).toEqual([960, 480, 160]);
    }
    expect(output.written.at(-1)).toBe('100 % done\n');
    expect(output.written.length).toBeLessThanOrEqual(4);
  });

  it('is made of the photographs that can be read, and names the others', async () => {
    const photographs = await writePhotographs(join(root, 'damaged'), 2);
    const letter = join(root, 'damaged', 'letter.jpg');
    await writeFile(letter, 'Dear reader');
    const output = stream(true);
    const album = await makeAlbum(troupe, {
      photographs: [...photographs, letter],
      to: join(root, 'damaged-album'),
      stream: output,
    });
    expect(album.photographs).toHaveLength(2);
    expect(album.damaged).toEqual([{ from: letter, why: expect.stringContaining('not an image') }]);
    expect(output.written.at(-2)).toBe(`\r[${'#'.repeat(30)}] 100 %, 3 of 3`);
    expect(output.written.at(-1)).toBe('\n');
    expect(await readdir(join(root, 'damaged-album'))).toHaveLength(6);
  });

  it('begins with the same photographs each time', async () => {
    const [first] = await writePhotographs(join(root, 'one'), 1);
    const [again] = await writePhotographs(join(root, 'other'), 1);
    expect(await readFile(String(first))).toEqual(await readFile(String(again)));
  });
});

it('a bar shows what is done of jobs that are under way', () => {
  const output = stream(true);
  const bar = new ProgressBar({ total: 2, stream: output });
  const change = { function: 'photo-album', attempts: 1 } as const;
  bar.changed({ ...change, id: 'a', status: 'running', progress: { done: 1, of: 3 } });
  bar.changed({ ...change, id: 'a', status: 'succeeded' });
  expect(output.written).toEqual([
    `\r[#####${'.'.repeat(25)}]  16 %, 0 of 2`,
    `\r[${'#'.repeat(15)}${'.'.repeat(15)}]  50 %, 1 of 2`,
  ]);
});
