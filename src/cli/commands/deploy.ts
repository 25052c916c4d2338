/** `troupe deploy`: makes a file or directory the current version of a function on a running host. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Deployed } from '../../troupe.ts';
import { addFunctionOptions, type FunctionFlags, toFunctionConfig } from '../function-options.ts';
import { HostClient } from '../host-client.ts';
import { bytes, type Terminal, toJson } from '../terminal.ts';

interface DeployFlags extends FunctionFlags {
  readonly name: string;
  readonly host?: string;
  readonly json?: boolean;
}

export function addDeploy(program: Command, terminal: Terminal): void {
  const command = program
    .command('deploy')
    .description('Build a function and make it the current version. The version before it drains.')
    .argument('<path>', 'a file or directory on the machine of the host')
    .requiredOption('-n, --name <name>', 'lower-case letters, digits and hyphens')
    .option('--host <url>', 'the host; the default is TROUPE_HOST, then http://127.0.0.1:4460')
    .option('--json', 'print what was deployed as JSON');
  addFunctionOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ troupe deploy ./hello.ts --name hello
  $ troupe deploy ./resize --name resize --isolation process --memory 256
  $ troupe deploy ./count.sh --name count --runtime exec`,
    )
    .action(async (path: string, flags: DeployFlags) => {
      const deployed = await new HostClient(flags.host).json<Deployed>({
        method: 'PUT',
        path: `/functions/${encodeURIComponent(flags.name)}`,
        body: { source: resolve(path), config: toFunctionConfig(flags, path) },
      });
      if (flags.json) return terminal.out(toJson(deployed));
      const what = `${deployed.name} version ${deployed.version}`;
      const how = deployed.reused ? 'built before' : `built in ${Math.round(deployed.buildMs)} ms`;
      terminal.out(
        deployed.isNew ? `${what}, ${bytes(deployed.bytes)}, ${how}` : `${what} is current already: nothing changed`,
      );
    });
}
