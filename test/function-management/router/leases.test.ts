import { beforeEach, describe, expect, it } from 'vitest';
import { type FunctionConfig, resolveFunctionConfig } from '../../../src/config.ts';
import type { InstanceLoss } from '../../../src/function-management/instance/protocol.ts';
import { CURRENT_ALIAS, type FunctionDescription } from '../../../src/function-management/registry/protocol.ts';
import { Call, type CallHost } from '../../../src/function-management/router/call.ts';
import type { CallOutcome, CallRequest, RouterMessages } from '../../../src/function-management/router/protocol.ts';
import { routerActor } from '../../../src/function-management/router/router.ts';
import { ActorSystem } from '../../../src/kernel/actor-system.ts';
import { ProcessHold } from '../../../src/kernel/process-hold.ts';
import type { ActorRef } from '../../../src/kernel/protocol.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { VirtualClock } from '../../../src/kernel/virtual-clock.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';
import { createLeaseWord, LeaseWord } from '../../../src/transport/lease-word.ts';
import type { LeaseGrant, PeerCommand, PeerReport, ResumedCall } from '../../../src/transport/peer-protocol.ts';
import { EMPTY } from '../../../src/transport/protocol.ts';
import { type FakeHandle, fakeHandle } from '../../support/fake-instance.ts';

let clock: VirtualClock;
let ledger: Ledger;
let router: ActorRef<RouterMessages<Call>>;
let host: CallHost;
let words: Map<number, LeaseWord>;
let demands: string[];
/** How long an agent takes for an answer. */
let agentMs: number;

beforeEach(() => {
  clock = new VirtualClock();
  ledger = new Ledger(100);
  words = new Map();
  demands = [];
  agentMs = 0;
  router = new ActorSystem({ clock }).spawn(
    routerActor({
      random: seededRandom(1),
      maxCallDepth: 3,
      cancelGraceMs: 100,
      demandArrived: (name, version) => void demands.push(`${name}@${version}`),
    }),
  );
  host = { clock, ledger, hold: new ProcessHold(), lost: (call, loss) => void router.tell('callLost', { call, loss }) };
});

interface Peer extends FakeHandle {
  readonly told: PeerCommand[];
  leases: number;
}

function peer(instanceId: string, rest: Partial<FakeHandle> = {}): Peer {
  const told: PeerCommand[] = [];
  const handle: Peer = Object.assign(
    fakeHandle({
      instanceId,
      functionName: instanceId.split('-')[0] ?? 'f',
      ...rest,
      peers: {
        async linkTo(_callee, link) {
          const word = new LeaseWord(createLeaseWord());
          words.set(link, word);
          return {
            lease(done) {
              const grant = () => {
                word.lease();
                done();
              };
              if (agentMs === 0) grant();
              else clock.after(agentMs, grant);
            },
            revoke(onlyIdle, done) {
              if (agentMs === 0) done(word.revoke(onlyIdle));
              else clock.after(agentMs, () => done(word.revoke(onlyIdle)));
            },
          };
        },
        tell: (command) => void told.push(command),
        leased(change) {
          handle.leases += change;
        },
        mapError: (error) => ({ ...error, message: `mapped: ${error.message}` }),
      },
    }),
    { told, leases: 0 },
  );
  return handle;
}

function describeFunction(
  name: string,
  config: FunctionConfig = {},
  versions = 1,
  targets = [{ version: versions, weight: 1 }],
): FunctionDescription {
  return {
    name,
    versions: Array.from({ length: versions }, (_, index) => ({
      name,
      version: index + 1,
      artifact: { hash: 'h', directory: '/', format: 'script', entry: '/f.cjs', bytes: 1 },
      shape: 'value',
      config: resolveFunctionConfig(config),
      createdAtMs: 0,
    })),
    aliases: [{ name, alias: CURRENT_ALIAS, targets }],
  };
}

interface Sent {
  readonly call: Call;
  readonly outcomes: CallOutcome[];
}

let lastNumber = 0;
function make(request: Partial<CallRequest>, resumed?: ResumedCall): Sent {
  const outcomes: CallOutcome[] = [];
  const settled = (outcome: CallOutcome) => void outcomes.push(outcome);
  const call = new Call(
    { functionName: 'f', payload: EMPTY, mode: 'value', depth: 0, settled, ...request },
    host,
    resumed,
  );
  return { call, outcomes };
}
function send(request: Partial<CallRequest> = {}): Sent {
  const sent = make(request);
  router.tell('invoke', sent.call);
  return sent;
}
const sendFrom = (caller: Peer, rest: Partial<CallRequest> = {}) =>
  send({ depth: 1, from: { instanceId: caller.instanceId, call: ++lastNumber }, ...rest });
