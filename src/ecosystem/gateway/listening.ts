/** Binds the server to its address, or says why that cannot be. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TroupeError } from '../../errors.ts';
import { isLoopback } from './loopback.ts';

export interface Bound {
  readonly url: string;
  readonly port: number;
}

const MAX_PORT = 65_535;

export async function listen(server: Server, port: number, address: string): Promise<Bound> {
  if (!isLoopback(address)) {
    throw new TroupeError(
      'BIND_REFUSED',
      `The gateway listens on loopback only, not on ${address || 'every address'}: whoever reaches it may run code here, and this version has no keys to tell callers apart. Use 127.0.0.1, with a proxy that authenticates in front of it.`,
      { details: { address } },
    );
  }
  if (!(Number.isInteger(port) && port >= 0 && port <= MAX_PORT)) {
    throw new TroupeError('CONFIG_INVALID', `The port must be a whole number from 0 to ${MAX_PORT}, not ${port}.`);
  }
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(bindError(error, port, address));
    server.once('error', failed);
    server.listen({ port, host: address }, () => {
      server.off('error', failed);
      resolve();
    });
  });
  // A server on a port has an address of this form.
  const { port: bound } = server.address() as AddressInfo;
  return { port: bound, url: `http://${address.includes(':') ? `[${address}]` : address}:${bound}` };
}

function bindError(error: NodeJS.ErrnoException, port: number, address: string): TroupeError {
  const options = { cause: error, details: { port, address } };
  if (error.code === 'EADDRINUSE') {
    return new TroupeError(
      'PORT_IN_USE',
      `Another process listens on ${address}:${port}. Stop it, or choose another port; port 0 takes any free one.`,
      options,
    );
  }
  const hint = error.code === 'EACCES' ? ' Ports below 1024 need privileges: choose a higher one.' : '';
  return new TroupeError('CONFIG_INVALID', `Cannot listen on ${address}:${port}: ${error.message}.${hint}`, options);
}
