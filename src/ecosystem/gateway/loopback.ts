/**
 * Who may use the gateway while it has no keys: programs of this machine. No I/O.
 *
 * Listening on loopback keeps other machines out, but not the pages in this machine's browsers: one may send requests here (they carry
 * a foreign `Origin`), or give its own name this address (DNS rebinding; they carry a foreign `Host`). Functions that answer requests
 * themselves are left out: whom they serve is their business.
 */
import { isIP } from 'node:net';
import { TroupeError } from '../../errors.ts';

export function isLoopback(address: string): boolean {
  const bare = address.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  const version = isIP(bare);
  if (version === 4) return bare.startsWith('127.');
  return version === 6 && (bare === '::1' || /^::ffff:127\./.test(bare));
}

const PORT = /:[0-9]*$/;

/** The answer throws `ORIGIN_REFUSED`. Remembers the `Host` that it allowed last: nearly all requests carry the same. */
export function createOriginCheck(): (host: string | undefined, origin: string | undefined) => void {
  let allowedHost: string | undefined;
  return (host, origin) => {
    if (host !== allowedHost && host !== undefined) {
      if (!isLoopback(host.replace(PORT, ''))) throw refused('Host', host);
      allowedHost = host;
    }
    if (origin === undefined) return;
    const hostname = URL.canParse(origin) ? new URL(origin).hostname : origin;
    if (!isLoopback(hostname)) throw refused('Origin', origin);
  };
}

function refused(header: string, value: string): TroupeError {
  return new TroupeError(
    'ORIGIN_REFUSED',
    `${header}: ${value.slice(0, 200)} is not this machine. Without keys only this machine's own programs may use the gateway; address it as localhost or 127.0.0.1.`,
  );
}
