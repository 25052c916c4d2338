/**
 * What is done to the text that esbuild wrote, so that instances start sooner. Pure but for asking esbuild. No statement moves to
 * another line; what stands behind a comment on the same line may move within it, by a few columns of the source map.
 */
import { isAscii } from 'node:buffer';
import type * as Esbuild from 'esbuild';

/** As esbuild writes it ahead of everything, for `keepNames`. Defining a name costs 2 us, and most functions have the right one already. */
const NAME_HELPER = 'var __name = (target, value) => __defProp(target, "name"';
const QUICK_NAME_HELPER = 'var __name = (target, value) => target.name === value ? target : __defProp(target, "name"';

export function quickenNames(code: Uint8Array): Uint8Array {
  const text = Buffer.from(code.buffer, code.byteOffset, code.byteLength);
  const at = text.indexOf(NAME_HELPER);
  if (at < 0) return code;
  return Buffer.concat([text.subarray(0, at), Buffer.from(QUICK_NAME_HELPER), text.subarray(at + NAME_HELPER.length)]);
}

/**
 * Escapes what is not ASCII in comments, where esbuild leaves it: one character of a dead language makes V8 decode, and hold, two bytes for
 * each of a million. Regular expressions and raw templates keep theirs, and then the comments do too.
 */
export async function asciiComments(code: Uint8Array, esbuild: typeof Esbuild): Promise<Uint8Array> {
  if (isAscii(code)) return code;
  const text = Buffer.from(code).toString('utf8');
  const bare = await esbuild.transform(text, {
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'ascii',
    platform: 'node',
    target: 'node20',
    logLevel: 'silent',
  });
  if (!isAscii(Buffer.from(bare.code))) return code;
  return Buffer.from(text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`));
}
