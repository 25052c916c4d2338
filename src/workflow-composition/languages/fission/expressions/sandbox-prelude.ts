/**
 * What stands in the sandbox before any expression runs, as JavaScript for QuickJS: it takes data in, calls what the user wrote, and puts the value
 * out as JSON. It holds on to the intrinsics that it needs, since an expression may replace them (for itself only, the machine sees to that).
 *
 * An answer is a text whose first letter says what follows: `v` the number of bytes, `;` and JSON; `e` what was thrown; `m` out of memory;
 * `l` too large.
 */

/** Called with (uid, random, tag, resultLimit); gives the functions that the machine calls. */
export const PRELUDE = `((uid, random, tag, limit) => {
  'use strict';
  const { parse, stringify } = JSON;
  const { hasOwn, defineProperty, keys } = Object;
  const Bytes = Uint8Array, Failure = Error, Wait = Promise, Big = BigInt, text = String, Wrong = TypeError;
  const call = Function.prototype.call;
  const cut = call.bind(String.prototype.slice), test = call.bind(RegExp.prototype.test);
  const MEMORY = /^(?:out of memory|string too long)/;
  const global = globalThis, globalEval = eval;
  Math.random = random;
  let data, out = [];

  const own = (value, key) => (value === undefined || value === null || !hasOwn(value, key) ? undefined : value[key]);

  const load = (json, ...buffers) => {
    if (buffers.length === 0) { data = parse(json); return; }
    const bytes = buffers.map((buffer) => new Bytes(buffer));
    data = parse(json, (_, value) =>
      typeof value === 'string' && value.startsWith(tag) ? bytes[Number(value.slice(tag.length))] : value);
  };

  // Put in place only to write an answer: an expression sees these prototypes as JavaScript has them.
  let size = 0;
  const forBytes = { configurable: true, value() {
    const copy = new Bytes(this);
    size += copy.length;
    out[out.length] = copy.buffer;
    return tag + (out.length - 1);
  } };
  const forBig = { configurable: true, value() {
    throw new Wrong('a BigInt is no JSON: make it a number or a string');
  } };

  const answer = (value) => {
    if (typeof value === 'object' && value !== null && value instanceof Wait) {
      throw new Wrong('it gave a promise, and expressions do not wait');
    }
    defineProperty(Bytes.prototype, 'toJSON', forBytes);
    if (!hasOwn(Big.prototype, 'toJSON')) defineProperty(Big.prototype, 'toJSON', forBig);
    const json = stringify(value);
    if (json === undefined) return 'v0;null';
    return json.length + size > limit ? 'l' : 'v' + out.length + ';' + json;
  };

  const describe = (error) => {
    try {
      if (!(error instanceof Failure)) {
        const shown = typeof error === 'object' && error !== null ? stringify(error) : text(error);
        return 'e' + cut(shown ?? text(error), 0, 1000);
      }
      const message = text(error.message);
      if (error.name === 'InternalError' && test(MEMORY, message)) return 'm';
      return 'e' + cut(text(error.name) + ': ' + message, 0, 1000);
    } catch {
      return 'esomething that cannot be shown';
    }
  };

  const task = (id = data.taskId) => own(data.$.Tasks, id);
  const input = (id, key = 'default') => own(own(task(id), 'Inputs'), key);
  const output = (id) => own(task(id), 'Output');
  const outputHeaders = (id) => own(task(id), 'OutputHeaders');
  const param = (key = 'default') => own(own(data.$.Invocation, 'Inputs'), key);

  const evaluate = (expression) => {
    try {
      return answer(expression(data.$, data.taskId, uid, input, output, outputHeaders, param, task));
    } catch (error) {
      return describe(error);
    }
  };

  const execute = (source) => {
    try {
      for (const key of keys(data)) defineProperty(global, key, {
        configurable: true, enumerable: true, writable: true, value: data[key],
      });
      return answer(globalEval(source));
    } catch (error) {
      return describe(error);
    }
  };

  return { load, evaluate, execute, describe, bytesAt: (index) => out[index] };
})`;

/** A function of what `evaluate` passes. An arrow, for it has no `arguments`, and no `this` of its own, to reach around the names with. */
export function asFunction(source: string): string {
  return `($, taskId, uid, input, output, outputHeaders, param, task) => (${source}\n)`;
}
