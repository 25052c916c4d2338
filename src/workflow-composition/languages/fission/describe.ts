import type { DefinitionSummary } from '../../language.ts';
import type { FissionDefinition } from './definition.ts';

export function describe({ description, targets, tasks, durability, timeoutMs }: FissionDefinition): DefinitionSummary {
  return {
    description,
    targets,
    tasks,
    ...(durability && { durability }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}
