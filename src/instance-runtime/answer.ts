/**
 * What answers a call: every pairing of what the caller wants (a value, a stream, an HTTP response) with what the handler is.
 *
 * Nothing is sent here. The answer is one encoded result, or a source of chunks that is pulled as the caller grants credit.
 */

import type { InstanceImage } from '../transport/instance-control.ts';
import type { HttpEvent, StreamHead } from '../transport/protocol.ts';
import { encodeWithin, tooLarge } from './encode-within.ts';
import { checkResponse, headOf, requestForPayload, toRequest, valueOfResponse } from './fetch-bridge.ts';
import type { LoadedFunction } from './handler-shape.ts';
import { streamBytes, streamHeadFor, toGatewayEvent, toResponse } from './http-event.ts';
import type { Invocation } from './invocation.ts';
import { checkSchema } from './schema-check.ts';
import { wholeBodyOf } from './whole-body.ts';

/** One call and what it is made of. */
export interface Job {
  readonly loaded: LoadedFunction;
  readonly image: InstanceImage;
  readonly invocation: Invocation;
}

export interface ChunkSource {
  readonly kind: 'chunks';
  /** Pulled only with credit. May be synchronous. */
  readonly iterator: AnyIterator;
  /** One chunk as the payloads of one or more frames. */
  readonly encode: (chunk: unknown) => Uint8Array[] | Promise<Uint8Array[]>;
  /** Known before the first chunk: sent at once. */
  readonly head?: StreamHead;
  /** The whole answer, where it is there already: then nothing has to be pulled. */
  readonly whole?: { readonly head: StreamHead; readonly body: Uint8Array };
  /** Known from the first chunk, or from there being none. */
  readonly headFor?: (firstChunk: unknown) => StreamHead;
}

export type Answer = { readonly kind: 'result'; readonly payload: Uint8Array } | ChunkSource;

interface AnyIterator {
  next(): unknown;
  return?(): unknown;
}

/** Larger pieces of an HTTP body are cut, so that no frame holds up the others for long. */
const BODY_PIECE_BYTES = 262_144;

/** Costs no promise where the function is plain and makes none itself: that is most calls. */
export function answerCall(job: Job, payload: unknown): Answer | Promise<Answer> {
  const { mode } = job.invocation.meta;
  const { shape, input, output } = job.loaded;
  if (mode === 'value' && shape === 'value' && !input && !output) return answerPlain(job, payload);
  if (mode === 'http') return answerHttp(job, payload as HttpEvent);
  return mode === 'stream' ? answerStream(job, payload) : answerValue(job, payload);
}

function answerPlain(job: Job, payload: unknown): Answer | Promise<Answer> {
  const returned = job.loaded.call(payload, job.invocation.context);
  if (isThenable(returned)) return Promise.resolve(returned).then((value) => plainAnswer(job, value));
  return plainAnswer(job, returned);
}

function plainAnswer(job: Job, returned: unknown): Answer | Promise<Answer> {
  const iterator = iteratorOf(returned);
  if (!iterator) return { kind: 'result', payload: encodeResult(job, returned) };
  return collect(job, iterator).then((chunks) => ({ kind: 'result', payload: encodeResult(job, chunks) }));
}

