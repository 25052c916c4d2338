/**
 * What a spare does while nobody waits for it: it becomes a function and answers calls, again and again, as another instance with wires of
 * its own. Node loads, and V8 compiles, the way of a call when it is first gone; that costs more than the rest of a cold start.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { getHeapSpaceStatistics, getHeapStatistics, type HeapSpaceInfo } from 'node:v8';
import { Script } from 'node:vm';
import { decodeCacheFile, encodeCacheFile, type NamedSource } from '../transport/code-cache-file.ts';
import { decodePayload, encodeMeta, encodePayload, loadNativeDecoding } from '../transport/codec.ts';
import { INSTANCE_GAUGES, type InstanceImage } from '../transport/instance-control.ts';
import { createLocalChannelPair } from '../transport/local-channel.ts';
import { type CallMeta, type Channel, FRAME_KINDS, isAnswer } from '../transport/protocol.ts';
import { scriptText, wrapScript } from '../transport/wrapped-script.ts';
import { readCodeCache } from './code-cache.ts';
import { Gauges } from './gauges.ts';
import { Instance } from './instance.ts';
import { ProcessGroups } from './process-groups.ts';

const ENTRY = fileURLToPath(import.meta.url);
const SOURCE = Buffer.from('module.exports = async (event, context) => ({ event, id: context.awsRequestId });');
const META: CallMeta = { id: 'rehearsal', mode: 'value', attempt: 1, depth: 0 };
/** V8's inline caches settle, and what is used most is compiled a second time. */
const ROUNDS = 5;
const CALLS = 3;

const SETTLING_MS = 10;
const MIB = 1_048_576;
/** Both halves. */
const GROWN_BYTES = 16 * MIB;
const GROWTH_STEPS = 16;
const SMALL_HEAP_BYTES = 96 * MIB;
const EMPTYING_BYTES = MIB / 4;
const EMPTYING_STEPS = GROWN_BYTES / EMPTYING_BYTES;
const OBJECT_WORDS = 125;
const OBJECT_BYTES = 8 * OBJECT_WORDS + 32;

/** Both ends of the calls of an instance. */
export interface Wires {
  readonly near: Channel;
  readonly far: Channel;
  /** As an instance has it. */
  readonly catchUp?: () => void | Promise<void>;
}

/** Each time over new wires. Never rejects: a rehearsal that fails has cost time and nothing else. */
export async function rehearse(connect: () => Wires = connectLocally): Promise<void> {
  const { argv } = process;
  try {
    const image = rehearsalImage();
    await loadNativeDecoding();
    for (let round = 0; round < ROUNDS; round++) await perform(image, connect());
    growYoungGeneration();
    // V8 has put off work to when there is time: now.
    await sleep(SETTLING_MS);
  } catch {
    // The real call will tell.
  } finally {
    process.argv = argv;
  }
}

function connectLocally(): Wires {
  const [near, far] = createLocalChannelPair();
  return { near, far };
}

/** With a cache, so that taking one in is rehearsed too. */
export function rehearsalImage(): InstanceImage {
  const named: NamedSource = { entry: ENTRY, filename: ENTRY, source: SOURCE };
  const code = wrapScript(SOURCE);
  const data = new Script(scriptText(code)).createCachedData();
  const found = decodeCacheFile(encodeCacheFile({ data, stage: 'used' }, named), named);
  return {
    functionName: 'rehearsal',
    functionVersion: 0,
    format: 'script',
    entry: ENTRY,
    env: { ...(process.env as Record<string, string>) },
    code: { ...code, cache: found?.data ?? data },
    memoryMb: 0,
    payloadLimitBytes: 65_536,
  };
}

export async function perform(image: InstanceImage, { near, far, catchUp = () => {} }: Wires): Promise<void> {
  near.ref();
  const gauges = new Gauges(new Float64Array(INSTANCE_GAUGES.length), { intervalMs: 1, shortestMs: 0 });
  const instance = new Instance({ calls: far, gauges, groups: new ProcessGroups(), hostEnv: {}, catchUp });
  // As the loading of code that was not handed over does.
  readCodeCache({ entry: ENTRY, filename: ENTRY, source: readFileSync(ENTRY) });
  // The first comes with the function, as most do.
  const first = answered(near, 1);
  await instance.specialise(image);
  await first;
  for (let call = 2; call <= CALLS; call++) await answered(near, call);
  near.close();
}

/**
 * V8 begins with 1 MiB for new objects and doubles it when as much has survived, twice collecting on the way; what a function makes while
 * it loads does survive. So that is gone through before, the pages are there, and they are left empty. In a small heap it is not done.
 */
function growYoungGeneration(): void {
  if (getHeapStatistics().heap_size_limit < SMALL_HEAP_BYTES) return;
  for (let step = 0; step < GROWTH_STEPS && newSpace().space_size < GROWN_BYTES; step++) {
    allocate(newSpace().space_size);
  }
  for (let step = 0, before = 0; step < EMPTYING_STEPS && newSpace().space_used_size >= before; step++) {
    before = newSpace().space_used_size;
    allocate(EMPTYING_BYTES);
  }
}

/** They survive until it returns. */
function allocate(bytes: number): void {
  const survivors: unknown[] = [];
  for (let left = bytes; left > 0; left -= OBJECT_BYTES) survivors.push(new Array(OBJECT_WORDS).fill(0));
}

function newSpace(): Pick<HeapSpaceInfo, 'space_size' | 'space_used_size'> {
  const found = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return found ?? { space_size: GROWN_BYTES, space_used_size: 0 };
}

function answered(channel: Channel, call: number): Promise<void> {
  return new Promise((resolve) => {
    channel.onFrame(({ kind, payload }) => {
      if (!isAnswer(kind)) return;
      decodePayload(payload);
      resolve();
    });
    const meta = encodeMeta(META);
    const payload = encodePayload({ number: call, text: 'rehearsal', list: [1.5, true, null] });
    const outcome = channel.send({ kind: FRAME_KINDS.invoke, port: 0, call, argument: 1_000, meta, payload });
    if (outcome !== 'sent') resolve();
  });
}
