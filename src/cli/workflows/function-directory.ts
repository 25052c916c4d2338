/** What can be deployed of a directory: functions and workflows, by the names that they get. Looks one level deep. */
import { open, readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { TroupeError } from '../../errors.ts';
import { nameOf } from '../invoke-file.ts';

export interface FoundFunction {
  readonly name: string;
  readonly path: string;
  /** Any file that may be executed and says by what. */
  readonly isExecutable: boolean;
}

export interface FoundWorkflow {
  readonly name: string;
  readonly path: string;
}

export interface Found {
  readonly functions: readonly FoundFunction[];
  readonly workflows: readonly FoundWorkflow[];
}

const MODULE_EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'] as const;
const WORKFLOW_NAME = /\.wf\.ya?ml$/i;
const NO_FUNCTION = /\.d\.[mc]?ts$|\.(?:test|spec)\.[^.]+$/;

/** `order.wf.yaml` is `order`. */
export function workflowNameOf(path: string): string {
  return nameOf(path.replace(WORKFLOW_NAME, '.yaml'));
}

/** Throws `SOURCE_NOT_FOUND`; `INVALID_ARGUMENT` where two of them would have the same name. */
export async function findIn(directory: string): Promise<Found> {
  const functions: FoundFunction[] = [];
  const workflows: FoundWorkflow[] = [];
  for (const file of await entriesOf(directory)) {
    const path = join(directory, file);
    if (WORKFLOW_NAME.test(file)) workflows.push({ name: workflowNameOf(path), path });
    else {
      const found = await functionAt(path, file);
      if (found) functions.push(found);
    }
  }
  return { functions, workflows };
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory);
    return entries.filter((file) => !file.startsWith('.') && file !== 'node_modules').sort();
  } catch (cause) {
    throw new TroupeError('SOURCE_NOT_FOUND', `There is no directory to be read at ${directory}.`, {
      details: { path: directory },
      cause,
    });
  }
}

async function functionAt(path: string, file: string): Promise<FoundFunction | undefined> {
  // A link that leads nowhere is no function.
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory()) {
    const entries: string[] = await readdir(path).catch(() => []);
    const hasIndex = MODULE_EXTENSIONS.some((extension) => entries.includes(`index${extension}`));
    return hasIndex ? { name: nameOf(`${path}/`), path, isExecutable: false } : undefined;
  }
  if (!stats?.isFile() || NO_FUNCTION.test(file)) return undefined;
  if ((stats.mode & 0o111) !== 0 && (await beginsWithInterpreter(path))) {
    return { name: nameOf(path), path, isExecutable: true };
  }
  const isModule = MODULE_EXTENSIONS.some((extension) => extension === extname(file));
  return isModule ? { name: nameOf(path), path, isExecutable: false } : undefined;
}

async function beginsWithInterpreter(path: string): Promise<boolean> {
  const handle = await open(path).catch(() => undefined);
  if (!handle) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.toString('latin1') === '#!';
  } finally {
    await handle.close();
  }
}

/**
 * Those that a text names, and those that the workflows among them name in turn. A name counts wherever it stands, so nothing that is called is
 * missed, but for names that are only put together when the workflow runs.
 */
export function namedIn(text: string, found: Found, textOf: (workflow: FoundWorkflow) => string): Found {
  const workflows = new Set<FoundWorkflow>();
  const texts = [text];
  for (let next = texts.pop(); next !== undefined; next = texts.pop()) {
    for (const workflow of found.workflows) {
      if (workflows.has(workflow) || !names(next, workflow.name)) continue;
      workflows.add(workflow);
      texts.push(textOf(workflow));
    }
  }
  const all = [text, ...[...workflows].map(textOf)];
  const functions = found.functions.filter(({ name }) => all.some((each) => names(each, name)));
  return { functions, workflows: [...workflows] };
}

/** Names are letters, digits and hyphens: nothing in them means more to a pattern. */
function names(text: string, name: string): boolean {
  return new RegExp(`(?<![a-z0-9-])${name}(?![a-z0-9-])`).test(text);
}

/** Throws `INVALID_ARGUMENT` where two would be deployed under one name. */
export function checkNames({ functions, workflows }: Found): void {
  const paths = new Map<string, string>();
  for (const { name, path } of [...functions, ...workflows]) {
    const other = paths.get(name);
    if (other !== undefined) {
      throw new TroupeError(
        'INVALID_ARGUMENT',
        `${other} and ${path} would both be called "${name}": rename one of them.`,
      );
    }
    paths.set(name, path);
  }
}
