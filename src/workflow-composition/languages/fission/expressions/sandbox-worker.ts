/** The thread of the sandbox: evaluates what it is sent, in order, and says what it is at, so that the host can tell when it hangs. */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../../../kernel/clock.ts';
import { QuickJsMachine } from './quickjs-machine.ts';
import {
  BEATS,
  CURRENT,
  type FromWorker,
  type SandboxAnswer,
  type SandboxRequest,
  type WorkerSetup,
} from './sandbox-protocol.ts';

/** An answer waits this long for others to travel with: a message costs as much as an evaluation. */
const GATHER_MS = 1;

const setup = workerData as WorkerSetup;
const machine = await QuickJsMachine.create({ ...setup, clock: systemClock });
const beat = () => {
  Atomics.add(setup.shared, BEATS, 1);
};

parentPort?.on('message', (requests: readonly SandboxRequest[]) => {
  let answers: SandboxAnswer[] = [];
  let postedMs = systemClock.nowMs();
  for (const request of requests) {
    if (machine.isWorn) return;
    Atomics.store(setup.shared, CURRENT, request.id);
    answers.push(machine.evaluate(request, beat));
    Atomics.store(setup.shared, CURRENT, 0);
    if (systemClock.nowMs() - postedMs < GATHER_MS && !machine.isWorn && request !== requests.at(-1)) continue;
    post({ kind: 'answers', answers, isWorn: machine.isWorn });
    answers = [];
    postedMs = systemClock.nowMs();
  }
});
post({ kind: 'ready' });

function post(message: FromWorker): void {
  parentPort?.postMessage(message);
}
