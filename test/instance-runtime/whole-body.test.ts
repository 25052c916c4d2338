import { expect, it } from 'vitest';
import { wholeBodyOf } from '../../src/instance-runtime/whole-body.ts';

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

it('A body that was made from something whole is had without its stream, any other only from it', async () => {
  expect(text(wholeBodyOf(new Response('é')))).toBe('é');
  expect(text(wholeBodyOf(new Response(Buffer.from('bytes'))))).toBe('bytes');
  expect(text(wholeBodyOf(Response.json({ a: 1 })))).toBe('{"a":1}');
  expect(text(wholeBodyOf(new Response(null, { status: 204 })))).toBe('');
  const stream = new Response('a').body;
  expect(wholeBodyOf(new Response(stream))).toBeUndefined();
  expect(wholeBodyOf(new Response(new Blob(['a'])))).toBeUndefined();
});

it('A body that somebody else has begun to read is not taken', async () => {
  const locked = new Response('a');
  locked.body?.getReader();
  expect(wholeBodyOf(locked)).toBeUndefined();
  const used = new Response('a');
  await used.text();
  expect(wholeBodyOf(used)).toBeUndefined();
});

it('A response of another library, which keeps nothing, is left to its stream', () => {
  expect(wholeBodyOf({ status: 200, headers: new Headers(), body: null } as unknown as Response)).toBeUndefined();
});
