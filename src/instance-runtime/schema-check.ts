/** Checks values against a Standard Schema v1 (https://standardschema.dev). */
import type { ErrorCode } from '../errors.ts';
import type { StandardSchema, StandardSchemaIssue } from '../handler.ts';
import { Refusal } from './refusal.ts';

/** More would hide the first. */
const MAX_ISSUES = 50;

/** What the schema puts out. Throws the given code with every issue as `path: message`. */
export async function checkSchema(schema: StandardSchema, value: unknown, code: ErrorCode): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (!result.issues) return result.value;
  const issues = result.issues.slice(0, MAX_ISSUES).map(describeIssue);
  const what =
    code === 'INVALID_INPUT'
      ? 'The payload does not fit the input schema'
      : 'The result does not fit the output schema';
  throw new Refusal(code, `${what}: ${issues.join('; ')}.`, { details: { issues } });
}

function describeIssue({ path, message }: StandardSchemaIssue): string {
  const place = path?.map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.');
  return place ? `${place}: ${message}` : message;
}
