/** The sample function of that name, here too: a directory of functions is all that a workflow needs. */
export { default } from '../csv-statistics/index.ts';
