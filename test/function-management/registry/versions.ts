import { createHash } from 'node:crypto';
import { resolveFunctionConfig } from '../../../src/config.ts';
import type { NewVersion } from '../../../src/function-management/registry/protocol.ts';

/** A version as the deployer registers it; `code` stands for what is in its artifact. */
export function newVersion(name: string, code: string, artifactsDirectory = '/artifacts'): NewVersion {
  const hash = createHash('sha256').update(code).digest('hex');
  const directory = `${artifactsDirectory}/${hash}`;
  return {
    name,
    artifact: {
      hash,
      directory,
      format: 'script',
      entry: `${directory}/main.cjs`,
      sourceMap: `${directory}/main.cjs.map`,
      bytes: 10,
    },
    shape: 'value',
    config: resolveFunctionConfig({}),
  };
}