const turn = () => clock.advance(0);
function answer(handle: FakeHandle): void {
  const call = handle.calls.shift();
  if (!call) throw new Error('no call inside');
  router.tell('callLeft', { instanceId: handle.instanceId, call });
  call.succeeded(EMPTY, 1);
}
const report = async (handle: Peer, what: PeerReport) => {
  router.tell('peerReport', { instanceId: handle.instanceId, report: what, work: undefined });
  await turn();
};
const codeOf = ({ outcomes }: Sent) => (outcomes[0]?.kind === 'failed' ? outcomes[0].error.code : outcomes[0]?.kind);
const grantsOf = ({ told }: Peer) => told.filter((command): command is LeaseGrant => command.type === 'leaseGranted');
const routeOf = async (name: string) => {
  const asked = router.ask('snapshot', undefined);
  await turn();
  return (await asked).functions.find((route) => route.name === name);
};

/** Calls until there is a lease; its tenant has left. */
async function lease(caller: Peer, callee: Peer): Promise<{ grant: LeaseGrant; word: LeaseWord }> {
  const { functionName } = callee;
  const before = grantsOf(caller).length;
  for (let time = 0; time < 3 && grantsOf(caller).length === before; time++) {
    sendFrom(caller, { functionName });
    await turn();
    answer(callee);
    await turn();
  }
  const grant = grantsOf(caller).at(-1);
  const word = grant && words.get(grant.link);
  if (!grant || !word) throw new Error('no lease');
  // What the caller does when its call is answered.
  word.end();
  return { grant, word };
}

async function start(config: FunctionConfig = {}): Promise<{ a: Peer; f: Peer }> {
  router.tell('functionChanged', describeFunction('a'));
  router.tell('functionChanged', describeFunction('f', config));
  const [a, f] = [peer('a-1'), peer('f-1', { concurrency: config.concurrency ?? 1 })];
  router.tell('instanceReady', a);
  router.tell('instanceReady', f);
  await turn();
  return { a, f };
}

