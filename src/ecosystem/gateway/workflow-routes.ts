/** The workflows of the host as resources: deploy, list, describe, remove, aliases. */
import { isAbsolute } from 'node:path';
import { TroupeError } from '../../errors.ts';
import type { Exchange } from './exchange.ts';
import { refuseOthers } from './function-routes.ts';
import { parseJson } from './json-fault.ts';
import type { GatewayWorkflows } from './protocol.ts';

type WorkflowSource = Parameters<GatewayWorkflows['deploy']>[0]['source'];

export async function list(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.workflows.list());
}

export async function describe(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.workflows.describe(exchange.workflowName));
}

export async function remove(exchange: Exchange): Promise<void> {
  const name = exchange.workflowName;
  await exchange.host.workflows.remove(name);
  exchange.sendJson(200, { name });
}

/** 201 for a new version, 200 when the current one is the same. */
export async function deploy(exchange: Exchange): Promise<void> {
  const name = exchange.workflowName;
  const source = sourceOf(await exchange.body(), exchange.header('content-type'));
  const deployed = await exchange.host.workflows.deploy({ name, source });
  exchange.sendJson(deployed.isNew ? 201 : 200, deployed);
}

/** Text is YAML, whatever its type is called; only what says that it is JSON wraps it. */
function sourceOf(body: Buffer, contentType = ''): WorkflowSource {
  const text = body.toString('utf8');
  if (text.trim() === '') {
    throw new TroupeError('INVALID_ARGUMENT', 'The body is empty: send the workflow as YAML, or { source } as JSON.');
  }
  const [type = ''] = contentType.toLowerCase().split(';');
  if (type.trim() !== 'application/json') return { code: text, language: 'yaml' };
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TroupeError('INVALID_ARGUMENT', 'A JSON body must be an object with source; YAML goes as text/yaml.');
  }
  const { source, ...others } = value as { source?: unknown };
  refuseOthers(others, 'source only; a workflow itself goes as text/yaml');
  return toSource(source);
}

/** A string is the text itself, but for what no workflow can be: an absolute path, or a file URL, of this machine. */
function toSource(source: unknown): WorkflowSource {
  if (typeof source === 'string' && source.trim() !== '') {
    if (source.startsWith('file:') && URL.canParse(source)) return new URL(source);
    if (isAbsolute(source) && !source.includes('\n')) return source;
    return { code: source, language: 'yaml' };
  }
  if (typeof source === 'object' && source !== null && 'code' in source && 'language' in source) {
    const { code, language, ...others } = source;
    refuseOthers(others, 'code and language');
    if (typeof code === 'string' && language === 'yaml') return { code, language };
  }
  throw new TroupeError(
    'INVALID_ARGUMENT',
    "source must be YAML text, an absolute path, or { code, language: 'yaml' }.",
  );
}

/** To one version: an execution stays on the version that it began with. */
export async function setAlias(exchange: Exchange): Promise<void> {
  const name = exchange.workflowName;
  const alias = exchange.parameter(1);
  const { version, ...others } = await exchange.jsonObject();
  refuseOthers(others, 'version only');
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) {
    throw new TroupeError('INVALID_ARGUMENT', `version must be a whole number from 1, not ${JSON.stringify(version)}.`);
  }
  await exchange.host.workflows.setAlias(name, alias, version);
  exchange.sendJson(200, { name, alias, version });
}
