/**
 * Fission Workflows' language (2017-2019): YAML in which tasks run functions, wait for others, and may put out tasks and workflows that run in
 * their place. README.md has a table of every construct, and where this goes beyond its ancestor.
 */
import type { Language } from '../../language.ts';
import { decide } from './decide.ts';
import type { FissionDefinition } from './definition.ts';
import { describe } from './describe.ts';
import type { Expressions } from './expression.ts';
import { graph } from './graph.ts';
import { outlook } from './outlook.ts';
import { parseDefinition } from './parse.ts';
import { prepare } from './prepare.ts';
import { profileKey } from './profile-key.ts';
import { stepsToRedrive } from './redrive.ts';

export function fissionLanguage(expressions: Expressions): Language<FissionDefinition> {
  return {
    name: 'fission',
    parse: (source, { file }) => parseDefinition(source, file, expressions),
    decide(definition, state) {
      // An execution begins, or is taken up again: while its first step runs, the sandbox comes up.
      if (definition.needsSandbox && state.derived === undefined) expressions.wake();
      return decide(definition, state, expressions);
    },
    prepare: (definition, state, step) => prepare({ definition, state, step, expressions }),
    redrive: (definition, state) => stepsToRedrive({ definition, state, expressions }),
    outlook: (definition, state, limit) => outlook({ definition, state, expressions, limit }),
    profileKey,
    graph: (definition, state) => graph({ definition, state, expressions }),
    describe,
  };
}
