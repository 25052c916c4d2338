/**
 * What the journal holds as the output of a control-flow step that has work to put out: not the work, which is in the definition, but which of it
 * and with what. Only steps of those built-ins are ever read so, and what they put out as a value that looks alike is wrapped.
 */
import { decodePayload } from '../../../transport/codec.ts';
import { isPlainMap } from './source.ts';

const MARK = '$flow';

export type Marker =
  /** `plain` where an expression made the work. */
  | { readonly $flow: 'branch'; readonly at: string; readonly plain?: unknown }
  | {
      readonly $flow: 'each';
      readonly items: readonly unknown[];
      readonly sequential?: boolean;
      readonly collect?: boolean;
      readonly plain?: unknown;
    }
  | { readonly $flow: 'times'; readonly times: number; readonly plain?: unknown }
  | {
      readonly $flow: 'while';
      readonly limit: number;
      readonly delayMs: number;
      /** In a list, so that one that is null is told from none. */
      readonly initial?: readonly [unknown];
      readonly plain?: unknown;
    }
  /** Of the steps that look whether there is another turn. */
  | { readonly $flow: 'again' }
  | { readonly $flow: 'done' }
  | { readonly $flow: 'value'; readonly value: unknown };

export function asMarker(output: unknown): Marker | undefined {
  return isPlainMap(output) && typeof output[MARK] === 'string' ? (output as unknown as Marker) : undefined;
}

/** A marker is a small map, or an encoding that holds a Map: any other first byte spares decoding. */
export function markerIn(payload: Uint8Array | undefined): Marker | undefined {
  const first = payload?.[0] ?? 0;
  if (payload === undefined || ((first & 0xf0) !== 0x80 && first !== 0xc1)) return undefined;
  return asMarker(decodePayload(payload));
}

/** A value for the journal of a step whose output may be a marker. */
export function asOutput(value: unknown): unknown {
  return isPlainMap(value) && Object.hasOwn(value, MARK) ? ({ $flow: 'value', value } satisfies Marker) : value;
}
