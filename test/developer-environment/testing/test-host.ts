import { onTestFinished } from 'vitest';
import type { FunctionConfig } from '../../../src/config.ts';
import {
  createTestTroupe,
  type TestTroupe,
  type TestTroupeOptions,
} from '../../../src/developer-environment/testing/testing.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Closed when the test that asked for it ends. */
export async function testHost(options: TestTroupeOptions = {}): Promise<TestTroupe> {
  const troupe = await createTestTroupe(options);
  onTestFinished(() => troupe.close());
  return troupe;
}

export async function deploy(
  troupe: TestTroupe,
  name: string,
  body: string,
  config: FunctionConfig = {},
): Promise<void> {
  const code = `export default async (event, context) => { ${body} };`;
  await troupe.deploy({ name, source: { code, language: 'js' }, ...config });
}
