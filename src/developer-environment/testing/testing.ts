/** What `troupe/testing` exports. */
export type {
  Duration,
  MockContext,
  MockHandler,
  RunUntilOptions,
  TestClock,
  TestTroupeOptions,
} from './protocol.ts';
export { createTestTroupe, type TestTroupe } from './test-troupe.ts';
