import { expect, it } from 'vitest';
import { languageOf } from '../../../src/workflow-composition/registry/compiling.ts';
import { lineLanguage } from './line-language.ts';

const [code, fission] = [lineLanguage('code'), lineLanguage('fission')];

it.each([
  ['order.wf.yaml', 'fission'],
  ['order.wf.yml', 'fission'],
  ['ORDER.WF.YAML', 'fission'],
  ['order.yaml', 'code'],
  ['wf.yaml.ts', 'code'],
  ['', 'code'],
])('a file named %j is of the language %s', (file, name) => {
  expect(languageOf(file, [code, fission]).name).toBe(name);
});

it('a file of a language that the program does not have is refused', () => {
  expect(() => languageOf('order.wf.yaml', [code])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  expect(() => languageOf('order.ts', [])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
