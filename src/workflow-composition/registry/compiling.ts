/** From a source to a version that can run: which language it is, what it means, and whether what it calls is there. Pure. */
import { TroupeError } from '../../errors.ts';
import { closestName } from '../../function-management/closest-name.ts';
import type { Language, TargetMention, WorkflowFault } from '../language.ts';
import type { CompiledWorkflow, WorkflowVersion } from './protocol.ts';

/** What a name can mean to a step. */
export interface KnownNames {
  isKnown(name: string): boolean;
  /** Those to suggest. */
  all(): Iterable<string>;
}

/** A file that ends in `.wf.yaml` or `.wf.yml` is Fission's; any other is of the first language. */
export function languageOf(file: string, languages: readonly Language[]): Language {
  const named = /\.wf\.ya?ml$/i.test(file) ? languages.find(({ name }) => name === 'fission') : languages[0];
  if (named) return named;
  throw new TroupeError('INVALID_ARGUMENT', `This program has no language for the workflow in ${file}.`, {
    details: { file },
  });
}

/** Throws `WORKFLOW_INVALID` where a name is not known: a fault for each. A workflow may call itself. */
export function checkTargets(
  targets: readonly TargetMention[],
  own: { readonly name: string; readonly file: string },
  names: KnownNames,
): void {
  const unknown = targets.filter(({ name }) => name !== own.name && !names.isKnown(name));
  if (unknown.length === 0) return;
  const faults: WorkflowFault[] = unknown.map(({ name, by, line, column }) => {
    const suggestion = closestName(name, names.all());
    const hint = suggestion === undefined ? 'Deploy it first.' : `Did you mean "${suggestion}"?`;
    const message = `${by} runs "${name}", but no function or workflow of that name is deployed. ${hint}`;
    return { message, ...(line !== undefined && { line }), ...(column !== undefined && { column }) };
  });
  const lines = faults
    .map(({ message, line, column }) =>
      line === undefined ? `\n  ${message}` : `\n  ${own.file}:${line}:${column ?? 1}: ${message}`,
    )
    .join('');
  throw new TroupeError('WORKFLOW_INVALID', `${own.file} names what is not there:${lines}`, {
    details: { name: own.name, faults },
  });
}

/** Throws `WORKFLOW_INVALID` where it does not compile, though it did once. */
export function compileStored(stored: WorkflowVersion, languages: readonly Language[]): CompiledWorkflow {
  const { name, version, source } = stored;
  const language = languages.find((each) => each.name === stored.language);
  if (!language) throw uncompilable(stored, `its language, ${stored.language}, is not one of this program's`);
  try {
    const definition = language.parse(source, { file: `${name}@${version}` });
    return { name, version, language, definition, summary: language.describe(definition) };
  } catch (error) {
    throw uncompilable(stored, error instanceof Error ? error.message : String(error), error);
  }
}

function uncompilable({ name, version }: WorkflowVersion, why: string, cause?: unknown): TroupeError {
  const details = cause instanceof TroupeError ? cause.details : {};
  return new TroupeError(
    'WORKFLOW_INVALID',
    `Version ${version} of workflow "${name}" is stored but does not compile any more: ${why}. Deploy it anew.`,
    { cause, details: { ...details, name, version } },
  );
}
