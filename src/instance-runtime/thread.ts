/**
 * Entry point of an instance in a worker thread. It ends when its control port closes, by `worker.terminate`, by `process.exit` of the
 * function or by an uncaught error; the `Worker` object reports which.
 *
 * Until it is told what to become it blocks (invariant 13): nobody else is in this thread. Then its event loop belongs to the function.
 *
 * It is bundled into one script, as which Node loads it in half the time that modules take: so nothing is awaited at its top level.
 */
import { performance } from 'node:perf_hooks';
import { workerData } from 'node:worker_threads';
import { expose } from 'comlink';
import { AttendingEnd } from '../transport/control-port.ts';
import type { InstanceControl, ThreadInstanceData } from '../transport/instance-control.ts';
import { RingChannel } from '../transport/ring-channel.ts';
import { MAX_IDLE_SPIN_MS, MAX_SPIN_MS, SpinPolicy } from '../transport/spin-policy.ts';
import type { StreamChannel } from '../transport/stream-channel.ts';
import { captureConsole } from './console-capture.ts';
import { Gauges } from './gauges.ts';
import { Instance } from './instance.ts';
import { ProcessGroups } from './process-groups.ts';
import { twoTurns } from './two-turns.ts';

/**
 * Between two calls of a loop inside another instance. One that comes after more comes from outside by way of that instance: then three threads
 * would spin, for one that works.
 */
const LOOPED_CALL_MS = 0.04;
/** The first call is on its way when the instance is ready; to wait for it awake saves a wake-up, which costs about as much. */
const FIRST_CALL_MS = 1;
/** From the start of an instance, for which a spare is roused, until it is told what to become. */
const ROUSED_MS = 1.5;

type Calls = RingChannel | StreamChannel;

const data: ThreadInstanceData = workerData;
const groups = new ProcessGroups();
// The control port keeps the thread alive, and ends it: its agent closes it when the instance is to leave.
data.control.once('close', () => process.exit());
const controlEnd = new AttendingEnd(data.control, data.controlBell);
let isTold = false;
void begin();

async function begin(): Promise<void> {
  const calls = await connect(data);
  const instance = instanceOn(calls);
  captureConsole(instance.logs);
  process.once('exit', () => {
    instance.flush();
    // What was sent into a socket leaves at the end of a turn, and there is none after this one: closing writes it now.
    if (!(calls instanceof RingChannel)) calls.close();
    groups.killAll();
  });
  controlEnd.onSpecialise((image) => {
    isTold = true;
    void instance.specialise(image).then((outcome) => {
      const answer = () => {
        controlEnd.specialised(outcome);
        if (outcome.kind === 'ready' && data.spin && !instance.hadEarlyCalls) expectCall(calls);
      };
      // That it is ready, the channel of calls has said; what calls that came before it have answered leaves first.
      if (instance.hadEarlyCalls) setImmediate(answer);
      else answer();
    });
  });
  if (data.isSpare) {
    const { rehearseThread } = await import('./thread-rehearsal.ts');
    await rehearseThread({ hasWire: 'path' in data.calls });
  }
  expose(controlOf(instance), controlEnd);
  setImmediate(attend, calls);
}

function instanceOn(calls: Calls): Instance {
  const gauges = new Gauges(new Float64Array(data.gauges), { intervalMs: 50, shortestMs: 5 });
  const catchUp = calls instanceof RingChannel ? () => ringAndReadAll(calls) : twoTurns;
  // A thread shares nothing of its host's environment.
  return new Instance({ calls, gauges, groups, hostEnv: {}, catchUp });
}

function controlOf(instance: Instance): Pick<InstanceControl, 'join'> {
  return {
    async join(end) {
      const { port, incoming, outgoing, role } = end;
      const spinsFor = role === 'caller' ? 'answers' : 'calls';
      const policy = new SpinPolicy({
        isAllowed: data.spin,
        maxSpinMs: role === 'caller' ? MAX_SPIN_MS : LOOPED_CALL_MS,
      });
      instance.join(end, new RingChannel({ port, incoming, outgoing, spinsFor, policy }));
    },
  };
}

function attend(calls: Calls): void {
  // Who spins for it while it sleeps keeps its core from it, if that is the one on which it would wake up.
  setAway(calls, true);
  controlEnd.attend({ spinMs: data.spin ? ROUSED_MS : 0, awake: () => setAway(calls, false) });
  // What was said leads on first, and answers leave.
  if (isTold || controlEnd.isHungUp) setImmediate(() => controlEnd.listen());
  else setImmediate(attend, calls);
}

/** Up means connected: nobody hears of an instance that cannot be called. */
async function connect({ calls, spin }: ThreadInstanceData): Promise<Calls> {
  if ('path' in calls) {
    // Sockets and cryptography are what an instance with a ring can do without.
    const { connectWire } = await import('../transport/wire.ts');
    return connectWire(calls, { spin });
  }
  const policy = new SpinPolicy({ isAllowed: spin, maxSpinMs: MAX_IDLE_SPIN_MS });
  return new RingChannel({ ...calls, spinsFor: 'calls', policy });
}

function setAway(calls: Calls, isAway: boolean): void {
  if (calls instanceof RingChannel) calls.setAway(isAway);
}

/**
 * The bell for what was sent is due at the end of this turn, which a call that begins in it may never let come. Then all that has come is read,
 * in as many batches as that takes: a call that was cancelled meanwhile does not begin.
 */
function ringAndReadAll(ring: RingChannel): void {
  ring.ring();
  while (ring.poll() > 0);
}

/** After this turn, in which the outcome leaves. */
function expectCall(calls: Calls): void {
  if (calls instanceof RingChannel) setImmediate(awaitFirstCall, calls);
  else calls.awaitCall();
}

function awaitFirstCall(calls: RingChannel): void {
  const untilMs = performance.now() + FIRST_CALL_MS;
  while (performance.now() < untilMs && !calls.isClosed) {
    if (calls.hasMore && calls.poll() > 0) return;
  }
}
