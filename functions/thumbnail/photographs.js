/**
 * A directory full of photographs, cut out of the one that is here: wide, tall, square, and one that the camera held sideways.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const ROCKET = fileURLToPath(new URL('./data/rocket.jpg', import.meta.url));

/** Of 640 x 427 pixels. */
const CUTS = [
  ['flame.jpg', { left: 230, top: 200, width: 200, height: 227 }],
  ['launch-pad.png', { left: 0, top: 227, width: 400, height: 200 }],
  ['rocket.jpg', { left: 0, top: 0, width: 640, height: 427 }],
  ['sky.webp', { left: 320, top: 0, width: 300, height: 300 }],
  ['smoke.jpg', { left: 60, top: 300, width: 520, height: 127 }],
];

/**
 * Makes the directory, and writes six photographs into it.
 * @param {string} directory
 * @returns {Promise<void>}
 */
export async function writePhotographs(directory) {
  await mkdir(directory, { recursive: true });
  await Promise.all(
    CUTS.map(async ([name, cut]) => writeFile(join(directory, name), await sharp(ROCKET).extract(cut).toBuffer())),
  );
  const sideways = sharp(ROCKET).resize(320).withMetadata({ orientation: 6 });
  await writeFile(join(directory, 'sideways.jpg'), await sideways.toBuffer());
}
