/** The map of the source tree, held mechanically: each rule on the real tree, and each rule on small examples that break it. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as rules from './architecture/rules.ts';
import { modelOf, readTree, type SourceTree } from './architecture/source-model.ts';

interface RuleCase {
  readonly title: string;
  readonly rule: rules.Rule;
  readonly good?: SourceTree;
  readonly bad: SourceTree;
  /** `file:line` of each violation in `bad`. */
  readonly found: readonly string[];
}

const cases: RuleCase[] = [
  {
    title: 'every file stands in a layer, and imports only what stands before it',
    rule: rules.importsGoOneWay,
    good: {
      'src/kernel/a.ts': `import { TroupeError } from '../errors.ts';\nimport './b.ts';`,
      'src/kernel/b.ts': '',
      'src/errors.ts': '',
    },
    bad: {
      'src/errors.ts': `\nimport type { A } from './kernel/a.ts';`,
      'src/kernel/a.ts': `export const a = await import('../store/s.ts');\ntype S = import('../store/s.ts').S;`,
      'src/store/s.ts': `export { run } from '../cli/run.ts';`,
      'src/cli/run.ts': '',
      'src/utilities/strings.ts': '',
    },
    found: [
      'src/utilities/strings.ts:1',
      'src/errors.ts:2',
      'src/kernel/a.ts:1',
      'src/kernel/a.ts:2',
      'src/store/s.ts:1',
    ],
  },
  {
    title: 'no files import each other in a circle',
    rule: rules.noFileCycles,
    good: { 'src/kernel/a.ts': `import './b.ts'; import './c.ts';`, 'src/kernel/b.ts': `import './c.ts';` },
    bad: {
      'src/kernel/a.ts': `import './b.ts';`,
      'src/kernel/b.ts': `import type { C } from './c.ts';`,
      'src/kernel/c.ts': `import './a.ts';`,
    },
    found: ['src/kernel/a.ts:1'],
  },
  {
    title: 'one component imports from another only its protocol',
    rule: rules.componentsMeetAtProtocols,
    good: {
      'src/function-management/router/router.ts': `import type { A } from '../instance/protocol.ts';\nimport './call.ts';`,
      'src/runtime.ts': `import { Router } from './function-management/router/router.ts';`,
    },
    bad: {
      'src/function-management/router/router.ts': `import type { Instance } from '../instance/instance.ts';`,
      'src/ecosystem/gateway/gateway.ts': `\nimport '../../function-management/router/router.ts';`,
    },
    found: ['src/function-management/router/router.ts:1', 'src/ecosystem/gateway/gateway.ts:2'],
  },
  {
    title: 'components do not depend on each other in a circle, but for the types of their protocols',
    rule: rules.noComponentCycles,
    good: {
      'src/function-management/router/router.ts': `import type { A } from '../instance/protocol.ts';`,
      'src/function-management/instance/instance.ts': `import { b } from '../router/protocol.ts';`,
    },
    bad: {
      'src/function-management/router/router.ts': `import { A } from '../instance/protocol.ts';`,
      'src/function-management/instance/instance.ts': `import { b } from '../router/protocol.ts';`,
    },
    found: ['src/function-management/router/router.ts:1'],
  },
  {
    title: 'nobody imports the instance runtime, and it imports next to nothing',
    rule: rules.instanceRuntimeStandsAlone,
    good: {
      'src/instance-runtime/loop.ts': `import '../transport/codec.ts';\nimport type { FunctionConfig } from '../config.ts';\nimport './load.ts';`,
      'src/resource-orchestration/node-agent/entry-points.ts': `new URL('../../instance-runtime/thread.ts', import.meta.url);`,
    },
    bad: {
      'src/store/s.ts': `import type { Loop } from '../instance-runtime/loop.ts';`,
      'src/instance-runtime/loop.ts': `import { resolveHostConfig } from '../config.ts';\nimport { ActorSystem } from '../kernel/actor-system.ts';`,
    },
    found: ['src/store/s.ts:1', 'src/instance-runtime/loop.ts:1', 'src/instance-runtime/loop.ts:2'],
  },
  {
    title: 'only the store imports LMDB',
    rule: rules.onlyStoreImportsLmdb,
    good: { 'src/store/lmdb-store.ts': `import { open } from 'lmdb';`, 'src/cli/a.ts': `import 'lmdb-like';` },
    bad: { 'src/cli/db.ts': `import { open } from 'lmdb';`, 'src/runtime.ts': `const lmdb = await import('lmdb');` },
    found: ['src/cli/db.ts:1', 'src/runtime.ts:1'],
  },
  {
    title: 'the environment is read in one place',
    rule: rules.environmentIsReadInOnePlace,
    good: { 'src/config.ts': 'process.env.A;', 'src/instance-runtime/instance.ts': 'process.env;' },
    bad: {
      'src/cli/a.ts': `process.env.A;\nprocess['env'];\nconst { env } = process;\n// process.env\nglobalThis.process.env;`,
      'src/cli/b.ts': `import { env } from 'node:process';`,
    },
    found: ['src/cli/a.ts:1', 'src/cli/a.ts:2', 'src/cli/a.ts:3', 'src/cli/a.ts:5', 'src/cli/b.ts:1'],
  },
  {
    title: 'no source file has more than 400 lines',
    rule: rules.filesAreShort,
    good: { 'src/errors.ts': '//\n'.repeat(400) },
    bad: { 'src/errors.ts': '//\n'.repeat(401) },
    found: ['src/errors.ts:401'],
  },
  {
    title: 'every component has a protocol and a README that says owns, never does, invariants',
    rule: rules.componentsAreFurnished,
    good: {
      'src/ecosystem/gateway/protocol.ts': '',
      'src/ecosystem/gateway/README.md': '# Gateway\n## Owns\n## Never does\n## Invariants\n',
      'src/workflow-composition/languages/yaml.ts': '',
    },
    bad: {
      'src/ecosystem/gateway/gateway.ts': '',
      'src/ecosystem/gateway/README.md': '# Gateway\n## Owns\nNever does\n## Invariants\n',
      'src/ecosystem/monitoring/protocol.ts': '',
    },
    found: ['src/ecosystem/gateway:1', 'src/ecosystem/gateway/README.md:1', 'src/ecosystem/monitoring:1'],
  },
  {
    title: 'exports are named one by one',
    rule: rules.exportsAreNamed,
    good: { 'src/index.ts': `export { a } from './errors.ts';` },
    bad: { 'src/index.ts': `export * from './errors.ts';\nexport * as errors from './errors.ts';` },
    found: ['src/index.ts:1', 'src/index.ts:2'],
  },
  {
    title: 'time and chance are arguments',
    rule: rules.timeAndChanceAreArguments,
    good: {
      'src/kernel/clock.ts': 'Date.now(); setTimeout(() => 1, 1);',
      'src/instance-runtime/a.ts': 'performance.now();',
      'src/store/a.ts': `socket.setTimeout(1);\nnew Date(0);\n// Date.now()\n'Math.random()';`,
    },
    bad: {
      'src/function-management/autoscaler/policy.ts': `Date.now();\nMath.random();\nconst now = performance.now;\nnew Date();`,
      'src/store/a.ts': `import { setTimeout } from 'node:timers/promises';\nsetInterval(() => 1, 1);`,
    },
    found: [
      ...[1, 2, 3, 4].map((line) => `src/function-management/autoscaler/policy.ts:${line}`),
      'src/store/a.ts:2',
      'src/store/a.ts:1',
    ],
  },
];

const show = ({ file, line, why }: rules.Violation) => `${file}:${line}: ${why}`;

describe('in the source tree', () => {
  const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');
  const model = modelOf(readTree(root, 'src'));

  it('there is something to check', () => {
    expect(model.files.length).toBeGreaterThan(20);
    expect(model.imports.length).toBeGreaterThan(model.files.length);
    const missing = model.imports.filter(
      ({ target }) => target.startsWith('src/') && !Object.hasOwn(model.tree, target),
    );
    expect(missing.map(({ file, line, target }) => `${file}:${line}: ${target} is not there`)).toEqual([]);
  });

  it.each(cases)('$title', ({ rule, title }) => {
    expect(rule(model).map(show), title).toEqual([]);
  });
});

describe('the rule finds what breaks it, and nothing else:', () => {
  it.each(cases)('$title', ({ rule, good, bad, found }) => {
    expect(rule(modelOf(bad)).map(({ file, line }) => `${file}:${line}`)).toEqual(found);
    expect(rule(modelOf(good ?? {})).map(show)).toEqual([]);
  });

  it('every rule has its case', () => {
    expect(new Set(cases.map(({ rule }) => rule))).toEqual(new Set(Object.values(rules)));
  });
});
