/**
 * What a spare does while nobody waits for it: it loads a function and answers calls, with stand-ins for everything that is seen from
 * outside. Node loads, and V8 compiles, the way of a call when it is first gone; that costs about as much as the rest of a cold start.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodePayload, encodeMeta, encodePayload } from '../transport/codec.ts';
import { INSTANCE_GAUGES, type InstanceImage } from '../transport/instance-control.ts';
import { createLocalChannelPair } from '../transport/local-channel.ts';
import { type CallMeta, type Channel, FRAME_KINDS } from '../transport/protocol.ts';
import { readCodeCache } from './code-cache.ts';
import { Gauges } from './gauges.ts';
import { evaluateScript } from './handler-loading.ts';
import { findHandler } from './handler-shape.ts';
import { InvocationLoop } from './invocation-loop.ts';

const ENTRY = fileURLToPath(import.meta.url);
export const REHEARSAL_IMAGE: InstanceImage = {
  functionName: 'rehearsal',
  functionVersion: 0,
  format: 'script',
  entry: ENTRY,
  env: {},
  memoryMb: 0,
  payloadLimitBytes: 65_536,
};
const SOURCE = 'module.exports = async (event, context) => ({ event, id: context.awsRequestId });';
const META: CallMeta = { id: 'rehearsal', mode: 'value', attempt: 1, depth: 0 };
/** The second and third let V8's inline caches settle. */
const CALLS = 3;

/** Over this pair of channels. Never rejects: a rehearsal that fails has cost time and nothing else. */
export async function rehearse([near, far]: readonly [Channel, Channel] = createLocalChannelPair()): Promise<void> {
  try {
    readCodeCache({ entry: ENTRY, filename: ENTRY, source: readFileSync(ENTRY) });
    const { script } = evaluateScript(ENTRY, SOURCE);
    const { exported } = evaluateScript(ENTRY, SOURCE, { cachedData: script.createCachedData() });
    near.ref();
    const gauges = new Gauges(new Float64Array(INSTANCE_GAUGES.length), { intervalMs: 1, shortestMs: 0 });
    const loop = new InvocationLoop({ channel: far, onCallsInside: (inFlight) => gauges.callsInside(inFlight) });
    loop.become(findHandler(exported, 'The rehearsal'), REHEARSAL_IMAGE);
    for (let call = 1; call <= CALLS; call++) await answered(near, call);
    near.close();
  } catch {
    // The real call will tell.
  }
}

function answered(channel: Channel, call: number): Promise<void> {
  return new Promise((resolve) => {
    channel.onFrame(({ payload }) => {
      decodePayload(payload);
      resolve();
    });
    const meta = encodeMeta(META);
    const payload = encodePayload({ number: call, text: 'rehearsal', list: [1.5, true, null] });
    const outcome = channel.send({ kind: FRAME_KINDS.invoke, port: 0, call, argument: 1_000, meta, payload });
    if (outcome !== 'sent') resolve();
  });
}
