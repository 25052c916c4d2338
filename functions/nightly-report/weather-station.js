// @ts-check
/**
 * A weather station on loopback that is as bad as real ones: it has no time for the first who ask for a night, and of one night it has damaged the
 * readings.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { weatherCsv } from '../csv-statistics/generate.js';

const ROWS = 5_000;

/**
 * @param {{ busyTimes: number, damagedNight: string }} options
 * @returns {Promise<{ urlOf(night: string): string, mend(): void, close(): Promise<void> }>}
 */
export async function startStation({ busyTimes, damagedNight }) {
  /** @type {Map<string, number>} */
  const asked = new Map();
  let isMended = false;
  const server = createServer((request, response) => {
    const night = request.url?.slice(1) ?? '';
    const times = (asked.get(night) ?? 0) + 1;
    asked.set(night, times);
    const isDamaged = night === damagedNight && !isMended;
    if (times <= busyTimes && !isDamaged) return response.writeHead(503).end('Come back later.');
    const csv = weatherCsv({ rows: ROWS, seed: Number(night.replaceAll('-', '')) });
    // Somebody opened the file with a program that means well.
    response.writeHead(200, { 'content-type': 'text/csv' }).end(isDamaged ? csv.replace(/temperature_c/, 'temp') : csv);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    urlOf: (night) => `http://127.0.0.1:${port}/${night}`,
    mend() {
      isMended = true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
