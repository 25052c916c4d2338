import type { InstanceImage } from '../transport/instance-control.ts';
import type { LoadedFunction } from './handler-shape.ts';
import type { ProcessGroups } from './process-groups.ts';
export function executableFunction(
  _i: InstanceImage,
  _g: ProcessGroups,
  _h: Readonly<Record<string, string>>,
): LoadedFunction {
  throw new Error('todo');
}
