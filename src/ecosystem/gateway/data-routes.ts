/** What is on disk: its check, and copies of it. */
import { isAbsolute } from 'node:path';
import { TroupeError } from '../../errors.ts';
import type { Exchange } from './exchange.ts';
import { refuseOthers } from './function-routes.ts';

/** 200 whatever it has found: `isSound` says so. */
export async function check(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.check());
}

/** A path is one of this machine: the gateway listens on loopback only. */
export async function backup(exchange: Exchange): Promise<void> {
  const { directory, ...others } = await exchange.jsonObject();
  refuseOthers(others, 'directory only');
  if (typeof directory !== 'string' || !isAbsolute(directory)) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `directory must be an absolute path of the host's machine, not ${JSON.stringify(directory) ?? 'missing'}.`,
    );
  }
  exchange.sendJson(201, await exchange.host.backup(directory));
}
