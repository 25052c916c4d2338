import { expect, it } from 'vitest';
import { Drive } from './drive.ts';

it('starts what has the longest way to the end first', () => {
  const drive = new Drive(`
output: Z
tasks:
  Short: { run: f }
  Long: { run: f }
  Middle: { run: f }
  L2: { run: f, requires: [Long] }
  L3: { run: f, requires: [L2, Middle] }
  Z: { run: f, requires: [L3, Short] }
`);
  drive.advance();
  expect(drive.started.slice(0, 3)).toEqual(['Long', 'Middle', 'Short']);
});
