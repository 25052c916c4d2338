/**
 * A small web site in one function: a guest book, in the `fetch` shape of the web.
 *
 *   GET  /            the page, with a form        GET /api/notes   the notes as JSON
 *   POST /notes       adds a note                  GET /countdown   a response that is sent piece by piece
 *
 * It works at whatever address it is reached: what stands in front of its own routes (`/fn/page`) is kept in its links. Notes live in the
 * memory of the instance, the last `MAX_NOTES` of them, which is why there is never more than one instance; they go when it goes.
 */
import type { Context, FunctionConfig } from 'troupe';
import { notePage } from './html.ts';

export const config = {
  timeoutMs: 10_000,
  // It waits more than it works, so one instance serves many readers.
  concurrency: 32,
  maxInstances: 1,
  description: 'A dynamic web page with a guest book',
} satisfies FunctionConfig;

const MAX_NOTES = 50;
const MAX_BODY_BYTES = 8_192;
const MAX_NAME_LENGTH = 40;
const MAX_TEXT_LENGTH = 500;
const COUNTDOWN_FROM = 10;

export interface Note {
  readonly name: string;
  readonly text: string;
  /** ISO 8601. */
  readonly at: string;
}

const notes: Note[] = [];

interface Visit {
  readonly request: Request;
  /** What stands in front of every path of this site; empty or starting with `/`. */
  readonly base: string;
  readonly context: Context | undefined;
}

type Route = (visit: Visit) => Response | Promise<Response>;

const routes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/': { GET: ({ base }) => html(notePage({ base, notes })) },
  '/notes': { POST: addNote },
  '/api/notes': { GET: () => secured(Response.json({ notes })) },
  '/countdown': { GET: countdown },
};

export default {
  async fetch(request: Request, context?: Context): Promise<Response> {
    const { base, path } = splitPath(new URL(request.url).pathname);
    const methods = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!methods) return html(notePage({ base, notes, fault: `There is no page ${path}.` }), 404);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (route) return route({ request, base, context });
    const allow = Object.keys(methods).join(', ');
    return secured(new Response(`Use ${allow} here.\n`, { status: 405, headers: { allow } }));
  },
};

/** `/fn/page/notes` is `/notes` below `/fn/page`. */
function splitPath(pathname: string): { base: string; path: string } {
  const base = /^\/fn\/[^/]+(?=\/|$)/.exec(pathname)?.[0] ?? '';
  return { base, path: pathname.slice(base.length) || '/' };
}

async function addNote({ request, base, context }: Visit): Promise<Response> {
  const refuse = (fault: string, status: number) => html(notePage({ base, notes, fault }), status);
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) return refuse('Send a form, please.', 415);
  const body = await request.arrayBuffer();
  if (body.byteLength > MAX_BODY_BYTES) return refuse('That is too much for a note.', 413);
  const form = new URLSearchParams(new TextDecoder().decode(body));
  const name = (form.get('name') ?? '').trim();
  const text = (form.get('text') ?? '').trim();
  if (name === '' || name.length > MAX_NAME_LENGTH)
    return refuse(`A name has 1 to ${MAX_NAME_LENGTH} characters.`, 422);
  if (text === '' || text.length > MAX_TEXT_LENGTH)
    return refuse(`A note has 1 to ${MAX_TEXT_LENGTH} characters.`, 422);
  notes.unshift({ name, text, at: new Date().toISOString() });
  notes.length = Math.min(notes.length, MAX_NOTES);
  context?.log.info('note added', { notes: notes.length });
  // After a redirect, reloading the page does not send the form again.
  return secured(new Response(null, { status: 303, headers: { location: `${base}/` } }));
}

/** One piece for each time that the reader asks: nobody reads, nothing is made. */
function countdown(): Response {
  const encoder = new TextEncoder();
  let left = COUNTDOWN_FROM;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(encoder.encode(left === 0 ? 'lift-off\n' : `${left}\n`));
        if (left-- === 0) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return secured(new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8' } }));
}

function html(body: string, status = 200): Response {
  return secured(new Response(body, { status, headers: { 'content-type': 'text/html; charset=utf-8' } }));
}

/** Escaping is the first wall, these are the second: no scripts, no guessing of types, no framing. */
function secured(response: Response): Response {
  const policy =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
  response.headers.set('content-security-policy', policy);
  response.headers.set('x-content-type-options', 'nosniff');
  response.headers.set('cache-control', 'no-store');
  return response;
}
