import { onTestFinished } from 'vitest';
import { createTroupe, type Troupe } from '../../src/index.ts';

/** A host that is closed after the test that asked for it, without waiting for what runs. Call it inside a test. */
export async function realHost(dataDir?: string): Promise<Troupe> {
  const troupe = await createTroupe({ ...(dataDir && { dataDir }), drainTimeoutMs: 0 });
  onTestFinished(() => troupe.close());
  return troupe;
}
