/**
 * Thumbnails of photographs, with sharp.
 *
 * Takes a photograph and answers with a smaller one that fits into the box asked for, upright whatever way the camera was held, and never
 * larger than the original. Metadata (place, camera, owner) does not travel along.
 *
 * It runs as a process: sharp is native code, whose memory no thread limit sees and which cannot always be unloaded with its thread.
 */
import sharp from 'sharp';
import type { Context, FunctionConfig } from 'troupe';

export const config = {
  isolation: 'process',
  memoryMb: 256,
  timeoutMs: 10_000,
  idempotent: true,
  description: 'Thumbnails of photographs',
} satisfies FunctionConfig;

const INPUT_FORMATS: readonly string[] = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'];
const OUTPUT_FORMATS = ['jpeg', 'png', 'webp', 'avif'] as const;
/** A small file can unpack to gigabytes. 50 megapixels: what a good camera takes, 200 MB unpacked at most. */
const MAX_INPUT_PIXELS = 50_000_000;
const MAX_SIDE_PIXELS = 4_096;

// More work at once is more instances: sharp's own threads would only fight over the same processor, and a cache of images that are
// each seen once is wasted memory.
sharp.concurrency(1);
sharp.cache(false);

export type ThumbnailFormat = (typeof OUTPUT_FORMATS)[number];

export interface ThumbnailEvent {
  /** The file's bytes; or those in Base64, for callers that speak JSON. */
  readonly image: Uint8Array | string;
  /** Pixels, 1 to 4096. */
  readonly width: number;
  /** Pixels, 1 to 4096. Absent: whatever keeps the proportions. */
  readonly height?: number;
  /** Default: `webp`. */
  readonly format?: ThumbnailFormat;
}

export interface Thumbnail {
  /** Bytes if bytes were given, Base64 if Base64 was. */
  readonly image: Uint8Array | string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

/** Throws a `TypeError` for a wrong event, and an `Error` that says why for bytes that are not a picture. */
export default async function thumbnail(event: ThumbnailEvent, _context?: Context): Promise<Thumbnail> {
  const { image, width, height, format = 'webp' } = checkEvent(event);
  const bytes = typeof image === 'string' ? Buffer.from(image, 'base64') : image;
  await checkPhotograph(bytes);
  const { data, info } = await sharp(bytes, { limitInputPixels: MAX_INPUT_PIXELS })
    .autoOrient()
    .resize({ width, ...(height === undefined ? {} : { height }), fit: 'inside', withoutEnlargement: true })
    .toFormat(format)
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw new Error(`The image is damaged or too large to unpack: ${reason(error)}.`, { cause: error });
    });
  return {
    image: typeof image === 'string' ? data.toString('base64') : data,
    width: info.width,
    height: info.height,
    bytes: info.size,
  };
}

function checkEvent(event: ThumbnailEvent): ThumbnailEvent {
  const given: Partial<Record<keyof ThumbnailEvent, unknown>> = event ?? {};
  if (!(given.image instanceof Uint8Array) && typeof given.image !== 'string')
    throw new TypeError('`image` is missing: send the bytes of a picture, or those in Base64.');
  checkSide('width', given.width);
  if (given.height !== undefined) checkSide('height', given.height);
  if (given.format !== undefined && !OUTPUT_FORMATS.some((format) => format === given.format))
    throw new TypeError(`\`format\` must be one of ${OUTPUT_FORMATS.join(', ')}, not ${JSON.stringify(given.format)}.`);
  return event;
}

function checkSide(name: string, value: unknown): void {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_SIDE_PIXELS) return;
  throw new TypeError(
    `\`${name}\` must be a whole number of pixels from 1 to ${MAX_SIDE_PIXELS}, not ${String(value)}.`,
  );
}

/** Drawings (SVG, PDF) are refused too: they are programs of a kind, and can ask for far more work than their size tells. */
async function checkPhotograph(bytes: Uint8Array): Promise<void> {
  const expected = `expected one of ${INPUT_FORMATS.join(', ')}`;
  if (bytes.length === 0) throw new Error(`The image is empty; ${expected}.`);
  const { format } = await sharp(bytes, { limitInputPixels: MAX_INPUT_PIXELS })
    .metadata()
    .catch((error: unknown) => {
      throw new Error(`The ${bytes.length} bytes are not an image (${reason(error)}); ${expected}.`, { cause: error });
    });
  if (!INPUT_FORMATS.includes(format)) throw new Error(`The image is of type ${format}; ${expected}.`);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
