/**
 * Worker ids that are unique for ever, also after a restart of the host (invariant 6 in README.md): numbers are reserved in blocks
 * through a durable setting (the hi/lo scheme of database keys), so that one write pays for thousands of ids. A restart skips what is
 * left of its block.
 */
import type { ActorRef } from '../../kernel/protocol.ts';
import type { NamingServiceMessages } from '../naming-service/protocol.ts';

const SETTING = 'resource-manager/next-worker-number';
const WORKER_ID_BLOCK = 10_000;

export class WorkerIds {
  readonly #naming: ActorRef<NamingServiceMessages>;
  #next = 1;
  #end = 1;
  #reserved: number | undefined;
  #reserving: Promise<void> | undefined;

  readonly #wallMs: () => number;

  constructor(naming: ActorRef<NamingServiceMessages>, wallMs: () => number) {
    this.#naming = naming;
    this.#wallMs = wallMs;
  }

  /**
   * Resolves once a block is there. A disk that cannot be written must not keep workers from starting: then the calendar gives the
   * numbers.
   */
  reserve(): Promise<void> {
    this.#reserving ??= this.#reserveBlock().finally(() => {
      this.#reserving = undefined;
    });
    return this.#reserving;
  }

  /** `thumbnail-3-17` for the group `thumbnail@3`. Undefined when every reserved number is used: `reserve` first. */
  next(group: string): string | undefined {
    if (this.#next === this.#end && this.#reserved !== undefined) {
      this.#next = this.#reserved;
      this.#end = this.#reserved + WORKER_ID_BLOCK;
      this.#reserved = undefined;
    }
    if (this.#next === this.#end) return undefined;
    const id = `${group.replaceAll('@', '-')}-${this.#next++}`;
    // Half a block ahead, so that nothing ever waits for the disk here.
    if (this.#reserved === undefined && this.#end - this.#next < WORKER_ID_BLOCK / 2) void this.reserve();
    return id;
  }

  async #reserveBlock(): Promise<void> {
    if (this.#reserved !== undefined) return;
    try {
      const stored = await this.#naming.ask('getSetting', { key: SETTING });
      const first = typeof stored === 'number' ? stored : 1;
      await this.#naming.ask('setSetting', { key: SETTING, value: first + WORKER_ID_BLOCK });
      this.#reserved = first;
    } catch {
      // Microseconds since 1970: far above every reserved number, and a block of it is used up slower than it passes.
      this.#reserved = Math.floor(this.#wallMs()) * 1_000;
    }
  }
}
