/**
 * Links on which the threads of one agent call each other: made here, of two rings, a port and the word of the lease; used by the threads
 * alone. What this side keeps of a link is the word, until one of its ends has gone.
 */
import { MessageChannel } from 'node:worker_threads';
import { createLeaseWord, LeaseWord, type RevokeOutcome } from '../../transport/lease-word.ts';
import type { PeerEnd } from '../../transport/peer-protocol.ts';
import { createRing } from '../../transport/ring-buffer.ts';
import type { SupervisedWorker } from './supervised-worker.ts';

/** One call is inside at a time. Larger frames are posted. */
const PEER_RING_BYTES = 65_536;

interface Link {
  readonly word: LeaseWord;
  readonly ends: readonly SupervisedWorker[];
  /** Nobody waits for the ends to be taken any more. */
  readonly gone: () => void;
}

export class PeerLinks {
  readonly #links = new Map<number, Link>();

  /** Resolves with true once both threads have their end; with false when one of them is none, or has gone. */
  async make(id: number, caller: SupervisedWorker | undefined, callee: SupervisedWorker | undefined): Promise<boolean> {
    if (!caller?.body.join || !callee?.body.join || caller.isEnded || callee.isEnded) return false;
    const { port1, port2 } = new MessageChannel();
    const [there, back] = [createRing(PEER_RING_BYTES), createRing(PEER_RING_BYTES)];
    const word = createLeaseWord();
    const callerEnd: PeerEnd = { link: id, role: 'caller', port: port1, outgoing: there, incoming: back, word };
    const calleeEnd: PeerEnd = { link: id, role: 'callee', port: port2, outgoing: back, incoming: there, word };
    const gone = new Promise<void>((resolve) => {
      this.#links.set(id, { word: new LeaseWord(word), ends: [caller, callee], gone: resolve });
    });
    try {
      await Promise.race([gone, Promise.all([callee.body.join(calleeEnd), caller.body.join(callerEnd)])]);
    } catch {
      // A thread that takes no end is about to go, or the other one sees the port close.
      this.drop(id);
    }
    return this.#links.has(id);
  }

  lease(id: number): void {
    this.#links.get(id)?.word.lease();
  }

  revoke(id: number, onlyIdle: boolean): RevokeOutcome {
    return this.#links.get(id)?.word.revoke(onlyIdle) ?? 'later';
  }

  drop(id: number): void {
    const link = this.#links.get(id);
    this.#links.delete(id);
    link?.gone();
  }

  workerEnded(worker: SupervisedWorker): void {
    for (const [id, { ends }] of this.#links) if (ends.includes(worker)) this.drop(id);
  }
}
