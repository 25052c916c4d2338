/** Why the router answers a call itself: what, why, and how to mend it. Pure. */
import { TroupeError } from '../../errors.ts';
import type { Call } from './call.ts';

export function cancelled(): TroupeError {
  return new TroupeError('CANCELLED', 'The caller cancelled the call.');
}

export function draining(): TroupeError {
  return new TroupeError('SHUTTING_DOWN', 'The host is draining and takes no new calls.');
}

export function drained(waitedMs: number): TroupeError {
  return new TroupeError('SHUTTING_DOWN', `The host closed before the call was done; it waited ${waitedMs} ms.`);
}

export function removed(name: string): TroupeError {
  return new TroupeError('FUNCTION_NOT_FOUND', `Function "${name}" was removed while the call waited for an instance.`);
}

export function versionGone(name: string, version: number): TroupeError {
  const message = `Version ${version} of "${name}" was removed while the call waited: newer versions took its place.`;
  return new TroupeError('VERSION_NOT_FOUND', message, { details: { functionName: name, version } });
}

export function queueFull(name: string, queued: number): TroupeError {
  return new TroupeError(
    'OVERLOADED',
    `${queued} calls wait for "${name}" already. Try again later, or raise maxQueued or maxInstances.`,
    {
      details: { functionName: name, queued },
    },
  );
}

export function timedOut({ request, timeoutMs, place }: Call): TroupeError {
  const where = place === 'queued' ? ' It was still waiting for an instance.' : '';
  const { functionName } = request;
  return new TroupeError('TIMEOUT', `"${functionName}" did not answer within ${timeoutMs} ms.${where}`, {
    details: { functionName, timeoutMs, place },
  });
}

export function tooDeep(functionName: string, maxCallDepth: number): TroupeError {
  return new TroupeError(
    'CALL_DEPTH_EXCEEDED',
    `Calling "${functionName}" would be more than ${maxCallDepth} functions deep. Functions that call each other in a circle end here.`,
    { details: { functionName, maxCallDepth } },
  );
}
