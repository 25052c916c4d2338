/**
 * Weather readings as CSV: an input of any size that is the same on every machine.
 */

const STATIONS = [
  ['Bergen, Norway', 7.8, 12],
  ['Cairo, Egypt', 22.1, 16],
  ['Reykjavík, Iceland', 5.1, 11],
  ['Singapore', 27.6, 1],
  ['Ushuaia, Argentina', 5.7, -8],
  ['Wagga "Wagga", Australia', 15.9, -16],
  ['Yakutsk, Russia', -8.8, 58],
  ['Zürich, Switzerland', 9.8, 19],
];
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2020, 0, 1);

/**
 * One reading per minute, from the stations in turn of chance. Four in a hundred readings lack the humidity.
 * @param {{ rows: number, seed: number }} options
 * @returns {Generator<[time: string, sensor: string, place: string, temperature: number, humidity: number | undefined, wind: number]>}
 */
export function* weatherReadings({ rows, seed }) {
  const random = lehmer(seed);
  for (let row = 0; row < rows; row++) {
    const atMs = START_MS + row * 60_000;
    const station = Math.floor(random() * STATIONS.length);
    const [place, mean, swing] = STATIONS[station];
    const season = -Math.cos(((atMs - START_MS) / DAY_MS / 365.25) * 2 * Math.PI) * (swing / 2);
    const hour = -Math.cos(((atMs % DAY_MS) / DAY_MS) * 2 * Math.PI) * 4;
    // The sum of four uniform numbers is close enough to a bell curve for weather.
    const chance = (random() + random() + random() + random() - 2) * 4;
    const temperature = round(mean + season + hour + chance, 1);
    const humidity = random() < 0.04 ? undefined : Math.round(100 - random() ** 2 * 80);
    const wind = round(-Math.log(1 - random()) * 4, 2);
    yield [new Date(atMs).toISOString().slice(0, 16), `s-${station}${row % 7}`, place, temperature, humidity, wind];
  }
}

/**
 * The readings as a CSV file with a header, quoted places and CRLF line ends (RFC 4180).
 * @param {{ rows: number, seed: number }} options
 * @returns {string} about 50 bytes per row
 */
export function weatherCsv(options) {
  const lines = ['time,sensor,place,temperature_c,humidity_percent,wind_ms'];
  for (const [time, sensor, place, temperature, humidity, wind] of weatherReadings(options)) {
    lines.push(`${time},${sensor},"${place.replaceAll('"', '""')}",${temperature},${humidity ?? ''},${wind}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}

/**
 * The "minimal standard" generator (Park and Miller, 1988): exact in doubles, so the same everywhere.
 * @param {number} seed
 */
function lehmer(seed) {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/**
 * @param {number} value
 * @param {number} digits
 */
function round(value, digits) {
  return Number(value.toFixed(digits));
}
