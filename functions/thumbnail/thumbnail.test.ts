import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import thumbnail, { type ThumbnailEvent } from './index.ts';

let photograph: Uint8Array;

beforeAll(async () => {
  photograph = await readFile(new URL('./data/rocket.jpg', import.meta.url));
});

function bytesOf(image: Uint8Array | string): Uint8Array {
  if (typeof image === 'string') throw new Error('expected bytes');
  return image;
}

describe('thumbnail', () => {
  it('makes a small picture of a real photograph that still shows the same scene', async () => {
    const result = await thumbnail({ image: photograph, width: 160, height: 120, format: 'webp' });
    const image = bytesOf(result.image);
    expect(await sharp(image).metadata()).toMatchObject({ format: 'webp', width: 160, height: 107 });
    expect(result).toMatchObject({ width: 160, height: 107, bytes: image.length });
    expect(image.length).toBeLessThan(photograph.length / 10);
    const reference = await sharp(photograph).resize(160, 107).removeAlpha().raw().toBuffer();
    const pixels = await sharp(image).removeAlpha().raw().toBuffer();
    expect(pixels.length).toBe(reference.length);
    const difference = pixels.reduce((sum, value, at) => sum + Math.abs(value - (reference[at] ?? 0)), 0);
    expect(difference / pixels.length).toBeLessThan(8);
  });

  it('keeps the proportions when only the width is given, in every output format', async () => {
    for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
      const result = await thumbnail({ image: photograph, width: 64, format });
      expect(result.width).toBe(64);
      // 64 x 427 / 640 is 42.7: sharp rounds either way, depending on how it unpacks.
      expect(Math.abs(result.height - 42.7)).toBeLessThan(1);
      const metadata = await sharp(bytesOf(result.image)).metadata();
      expect(metadata.format).toBe(format === 'avif' ? 'heif' : format);
    }
  });

  it('never enlarges', async () => {
    expect(await thumbnail({ image: photograph, width: 4_000 })).toMatchObject({ width: 640, height: 427 });
  });

  it('turns a photograph upright and leaves its metadata behind', async () => {
    const sideways = await sharp(photograph).withMetadata({ orientation: 6 }).toBuffer();
    const result = await thumbnail({ image: sideways, width: 427, format: 'jpeg' });
    expect(result).toMatchObject({ width: 427, height: 640 });
    expect((await sharp(bytesOf(result.image)).metadata()).exif).toBeUndefined();
  });

  it('answers Base64 with Base64', async () => {
    const image = Buffer.from(photograph).toString('base64');
    const result = await thumbnail({ image, width: 32, format: 'png' });
    expect(typeof result.image).toBe('string');
    expect(await sharp(Buffer.from(String(result.image), 'base64')).metadata()).toMatchObject({
      format: 'png',
      width: 32,
    });
  });

  it('says what is wrong with bytes that are no photograph', async () => {
    const text = new TextEncoder().encode('This is a letter, not a picture.');
    const drawing = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(thumbnail({ image: text, width: 10 })).rejects.toThrow(
      /32 bytes are not an image .* expected one of jpeg/,
    );
    await expect(thumbnail({ image: drawing, width: 10 })).rejects.toThrow(/type svg; expected one of jpeg/);
    await expect(thumbnail({ image: new Uint8Array(0), width: 10 })).rejects.toThrow(/is empty/);
    await expect(thumbnail({ image: photograph.subarray(0, 5_000), width: 10 })).rejects.toThrow(/damaged/);
  });

  it('names the field of a wrong event', async () => {
    const wrong = (event: unknown) => thumbnail(event as ThumbnailEvent);
    await expect(wrong(undefined)).rejects.toThrow(/`image` is missing/);
    await expect(wrong({ image: photograph, width: 0 })).rejects.toThrow(/`width` must be .* not 0/);
    await expect(wrong({ image: photograph, width: 10, height: 1.5 })).rejects.toThrow(/`height` must be .* not 1.5/);
    await expect(wrong({ image: photograph, width: 10, format: 'bmp' })).rejects.toThrow(
      /`format` must be .* not "bmp"/,
    );
  });
});
