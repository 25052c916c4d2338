import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTroupe, type Troupe } from '../../src/troupe.ts';
import { workflows } from '../samples.js';
import { writePhotographs } from '../thumbnail/photographs.js';
import type { ContactSheet } from './contact-sheet.ts';

describe('the image pipeline', () => {
  let troupe: Troupe;
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'troupe-pipeline-'));
    troupe = await createTroupe({ agent: 'process' });
    const sample = workflows.find(({ name }) => name === 'image-pipeline');
    for (const [name, source] of Object.entries(sample?.functions ?? {})) await troupe.deploy({ name, source });
    const source = new URL('./image-pipeline.wf.yaml', import.meta.url);
    await troupe.workflows.deploy({ name: 'image-pipeline', source });
  });

  afterAll(async () => {
    await troupe.close();
    await rm(root, { recursive: true });
  });

  it('makes a sheet of six photographs, upright and in the order of their names', async () => {
    const [from, to] = [join(root, 'six'), join(root, 'six-sheet')];
    await writePhotographs(from);
    const run = await troupe.workflows.start<ContactSheet>('image-pipeline', { from, to, width: 96 });
    const sheet = await run.result();
    expect(sheet).toMatchObject({ page: join(to, 'index.html'), images: 6, unreadable: [] });
    expect(sheet.bytes).toBeLessThan(sheet.bytesFrom / 5);
    const page = await readFile(sheet.page, 'utf8');
    const shown = [...page.matchAll(/<img src="([^"]+)" width="(\d+)" height="(\d+)"/g)];
    expect(shown.map(([, name]) => name)).toEqual(
      ['flame.jpg', 'launch-pad.png', 'rocket.jpg', 'sideways.jpg', 'sky.webp', 'smoke.jpg'].map(
        (name) => `${name}.webp`,
      ),
    );
    for (const [, name = '', width, height] of shown) {
      const metadata = await sharp(join(to, name)).metadata();
      expect([metadata.format, metadata.width, metadata.height]).toEqual(['webp', 96, Number(height)]);
      expect(Number(width)).toBe(96);
    }
    const steps = (await run.status()).known.map(({ step }) => step);
    expect(steps).toEqual(expect.arrayContaining(['Photographs', 'Thumbnails/do_0', 'Thumbnails/do_5', 'Sheet']));
  });

  it('names a photograph that is none, without trying it again', async () => {
    const [from, to] = [join(root, 'damaged'), join(root, 'damaged-sheet')];
    await writePhotographs(from);
    await writeFile(join(from, 'a <letter>.jpg'), 'Dear reader');
    const run = await troupe.workflows.start<ContactSheet>('image-pipeline', { from, to });
    expect(await run.result()).toMatchObject({ images: 6, unreadable: ['a <letter>.jpg'] });
    const page = await readFile(join(to, 'index.html'), 'utf8');
    expect(page).toContain('a &lt;letter&gt;.jpg');
    expect(page).toContain('The 11 bytes are not an image');
    const failed = (await run.status()).known.find(({ status }) => status === 'failed');
    expect(failed).toMatchObject({ step: 'Thumbnails/do_0', attempts: 1 });
  });

  it('says what is missing', async () => {
    await expect(troupe.invoke('image-pipeline', {})).rejects.toThrow(/`from` is missing/);
    await expect(troupe.invoke('image-pipeline', { from: root })).rejects.toThrow(/`to` is missing/);
    await expect(troupe.invoke('image-pipeline', { from: join(root, 'nowhere'), to: root })).rejects.toThrow(/ENOENT/);
  });
});
