/**
 * Reads the text of Linux' /proc files and turns counters into rates. Pure: texts and times are arguments. The formats are those of
 * proc(5).
 */
import { INSTANCE_GAUGES } from '../../transport/instance-control.ts';

const MIB = 1_048_576;

/** The kernel reports CPU time in units of 1/USER_HZ s, and USER_HZ is 100 on every architecture that Node runs on. */
const MS_PER_TICK = 10;

/** CPU time of a process or thread in ms, user and system; `undefined` when the text is not a `stat` file. */
export function parseCpuMs(stat: string): number | undefined {
  // The second field is the name in parentheses; it may hold blanks and parentheses itself, so count from its last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks * MS_PER_TICK : undefined;
}

/**
 * Memory of a process in MiB that is its own: anonymous and shared-memory pages. Pages of files (the executable, LMDB's map) are left
 * out: the kernel may drop them, and processes share them. Falls back to all resident memory on kernels that do not tell them apart.
 */
export function parseOwnMemoryMb(status: string): number | undefined {
  const kib = (name: string) => new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  const anonymous = kib('RssAnon');
  const total = anonymous === undefined ? kib('VmRSS') : Number(anonymous) + Number(kib('RssShmem') ?? 0);
  return total === undefined ? undefined : Number(total) / 1_024;
}

/** Process ids in a `children` file. */
export function parseChildren(children: string): number[] {
  return children.split(' ').map(Number).filter(Boolean);
}

/** What one worker says of itself. */
export interface Gauges {
  readonly beat: number;
  readonly heapUsedMb: number;
  readonly externalMb: number;
  readonly eventLoopUtilization: number;
  readonly inFlight: number;
}

/** `undefined` while the worker has not written yet. */
export function readGauges(values: ArrayLike<number>): Gauges | undefined {
  const beat = values[INSTANCE_GAUGES.beat] ?? 0;
  if (beat === 0) return undefined;
  const external = values[INSTANCE_GAUGES.externalBytes] ?? 0;
  const arrayBuffers = values[INSTANCE_GAUGES.arrayBufferBytes] ?? 0;
  return {
    beat,
    heapUsedMb: (values[INSTANCE_GAUGES.heapUsedBytes] ?? 0) / MIB,
    // Node counts array buffers as external memory too; the larger number is right whichever of the two was written first.
    externalMb: Math.max(external, arrayBuffers) / MIB,
    eventLoopUtilization: values[INSTANCE_GAUGES.eventLoopUtilization] ?? 0,
    inFlight: values[INSTANCE_GAUGES.inFlight] ?? 0,
  };
}

/** Remembers a counter of CPU time and gives its rate: 1 is one busy core. */
export class CpuMeter {
  #cpuMs: number | undefined;
  #atMs = 0;

  /** The rate since the last call; `undefined` for the first, or when the counter cannot be read. */
  rate(cpuMs: number | undefined, nowMs: number): number | undefined {
    const before = this.#cpuMs;
    const elapsedMs = nowMs - this.#atMs;
    this.#cpuMs = cpuMs;
    this.#atMs = nowMs;
    if (before === undefined || cpuMs === undefined || elapsedMs <= 0) return undefined;
    return Math.max(0, cpuMs - before) / elapsedMs;
  }
}