/** Any thenable counts: libraries have promises of their own. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

async function answerValue(job: Job, payload: unknown): Promise<Answer> {
  const { loaded } = job;
  let value: unknown;
  if (loaded.shape === 'fetch') value = await valueOfResponse(await callFetch(job, payload), job.image.functionName);
  else {
    const returned = await callHandler(job, payload);
    const iterator = iteratorOf(returned);
    if (iterator) return { kind: 'result', payload: encodeResult(job, await collect(job, iterator)) };
    value = returned;
  }
  return { kind: 'result', payload: encodeResult(job, await checkOutput(job, value)) };
}

async function answerStream(job: Job, payload: unknown): Promise<Answer> {
  const { loaded, invocation } = job;
  const encode = async (chunk: unknown) => [encodeResult(job, await checkOutput(job, chunk))];
  if (loaded.shape === 'fetch') {
    return { kind: 'chunks', iterator: textChunks(await callFetch(job, payload)), encode };
  }
  if (loaded.stream) return { kind: 'chunks', iterator: loaded.stream(payload, invocation.context), encode };
  const returned = await callHandler(job, payload);
  return { kind: 'chunks', iterator: iteratorOf(returned) ?? [returned].values(), encode };
}

async function answerHttp(job: Job, event: HttpEvent): Promise<Answer> {
  const { loaded, invocation, image } = job;
  if (loaded.shape === 'fetch') {
    const request = toRequest(event, invocation);
    return responseSource(checkResponse(await loaded.call(request, invocation.context)));
  }
  const returned = await callHandler(job, toGatewayEvent(event));
  // By its tag: asking for the global would load Node's whole fetch.
  if (Object.prototype.toString.call(returned) === '[object Response]') return responseSource(checkResponse(returned));
  const iterator = iteratorOf(returned);
  if (iterator) {
    const encode = async (chunk: unknown) => bodyPieces(streamBytes(await checkOutput(job, chunk)));
    return { kind: 'chunks', iterator, encode, headFor: streamHeadFor };
  }
  const { head, body } = toResponse(await checkOutput(job, returned));
  const limitBytes = image.payloadLimitBytes;
  if (body.byteLength > limitBytes) throw tooLarge({ limitBytes, what: 'result', of: image.functionName });
  return wholeSource(head, body);
}

function wholeSource(head: StreamHead, body: Uint8Array): ChunkSource {
  return {
    kind: 'chunks',
    whole: { head, body },
    iterator: [body].values(),
    encode: () => [body],
    headFor: () => head,
  };
}

function responseSource(response: Response): ChunkSource {
  const head = headOf(response);
  const whole = wholeBodyOf(response);
  if (whole && whole.byteLength <= BODY_PIECE_BYTES) return wholeSource(head, whole);
  return { kind: 'chunks', iterator: bodyOf(response), encode: bodyPieces, head };
}

async function callHandler({ loaded, invocation }: Job, payload: unknown): Promise<unknown> {
  const event = loaded.input ? await checkSchema(loaded.input, payload, 'INVALID_INPUT') : payload;
  return loaded.call(event, invocation.context);
}

async function callFetch({ loaded, invocation }: Job, payload: unknown): Promise<Response> {
  const event = loaded.input ? await checkSchema(loaded.input, payload, 'INVALID_INPUT') : payload;
  return checkResponse(await loaded.call(requestForPayload(event, invocation), invocation.context));
}

async function checkOutput({ loaded }: Job, value: unknown): Promise<unknown> {
  return loaded.output ? checkSchema(loaded.output, value, 'INVALID_OUTPUT') : value;
}

function encodeResult({ image }: Job, value: unknown): Uint8Array {
  return encodeWithin(value, { limitBytes: image.payloadLimitBytes, what: 'result', of: image.functionName });
}

/** All chunks as an array, stopped as soon as they are certainly over the limit. */
async function collect(job: Job, iterator: AnyIterator): Promise<unknown[]> {
  const { invocation, image } = job;
  const limitBytes = image.payloadLimitBytes;
  const chunks: unknown[] = [];
  let bytes = 0;
  invocation.onCancel(() => void closeIterator(iterator));
  for (;;) {
    const step = (await iterator.next()) as IteratorResult<unknown>;
    if (invocation.cancelled) throw invocation.cancelled;
    if (step.done) return chunks;
    const chunk = await checkOutput(job, step.value);
    bytes += encodeResult(job, chunk).byteLength;
    if (bytes > limitBytes) {
      await closeIterator(iterator);
      throw tooLarge({ limitBytes, what: 'result', of: image.functionName });
    }
    chunks.push(chunk);
  }
}

/** Lets a generator run its `finally`; what that throws has nobody to go to. */
export async function closeIterator(iterator: AnyIterator): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The call has another outcome already.
  }
}

/** Of generators, iterators and streams; arrays, strings, Maps and other collections are values. */
function iteratorOf(value: unknown): AnyIterator | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { [Symbol.asyncIterator]: asynchronous } = value as Partial<AsyncIterable<unknown>>;
  if (typeof asynchronous === 'function') return asynchronous.call(value);
  const isIterator = Symbol.iterator in value && 'next' in value && typeof value.next === 'function';
  return isIterator ? (value as unknown as AnyIterator) : undefined;
}

function bodyOf(response: Response): AnyIterator {
  if (!response.body) return [].values();
  // Not the iterator of the stream: its `return` waits for the chunk that is being made, which may never come.
  const reader = response.body.getReader();
  return { next: () => reader.read(), return: () => reader.cancel() };
}

function bodyPieces(chunk: unknown): Uint8Array[] {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`A response body must give bytes, not ${typeof chunk}.`);
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.byteLength; from += BODY_PIECE_BYTES) {
    pieces.push(bytes.subarray(from, from + BODY_PIECE_BYTES));
  }
  return pieces;
}

/** Text arrives as strings, anything else as bytes. */
function textChunks(response: Response): AnyIterator {
  const isText = /^text\/|[/+](json|xml|x-ndjson)\b/i.test(response.headers.get('content-type') ?? '');
  if (!isText || !response.body) return bodyOf(response);
  const decoder = new TextDecoder();
  const source = bodyOf(response);
  return {
    async next() {
      const step = (await source.next()) as IteratorResult<Uint8Array>;
      return step.done ? step : { done: false, value: decoder.decode(step.value, { stream: true }) };
    },
    return: () => source.return?.(),
  };
}
