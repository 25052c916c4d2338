/** The errors of events and triggers, each with what, why and how to mend it. */
import { TroupeError } from '../../../errors.ts';

/** Told of one that was published alone without its place in the call. */
export function wrongEvents(faults: readonly string[]): TroupeError {
  return new TroupeError('INVALID_ARGUMENT', `Wrong event: ${faults.join('; ')}. Nothing was published.`, {
    details: { faults },
  });
}

export function wrongTrigger(name: string, faults: readonly string[]): TroupeError {
  return new TroupeError('INVALID_ARGUMENT', `Wrong trigger "${name}": ${faults.join('; ')}.`, { details: { faults } });
}

export function eventTooLarge(bytes: number, limit: number): TroupeError {
  return new TroupeError(
    'PAYLOAD_TOO_LARGE',
    `The event has ${bytes} bytes, and may have ${limit}: publish a reference to what is larger.`,
    { details: { bytes, limit } },
  );
}

export function publishedTooMuch(bytes: number, limit: number): TroupeError {
  return new TroupeError(
    'PAYLOAD_TOO_LARGE',
    `The events have ${bytes} bytes together, and may have ${limit}: publish them in several goes.`,
    { details: { bytes, limit } },
  );
}

export function diskTooSlow(waiting: number): TroupeError {
  return new TroupeError(
    'OVERLOADED',
    `${waiting} events wait for the disk, and no more may. Await what was published before publishing more, or publish many in one call.`,
    { details: { waiting } },
  );
}

export function tooMuchAtOnce(started: number, limit: number): TroupeError {
  return new TroupeError(
    'INVALID_ARGUMENT',
    `The events fire ${started} triggers together, and may fire ${limit}: publish them in several goes.`,
    { details: { started, limit } },
  );
}

export function tooMuchToStart(pending: number, limit: number): TroupeError {
  return new TroupeError(
    'OVERLOADED',
    `Triggers still have ${pending} functions to start, and may have ${limit}. Look for one whose function is not deployed, or whose queue is full, with \`troupe trigger ls\`.`,
    { details: { pending, limit } },
  );
}

export function eventNotFound(source: string, id: string): TroupeError {
  return new TroupeError(
    'EVENT_NOT_FOUND',
    `There is no event ${JSON.stringify(id)} of ${JSON.stringify(source)}, or it is no longer kept. List what is there with \`troupe events ls\`.`,
    { details: { source, id } },
  );
}

export function triggerNotFound(name: string): TroupeError {
  return new TroupeError(
    'TRIGGER_NOT_FOUND',
    `There is no trigger ${JSON.stringify(name)}. List what is there with \`troupe trigger ls\`.`,
    { details: { trigger: name } },
  );
}

export function tooManyTriggers(limit: number): TroupeError {
  return new TroupeError('OVERLOADED', `There are ${limit} triggers, and no more may be. Remove some first.`, {
    details: { limit },
  });
}

export function nothingToStart(functionName: string): TroupeError {
  return new TroupeError(
    'FUNCTION_NOT_FOUND',
    `No function or workflow ${JSON.stringify(functionName)} is deployed: deploy it before its triggers are set.`,
    { details: { functionName } },
  );
}

export function notDeployedNow(functionName: string): TroupeError {
  return new TroupeError('FUNCTION_NOT_FOUND', `No function or workflow "${functionName}" is deployed any more.`);
}

export function draining(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'The host is closing, or closed, and takes no new events.');
}

export function closedBeforeStored(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'The host has closed before this was on disk.');
}
