/**
 * What the instance tells about itself while it works. Written at safe points only: when a call enters, when it leaves, and from a timer
 * that runs while calls are inside. An idle instance costs nothing.
 */
import { performance } from 'node:perf_hooks';
import { INSTANCE_GAUGES } from '../transport/instance-control.ts';

interface GaugeOptions {
  /** Between two full writes while calls are inside. */
  readonly intervalMs: number;
  /** Full writes are never closer than this, however many calls pass: reading the memory costs 4 us, and sending it more. */
  readonly shortestMs: number;
  /** Runs after each full write. */
  readonly written?: (values: Float64Array) => unknown;
}

export class Gauges {
  readonly #values: Float64Array;
  readonly #options: GaugeOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #lastUtilization = performance.eventLoopUtilization();
  #inFlight = 0;

  constructor(values: Float64Array, options: GaugeOptions) {
    this.#values = values;
    this.#options = options;
    this.#write();
  }

  /** Called when a call enters or leaves. */
  callsInside(inFlight: number): void {
    this.#inFlight = inFlight;
    this.#set(INSTANCE_GAUGES.inFlight, inFlight);
    this.#bump();
    const nowMs = performance.now();
    // Where no timer runs, nothing has happened since the last full write: the first call does not wait for another.
    if (!this.#timer) this.#lastMs = nowMs;
    else if (nowMs - this.#lastMs >= this.#options.shortestMs) this.#write();
    // The timer outlives the last call by one interval, for the final state and to save its setting up by the next call.
    this.#timer ??= setInterval(() => this.#tick(), this.#options.intervalMs).unref();
  }

  #tick(): void {
    this.#write();
    if (this.#inFlight > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #write(): void {
    const memory = process.memoryUsage();
    this.#lastMs = performance.now();
    const utilization = performance.eventLoopUtilization();
    this.#set(INSTANCE_GAUGES.heapUsedBytes, memory.heapUsed);
    this.#set(INSTANCE_GAUGES.externalBytes, memory.external);
    this.#set(INSTANCE_GAUGES.arrayBufferBytes, memory.arrayBuffers);
    this.#set(
      INSTANCE_GAUGES.eventLoopUtilization,
      performance.eventLoopUtilization(utilization, this.#lastUtilization).utilization,
    );
    this.#lastUtilization = utilization;
    this.#bump();
    this.#options.written?.(this.#values);
  }

  #bump(): void {
    this.#set(INSTANCE_GAUGES.beat, (this.#values[INSTANCE_GAUGES.beat] ?? 0) + 1);
  }

  #set(index: number, value: number): void {
    this.#values[index] = value;
  }
}