describe('leases', () => {
  it('are granted to an instance that calls a function again soon, under the id of its call', async () => {
    const { a, f } = await start({ timeoutMs: 700 });
    const { grant } = await lease(a, f);
    expect(grant).toMatchObject({
      after: lastNumber,
      functionName: 'f',
      functionVersion: 1,
      instanceId: 'f-1',
      timeoutMs: 700,
      maxCallDepth: 3,
      cancelGraceMs: 100,
    });
    expect(ledger.idOf(grant.leasedUnder)).toBe(grant.id);
    expect(f.leases).toBe(1);
    expect(await routeOf('f')).toMatchObject({ inFlight: 1, leased: 1 });
    await report(a, { type: 'leaseReturned', link: grant.link });
    expect(f.leases).toBe(0);
    expect(await routeOf('f')).toMatchObject({ inFlight: 0, leased: 0 });
  });

  it('are told to the caller only when its agent has made them, where that takes a while', async () => {
    const { a, f } = await start();
    agentMs = 50;
    const call = async () => {
      sendFrom(a);
      await turn();
      answer(f);
      await turn();
    };
    for (let time = 0; time < 4; time++) await call();
    expect(grantsOf(a)).toEqual([]);
    await clock.advance(50);
    await call();
    const grant = grantsOf(a).at(-1);
    expect(grant).toMatchObject({ after: lastNumber });
    expect(words.get(grant?.link ?? 0)?.isNone).toBe(false);
  });

  it.each([50, 0])(
    'are told to be over, when the name leads elsewhere, ahead of all later calls: agent answers after %i ms',
    async (ms) => {
      const { a, f } = await start();
      const { grant, word } = await lease(a, f);
      agentMs = ms;
      router.tell('functionChanged', describeFunction('f', {}, 2));
      send({ functionName: 'a' });
      await turn();
      expect(a.calls).toHaveLength(1);
      // Either the word says so already, or the caller was told before the call came.
      if (ms === 0) expect(word.isNone).toBe(true);
      else expect(a.told.at(-1)).toEqual({ type: 'leaseRevoked', link: grant.link });
      await clock.advance(ms);
      expect(word.isNone).toBe(true);
      expect(f.leases).toBe(0);
    },
  );

  it('are not granted to callers from outside, to instances elsewhere, or where the name leads to several versions', async () => {
    const { f } = await start({ concurrency: 100 });
    const elsewhere = peer('a-2', { agentId: 'agent-2' });
    const alone = fakeHandle({ instanceId: 'a-3', functionName: 'a' });
    router.tell('instanceReady', elsewhere);
    router.tell('instanceReady', alone);
    for (let time = 0; time < 5; time++) {
      send();
      sendFrom(elsewhere);
      send({ depth: 1, from: { instanceId: 'a-3', call: time } });
      sendFrom(f);
      await turn();
      while (f.calls.length > 0) answer(f);
    }
    const weights = [
      { version: 1, weight: 1 },
      { version: 2, weight: 1 },
    ];
    router.tell('functionChanged', describeFunction('f', { concurrency: 100 }, 2, weights));
    router.tell('instanceReady', peer('f-2', { concurrency: 100, functionVersion: 2 }));
    const a = peer('a-4');
    router.tell('instanceReady', a);
    for (let time = 0; time < 10; time++) {
      sendFrom(a);
      await turn();
    }
    expect([...elsewhere.told, ...f.told, ...a.told]).toEqual([]);
    expect(words.size).toBe(0);
  });

  it('are taken back at once from a caller that does not use them, for a call that would have to wait', async () => {
    const { a, f } = await start();
    const { word } = await lease(a, f);
    const sent = send();
    await turn();
    expect(f.calls).toEqual([sent.call]);
    expect(word.begin()).toBe(false);
    expect(demands).toEqual([]);
    answer(f);
    await turn();
    expect(await routeOf('f')).toMatchObject({ inFlight: 0, leased: 0 });
  });

  it('are taken back after the call inside, and the call that waits is next', async () => {
    const { a, f } = await start();
    const { grant, word } = await lease(a, f);
    word.begin();
    const sent = send();
    await turn();
    expect(f.calls).toEqual([]);
    expect(demands).toEqual(['f@1']);
    expect(word.end()).toBe(true);
    await report(f, { type: 'leaseReturned', link: grant.link });
    expect(f.calls).toEqual([sent.call]);
  });

  it('ask for no instance while an agent has not said whether a slot is free', async () => {
    const { a, f } = await start();
    await lease(a, f);
    agentMs = 2;
    const sent = send();
    await turn();
    expect([f.calls.length, demands.length]).toEqual([0, 0]);
    await clock.advance(2);
    expect([f.calls, demands]).toEqual([[sent.call], []]);
    agentMs = 0;
  });

  it('pause where they were in the way of others', async () => {
    const { a, f } = await start();
    await lease(a, f);
    send();
    await turn();
    answer(f);
    const before = grantsOf(a).length;
    for (let time = 0; time < 5; time++) {
      sendFrom(a);
      await clock.advance(1);
      answer(f);
    }
    expect(grantsOf(a).length).toBe(before);
    await clock.advance(100);
    await lease(a, f);
    expect(grantsOf(a).length).toBe(before + 1);
  });

  it.each([
    ['another version becomes current', () => router.tell('functionChanged', describeFunction('f', {}, 2))],
    ['the function is removed', () => router.tell('functionRemoved', 'f')],
    ['the instance is retired', () => router.tell('retireInstances', { instanceIds: ['f-1'], graceMs: 500 })],
  ])('end when %s', async (_, happen) => {
    const { a, f } = await start();
    const { word } = await lease(a, f);
    happen();
    await turn();
    expect(word.begin()).toBe(false);
    expect(f.leases).toBe(0);
  });

  it('go back to their first call when the caller declines while it is still inside', async () => {
    const { a, f } = await start();
    for (let time = 0; time < 3; time++) {
      sendFrom(a);
      await turn();
      if (time < 2) answer(f);
    }
    const [grant] = grantsOf(a);
    expect(words.get(grant?.link ?? 0)?.surrender()).toBe(true);
    await report(a, { type: 'leaseReturned', link: grant?.link ?? 0 });
    expect(await routeOf('f')).toMatchObject({ inFlight: 1, leased: 0 });
    answer(f);
    expect(await routeOf('f')).toMatchObject({ inFlight: 0, leased: 0 });
  });

  it('leave with a caller that ends; a callee that does not let go is given up', async () => {
    const { a, f } = await start();
    const { word } = await lease(a, f);
    word.begin();
    const loss: InstanceLoss = { instanceId: 'a-1', reason: 'crashed' };
    router.tell('instanceGone', { instanceId: 'a-1', loss });
    await clock.advance(99);
    expect(f.retired).toEqual([]);
    await clock.advance(1);
    expect(f.retired).toEqual([{ graceMs: 0, reason: 'replaced' }]);
  });

  it('take a callee that ignores its cancellation out of use', async () => {
    const { a, f } = await start();
    const { grant, word } = await lease(a, f);
    word.begin();
    await report(a, { type: 'calleeStuck', link: grant.link });
    expect(f.retired).toEqual([{ graceMs: 0, reason: 'replaced' }]);
    const sent = send();
    await turn();
    expect(f.calls).toEqual([]);
    expect(codeOf(sent)).toBeUndefined();
  });

  it('believe only the two instances of a link', async () => {
    const { a, f } = await start();
    const { grant } = await lease(a, f);
    const other = peer('a-9');
    router.tell('instanceReady', other);
    await report(other, { type: 'leaseReturned', link: grant.link });
    expect(await routeOf('f')).toMatchObject({ leased: 1 });
  });

  it('are bounded for each caller, and so are its links: an unused one makes room', async () => {
    const { a } = await start();
    for (let other = 0; other < 20; other++) {
      router.tell('functionChanged', describeFunction(`g${other}`));
      const callee = peer(`g${other}-1`);
      router.tell('instanceReady', callee);
      for (let time = 0; time < 3; time++) {
        const before = grantsOf(a).length;
        sendFrom(a, { functionName: `g${other}` });
        await turn();
        answer(callee);
        await clock.advance(1);
        if (grantsOf(a).length > before) break;
      }
    }
    expect(grantsOf(a)).toHaveLength(8);
    const unlinked = a.told.filter(({ type }) => type === 'unlink');
    expect(unlinked.length).toBeGreaterThan(0);
    expect(words.size - unlinked.length).toBeLessThanOrEqual(16);
    const leased = new Set(grantsOf(a).map(({ link }) => link));
    for (const { link } of unlinked) expect(leased.has(link)).toBe(false);
  });

  const resumed = (grant: LeaseGrant, rest: Partial<ResumedCall> = {}): ResumedCall => ({
    link: grant.link,
    callee: { functionName: 'f', functionVersion: 1, instanceId: 'f-1', leasedUnder: grant.leasedUnder },
    count: 5,
    timeoutMs: 700,
    elapsedMs: 10,
    ...rest,
  });
  const resume = (what: ResumedCall): Sent => {
    const sent = make({ depth: 1, timeoutMs: what.timeoutMs }, what);
    router.tell('resume', { call: sent.call, resumed: what });
    return sent;
  };

  it.each(['before', 'after'])('hand a call over whose callee is lost, with the loss known %s it', async (when) => {
    const { a, f } = await start({ idempotent: true });
    const { grant } = await lease(a, f);
    await clock.advance(20);
    const gone = () =>
      router.tell('instanceGone', { instanceId: 'f-1', loss: { instanceId: 'f-1', reason: 'crashed' } });
    if (when === 'before') gone();
    const sent = resume(resumed(grant));
    if (when === 'after') {
      await turn();
      gone();
    }
    await report(a, { type: 'linkClosed', link: grant.link });
    const next = peer('f-2');
    router.tell('instanceReady', next);
    await turn();
    expect(next.calls).toEqual([sent.call]);
    expect(sent.call).toMatchObject({ attempt: 2, id: `${grant.id}.5` });
    answer(next);
    expect(codeOf(sent)).toBe('succeeded');
    expect(ledger.latest(1)[0]).toMatchObject({ id: `${grant.id}.5`, attempt: 2, depth: 1, instanceId: 'f-2' });
  });

  it('hand a call over that failed, which ends as if it had come by the host', async () => {
    const { a, f } = await start();
    const { grant } = await lease(a, f);
    await clock.advance(20);
    const failure = { error: { name: 'TroupeError', code: 'FUNCTION_ERROR', message: 'no' }, runMs: 4 };
    const sent = resume(resumed(grant, { failure }));
    await turn();
    expect(sent.outcomes).toMatchObject([{ kind: 'failed', error: { code: 'FUNCTION_ERROR', message: 'mapped: no' } }]);
    const [record] = ledger.latest(1);
    expect(record).toMatchObject({ id: `${grant.id}.5`, status: 'FUNCTION_ERROR', instanceId: 'f-1', totalUs: 10_000 });
    expect(record?.phasesUs).toMatchObject({ deliver: 6_000, run: 4_000 });
  });

  it('let a call time out whose callee was never said to be lost', async () => {
    const { a, f } = await start();
    const { grant } = await lease(a, f);
    await clock.advance(20);
    const sent = resume(resumed(grant, { timeoutMs: 300 }));
    await clock.advance(300);
    expect(codeOf(sent)).toBe('TIMEOUT');
  });
});
