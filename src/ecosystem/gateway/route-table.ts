/** Which handler answers which method and path. Pure; built once, then only read. */
import { TroupeError } from '../../errors.ts';

export interface Route<Handler> {
  /** `/functions/:name/versions`: a segment with a colon takes any text, `/*` at the end any rest, none included. */
  readonly pattern: string;
  readonly handlers: Readonly<Record<string, Handler>>;
}

export interface RouteMatch<Handler> {
  readonly handler: Handler;
  /** What stands at the segments with a colon, in order; still percent-encoded. */
  readonly parameters: readonly string[];
}

interface CompiledRoute<Handler> {
  readonly pattern: string;
  /** Undefined where anything may stand. */
  readonly segments: readonly (string | undefined)[];
  readonly takesRest: boolean;
  /** `*` answers every method that has no handler of its own. */
  readonly handlers: ReadonlyMap<string, Handler>;
}

export class RouteTable<Handler> {
  /** By first segment, so that a request is compared with a handful of routes. */
  readonly #routes = new Map<string, CompiledRoute<Handler>[]>();

  constructor(routes: readonly Route<Handler>[]) {
    for (const route of routes) {
      const compiled = compile(route);
      const first = compiled.segments[0] ?? '';
      this.#routes.set(first, [...(this.#routes.get(first) ?? []), compiled]);
    }
  }

  /** `path` begins with a slash. Throws `ROUTE_NOT_FOUND` with the routes near to it, or `METHOD_NOT_ALLOWED` with those allowed. */
  match(method: string, path: string): RouteMatch<Handler> {
    const end = path.indexOf('/', 1);
    const candidates = this.#routes.get(end < 0 ? path.slice(1) : path.slice(1, end)) ?? [];
    for (const route of candidates) {
      const parameters = parametersOf(route, path);
      if (!parameters) continue;
      const handler = route.handlers.get(method) ?? route.handlers.get('*');
      if (handler !== undefined) return { handler, parameters };
      throw notAllowed(method, route);
    }
    throw notFound(path, candidates.length > 0 ? candidates : [...this.#routes.values()].flat());
  }
}

function compile<Handler>({ pattern, handlers }: Route<Handler>): CompiledRoute<Handler> {
  const takesRest = pattern.endsWith('/*');
  const own = takesRest ? pattern.slice(0, -2) : pattern;
  const segments = own
    .slice(1)
    .split('/')
    .map((segment) => (segment.startsWith(':') ? undefined : segment));
  const byMethod = new Map(Object.entries(handlers));
  const get = byMethod.get('GET');
  // Node.js leaves the body out of an answer to HEAD by itself.
  if (get !== undefined && !byMethod.has('HEAD')) byMethod.set('HEAD', get);
  return { pattern, segments, takesRest, handlers: byMethod };
}

/** Walks along the path, and takes out of it no more than the parameters. */
function parametersOf<Handler>({ segments, takesRest }: CompiledRoute<Handler>, path: string): string[] | undefined {
  const parameters: string[] = [];
  let at = 1;
  for (const segment of segments) {
    if (at > path.length) return undefined;
    const slash = path.indexOf('/', at);
    const end = slash < 0 ? path.length : slash;
    if (segment === undefined) parameters.push(path.slice(at, end));
    else if (end - at !== segment.length || !path.startsWith(segment, at)) return undefined;
    at = end + 1;
  }
  return takesRest || at > path.length ? parameters : undefined;
}

function notAllowed<Handler>(method: string, { pattern, handlers }: CompiledRoute<Handler>): TroupeError {
  const allowed = [...handlers.keys()].sort();
  return new TroupeError('METHOD_NOT_ALLOWED', `${pattern} takes ${allowed.join(', ')}, not ${method}.`, {
    details: { allowed },
  });
}

function notFound<Handler>(path: string, near: readonly CompiledRoute<Handler>[]): TroupeError {
  const routes = near.map(({ pattern, handlers }) => `${[...handlers.keys()].join('|')} ${pattern}`);
  return new TroupeError('ROUTE_NOT_FOUND', `There is no route ${shortened(path)}. Near: ${routes.join(', ')}.`, {
    details: { near: routes },
  });
}

function shortened(path: string): string {
  return path.length <= 200 ? path : `${path.slice(0, 200)}…`;
}
