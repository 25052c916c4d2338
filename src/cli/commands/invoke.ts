/** `troupe invoke`: calls a function, by name on a running host, or in a file with a host of its own. */
import type { Command } from 'commander';
import { TroupeError, toTroupeError } from '../../errors.ts';
import { addFunctionOptions, givenFunctionFlags } from '../function-options.ts';
import { checkPath, isWorkflowPath, looksLikePath, refuseFlags, withHint } from '../function-target.ts';
import { HostClient } from '../host-client.ts';
import { type Answer, type InvokeFlags, invokeFile } from '../invoke-file.ts';
import { addHostOptions, defined, header, MAX_TIMEOUT_MS, wholeNumberFrom } from '../options.ts';
import { readPayload } from '../payload.ts';
import { interruptible } from '../signals.ts';
import { duration, type Terminal, toJson, toReadableJson } from '../terminal.ts';

export function addInvoke(program: Command, terminal: Terminal): void {
  const command = program
    .command('invoke')
    .description(
      'Call a function: by name on a running host, or straight from a file, with nothing running. A file may be a workflow too.',
    )
    .argument('<function>', 'a name, or a path such as ./hello.ts or ./order.wf.yaml')
    .option('-d, --data <json>', 'the payload as JSON; @file reads a file, - standard input')
    .option('-f, --file <path>', 'the payload: the bytes of a file; - standard input')
    .option('--timeout <ms>', 'give up after this long', wholeNumberFrom(1, MAX_TIMEOUT_MS))
    .option('--version <n>', 'call this version', wholeNumberFrom(1))
    .option('--alias <name>', 'call through this alias')
    .option('--idempotency-key <key>', 'handed to the function')
    .option('--functions <dir>', 'of a workflow in a file: deploy all functions of this directory')
    .option('--header <header>', "of a workflow in a file: a header, as 'Name: value'; may be repeated", header)
    .option('--stream', 'print each chunk as it comes, one JSON text a line');
  addHostOptions(command, 'print { result, invocation } with the phases of the call');
  addFunctionOptions(command)
    .addHelpText(
      'after',
      `
The options of the function are for one in a file; --version, --alias and --host for one on a host. A workflow in a file finds
the functions that it names beside it: ./resize.ts, ./resize/index.ts and ./resize.sh with #! are "resize".

Examples:
  $ troupe invoke ./hello.ts -d '{"name":"Ada"}'
  $ troupe invoke thumbnail -d @request.json --json
  $ echo '"some text"' | troupe invoke word-frequency -d -
  $ troupe invoke ./order.wf.yaml --functions ./functions -d '{"id":17}' --header 'X-Tenant: acme'`,
    )
    .action((target: string, flags: InvokeFlags) =>
      interruptible(terminal, (signal) => invoke(target, flags, terminal, signal)),
    );
}

async function invoke(target: string, flags: InvokeFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  if (looksLikePath(target)) {
    refuseFlags(flags, ['version', 'alias', 'host'], 'is for a function on a host, and this is a file');
    checkPath(target);
    if (isWorkflowPath(target)) return invokeWorkflow(target, flags, terminal, signal);
    refuseFlags(flags, ['functions', 'header'], 'is for a workflow, and this is a function');
    const payload = await readPayload(flags, signal);
    return invokeFile({
      path: target,
      payload,
      flags,
      terminal,
      signal,
      show: (answer) => show(answer, flags, terminal),
    });
  }
  refuseFlags(flags, ['functions', 'header'], 'is for a workflow in a file');
  const [misplaced] = givenFunctionFlags(flags);
  if (misplaced !== undefined) {
    throw new TroupeError(
      'INVALID_ARGUMENT',
      `${misplaced} is for a function in a file. "${target}" is deployed already: change its options with "troupe deploy".`,
    );
  }
  const client = await HostClient.open(flags.host, signal);
  try {
    await invokeOnHost(client, { name: target, payload: await readPayload(flags, signal) }, flags, terminal);
  } catch (thrown) {
    throw withHint(toTroupeError(thrown), target);
  }
}

async function invokeWorkflow(
  path: string,
  flags: InvokeFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const [misplaced] = givenFunctionFlags(flags);
  if (misplaced !== undefined) {
    throw new TroupeError('INVALID_ARGUMENT', `${misplaced} is for a function, and this is a workflow.`);
  }
  refuseFlags(flags, ['stream'], 'is for a function, and this is a workflow');
  const payload = await readPayload(flags, signal);
  const { invokeWorkflowFile } = await import('../workflows/invoke-workflow-file.ts');
  const { functions, header: headers = {}, timeout: timeoutMs, idempotencyKey: id, json = false } = flags;
  await invokeWorkflowFile({
    path,
    payload,
    headers,
    json,
    terminal,
    signal,
    ...defined({ functions, timeoutMs, id }),
  });
}

async function invokeOnHost(
  client: HostClient,
  { name, payload }: { readonly name: string; readonly payload: unknown },
  flags: InvokeFlags,
  terminal: Terminal,
): Promise<void> {
  const query = new URLSearchParams(defined({ version: flags.version?.toString(), alias: flags.alias }));
  if (!flags.stream) query.set('details', '1');
  const request = {
    method: 'POST',
    path: `${client.functionPath(name)}/invocations?${query}`,
    headers: defined({
      'x-troupe-timeout-ms': flags.timeout?.toString(),
      'idempotency-key': flags.idempotencyKey,
      accept: flags.stream ? 'application/x-ndjson' : undefined,
    }),
    body: payload,
  } as const;
  if (!flags.stream) return show(await client.json<Answer>(request), flags, terminal);
  await client.lines(request, async (line) => {
    terminal.out(line);
    await terminal.drained();
  });
}

function show({ result, invocation }: Answer, { json }: InvokeFlags, terminal: Terminal): void {
  if (!json) return terminal.out(toReadableJson(result, terminal));
  const { id, coldStart, phasesUs } = invocation;
  terminal.out(toJson({ result, invocation: { id, coldStart: coldStart ?? null, phasesUs } }));
  const phases = Object.entries(phasesUs).filter(([, us]) => us > 0);
  const totalUs = phases.reduce((sum, [, us]) => sum + us, 0);
  terminal.note(`${duration(totalUs)}: ${phases.map(([phase, us]) => `${phase} ${duration(us)}`).join(', ')}`);
}
