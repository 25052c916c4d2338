/** The functions of which cold starts are measured: the same code for every subject. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Packages are found from here: lodash comes with a peer, the others with troupe. */
const HERE = fileURLToPath(new URL('.', import.meta.url));

/** About 1 KB: what a cold start costs without any code. */
function small() {
  return `// ${'-'.repeat(900)}\nmodule.exports = (event) => event;\n`;
}

/** About 400 KB in a thousand functions, each of which the first call needs. */
function large() {
  const bodies = Array.from(
    { length: 1_000 },
    (_, index) => `function step${index}(state, factor) {
  const weight = (state.total * ${index + 3} + factor) % 1009;
  if (weight > ${index % 997}) { state.total += weight; state.high.push(${index}); } else { state.total -= weight; state.low.push(${index}); }
  for (const mark of ['${`mark-${index}-`.repeat(6)}']) { if (mark.length > state.longest) state.longest = mark.length; }
  return state.total > 1e9 ? state.total % 1e6 : state.total;
}`,
  );
  const names = Array.from({ length: 1_000 }, (_, index) => `step${index}`);
  return `${bodies.join('\n')}
const steps = [${names.join(', ')}];
module.exports = (event) => {
  const state = { total: 1, longest: 0, high: [], low: [] };
  for (const step of steps) step(state, event.id);
  return { total: state.total, high: state.high.length };
};
`;
}

/** Libraries that people use, as they are. Most of the time goes into their top level. */
async function real() {
  const contents = `import { z } from 'zod';
import YAML from 'yaml';
import lodash from 'lodash';
const schema = z.object({ id: z.number(), name: z.string(), tags: z.array(z.string()) });
module.exports = (event) => YAML.stringify(lodash.mapValues(schema.parse(event), lodash.toString));`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: HERE },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

export const BUNDLES = /** @type {const} */ ({ '1 KB': small, '400 KB': large, 'lodash + zod + yaml': real });
