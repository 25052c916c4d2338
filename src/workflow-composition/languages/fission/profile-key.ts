/** The name that a step goes by in every execution: each turn of a loop is as any other one. */
export function profileKey(step: string): string {
  if (!step.includes('/')) return step;
  return step.replace(/\/(do|wait|check)_\d+(?=\/|$)/g, '/$1_*');
}
