/**
 * A `Request` that Node.js makes only when it has to: its own costs 30 us, most of it for a body stream and an abort signal that few handlers
 * look at. Method, address, headers, signal and whole body are answered from the event; anything else makes the real one and asks that.
 *
 * It passes for a `Request` wherever Node.js takes one (`instanceof`, `new Request(request)`, `fetch(request)`), because the members under which
 * undici keeps a request's state are those of the real one. Where a version keeps them in a way that cannot be lent, the real one is made at once.
 */
import type { HttpEvent } from '../transport/protocol.ts';

/** Whose signal is made when asked for. */
interface SignalSource {
  readonly signal: AbortSignal;
}

type Construct = new (event: HttpEvent, source: SignalSource) => Request;

/** Methods that need no normalising, and that the standard allows. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Undefined until it is known whether this version of Node.js takes such requests. */
let construct: Construct | 'unfit' | undefined;

/** Throws what `new Request` throws for a request that the web standard does not allow. */
export function requestOf(event: HttpEvent, source: SignalSource): Request {
  construct ??= fitting();
  return construct === 'unfit' || !isPlain(event) ? realRequest(event, source.signal) : new construct(event, source);
}

export function realRequest({ method, url, headers, body }: HttpEvent, signal: AbortSignal): Request {
  return new Request(url, {
    method,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    signal,
    ...(hasBody(method) ? { body } : {}),
  });
}

function hasBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** What the real one could refuse must be refused before the handler runs, so that is left to it. */
function isPlain({ method, url, headers }: HttpEvent): boolean {
  if (!METHODS.has(method) || !isPlainUrl(url)) return false;
  for (const [name, value] of headers) if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) return false;
  return true;
}

/** Nearly all requests come to the same. What follows it after a slash cannot make a URL wrong. */
let knownOrigin = '';

function isPlainUrl(url: string): boolean {
  if (knownOrigin !== '' && url.startsWith(knownOrigin)) return true;
  const origin = /^https?:\/\/[^/?#@\\\s]+\//.exec(url)?.[0];
  if (origin === undefined || !URL.canParse(origin)) return false;
  knownOrigin = origin;
  return true;
}

/** Not at the top of the module: the first touch of `Request` loads all of undici. */
function fitting(): Construct | 'unfit' {
  try {
    const made = defineLazyRequest();
    const body = Buffer.from('1');
    const probe = new made(
      { method: 'POST', url: 'http://probe.local/', headers: [['x-probe', '1']], body },
      new AbortController(),
    );
    const copy = new Request(probe);
    const isTaken = copy.url === probe.url && copy.method === 'POST' && copy.headers.get('x-probe') === '1';
    return isTaken && probe instanceof Request && probe.bodyUsed ? made : 'unfit';
  } catch {
    return 'unfit';
  }
}

function defineLazyRequest(): Construct {
  class LazyRequest {
    readonly #event: HttpEvent;
    readonly #source: SignalSource;
    #headers: Headers | undefined;
    #url: string | undefined;
    #real: Request | undefined;
    #isUsed = false;

    constructor(event: HttpEvent, source: SignalSource) {
      this.#event = event;
      this.#source = source;
    }

    get method(): string {
      return this.#event.method;
    }

    get url(): string {
      this.#url ??= new URL(this.#event.url).href;
      return this.#url;
    }

    get headers(): Headers {
      this.#headers ??= new Headers(this.#event.headers.map(([name, value]): [string, string] => [name, value]));
      return this.#headers;
    }

    get signal(): AbortSignal {
      return this.#source.signal;
    }

    get bodyUsed(): boolean {
      return this.#real ? this.#real.bodyUsed : this.#isUsed;
    }

    async json(): Promise<unknown> {
      return this.#real ? this.#real.json() : JSON.parse(UTF8.decode(this.#take()));
    }

    async text(): Promise<string> {
      return this.#real ? this.#real.text() : UTF8.decode(this.#take());
    }

    async arrayBuffer(): Promise<ArrayBuffer> {
      return this.#real ? this.#real.arrayBuffer() : new Uint8Array(this.#take()).buffer;
    }

    /** The real one, with the headers as they are now. */
    get real(): Request {
      this.#real ??= this.#make();
      if (this.#headers) copyHeaders(this.#headers, this.#real.headers);
      return this.#real;
    }

    #make(): Request {
      const real = realRequest(this.#event, this.signal);
      // Its body has been read already.
      if (this.#isUsed) void real.arrayBuffer();
      return real;
    }

    #take(): Uint8Array {
      const { method, body } = this.#event;
      if (!hasBody(method)) return NO_BYTES;
      if (this.#isUsed) throw new TypeError('Body is unusable: Body has already been read');
      this.#isUsed = true;
      return body;
    }
  }
  lendMembers(LazyRequest.prototype);
  return LazyRequest as unknown as Construct;
}

/** As the standard decodes bodies: without a byte order mark, and with U+FFFD for what is no UTF-8. */
const UTF8 = new TextDecoder();
const NO_BYTES = new Uint8Array(0);

/** Gives to the prototype every member of a real request that it has not, its state included. */
function lendMembers(prototype: { readonly real: Request }): void {
  const own = new Set<PropertyKey>(Reflect.ownKeys(prototype));
  for (const [name, { value }] of ownMembers(Request.prototype)) {
    if (own.has(name) || name === Symbol.toStringTag) continue;
    Object.defineProperty(prototype, name, typeof value === 'function' ? lentMethod(name) : lentGetter(name));
  }
  for (const symbol of Object.getOwnPropertySymbols(new Request('http://probe.local/'))) {
    Object.defineProperty(prototype, symbol, lentGetter(symbol));
  }
  Object.defineProperty(prototype, 'constructor', { value: Request, configurable: true });
  Object.setPrototypeOf(prototype, Request.prototype);
}

function ownMembers(object: object): [PropertyKey, PropertyDescriptor][] {
  return Reflect.ownKeys(object).map((name) => [name, Object.getOwnPropertyDescriptor(object, name) ?? {}]);
}

function lentGetter(name: PropertyKey): PropertyDescriptor {
  return {
    configurable: true,
    get(this: { readonly real: Request }) {
      return Reflect.get(this.real, name);
    },
  };
}

function lentMethod(name: PropertyKey): PropertyDescriptor {
  return {
    configurable: true,
    value(this: { readonly real: Request }, ...parameters: unknown[]) {
      return Reflect.apply(Reflect.get(this.real, name), this.real, parameters);
    },
  };
}

function copyHeaders(from: Headers, to: Headers): void {
  for (const name of [...to.keys()]) to.delete(name);
  for (const [name, value] of from) to.append(name, value);
}
