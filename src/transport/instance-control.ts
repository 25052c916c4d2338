/**
 * The contract between an instance and whoever started it: what it is told to become, what it reports, and how the two are wired.
 * The instance runtime is started by URL and imported by nobody, so what both sides must know stands here. Types and wire constants only.
 */

import type { MessagePort } from 'node:worker_threads';
import type { FunctionConfig } from '../config.ts';
import type { SerializedError } from '../errors.ts';
import type { PeerEnd, PeerLink } from './peer-protocol.ts';
import type { WireAddress } from './wire.ts';
import type { WrappedScript } from './wrapped-script.ts';

export type ArtifactFormat = 'script' | 'module' | 'exec';

/** What a handler looks like from outside: returns a value, yields chunks, answers a web `Request`, or is an executable. */
export type HandlerShape = 'value' | 'stream' | 'fetch' | 'exec';

/** What an instance becomes when it is specialised. */
export interface InstanceImage {
  readonly functionName: string;
  readonly functionVersion: number;
  readonly format: ArtifactFormat;
  /** Absolute path of the file to load or to execute. */
  readonly entry: string;
  /** What a script is called in stacks, where that is not its path: it is loaded before it is moved to its place. */
  readonly filename?: string;
  /** The only environment variables that the function sees; PATH and the like are added for executables. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * For a script in a directory of its own, which may then hold V8's code cache beside it. `make` writes one right after loading; `use` uses
   * it, and writes a better one after the first call. Absent: none.
   */
  readonly codeCache?: 'make' | 'use';
  /** What stands in the files of a script, in shared memory: an agent that has it there hands it to its threads. */
  readonly code?: ScriptCode;
  readonly memoryMb: number;
  readonly payloadLimitBytes: number;
}

export interface ScriptCode extends WrappedScript {
  /** V8's code cache; it was checked. */
  readonly cache: Uint8Array;
}

/** What loading the function revealed. */
export interface FunctionManifest {
  readonly shape: HandlerShape;
  /** The function's own `config` export, unresolved. */
  readonly config: FunctionConfig;
}

export type SpecialiseOutcome =
  | { readonly kind: 'ready'; readonly manifest: FunctionManifest; readonly tookMs: number }
  /** `isLost`: its agent says so, because the instance has ended. Otherwise it says so itself, and has begun nothing. */
  | { readonly kind: 'failed'; readonly error: SerializedError; readonly isLost?: true };

/**
 * The control port of an instance: within one process a comlink endpoint, beside which `specialise` goes its own way (`control-port.ts`), and
 * control frames across processes.
 */
export interface InstanceControl {
  /** Loads the function. At most once in the life of an instance. Settles also when the instance dies. */
  specialise(image: InstanceImage): Promise<SpecialiseOutcome>;
  /** Takes one end of a link to another instance. Threads only. */
  join?(end: PeerEnd): Promise<void>;
}

/** A worker as its agent offers it. */
export interface WorkerControl extends Pick<InstanceControl, 'specialise'> {
  /**
   * Calls may be sent before it has its function. True only where nothing stands between that could be lost with what the instance has said
   * last: if it ends, it is known from its channel whether they have begun.
   */
  readonly takesEarlyCalls?: true;
  /**
   * Makes a link on which this worker calls another of the same agent; both must be threads. Resolves once both ends have it, with
   * undefined where one of them has gone.
   */
  linkTo?(calleeId: string, link: number): Promise<PeerLink | undefined>;
}

/** Where the calls of a thread come from: its own process, over rings as `createRing` makes them and their port, or another one. */
export type ThreadCalls =
  | {
      /** The doorbell, and the way of what the rings do not hold. */
      readonly port: MessagePort;
      readonly incoming: SharedArrayBuffer;
      readonly outgoing: SharedArrayBuffer;
    }
  | WireAddress;

/** What a thread instance gets as `workerData`. Its ports are in the transfer list. */
export interface ThreadInstanceData {
  /** Comlink: the instance exposes `InstanceControl` here. */
  readonly control: MessagePort;
  /** As `createBell` makes it: rung for each message on the control port, and the place for what is told first. */
  readonly controlBell: SharedArrayBuffer;
  readonly calls: ThreadCalls;
  /** A Float64Array of `INSTANCE_GAUGES` length, written by the instance at safe points, read by its agent at any time. */
  readonly gauges: SharedArrayBuffer;
  /** Nobody waits for it yet: it may prepare itself before it answers. */
  readonly isSpare: boolean;
  /** Whether it may spin while it waits for calls. */
  readonly spin: boolean;
}

/** Where each number stands in the gauges of a thread instance. */
export const INSTANCE_GAUGES = {
  /** Bumped at each write, so that an agent sees which instance no longer answers. */
  beat: 0,
  heapUsedBytes: 1,
  externalBytes: 2,
  arrayBufferBytes: 3,
  /** 0 to 1, since the last write. */
  eventLoopUtilization: 4,
  /** Calls inside. */
  inFlight: 5,
  length: 6,
} as const;

/**
 * A process instance is wired by one duplex pipe on this file descriptor, with two ports multiplexed over it. The port of calls is not used
 * where calls come from elsewhere.
 */
export const PROCESS_INSTANCE_FD = 3;
export const PROCESS_PORTS = { control: 0, calls: 1 } as const;

/** The argument that makes a process instance a spare: nobody waits for it yet, and it may prepare itself before it is `started`. */
export const SPARE_ARGUMENT = '--spare';

/** The argument that forbids a process instance to spin while it waits for calls. */
export const SLEEP_ARGUMENT = '--sleep';

/** The argument that tells a process instance to wait for `connect`: its calls do not come over the pipe. */
export const WIRE_ARGUMENT = '--wire';

/** The messages on the control port of a process instance, each the `meta` of a `control` frame. `call` matches answer to question. */
export type ProcessInstanceMessage =
  /** First of all, where calls come from elsewhere: not an argument, for those are for all to see. */
  | { readonly type: 'connect'; readonly address: WireAddress }
  | { readonly type: 'specialise'; readonly image: InstanceImage }
  | { readonly type: 'specialised'; readonly outcome: SpecialiseOutcome }
  /** The instance is up and can be specialised. */
  | { readonly type: 'started' }
  | { readonly type: 'gauges'; readonly values: readonly number[] }
  /** The instance leads or has ended a process group of its own: whoever outlives it kills the group. */
  | { readonly type: 'groupStarted'; readonly pid: number }
  | { readonly type: 'groupEnded'; readonly pid: number }
  /** The last message: an uncaught exception or unhandled rejection. The process then exits with `CRASH_EXIT_CODE`. */
  | { readonly type: 'crashed'; readonly error: SerializedError };

/** How a process instance exits after `crashed`. */
export const CRASH_EXIT_CODE = 70;
