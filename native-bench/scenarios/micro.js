/** The pieces that every call crosses, each alone and on one thread: operations per second, by the `benchmark` package. */
import Benchmark from 'benchmark';
import { ReadyIndex } from '../../dist/function-management/router/ready-index.js';
import { ActorSystem } from '../../dist/kernel/actor-system.js';
import { decodePayload, encodePayload } from '../../dist/transport/codec.js';
import { FRAME_KINDS } from '../../dist/transport/protocol.js';
import { createRing, RingReader, RingWriter } from '../../dist/transport/ring-buffer.js';

/** @typedef {import('../harness/scenario.js').Subject} Subject @typedef {{ name: string, operation: () => unknown }} Piece */

const PAYLOAD = { id: 7, name: 'Ada', tags: ['a', 'b'], at: 1_700_000_000_000 };
const INSTANCES = 50;
const MESSAGES = 100;

/** @type {import('../harness/scenario.js').Scenario} */
export const scenario = {
  name: 'micro',
  title: 'the pieces of a call, each alone',
  question:
    'What do the codec, the ring, the mailbox and the choice of an instance cost, without threads and without waiting?',
  bars: [],
  rounds: { full: 10, quick: 2 },
  subjects: async ({ quick }) => {
    const encoded = encodePayload(PAYLOAD);
    const pieces = [
      { name: 'codec: encode a payload', operation: () => encodePayload(PAYLOAD) },
      { name: 'codec: decode it', operation: () => decodePayload(encoded) },
      { name: 'ring: write a frame and read it', operation: ringPass(encoded) },
      { name: 'router: choose an instance and give it back', operation: routerPick() },
    ];
    return [...pieces.map((piece) => synchronous(piece, quick)), mailbox(quick)];
  },
};

/** The least that `benchmark` takes for an honest figure; the rounds bring the rest. @param {boolean} quick */
function effort(quick) {
  return { minSamples: 3, initCount: 1, delay: 0, ...(quick ? { minTime: 0.02, maxTime: 0.05 } : { maxTime: 0.3 }) };
}

/** @param {Piece} piece @param {boolean} quick @returns {Subject} */
function synchronous({ name, operation }, quick) {
  return {
    name,
    round: () => settled(new Benchmark(name, operation, effort(quick)), 1),
    close: async () => undefined,
  };
}

/** Messages told to an actor, counted one by one; in batches, since a mailbox is emptied in batches. @param {boolean} quick @returns {Subject} */
function mailbox(quick) {
  const { system, deliver } = countingActor();
  const name = 'mailbox: tell an actor and handle it';
  const fn = (/** @type {{ resolve: () => void }} */ deferred) => deliver(() => deferred.resolve());
  return {
    name,
    round: () => settled(new Benchmark(name, { ...effort(quick), defer: true, fn }), MESSAGES),
    close: () => system.shutdown(1_000),
  };
}

/** @param {any} bench has no types @param {number} operations in each cycle @returns {Promise<import('../harness/scenario.js').Measurement>} */
function settled(bench, operations) {
  return new Promise((resolve, reject) => {
    bench.on('complete', () => (bench.error ? reject(bench.error) : resolve({ perSecond: bench.hz * operations })));
    bench.run({ async: true });
  });
}

/** @param {Uint8Array} payload */
function ringPass(payload) {
  const ring = createRing();
  const [writer, reader] = [new RingWriter(ring), new RingReader(ring)];
  const frame = { kind: FRAME_KINDS.invoke, port: 0, call: 1, argument: 0, meta: new Uint8Array(0), payload };
  return () => {
    writer.tryWrite(frame);
    return reader.read();
  };
}

function routerPick() {
  const index = new ReadyIndex();
  for (let instance = 0; instance < INSTANCES; instance++) {
    index.add(/** @type {any} */ ({ instanceId: `i${instance}`, concurrency: 4 }), 0);
  }
  return () => {
    const taken = index.take(0);
    if (taken) index.giveBack(taken.handle.instanceId, 0);
  };
}

function countingActor() {
  const system = new ActorSystem();
  let left = 0;
  let done = () => {};
  const actor = system.spawn({
    name: 'counter',
    start: () => ({
      count: () => {
        if (--left === 0) done();
      },
    }),
  });
  const deliver = (/** @type {() => void} */ callback) => {
    left = MESSAGES;
    done = callback;
    for (let message = 0; message < MESSAGES; message++) actor.tell('count', undefined);
  };
  return { system, deliver };
}
