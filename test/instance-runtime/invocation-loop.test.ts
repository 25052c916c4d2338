import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TroupeError } from '../../src/errors.ts';
import type { Context } from '../../src/handler.ts';
import { findHandler } from '../../src/instance-runtime/handler-shape.ts';
import { InvocationLoop } from '../../src/instance-runtime/invocation-loop.ts';
import type { InstanceImage } from '../../src/transport/instance-control.ts';
import { createLocalChannelPair } from '../../src/transport/local-channel.ts';
import type { Channel, Frame } from '../../src/transport/protocol.ts';
import { CallingHost, failureOf } from '../support/instance.ts';

const image: InstanceImage = {
  functionName: 'sample',
  functionVersion: 1,
  format: 'script',
  entry: '/function.js',
  env: {},
  memoryMb: 128,
  payloadLimitBytes: 1_048_576,
};

/** Takes so many frames, then answers 'full' until it is opened again. */
class NarrowChannel implements Channel {
  readonly #channel: Channel;
  #room: number;
  #writable: (() => void)[] = [];

  constructor(channel: Channel, room: number) {
    this.#channel = channel;
    this.#room = room;
  }

  get isClosed(): boolean {
    return this.#channel.isClosed;
  }

  send(frame: Frame) {
    if (this.#room === 0) return 'full' as const;
    this.#room--;
    return this.#channel.send(frame);
  }

  open(room: number): void {
    this.#room = room;
    for (const writable of this.#writable) writable();
  }

  onWritable(writable: () => void): void {
    this.#writable.push(writable);
  }

  onFrame = (receive: (frame: Frame) => void): void => this.#channel.onFrame(receive);
  onClose = (closed: () => void): void => this.#channel.onClose(closed);
  close = (): void => this.#channel.close();
  ref = (): void => this.#channel.ref();
  unref = (): void => this.#channel.unref();
}

function setUp(handler: unknown, room = Number.POSITIVE_INFINITY) {
  const [near, far] = createLocalChannelPair();
  const narrow = new NarrowChannel(far, room);
  let inFlight = 0;
  const loop = new InvocationLoop({ channel: narrow, onCallsInside: (calls) => (inFlight = calls) });
  loop.become(findHandler({ default: handler }, 'sample'), image, 0);
  return { host: new CallingHost(near), narrow, loop, inFlight: () => inFlight };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('The invocation loop', () => {
  it('keeps answers while the channel is full, and sends them in order', async () => {
    const { host, narrow } = setUp((n: number) => n, 0);
    const calls = [1, 2, 3].map((n) => host.start(n));
    await turn();
    expect(host.frames).toEqual([]);
    narrow.open(1);
    await turn();
    expect(host.frames).toHaveLength(1);
    narrow.open(10);
    expect(await Promise.all(calls.map(async ({ done }) => (await done).value))).toEqual([1, 2, 3]);
  });

  it('makes no further chunk while one waits for the channel', async () => {
    let made = 0;
    const { host, narrow } = setUp(async function* () {
      while (made < 10) yield ++made;
    }, 2);
    const call = host.start(null, { mode: 'stream' });
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(made).toBe(3);
    narrow.open(100);
    expect((await call.done).chunks).toHaveLength(10);
  });

  it('drops log lines while the channel is full, and says how many', async () => {
    const { host, narrow } = setUp((_event: unknown, { log }: { log: { info(message: string): void } }) => {
      for (let line = 0; line < 10; line++) log.info(`line ${line}`);
    }, 4);
    const call = host.start();
    await turn();
    narrow.open(100);
    await call.done;
    await turn();
    const messages = host.logs.map(({ message }) => message);
    expect(messages.slice(0, 4)).toEqual(['line 0', 'line 1', 'line 2', 'line 3']);
    expect(messages.slice(4)).toEqual(['6 log lines were dropped: the function logs faster than its host reads.']);
  });

  describe('before it has a function', () => {
    function setUpEarly() {
      const [near, far] = createLocalChannelPair();
      const loop = new InvocationLoop({ channel: far });
      const become = (handler: unknown) =>
        loop.become(findHandler({ default: handler }, 'sample'), image, performance.now());
      return { host: new CallingHost(near), loop, become };
    }

    it('holds the calls that come, and begins them in order once it has one', async () => {
      const { host, become } = setUpEarly();
      const calls = [1, 2, 3].map((n) => host.start(n));
      await turn();
      expect(host.frames).toEqual([]);
      const begun: number[] = [];
      become((n: number) => begun.push(n));
      expect(await Promise.all(calls.map(({ done }) => done.then(({ value }) => value)))).toEqual([1, 2, 3]);
      expect(begun).toEqual([1, 2, 3]);
    });

    it('answers a call that is given up at once, and never begins it', async () => {
      const { host, become } = setUpEarly();
      const [first, given, last] = [1, 2, 3].map((n) => host.start(n));
      given?.cancel();
      expect(await failureOf(given?.done ?? Promise.resolve())).toMatchObject({ code: 'CANCELLED' });
      const begun: number[] = [];
      become((n: number) => begun.push(n));
      await Promise.all([first?.done, last?.done]);
      expect(begun).toEqual([1, 3]);
    });

    it('keeps the credit of a stream that waits', async () => {
      const { host, become } = setUpEarly();
      const call = host.start(undefined, { mode: 'stream', withholdCredit: true });
      call.grant(100);
      await turn();
      become(function* () {
        for (let n = 0; n < 50; n++) yield n;
      });
      expect((await call.done).chunks).toHaveLength(50);
    });

    it('takes the time that loading took off what a call has left', async () => {
      const { host, loop } = setUpEarly();
      const call = host.start(undefined, { timeoutMs: 10_000 });
      await turn();
      const handler = (_event: unknown, context: Context) => context.getRemainingTimeInMillis();
      loop.become(findHandler({ default: handler }, 'sample'), image, performance.now() - 4_000);
      const { value } = await call.done;
      expect(value).toBeGreaterThan(5_000);
      expect(value).toBeLessThanOrEqual(6_000);
    });
  });

  it('survives errors that cannot be described', async () => {
    const evil = {
      name: 'x',
      stack: 'y',
      get message(): string {
        throw new Error('no');
      },
    };
    const { host } = setUp(() => {
      throw evil;
    });
    expect(await failureOf(host.invoke())).toMatchObject({ code: 'FUNCTION_ERROR' });
  });

  it('says what it can of an error that is no data or too long', async () => {
    const { host } = setUp((kind: string) => {
      if (kind === 'long') throw new Error('x'.repeat(1_000_000));
      throw new TroupeError('CONFLICT', 'no data', { details: { callback() {} } });
    });
    expect((await failureOf(host.invoke('long'))).message.length).toBeLessThan(20_000);
    expect(await failureOf(host.invoke('odd'))).toMatchObject({ message: 'Function "sample" failed: no data' });
  });

  it('keeps code and details of a TroupeError that comes from the bundle of the function', async () => {
    class TroupeError extends Error {
      override name = 'TroupeError';
      code = 'CONFLICT';
      details = { id: 7 };
    }
    const { host } = setUp(() => {
      throw new TroupeError('taken');
    });
    const { cause } = await failureOf(host.invoke());
    expect(cause).toMatchObject({ code: 'CONFLICT', message: 'taken', details: { id: 7 } });
  });

  it('answers each call exactly once, whatever it does and whenever it is cancelled', async () => {
    const action = fc.record({
      does: fc.constantFrom('return', 'throw', 'wait', 'obey'),
      turns: fc.nat(3),
      cancelAfter: fc.option(fc.nat(3)),
      mode: fc.constantFrom('value' as const, 'stream' as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 12 }), async (actions) => {
        const { host, inFlight } = setUp(
          async (event: { does: string; turns: number }, { signal }: { signal: AbortSignal }) => {
            for (let left = event.turns; left > 0; left--) await turn();
            if (event.does === 'throw') throw new Error('thrown');
            if (event.does === 'obey') signal.throwIfAborted();
            if (event.does === 'wait') await turn();
            return event.does;
          },
        );
        const outcomes = actions.map(async ({ cancelAfter, mode, ...event }) => {
          const call = host.start(event, { mode });
          if (cancelAfter !== null) {
            for (let left = cancelAfter; left > 0; left--) await turn();
            call.cancel();
          }
          return call.done.then(
            () => 'ok',
            (error: { code: string }) => error.code,
          );
        });
        // The host throws on a second answer to the same call.
        for (const outcome of await Promise.all(outcomes))
          expect(['ok', 'FUNCTION_ERROR', 'CANCELLED']).toContain(outcome);
        expect(inFlight()).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
