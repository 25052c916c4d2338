/** `npm run bench`: runs the scenarios and prints what they showed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from './measure.js';
import { micro } from './micro.js';

const SCENARIOS = ['warm-latency', 'throughput', 'cold-start'];

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const names = ['micro', ...SCENARIOS];
if (values.only !== undefined && !names.includes(values.only)) {
  console.error(`There is no scenario "${values.only}". There are: ${names.join(', ')}.`);
  process.exit(2);
}
const wanted = (/** @type {string} */ name) => values.only === undefined || values.only === name;
const directory = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
const rounds = values.quick ? 3 : 10;
/** @type {import('./measure.js').Row[]} */
const rows = [];
try {
  if (wanted('micro')) rows.push(...(await micro({ quick: values.quick })));
  for (const name of SCENARIOS.filter(wanted)) {
    console.error(`${name}: ${rounds} rounds`);
    const { subjects, variants = [undefined] } = await import(`./scenarios/${name}.js`);
    for (const variant of variants) {
      const title = variant === undefined ? name : `${name} ${variant}`;
      rows.push(...(await compare(title, await subjects({ quick: values.quick, directory, variant }), rounds)));
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
const environment = {
  node: process.version,
  platform: process.platform,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  rounds,
};
if (values.json) console.log(JSON.stringify({ environment, scenarios: rows }));
else print();

function print() {
  console.log(`\nNode ${environment.node}, ${environment.cores} x ${environment.cpu}, medians of ${rounds} rounds\n`);
  for (const { name, subject, p50Us, p99Us, perSecond, ratios } of rows) {
    const figures = [
      p50Us === undefined ? '' : `p50 ${us(p50Us)}`,
      p99Us === undefined ? '' : `p99 ${us(p99Us)}`,
      perSecond === undefined ? '' : `${Math.round(perSecond).toLocaleString('en-US')}/s`,
    ];
    console.log(`${name.padEnd(30)} ${subject.padEnd(45)} ${figures.filter(Boolean).join('   ')}`);
    for (const [peer, ratio] of Object.entries(ratios)) {
      const against =
        ratio.p50Us === undefined
          ? `${times(ratio.perSecond)} its throughput`
          : `${times(ratio.p50Us)} its p50, ${times(ratio.p99Us)} its p99`;
      console.log(`${''.padEnd(32)}against ${peer}: ${against}`);
    }
  }
}

/** @param {number} value */
function us(value) {
  return value < 1_000 ? `${value.toFixed(1)} us` : `${(value / 1_000).toFixed(2)} ms`;
}

/** @param {number | undefined} value */
function times(value) {
  return value === undefined ? '-' : `${value.toPrecision(3)}x`;
}
