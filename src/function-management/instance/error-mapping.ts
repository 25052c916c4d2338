/** Errors of a function, with their stacks, and those of their causes, mapped to the function's source. */
import { readFileSync } from 'node:fs';
import { TraceMap } from '@jridgewell/trace-mapping';
import type { SerializedError } from '../../errors.ts';
import type { FunctionVersion } from '../registry/protocol.ts';
import { mapStack } from './stack-mapping.ts';

/** The map is read and parsed at the first error of the version: most versions never have one. */
export function errorMapper({ artifact }: FunctionVersion): (error: SerializedError) => SerializedError {
  let sourceMap: TraceMap | undefined | null = null;
  const mapError = (error: SerializedError): SerializedError => {
    if (sourceMap === null) sourceMap = readSourceMap(artifact.sourceMap);
    const { stack, cause } = error;
    return {
      ...error,
      ...(stack !== undefined && sourceMap ? { stack: mapStack(stack, artifact.entry, sourceMap) } : {}),
      ...(cause ? { cause: mapError(cause) } : {}),
    };
  };
  return mapError;
}

/** Without a readable map the stacks stay as they are: the error itself matters more. */
function readSourceMap(path: string | undefined): TraceMap | undefined {
  if (path === undefined) return undefined;
  try {
    return new TraceMap(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
