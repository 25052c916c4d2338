// @ts-check
/**
 * What `npm start` runs: a host on loopback with every sample deployed. Calls each sample cold and then warm, re-deploys one under load, kills
 * an instance, runs the workflows, says what it saw, and keeps serving; with `--once` it leaves instead.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTroupe, TroupeError } from 'troupe';
import { jobs, samples, workflows } from './samples.js';
import { duration, kilobytes, quantile, table } from './tour-format.js';
import { takeBack, visitWorkflow } from './tour-workflows.js';

/** Enough for a p99, and few enough that the slowest sample is done in a moment. */
const WARM_CALLS = 200;
const WARM_BUDGET_MS = 1_000;

/** @param {import('troupe').Troupe} troupe @param {import('./samples.js').Sample} sample @param {unknown} input */
async function call(troupe, { name, kind }, input) {
  const startedMs = performance.now();
  const result = await { value: callValue, stream: callStream, http: callHttp }[kind](troupe, name, input);
  return { result, tookMs: performance.now() - startedMs };
}

/** @param {import('troupe').Troupe} troupe @param {string} name @param {unknown} input */
function callValue(troupe, name, input) {
  return troupe.invoke(name, input);
}

/** @param {import('troupe').Troupe} troupe @param {string} name @param {unknown} input */
async function callStream(troupe, name, input) {
  const chunks = [];
  for await (const chunk of troupe.stream(name, input)) chunks.push(chunk);
  return chunks;
}

/** @param {import('troupe').Troupe} troupe @param {string} name @param {any} input */
async function callHttp(troupe, name, { url, method, headers }) {
  const response = await troupe.fetch(name, new Request(url, { method, headers }));
  return { status: response.status, body: await response.text() };
}

/** @param {import('troupe').Troupe} troupe @param {import('./samples.js').Sample} sample */
async function visit(troupe, sample) {
  const deployed = await troupe.deploy({ name: sample.name, source: sample.source, ...sample.options });
  const input = await sample.input();
  const { result } = await call(troupe, sample, input);
  const [cold] = troupe.invocations(1, sample.name);
  const warmMs = [];
  const endMs = performance.now() + WARM_BUDGET_MS;
  while (warmMs.length < WARM_CALLS && performance.now() < endMs)
    warmMs.push((await call(troupe, sample, input)).tookMs);
  warmMs.sort((one, other) => one - other);
  const { versions, instances } = await troupe.describe(sample.name);
  return {
    row: [
      sample.name,
      versions[0]?.config.isolation ?? '',
      kilobytes(deployed.bytes),
      `${duration((cold?.totalUs ?? 0) / 1_000)} (${cold?.coldStart ?? 'warm'})`,
      duration(quantile(warmMs, 0.5)),
      duration(quantile(warmMs, 0.99)),
      String(instances.length),
    ],
    saw: `${sample.name}: ${sample.describe(result)}`,
  };
}

/** Deploys new code again and again while calls run. @param {import('troupe').Troupe} troupe */
async function redeployUnderLoad(troupe) {
  /** @param {number} version */
  const deploy = (version) =>
    troupe.deploy({
      name: 'greeter',
      concurrency: 8,
      source: { language: 'js', code: `export default async ({ name }) => 'version ${version} greets ' + name` },
    });
  await deploy(1);
  let isDeploying = true;
  let calls = 0;
  const caller = async () => {
    while (isDeploying) {
      await troupe.invoke('greeter', { name: `caller ${calls++}` });
    }
  };
  const callers = Array.from({ length: 8 }, caller);
  for (let version = 2; version <= 6; version++) await deploy(version);
  isDeploying = false;
  await Promise.all(callers);
  return `greeter: deployed 5 times during ${calls} calls; every call was answered`;
}

/** @param {import('troupe').Troupe} troupe */
async function killAndReplace(troupe) {
  const code = `export default async ({ die }) => die ? process.exit(1) : 'alive'`;
  await troupe.deploy({ name: 'mortal', source: { language: 'js', code } });
  await troupe.invoke('mortal', {});
  const killed = await troupe.invoke('mortal', { die: true }).catch((error) => error);
  const startedMs = performance.now();
  await troupe.invoke('mortal', {});
  const tookMs = performance.now() - startedMs;
  const code_ = killed instanceof TroupeError ? killed.code : 'no error';
  return `mortal: its instance ended inside a call, which got ${code_}; the next call was answered after ${duration(tookMs)}`;
}

/** @param {import('troupe').Troupe} troupe @param {string} directory */
async function composeAll(troupe, directory) {
  console.log(`\n${workflows.length} workflows of such functions, in the language of Fission Workflows\n`);
  const visits = [];
  for (const workflow of workflows) visits.push(await visitWorkflow(troupe, workflow, directory));
  table(
    ['workflow', 'functions', 'steps', 'first run', 'later p50'],
    visits.map(({ row }) => row),
  );
  console.log('');
  for (const { saw } of visits) console.log(`  ${saw}`);
  console.log(`  ${await takeBack(troupe)}`);
}

/** @param {import('troupe').Troupe} troupe @param {string} directory */
async function enqueueAll(troupe, directory) {
  console.log(`\n${jobs.length} functions whose calls are durable jobs\n`);
  for (const { name, run } of jobs)
    console.log(`  ${name}: ${await run(troupe, { directory, stream: process.stdout })}`);
}

const NEXT = (/** @type {string} */ url) => `
Still serving ${url}. In another terminal, try:

  npx troupe invoke markdown -d '"# Hello, *world*"'${hostFlag(url)}
  npx troupe fn describe thumbnail${hostFlag(url)}
  npx troupe logs -f${hostFlag(url)}
  curl ${url}/fn/page/
  curl ${url}/metrics

Ctrl-C ends it.`;

/** @param {string} url */
function hostFlag(url) {
  return url.endsWith(':4460') ? '' : ` --host ${url}`;
}

async function main() {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false }, port: { type: 'string' } } });
  const troupe = await createTroupe({ agent: 'process' });
  const directory = await mkdtemp(join(tmpdir(), 'troupe-tour-'));
  try {
    const gateway = await troupe.listen(
      values.once ? { port: 0 } : values.port === undefined ? {} : { port: Number(values.port) },
    );
    console.log(`troupe on ${gateway.url}: deploying ${samples.length} samples, calling each cold and then warm\n`);
    const visits = [];
    for (const sample of samples) visits.push(await visit(troupe, sample));
    table(
      ['function', 'isolation', 'bundle', 'cold (why)', 'warm p50', 'warm p99', 'instances'],
      visits.map(({ row }) => row),
    );
    console.log('');
    for (const { saw } of visits) console.log(`  ${saw}`);
    console.log('');
    console.log(`  ${await redeployUnderLoad(troupe)}`);
    console.log(`  ${await killAndReplace(troupe)}`);
    await composeAll(troupe, directory);
    await enqueueAll(troupe, directory);
    if (values.once) return;
    console.log(NEXT(gateway.url));
    await new Promise((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
  } finally {
    await troupe.close();
    await rm(directory, { recursive: true });
  }
}

try {
  await main();
} catch (error) {
  const code = error instanceof TroupeError ? `${error.code}: ` : '';
  console.error(`${code}${error instanceof Error ? error.message : error}`);
  process.exitCode = error instanceof TroupeError ? error.exitCode : 1;
}
