import { TroupeError } from '../errors.ts';

/** A failure that the runtime states about a call. Any other error came out of the function, and becomes the cause of a `FUNCTION_ERROR`. */
export class Refusal extends TroupeError {}
