/**
 * Entry point of an instance in a worker thread. It ends when its control port closes, by `worker.terminate`, by `process.exit` of the
 * function or by an uncaught error; the `Worker` object reports which.
 *
 * Until it is told what to become it blocks (invariant 12): nobody else is in this thread. Then its event loop belongs to the function.
 */
import { performance } from 'node:perf_hooks';
import { workerData } from 'node:worker_threads';
import { expose } from 'comlink';
import { AttendingEnd } from '../transport/control-port.ts';
import type { InstanceControl, ThreadInstanceData } from '../transport/instance-control.ts';
import { RingChannel } from '../transport/ring-channel.ts';
import { MAX_IDLE_SPIN_MS, MAX_SPIN_MS, SpinPolicy } from '../transport/spin-policy.ts';
import type { StreamChannel } from '../transport/stream-channel.ts';
import { connectWire } from '../transport/wire.ts';
import { captureConsole } from './console-capture.ts';
import { Gauges } from './gauges.ts';
import { Instance } from './instance.ts';
import { ProcessGroups } from './process-groups.ts';

/**
 * Between two calls of a loop inside another instance. One that comes after more comes from outside by way of that instance: then three threads
 * would spin, for one that works.
 */
const LOOPED_CALL_MS = 0.04;
/** The first call is on its way when the instance is ready; to wait for it awake saves a wake-up, which costs about as much. */
const FIRST_CALL_MS = 1;

const data: ThreadInstanceData = workerData;
const groups = new ProcessGroups();
// The control port keeps the thread alive, and ends it: its agent closes it when the instance is to leave.
data.control.once('close', () => process.exit());
const calls = await connect(data);
const gauges = new Gauges(new Float64Array(data.gauges), { intervalMs: 50, shortestMs: 5 });
// A thread shares nothing of its host's environment.
const instance = new Instance({ calls, gauges, groups, hostEnv: {} });
captureConsole(instance.logs);

const controlEnd = new AttendingEnd(data.control, data.controlBell);
process.once('exit', () => {
  instance.flush();
  // What was sent into a socket leaves at the end of a turn, and there is none after this one: closing writes it now.
  if (!(calls instanceof RingChannel)) calls.close();
  groups.killAll();
});

let isTold = false;
const control: InstanceControl = {
  async specialise(image) {
    isTold = true;
    const outcome = await instance.specialise(image);
    // After this turn, in which the outcome leaves.
    if (outcome.kind === 'ready' && data.spin) {
      if (calls instanceof RingChannel) setImmediate(awaitFirstCall, calls);
      else calls.awaitCall();
    }
    return outcome;
  },
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

if (data.isSpare) {
  const { rehearseThread } = await import('./thread-rehearsal.ts');
  await rehearseThread({ hasWire: 'path' in data.calls });
}
expose(control, controlEnd);
setImmediate(attend);

function attend(): void {
  controlEnd.attend();
  if (isTold || controlEnd.isHungUp) controlEnd.listen();
  // Answers leave first.
  else setImmediate(attend);
}

/** Up means connected: nobody hears of an instance that cannot be called. */
function connect({ calls, spin }: ThreadInstanceData): RingChannel | Promise<StreamChannel> {
  if ('path' in calls) return connectWire(calls, { spin });
  const policy = new SpinPolicy({ isAllowed: spin, maxSpinMs: MAX_IDLE_SPIN_MS });
  return new RingChannel({ ...calls, spinsFor: 'calls', policy });
}

function awaitFirstCall(calls: RingChannel): void {
  const untilMs = performance.now() + FIRST_CALL_MS;
  while (performance.now() < untilMs && !calls.isClosed) {
    if (calls.hasMore && calls.poll() > 0) return;
  }
}
