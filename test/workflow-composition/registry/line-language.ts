/** A language for tests: a line names a function or workflow to call; a line with `!` in it is a mistake. */
import { TroupeError } from '../../../src/errors.ts';
import type { Language, WorkflowFault } from '../../../src/workflow-composition/language.ts';

export interface LineLanguage extends Language {
  /** How often it was asked to parse. */
  parsed: number;
  /** A newer version of the language that refuses what holds this. */
  refuses: string;
}

export function lineLanguage(name: string): LineLanguage {
  const language: LineLanguage = {
    name,
    parsed: 0,
    refuses: '!',
    parse(source, { file }) {
      language.parsed++;
      const lines = source.split('\n').filter((line) => line !== '');
      const faults: WorkflowFault[] = lines.flatMap((line, index) =>
        line.includes(language.refuses) ? [{ message: `Wrong: ${line}`, line: index + 1, column: 1 }] : [],
      );
      if (faults.length === 0) return lines;
      throw new TroupeError('WORKFLOW_INVALID', `${file} has ${faults.length} mistakes`, { details: { faults } });
    },
    describe: (definition) => ({
      description: name,
      targets: (definition as string[])
        .map((name, index) => ({ name, by: `line ${index + 1}`, line: index + 1, column: 1 }))
        .filter(({ name }, index, all) => all.findIndex((each) => each.name === name) === index),
      tasks: (definition as string[]).length,
    }),
    decide: () => [],
    prepare: () => ({ kind: 'output', output: undefined }),
    redrive: () => [],
    outlook: () => [],
    profileKey: (step) => step,
    graph: () => ({ nodes: [] }),
  };
  return language;
}
