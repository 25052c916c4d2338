/** What `troupe wf` does with workflows: deploy, list, remove, aliases. */
import { readFile } from 'node:fs/promises';
import { TroupeError, toTroupeError } from '../../errors.ts';
import type { WorkflowDescription } from '../../workflow-composition/registry/protocol.ts';
import type { DeployedWorkflow } from '../../workflows.ts';
import type { HostClient } from '../host-client.ts';
import type { HostFlags } from '../options.ts';
import { type Terminal, table, toJson } from '../terminal.ts';
import { withFaults } from './faults.ts';

/** The file is read here: a host on another machine has none of that path. */
export async function deploy(
  client: HostClient,
  { path, name }: { readonly path: string; readonly name: string },
  { json }: HostFlags,
  terminal: Terminal,
): Promise<void> {
  const at = client.workflowPath(name);
  const code = await readWorkflow(path);
  let deployed: DeployedWorkflow;
  try {
    deployed = await client.json({ method: 'PUT', path: at, body: { source: { code, language: 'yaml' } } });
  } catch (thrown) {
    throw withFaults(toTroupeError(thrown), path);
  }
  if (json) return terminal.out(toJson(deployed));
  const what = `${deployed.name} version ${deployed.version}`;
  terminal.out(deployed.isNew ? `${what} is deployed` : `${what} is current already: nothing changed`);
}

/** Throws `SOURCE_NOT_FOUND`. */
export async function readWorkflow(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new TroupeError('SOURCE_NOT_FOUND', `There is no workflow to be read at ${path}.`, {
      details: { path },
      cause,
    });
  }
}

export async function list(client: HostClient, { json }: HostFlags, terminal: Terminal): Promise<void> {
  const workflows = await client.json<WorkflowDescription[]>({ method: 'GET', path: '/workflows' });
  if (json) return terminal.out(toJson(workflows));
  if (workflows.length === 0) return terminal.note('No workflow is deployed. Deploy one with "troupe wf deploy".');
  const rows = workflows.map(({ name, versions, aliases }) => {
    const current = versions.find(({ version }) => version === aliases['current']);
    const others = Object.entries(aliases).filter(([alias]) => alias !== 'current');
    return [
      name,
      `${current?.version ?? '-'}`,
      String(versions.length),
      current?.language ?? '-',
      current ? new Date(current.createdAtMs).toISOString() : '-',
      others.map(([alias, version]) => `${alias} -> ${version}`).join(', '),
    ];
  });
  const head = ['NAME', 'VERSION', 'OF', 'LANGUAGE', 'DEPLOYED', 'ALIASES'];
  for (const line of table(terminal.outColors, head, rows)) terminal.out(line);
}

export async function remove(client: HostClient, name: string, { json }: HostFlags, terminal: Terminal): Promise<void> {
  await client.json({ method: 'DELETE', path: client.workflowPath(name) });
  terminal.out(json ? toJson({ removed: name }) : `${name} is removed; its executions go on`);
}

export async function setAlias(
  client: HostClient,
  { name, alias, version }: { readonly name: string; readonly alias: string; readonly version: number },
  { json }: HostFlags,
  terminal: Terminal,
): Promise<void> {
  const path = `${client.workflowPath(name)}/aliases/${encodeURIComponent(alias)}`;
  await client.json({ method: 'PUT', path, body: { version } });
  terminal.out(json ? toJson({ name, alias, version }) : `${name}: ${alias} -> ${version}`);
}

/** Throws `INVALID_ARGUMENT`. */
export function versionOf(text: string): number {
  const version = Number(text);
  if (/^\d{1,15}$/.test(text) && version >= 1) return version;
  throw new TroupeError('INVALID_ARGUMENT', `"${text}" is not a version: it is a whole number from 1.`);
}
