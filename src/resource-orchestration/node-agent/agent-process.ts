/**
 * Entry point of a child agent. It obeys the commands on its pipe; calls go past it, on wires that its workers have to the process that
 * started it. When the pipe closes, that process is gone: the agent ends with all that it has started.
 *
 * Invariant 4 (as in README.md): it leads a process group of its own and ends by killing it, so that what a stuck thread has started
 * ends too, and so that no stuck thread can hold up the end.
 */
import { Socket } from 'node:net';
import { TroupeError } from '../../errors.ts';
import { decodeMeta } from '../../transport/codec.ts';
import { FRAME_KINDS, type Frame } from '../../transport/protocol.ts';
import { StreamChannel } from '../../transport/stream-channel.ts';
import {
  AGENT_FD,
  type AgentCommand,
  type AgentProcessOptions,
  type AgentReport,
  type WireDeskAddress,
} from './agent-message.ts';
import { ControlSender } from './control-sender.ts';
import { findEntryPoints } from './entry-points.ts';
import { killGroup } from './kill-group.ts';
import { failedOutcome } from './supervised-worker.ts';
import { removeDesk } from './wire-desk.ts';
import { WorkerSupervisor } from './worker-supervisor.ts';

const options: AgentProcessOptions = JSON.parse(process.argv[2] ?? '{}');
const link = new StreamChannel(new Socket({ fd: AGENT_FD, readable: true, writable: true }));
const reports = new ControlSender<AgentReport>(link);
let desk: WireDeskAddress | undefined;
let lastWire = 0;
const supervisor = new WorkerSupervisor({
  ...options,
  entryPoints: findEntryPoints(),
  nextWire: () => desk && { ...desk, wire: ++lastWire },
  emit: (event) => {
    if (event.type === 'heartbeat') reports.offer({ type: 'event', event });
    else if (event.type === 'workerStarted') reports.send({ type: 'event', event, wire: wireOf(event.workerId) });
    else reports.send({ type: 'event', event });
  },
  group: (pid, alive) => reports.send({ type: 'group', pid, alive }),
});

link.onFrame(receive);
link.ref();
link.onClose(end);
// A terminal sends its interrupt to the host, which drains first and then tells its agents.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('SIGTERM', end);
reports.send({ type: 'event', event: { type: 'agentReady', pid: process.pid } });

function receive(frame: Frame): void {
  if (frame.kind === FRAME_KINDS.control) obey(decodeMeta<AgentCommand>(frame.meta), frame.call);
}

function obey(command: AgentCommand, call: number): void {
  switch (command.type) {
    case 'wireTo':
      desk = command.desk;
      return;
    case 'startWorker':
      return supervisor.start(command.workerId, command.spec);
    case 'stopWorker':
      return supervisor.stop(command.workerId, command.graceMs);
    case 'letGo':
      return supervisor.get(command.workerId)?.letGo();
    case 'callsInside':
      return supervisor.callsInside(command.workerIds);
    case 'wireBroken':
      return supervisor.get(command.workerId)?.broken();
    case 'specialise':
      return void specialise(command, call);
    case 'link':
      return void linkWorkers(command, call);
    case 'lease':
      supervisor.links.lease(command.link);
      return reports.send({ type: 'leased' }, call);
    case 'revoke':
      return reports.send({ type: 'revoked', outcome: supervisor.links.revoke(command.link, command.onlyIdle) }, call);
    case 'shutdown':
      void supervisor.stopAll(command.graceMs).then(() => reports.send({ type: 'stopped' }));
  }
}

function wireOf(workerId: string): number {
  return supervisor.get(workerId)?.wire ?? 0;
}

async function specialise(
  { workerId, image }: AgentCommand & { readonly type: 'specialise' },
  call: number,
): Promise<void> {
  const worker = supervisor.get(workerId);
  const outcome = worker
    ? await worker.control.specialise(image)
    : failedOutcome(new TroupeError('INSTANCE_CRASHED', `Instance ${workerId} has ended.`));
  reports.send({ type: 'specialised', outcome }, call);
}

async function linkWorkers(
  { link: id, callerId, calleeId }: AgentCommand & { readonly type: 'link' },
  call: number,
): Promise<void> {
  reports.send({ type: 'linked', isLinked: await supervisor.link(id, callerId, calleeId) }, call);
}

function end(): void {
  supervisor.killAll();
  // The other side does so too, unless it was killed.
  if (desk) removeDesk(desk.path);
  killGroup(process.pid);
  process.kill(process.pid, 'SIGKILL');
}
