// @ts-check
/** Photographs of which nobody has to ask who took them: skies at different hours, with hills before them. The same ones each time. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const WIDTH = 1_600;
const HEIGHT = 1_067;

/** @param {string} directory made if it is not there @param {number} count @returns {Promise<string[]>} their paths */
export async function writePhotographs(directory, count) {
  await mkdir(directory, { recursive: true });
  const paths = [];
  for (let index = 0; index < count; index++) {
    const path = join(directory, `photograph-${String(index + 1).padStart(2, '0')}.jpg`);
    await sharp(Buffer.from(landscape(index, count)))
      .jpeg({ quality: 90 })
      .toFile(path);
    paths.push(path);
  }
  return paths;
}

/** @param {number} index @param {number} count */
function landscape(index, count) {
  const hour = index / count;
  const light = Math.round(25 + 50 * Math.sin(Math.PI * hour));
  const sunX = Math.round(WIDTH * hour);
  const sunY = Math.round(HEIGHT * (0.6 - 0.45 * Math.sin(Math.PI * hour)));
  const hills = [0.55, 0.68, 0.82].map((top, row) => {
    const points = Array.from({ length: 33 }, (_, at) => {
      const wave = Math.sin(at * 0.7 + index + row * 2) + 0.5 * Math.sin(at * 1.9 + index * row);
      return `${(at * WIDTH) / 32},${Math.round(HEIGHT * (top + 0.05 * wave))}`;
    });
    const color = `hsl(${130 - row * 15} 35% ${Math.round(light * (0.6 - row * 0.15))}%)`;
    return `<polygon fill="${color}" points="0,${HEIGHT} ${points.join(' ')} ${WIDTH},${HEIGHT}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">
    <linearGradient id="sky" x2="0" y2="1"><stop stop-color="hsl(215 60% ${light}%)"/><stop offset="1" stop-color="hsl(30 70% ${light + 15}%)"/></linearGradient>
    <rect width="100%" height="100%" fill="url(#sky)"/><circle cx="${sunX}" cy="${sunY}" r="70" fill="hsl(45 95% ${light + 20}%)"/>${hills.join('')}</svg>`;
}
