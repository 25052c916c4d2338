/** Takes away, from time to time, what has ended long ago. */
import type { ActorContext } from '../../kernel/protocol.ts';
import type { ExecutionStore } from '../execution-store/protocol.ts';
import type { EngineMessages } from './execution-protocol.ts';

const EVERY_MS = 600_000;
const AT_ONCE = 1_000;

export interface TidyingOptions {
  readonly store: ExecutionStore;
  /** After its end an execution keeps its history, and then its result, for so long. */
  readonly keepHistoryMs: number;
  readonly keepResultsMs: number;
  readonly onFault: (fault: string) => void;
}

export function keepTidy(context: ActorContext<EngineMessages>, options: TidyingOptions): void {
  const { store, keepHistoryMs, keepResultsMs, onFault } = options;
  const tidy = async () => {
    const wallMs = context.clock.wallMs();
    const request = { compactBeforeMs: wallMs - keepHistoryMs, deleteBeforeMs: wallMs - keepResultsMs, limit: AT_ONCE };
    const count = await store.tidy(request).catch((thrown: unknown) => {
      onFault(`Executions that have ended could not be tidied up: ${thrown}`);
      return 0;
    });
    // Where there was more than it takes at once, the next comes soon.
    context.after(count < AT_ONCE ? EVERY_MS : 0, () => void tidy());
  };
  context.after(EVERY_MS, () => void tidy());
}
