/** Which functions, versions and aliases there are, as the router needs them. Follows the registry; answers without asking it. */
import { TroupeError } from '../../errors.ts';
import type { Random } from '../../kernel/random.ts';
import type { ObserveQuery } from '../autoscaler/protocol.ts';
import { CURRENT_ALIAS, type FunctionDescription } from '../registry/protocol.ts';
import { chooseVersion } from './alias-choice.ts';
import type { CallRequest } from './protocol.ts';
import { VersionRoute } from './version-route.ts';

export type Observed = Pick<ObserveQuery, 'only' | 'andActive'>;

type Resolution =
  | { readonly kind: 'found'; readonly route: VersionRoute }
  | { readonly kind: 'unknown'; readonly error: TroupeError };

export class RouteTable {
  readonly #functions = new Map<string, FunctionDescription>();
  /** By name, then by number. Also holds removed versions, until their last instance has gone. */
  readonly #routes = new Map<string, Map<number, VersionRoute>>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** All, or those of some functions and perhaps of others where something is. */
  routes({ only, andActive }: Observed = {}): VersionRoute[] {
    if (only && !andActive) return [...only].flatMap((name) => this.routesOf(name));
    const routes: VersionRoute[] = [];
    for (const [name, versions] of this.#routes) {
      for (const route of versions.values()) if (!only || route.isActive || only.has(name)) routes.push(route);
    }
    return routes;
  }

  routeOf(name: string, version: number): VersionRoute | undefined {
    return this.#routes.get(name)?.get(version);
  }

  routesOf(name: string): VersionRoute[] {
    return [...(this.#routes.get(name)?.values() ?? [])];
  }

  /** Answers the routes of versions that are no longer there; `dropIfOver` forgets each once it is empty. */
  change(description: FunctionDescription, nowMs: number): VersionRoute[] {
    this.#functions.set(description.name, description);
    const aliased = new Set(description.aliases.flatMap(({ targets }) => targets.map(({ version }) => version)));
    const routes = this.#routes.get(description.name) ?? new Map<number, VersionRoute>();
    this.#routes.set(description.name, routes);
    for (const version of description.versions) {
      const route = routes.get(version.version) ?? new VersionRoute(version, nowMs);
      route.aliased = aliased.has(version.version);
      routes.set(version.version, route);
    }
    const known = new Set(description.versions.map(({ version }) => version));
    const gone = this.routesOf(description.name).filter(({ version }) => !known.has(version.version));
    for (const route of gone) route.aliased = false;
    return gone;
  }

  remove(name: string): void {
    this.#functions.delete(name);
    for (const route of this.routesOf(name)) {
      route.aliased = false;
      this.dropIfOver(route);
    }
  }

  /** Forgets a route that nobody can reach any more and in which nothing is left. */
  dropIfOver(route: VersionRoute): void {
    const { name, version } = route.version;
    if (route.instances.size > 0 || this.isRegistered(route)) return;
    const routes = this.#routes.get(name);
    routes?.delete(version);
    if (routes?.size === 0) this.#routes.delete(name);
  }

  /** False once its function was removed. */
  isRegistered({ version: { name, version } }: VersionRoute): boolean {
    return this.#functions.get(name)?.versions.some((known) => known.version === version) ?? false;
  }

  /** True when a call for this alias may still go to the version it was routed to. */
  isTarget({ functionName, version, alias }: CallRequest, routedTo: number): boolean {
    if (version !== undefined) return true;
    const target = this.#alias(functionName, alias ?? CURRENT_ALIAS);
    return target?.targets.some((candidate) => candidate.version === routedTo) ?? false;
  }

  /** True when a call for the name goes to this version for certain. */
  leadsOnlyTo({ version: { name, version } }: VersionRoute): boolean {
    const targets = this.#alias(name, CURRENT_ALIAS)?.targets;
    return targets?.length === 1 && targets[0]?.version === version;
  }

  resolve({ functionName, version, alias }: CallRequest): Resolution {
    const description = this.#functions.get(functionName);
    if (!description)
      return unknown('FUNCTION_NOT_FOUND', `No function named "${functionName}" is deployed.`, { functionName });
    const target = version ?? this.#chooseByAlias(functionName, alias ?? CURRENT_ALIAS);
    if (target === undefined) {
      return unknown('ALIAS_NOT_FOUND', `Function "${functionName}" has no alias "${alias}".`, { functionName, alias });
    }
    const route = this.routeOf(functionName, target);
    if (route && this.isRegistered(route)) return { kind: 'found', route };
    const versions = description.versions.map((known) => known.version);
    return unknown(
      'VERSION_NOT_FOUND',
      `Function "${functionName}" has no version ${target}; it has ${versions.join(', ')}.`,
      {
        functionName,
        version: target,
      },
    );
  }

  #chooseByAlias(functionName: string, alias: string): number | undefined {
    const target = this.#alias(functionName, alias);
    return target && chooseVersion(target, target.targets.length > 1 ? this.#random() : 0);
  }

  #alias(functionName: string, alias: string) {
    return this.#functions.get(functionName)?.aliases.find((candidate) => candidate.alias === alias);
  }
}

function unknown(
  code: 'FUNCTION_NOT_FOUND' | 'ALIAS_NOT_FOUND' | 'VERSION_NOT_FOUND',
  message: string,
  details: Readonly<Record<string, unknown>>,
): Resolution {
  return { kind: 'unknown', error: new TroupeError(code, message, { details }) };
}
