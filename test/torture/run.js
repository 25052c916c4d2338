/**
 * `npm run torture -- --suite NAME|all --rounds N --seed S [--json]`: bundles torture.ts and runs it against the built package.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here('../..');
const product = join(root, 'dist/index.js');

if (!existsSync(product)) {
  console.error(`There is no build in ${root}: the suites torture what is shipped. Run \`npm run build\` first.`);
  process.exit(3);
}

const directory = await mkdtemp(join(tmpdir(), 'troupe-torture-'));
try {
  await build({
    // All but the first are run by a suite, as programs of their own.
    entryPoints: {
      torture: here('torture.ts'),
      'jobs-host': here('jobs/jobs-host.ts'),
      'workflows-host': here('workflows/workflows-host.ts'),
    },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'error',
    alias: { troupe: pathToFileURL(product).href },
    external: ['file:*'],
  });
  process.setSourceMapsEnabled(true);
  const { main } = await import(pathToFileURL(join(directory, 'torture.mjs')).href);
  process.exitCode = await main(process.argv.slice(2), { root, directory });
} finally {
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  setTimeout(() => {
    console.error('Something still holds the process.');
    process.exit(1);
  }, 10_000).unref();
}
