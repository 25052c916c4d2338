/** What the supervisor knows of a worker, be it a thread or a process. Types only. */
import type { InstanceControl } from '../../transport/instance-control.ts';
import type { PeerEnd } from '../../transport/peer-protocol.ts';
import type { Channel } from '../../transport/protocol.ts';
import type { WireAddress } from '../../transport/wire.ts';
import type { Gauges } from './sampling.ts';
import type { WorkerEnd } from './stop-reason.ts';

export interface BodyEvents {
  /** The runtime inside answers. */
  readonly up: () => void;
  /** Called once: nothing of the worker runs any more. */
  readonly ended: (end: WorkerEnd) => void;
  /** A process group that belongs to the worker has started or ended. */
  readonly group: (pid: number, alive: boolean) => void;
}

export interface BodyOptions {
  readonly entry: string;
  readonly memoryMb: number;
  /** Nobody waits for it yet. */
  readonly isSpare: boolean;
  /** Whether it and its callers may spin while they wait for each other. */
  readonly spin: boolean;
  /** Where its calls come from, when that is not here: it connects there itself. */
  readonly wire: WireAddress | undefined;
  readonly events: BodyEvents;
}

export interface WorkerBody {
  /** Absent where calls come from elsewhere. */
  readonly calls: Channel | undefined;
  readonly control: InstanceControl;
  /** Gives it one end of a link to another worker. Threads only. */
  join?(end: PeerEnd): Promise<void>;
  /** It is about to be given a function. Where it sleeps deeper than others, it wakes up. */
  rouse?(): void;
  /** True once it has ended, also while `ended` waits for the last of its output. */
  readonly isGone: boolean;
  /** Closes the wires to it, upon which it ends by itself unless the function holds it. */
  leave(): void;
  /** Ends it by force. `ended` follows, unless a thread is where nothing can interrupt it. */
  kill(): void;
  /** Releases what this side holds. Called once, after the end or when the worker is abandoned. */
  dispose(): void;
  /** CPU time so far. */
  cpuMs(): number | undefined;
  /** What it says of itself. */
  gauges(): Gauges | undefined;
  /** Memory that is its own and that of everything it has started; processes only. */
  memoryMb(): number | undefined;
  /** The end of its standard error. */
  readonly stderr: string;
}
