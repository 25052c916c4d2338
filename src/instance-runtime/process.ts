/**
 * Entry point of an instance in a child process. Its link is a duplex pipe, with the control port and the port of calls on it; where calls
 * come from another process than its agent, it connects there for them. When the pipe closes, its agent has died, and it ends with it.
 */
import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { serializeError, TroupeError } from '../errors.ts';
import { decodeMeta, encodeMeta } from '../transport/codec.ts';
import {
  CRASH_EXIT_CODE,
  INSTANCE_GAUGES,
  PROCESS_INSTANCE_FD,
  PROCESS_PORTS,
  type ProcessInstanceMessage,
  SLEEP_ARGUMENT,
  SPARE_ARGUMENT,
  WIRE_ARGUMENT,
} from '../transport/instance-control.ts';
import { Multiplexer } from '../transport/multiplexer.ts';
import { type Channel, EMPTY, FRAME_KINDS, type Frame } from '../transport/protocol.ts';
import { StreamChannel } from '../transport/stream-channel.ts';
import { connectWire, type WireAddress } from '../transport/wire.ts';
import { captureConsole } from './console-capture.ts';
import { Gauges } from './gauges.ts';
import { Instance } from './instance.ts';
import { Outbox } from './outbox.ts';
import { ProcessGroups } from './process-groups.ts';
import { twoTurns } from './two-turns.ts';

// The limit of the heap is set by now. V8 refuses code caches that were made under other flags: as threads have none, so has this.
setFlagsFromString('--max-old-space-size=0');

const GAUGE_INTERVAL_MS = 250;
/** How long the last message may take to leave when the instance crashes. */
const CRASH_FLUSH_MS = 200;

/** Executables need these of the host; a function sees none of them. */
const HOST_VARIABLES = ['PATH', 'HOME', 'LANG', 'TZ'];
const hostEnv = Object.fromEntries(
  HOST_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);

const pipe = new Socket({ fd: PROCESS_INSTANCE_FD, readable: true, writable: true });
const spin = !process.argv.includes(SLEEP_ARGUMENT);
const hasWire = process.argv.includes(WIRE_ARGUMENT);
const link = new StreamChannel(pipe, hasWire ? {} : { spinsFor: 'calls', spin });
let tellAddress: (address: WireAddress) => void = () => {};
const whenTold = new Promise<WireAddress>((resolve) => {
  tellAddress = resolve;
});
const outbox = new Outbox(link);
const multiplexer = new Multiplexer(link, {
  onLinkFrame: (frame) => {
    if (frame.kind === FRAME_KINDS.control) receive(decodeMeta<ProcessInstanceMessage>(frame.meta), frame.call);
  },
});
const groups = new ProcessGroups({
  groupStarted: (pid) => tell({ type: 'groupStarted', pid }),
  groupEnded: (pid) => tell({ type: 'groupEnded', pid }),
});
const gauges = new Gauges(new Float64Array(INSTANCE_GAUGES.length), {
  intervalMs: GAUGE_INTERVAL_MS,
  shortestMs: GAUGE_INTERVAL_MS,
  // Dropped when the pipe is full: a newer one follows.
  written: (values) => outbox.offer(controlFrame({ type: 'gauges', values: [...values] }, 0)),
});

link.ref();
let instance: Instance | undefined;
let wire: StreamChannel | undefined;
let isCrashing = false;
let isAgentGone = false;
link.onClose(() => {
  if (isCrashing) return;
  isAgentGone = true;
  process.exit();
});
process.once('exit', (code) => {
  groups.killAll();
  instance?.flush();
  // Frames leave at the end of a turn, and there is none after this one: closing writes them now.
  // Why it ends, its agent says, in whose place nobody else does.
  wire?.close();
  if (!link.isClosed) multiplexer.close(new TroupeError('INSTANCE_CRASHED', `The process exited with code ${code}.`));
  if (isAgentGone) killOwnGroup();
});
process.on('uncaughtException', crash);
void begin();

/** Nothing is awaited at the top level: it is bundled into one script, as which Node loads it sooner than as modules. */
async function begin(): Promise<void> {
  wire = hasWire ? await connectWire(await whenTold, { spin }) : undefined;
  const calls: Channel = wire ?? multiplexer.open(PROCESS_PORTS.calls);
  instance = new Instance({ calls, gauges, groups, hostEnv, catchUp: twoTurns });
  captureConsole(instance.logs);
  if (process.argv.includes(SPARE_ARGUMENT)) await (await import('./rehearsal.ts')).rehearse();
  tell({ type: 'started' });
}

/** Nobody else is left to end what the function has started. Does nothing where this process leads no group. */
function killOwnGroup(): void {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } catch {
    // It leads none.
  }
}

function receive(message: ProcessInstanceMessage, call: number): void {
  if (message.type === 'connect') return tellAddress(message.address);
  if (message.type !== 'specialise') return;
  void instance?.specialise(message.image).then((outcome) => tell({ type: 'specialised', outcome }, call));
}

function tell(message: ProcessInstanceMessage, call = 0): void {
  outbox.post(controlFrame(message, call));
}

function controlFrame(message: ProcessInstanceMessage, call: number): Frame {
  return { kind: FRAME_KINDS.control, port: 0, call, argument: 0, meta: encodeMeta(message), payload: EMPTY };
}

/** Invariant 8. Also comes here: an unhandled rejection. A function with a listener of its own has chosen to go on. */
function crash(error: unknown): void {
  if (process.listenerCount('uncaughtException') > 1) return;
  if (isCrashing) return;
  isCrashing = true;
  const exit = () => process.exit(CRASH_EXIT_CODE);
  const serialized = serializeError(error);
  instance?.flush();
  tell({ type: 'crashed', error: serialized });
  pipe.once('finish', exit);
  setTimeout(exit, CRASH_FLUSH_MS);
  wire?.close();
  multiplexer.close(new TroupeError('INSTANCE_CRASHED', `${serialized.name}: ${serialized.message}`, { cause: error }));
}
