/** `troupe fn`: what is deployed. */
import type { Command } from 'commander';
import type { FunctionDetails } from '../../ecosystem/monitoring/protocol.ts';
import { TroupeError } from '../../errors.ts';
import {
  CURRENT_ALIAS,
  type FunctionAlias,
  type FunctionDescription,
} from '../../function-management/registry/protocol.ts';
import { wholeNumber } from '../function-options.ts';
import { HostClient } from '../host-client.ts';
import { bytes, duration, type Terminal, table, toJson } from '../terminal.ts';

interface CommonFlags {
  readonly host?: string;
  readonly json?: boolean;
}

export function addFunctions(program: Command, terminal: Terminal): void {
  const fn = program.command('fn').description('List, describe and remove functions, their versions and aliases.');
  const add = (name: string, description: string, example: string): Command =>
    fn
      .command(name)
      .description(description)
      .option('--host <url>', 'the host; the default is TROUPE_HOST, then http://127.0.0.1:4460')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  $ troupe fn ${example}`);

  add('ls', 'List every function.', 'ls').action((flags: CommonFlags) => list(flags, terminal));
  add('describe', 'Show a function with its instances and latest calls.', 'describe hello')
    .argument('<name>')
    .action((name: string, flags: CommonFlags) => describe(name, flags, terminal));
  add('versions', 'List the versions of a function, newest first.', 'versions hello')
    .argument('<name>')
    .action((name: string, flags: CommonFlags) => versions(name, flags, terminal));
  add('rm', 'Remove a function with all its versions.', 'rm hello')
    .argument('<name>')
    .action(async (name: string, flags: CommonFlags) => {
      await new HostClient(flags.host).json({ method: 'DELETE', path: pathOf(name) });
      terminal.out(flags.json ? toJson({ removed: name }) : `${name} is removed`);
    });
  add(
    'alias',
    'Point an alias at a version, split it by weight, or remove it. Moving "current" back is a rollback.',
    'alias hello current 3',
  )
    .argument('<name>')
    .argument('<alias>')
    .argument('[targets...]', 'a version, or VERSION=WEIGHT several times')
    .option('--rm', 'remove the alias')
    .action((name: string, alias: string, targets: string[], flags: CommonFlags & { rm?: boolean }) =>
      setAlias({ name, alias, targets, flags }, terminal),
    );
}

async function list({ host, json }: CommonFlags, terminal: Terminal): Promise<void> {
  const functions = await new HostClient(host).json<FunctionDescription[]>({ method: 'GET', path: '/functions' });
  if (json) return terminal.out(toJson(functions));
  if (functions.length === 0) return terminal.note('No function is deployed. Deploy one with "troupe deploy".');
  const rows = functions.map((description) => {
    const version = currentOf(description);
    const config = version?.config;
    return [
      description.name,
      String(version?.version ?? '-'),
      version?.shape ?? '-',
      config?.isolation ?? '-',
      `${config?.memoryMb ?? '-'} MiB`,
      version ? bytes(version.artifact.bytes) : '-',
      config?.description ?? '',
    ];
  });
  for (const line of table(['NAME', 'VERSION', 'SHAPE', 'ISOLATION', 'MEMORY', 'BUNDLE', ''], rows)) terminal.out(line);
}

async function describe(name: string, { host, json }: CommonFlags, terminal: Terminal): Promise<void> {
  const details = await new HostClient(host).json<FunctionDetails>({ method: 'GET', path: pathOf(name) });
  if (json) return terminal.out(toJson(details));
  terminal.out(`${details.name}, version ${currentOf(details)?.version ?? '-'} of ${details.versions.length}`);
  for (const alias of details.aliases) terminal.out(`  alias ${describeAlias(alias)}`);
  for (const target of details.targets)
    terminal.out(`  wants ${target.instances} of version ${target.version}: ${target.reason}`);
  const instances = details.instances.map(
    ({ instanceId, state, functionVersion, startedBecause, coldStartMs, agentId }) => [
      instanceId,
      state,
      String(functionVersion),
      startedBecause,
      coldStartMs === undefined ? '-' : duration(coldStartMs * 1_000),
      agentId,
    ],
  );
  if (instances.length > 0) terminal.out('');
  if (instances.length > 0) {
    for (const line of table(['INSTANCE', 'STATE', 'VERSION', 'STARTED', 'COLD START', 'AGENT'], instances))
      terminal.out(line);
  }
  const calls = details.latest.map(({ id, status, totalUs, phasesUs, coldStart }) => [
    id,
    status,
    duration(totalUs),
    duration(phasesUs.run),
    coldStart ?? 'warm',
  ]);
  if (calls.length === 0) return;
  terminal.out('');
  for (const line of table(['INVOCATION', 'STATUS', 'TOTAL', 'RUN', 'START'], calls)) terminal.out(line);
}

async function versions(name: string, { host, json }: CommonFlags, terminal: Terminal): Promise<void> {
  const details = await new HostClient(host).json<FunctionDetails>({ method: 'GET', path: pathOf(name) });
  const newestFirst = [...details.versions].sort((one, other) => other.version - one.version);
  if (json) return terminal.out(toJson(newestFirst));
  const rows = newestFirst.map(({ version, createdAtMs, artifact, shape }) => [
    String(version),
    new Date(createdAtMs).toISOString(),
    shape,
    bytes(artifact.bytes),
    artifact.hash.slice(0, 12),
    details.aliases
      .filter(({ targets }) => targets.some((target) => target.version === version))
      .map(({ alias }) => alias)
      .join(', '),
  ]);
  for (const line of table(['VERSION', 'CREATED', 'SHAPE', 'BUNDLE', 'ARTIFACT', 'ALIASES'], rows)) terminal.out(line);
}

interface AliasRequest {
  readonly name: string;
  readonly alias: string;
  readonly targets: readonly string[];
  readonly flags: CommonFlags & { readonly rm?: boolean };
}

async function setAlias({ name, alias, targets, flags }: AliasRequest, terminal: Terminal): Promise<void> {
  const client = new HostClient(flags.host);
  const path = `${pathOf(name)}/aliases/${encodeURIComponent(alias)}`;
  if (flags.rm) {
    await client.json({ method: 'DELETE', path });
    return terminal.out(flags.json ? toJson({ removed: alias }) : `alias ${alias} of ${name} is removed`);
  }
  if (targets.length === 0)
    throw new TroupeError(
      'INVALID_ARGUMENT',
      'Say which version the alias leads to, as in "troupe fn alias hello current 3".',
    );
  const body = { targets: targets.map(parseTarget) };
  await client.json({ method: 'PUT', path, body });
  terminal.out(flags.json ? toJson({ name, alias, ...body }) : `${name}: ${describeAlias({ name, alias, ...body })}`);
}

function parseTarget(text: string): FunctionAlias['targets'][number] {
  const [version = '', weight = '1'] = text.split('=');
  try {
    return { version: wholeNumber(version), weight: wholeNumber(weight) };
  } catch {
    throw new TroupeError('INVALID_ARGUMENT', `"${text}" is neither a version nor VERSION=WEIGHT.`);
  }
}

function describeAlias({ alias, targets }: FunctionAlias): string {
  const [only] = targets;
  if (targets.length === 1 && only) return `${alias} -> ${only.version}`;
  return `${alias} -> ${targets.map(({ version, weight }) => `${version} (weight ${weight})`).join(', ')}`;
}

function currentOf({ versions: all, aliases }: FunctionDescription) {
  const current = aliases.find(({ alias }) => alias === CURRENT_ALIAS)?.targets[0]?.version;
  return all.find(({ version }) => version === current);
}

function pathOf(name: string): string {
  return `/functions/${encodeURIComponent(name)}`;
}
