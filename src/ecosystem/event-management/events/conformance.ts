/**
 * Holds an event that came from elsewhere to the JSON schema of the specification, as the SDK of CloudEvents has it: a second opinion, after our own
 * check has named every fault. The SDK is loaded by the first such event: it takes some 50 ms.
 */
import type { CloudEvent } from '../protocol.ts';

/** What is wrong with it; undefined where nothing is. */
export type Judge = (event: CloudEvent) => string | undefined;

export async function loadJudge(): Promise<Judge> {
  const { CloudEvent: SdkEvent, ValidationError } = await import('cloudevents');
  return (event) => {
    // What is in it is not the business of the specification, and the SDK would copy it.
    const { data: _, ...attributes } = event;
    try {
      new SdkEvent(attributes, true);
      return undefined;
    } catch (thrown) {
      if (!(thrown instanceof ValidationError)) throw thrown;
      const [first] = (thrown.errors ?? []) as readonly { instancePath?: string; message?: string }[];
      const [line] = thrown.message.split('\n');
      return first?.message ? `${first.instancePath?.slice(1) || 'event'}: ${first.message}` : line;
    }
  };
}
