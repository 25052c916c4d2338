/** The functions of the host as resources: deploy, list, describe, remove, versions and aliases. */

import { isAbsolute } from 'node:path';
import type { FunctionConfig } from '../../config.ts';
import { TroupeError } from '../../errors.ts';
import type { FunctionSource } from '../../function-management/builder/protocol.ts';
import type { Exchange } from './exchange.ts';

export async function list(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.list());
}

export async function describe(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.describe(exchange.functionName));
}

/** 201 for a new version, 200 when the current one is the same. */
export async function deploy(exchange: Exchange): Promise<void> {
  const name = exchange.functionName;
  const { source, config = {}, ...others } = await exchange.jsonObject();
  refuseOthers(others, 'source and config');
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new TroupeError('INVALID_ARGUMENT', 'config must be an object of function options.');
  }
  // The host checks every option by itself; name and source stand last, so that no option replaces them.
  const options = config as FunctionConfig;
  const deployed = await exchange.host.deploy({ ...options, name, source: toSource(source) });
  exchange.sendJson(deployed.isNew ? 201 : 200, deployed);
}

/** A path is one of this machine: the gateway listens on loopback only. */
function toSource(source: unknown): FunctionSource {
  if (typeof source === 'string') {
    if (source.startsWith('file:') && URL.canParse(source)) return new URL(source);
    if (isAbsolute(source)) return source;
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `The source path must be absolute, for the host does not know the directory of its client; ${JSON.stringify(source)} is not.`,
    );
  }
  if (typeof source === 'object' && source !== null && 'code' in source && 'language' in source) {
    const { code, language, ...others } = source;
    refuseOthers(others, 'code and language');
    if (typeof code === 'string' && (language === 'js' || language === 'ts')) return { code, language };
  }
  throw new TroupeError('INVALID_ARGUMENT', `source must be an absolute path or { code, language: 'js' | 'ts' }.`);
}

export function refuseOthers(others: object, known: string): void {
  const names = Object.keys(others);
  if (names.length === 0) return;
  throw new TroupeError('INVALID_ARGUMENT', `Unknown member ${names.join(', ')}: there are ${known}.`);
}

export async function remove(exchange: Exchange): Promise<void> {
  const name = exchange.functionName;
  await exchange.host.remove(name);
  exchange.sendJson(200, { name });
}

export async function versions(exchange: Exchange): Promise<void> {
  const { name, versions, aliases } = await exchange.host.describe(exchange.functionName);
  exchange.sendJson(200, { name, versions, aliases });
}

export async function setAlias(exchange: Exchange): Promise<void> {
  const name = exchange.functionName;
  const alias = exchange.parameter(1);
  const body = await exchange.jsonObject();
  const targets = toTargets(body);
  await exchange.host.setAlias(name, alias, targets);
  exchange.sendJson(200, { name, alias, targets });
}

function toTargets(body: Readonly<Record<string, unknown>>): { version: number; weight: number }[] {
  const { version, targets, ...others } = body;
  refuseOthers(others, 'version or targets');
  if (targets === undefined) return [toTarget({ version, weight: 1 })];
  if (version === undefined && Array.isArray(targets) && targets.length > 0) return targets.map(toTarget);
  throw new TroupeError('INVALID_ARGUMENT', 'Give { version }, or { targets: [{ version, weight }] }.');
}

function toTarget(target: unknown): { version: number; weight: number } {
  const { version, weight } = (target ?? {}) as { version?: unknown; weight?: unknown };
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) {
    throw new TroupeError('INVALID_ARGUMENT', `version must be a whole number from 1, not ${JSON.stringify(version)}.`);
  }
  if (typeof weight !== 'number' || !(weight > 0)) {
    throw new TroupeError('INVALID_ARGUMENT', `weight must be a number above 0, not ${JSON.stringify(weight)}.`);
  }
  return { version, weight };
}

export async function removeAlias(exchange: Exchange): Promise<void> {
  const name = exchange.functionName;
  const alias = exchange.parameter(1);
  await exchange.host.removeAlias(name, alias);
  exchange.sendJson(200, { name, alias });
}
