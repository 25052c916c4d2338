/** `troupe fn`: what is deployed. */
import type { Command } from 'commander';
import type { FunctionDetails } from '../../ecosystem/monitoring/protocol.ts';
import { TroupeError } from '../../errors.ts';
import {
  CURRENT_ALIAS,
  type FunctionAlias,
  type FunctionDescription,
} from '../../function-management/registry/protocol.ts';
import { forecastLines } from '../forecast-lines.ts';
import { HostClient } from '../host-client.ts';
import { addHostOptions, type HostFlags } from '../options.ts';
import { interruptible } from '../signals.ts';
import { bytes, duration, type Terminal, table, toJson } from '../terminal.ts';

type Run<Args extends unknown[], Flags> = (client: HostClient, flags: Flags, ...args: Args) => Promise<void>;

export function addFunctions(program: Command, terminal: Terminal): void {
  const fn = program
    .command('fn')
    .description('List, describe and remove functions, their versions and aliases.')
    .addHelpText('after', '\nExamples:\n  $ troupe fn ls\n  $ troupe fn alias hello current 3');
  const add = (name: string, description: string, example: string): Command =>
    addHostOptions(fn.command(name).description(description), 'print JSON').addHelpText(
      'after',
      `\nExample:\n  $ troupe fn ${example}`,
    );
  /** Calls `run` with a client and what commander hands over: the arguments, the flags, the command. */
  const action =
    <Args extends unknown[], Flags extends HostFlags>(run: Run<Args, Flags>) =>
    (...given: unknown[]) =>
      interruptible(terminal, async (signal) => {
        const flags = given.at(-2) as Flags;
        await run(await HostClient.open(flags.host, signal), flags, ...(given.slice(0, -2) as Args));
      });

  add('ls', 'List every function.', 'ls').action(action((client, flags: HostFlags) => list(client, flags, terminal)));
  add('describe', 'Show a function with its instances and latest calls.', 'describe hello')
    .argument('<name>')
    .action(action((client, flags: HostFlags, name: string) => describe(client, name, flags, terminal)));
  add('versions', 'List the versions of a function, newest first.', 'versions hello')
    .argument('<name>')
    .action(action((client, flags: HostFlags, name: string) => versions(client, name, flags, terminal)));
  add('rm', 'Remove a function with all its versions.', 'rm hello')
    .argument('<name>')
    .action(
      action(async (client, flags: HostFlags, name: string) => {
        await client.json({ method: 'DELETE', path: client.functionPath(name) });
        terminal.out(flags.json ? toJson({ removed: name }) : `${name} is removed`);
      }),
    );
  add(
    'alias',
    'Point an alias at a version, split it by weight, or remove it. Moving "current" back is a rollback.',
    'alias hello current 3\n  $ troupe fn alias hello canary 3=90 4=10\n  $ troupe fn alias hello canary --rm',
  )
    .argument('<name>')
    .argument('<alias>')
    .argument('[targets...]', 'a version, or VERSION=WEIGHT several times')
    .option('--rm', 'remove the alias')
    .action(
      action((client, flags: AliasFlags, name: string, alias: string, targets: string[]) =>
        setAlias(client, { name, alias, targets, flags }, terminal),
      ),
    );
}

async function list(client: HostClient, { json }: HostFlags, terminal: Terminal): Promise<void> {
  const functions = await client.json<FunctionDescription[]>({ method: 'GET', path: '/functions' });
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
  for (const line of table(terminal.outColors, ['NAME', 'VERSION', 'SHAPE', 'ISOLATION', 'MEMORY', 'BUNDLE', ''], rows))
    terminal.out(line);
}

async function describe(client: HostClient, name: string, { json }: HostFlags, terminal: Terminal): Promise<void> {
  const details = await client.json<FunctionDetails>({ method: 'GET', path: client.functionPath(name) });
  if (json) return terminal.out(toJson(details));
  terminal.out(`${details.name}, version ${currentOf(details)?.version ?? '-'} of ${details.versions.length}`);
  for (const alias of details.aliases) terminal.out(`  alias ${describeAlias(alias)}`);
  for (const target of details.targets)
    terminal.out(`  wants ${target.instances} of version ${target.version}: ${target.reason}`);
  for (const line of forecastLines(details.policy, details.forecast)) terminal.out(line);
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
    for (const line of table(
      terminal.outColors,
      ['INSTANCE', 'STATE', 'VERSION', 'STARTED', 'COLD START', 'AGENT'],
      instances,
    ))
      terminal.out(line);
  }
  const calls = details.latest.map(({ id, status, totalUs, phasesUs, coldStart }) => [
    id,
    status,
    duration(totalUs),
    // A call that was refused never got into an instance.
    phasesUs.run > 0 ? duration(phasesUs.run) : '-',
    coldStart ?? (phasesUs.run > 0 ? 'warm' : '-'),
  ]);
  if (calls.length === 0) return;
  terminal.out('');
  for (const line of table(terminal.outColors, ['INVOCATION', 'STATUS', 'TOTAL', 'RUN', 'START'], calls))
    terminal.out(line);
}

async function versions(client: HostClient, name: string, { json }: HostFlags, terminal: Terminal): Promise<void> {
  const details = await client.json<FunctionDetails>({ method: 'GET', path: client.functionPath(name) });
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
  for (const line of table(terminal.outColors, ['VERSION', 'CREATED', 'SHAPE', 'BUNDLE', 'ARTIFACT', 'ALIASES'], rows))
    terminal.out(line);
}

interface AliasFlags extends HostFlags {
  readonly rm?: boolean;
}

interface AliasRequest {
  readonly name: string;
  readonly alias: string;
  readonly targets: readonly string[];
  readonly flags: AliasFlags;
}

async function setAlias(client: HostClient, request: AliasRequest, terminal: Terminal): Promise<void> {
  const { name, alias, targets, flags } = request;
  const path = `${client.functionPath(name)}/aliases/${encodeURIComponent(alias)}`;
  if (flags.rm) {
    if (targets.length > 0) throw new TroupeError('INVALID_ARGUMENT', 'Give versions, or --rm, not both.');
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
  const [, version, weight = '1'] = /^(\d{1,15})(?:=(\d{1,15}(?:\.\d+)?))?$/.exec(text) ?? [];
  if (version !== undefined) return { version: Number(version), weight: Number(weight) };
  throw new TroupeError('INVALID_ARGUMENT', `"${text}" is neither a version nor VERSION=WEIGHT, as 3 or 3=90.`);
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
