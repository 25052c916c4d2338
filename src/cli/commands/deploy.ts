/** `troupe deploy`: makes a file or directory the current version of a function on a running host. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Deployed } from '../../troupe.ts';
import { addFunctionOptions, type FunctionFlags, toFunctionConfig } from '../function-options.ts';
import { HostClient } from '../host-client.ts';
import { addHostOptions, type HostFlags } from '../options.ts';
import { interruptible } from '../signals.ts';
import { bytes, type Terminal, toJson } from '../terminal.ts';

interface DeployFlags extends FunctionFlags, HostFlags {
  readonly name: string;
}

export function addDeploy(program: Command, terminal: Terminal): void {
  const command = program
    .command('deploy')
    .description('Build a function and make it the current version. The version before it drains.')
    .argument('<path>', 'a file or directory on the machine of the host')
    .requiredOption('-n, --name <name>', 'lower-case letters, digits and hyphens');
  addHostOptions(command, 'print what was deployed as JSON');
  addFunctionOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ troupe deploy ./hello.ts --name hello
  $ troupe deploy ./resize --name resize --isolation process --memory 256
  $ troupe deploy ./count.sh --name count --runtime exec`,
    )
    .action((path: string, flags: DeployFlags) =>
      interruptible(terminal, (signal) => deploy(path, flags, terminal, signal)),
    );
}

async function deploy(path: string, flags: DeployFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const client = await HostClient.open(flags.host, signal);
  const deployed = await client.json<Deployed>({
    method: 'PUT',
    path: client.functionPath(flags.name),
    body: { source: resolve(path), config: await toFunctionConfig(flags, path) },
  });
  if (flags.json) return terminal.out(toJson(deployed));
  const what = `${deployed.name} version ${deployed.version}`;
  const how = deployed.reused ? 'built before' : `built in ${Math.round(deployed.buildMs)} ms`;
  terminal.out(
    deployed.isNew ? `${what}, ${bytes(deployed.bytes)}, ${how}` : `${what} is current already: nothing changed`,
  );
}
