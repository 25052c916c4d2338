/** CPU micro-benchmarks of the pieces that every call crosses, by the `benchmark` package. */
import Benchmark from 'benchmark';
import { ReadyIndex } from '../dist/function-management/router/ready-index.js';
import { ActorSystem } from '../dist/kernel/actor-system.js';
import { decodePayload, encodePayload } from '../dist/transport/codec.js';

const PAYLOAD = { id: 7, name: 'Ada', tags: ['a', 'b'], at: 1_700_000_000_000 };
const MESSAGES = 100;

/** @param {{ quick: boolean }} options @returns {Promise<import('./measure.js').Row[]>} */
export async function micro({ quick }) {
  const encoded = encodePayload(PAYLOAD);
  const index = new ReadyIndex();
  for (let instance = 0; instance < 50; instance++)
    index.add(/** @type {any} */ ({ instanceId: `i${instance}`, concurrency: 4 }), 0);
  const mailbox = countingActor();
  const suite = new Benchmark.Suite('micro');
  const options = quick ? { maxTime: 0.3, minSamples: 5 } : {};
  suite.add('encode payload', () => encodePayload(PAYLOAD), options);
  suite.add('decode payload', () => decodePayload(encoded), options);
  suite.add(
    'router: choose an instance and give it back',
    () => {
      const taken = index.take(0);
      if (taken) index.giveBack(taken.handle.instanceId, 0);
    },
    options,
  );
  suite.add(`mailbox: ${MESSAGES} messages`, {
    ...options,
    defer: true,
    fn: (/** @type {any} */ deferred) => mailbox(() => deferred.resolve()),
  });
  await new Promise((resolve) => suite.on('complete', resolve).run({ async: true }));
  return suite.map((/** @type {any} */ bench) => ({
    name: 'micro',
    subject: bench.name,
    perSecond: bench.hz,
    ratios: {},
  }));
}

/** Tells an actor many times and calls back when it has handled the last. */
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
  return (/** @type {() => void} */ callback) => {
    left = MESSAGES;
    done = callback;
    for (let message = 0; message < MESSAGES; message++) actor.tell('count', undefined);
  };
}
