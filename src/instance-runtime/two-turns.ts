import { setImmediate as turnOfTheLoop } from 'node:timers/promises';

/** For a channel over a socket: the first turn ends with what was sent being written; before the second is over, the socket is read. */
export async function twoTurns(): Promise<void> {
  await turnOfTheLoop();
  await turnOfTheLoop();
}
