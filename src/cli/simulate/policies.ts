/** Which policies can be replayed, how the command line names them, and how each is made. */
import { TroupeError } from '../../errors.ts';
import { fixedPolicy } from '../../function-management/autoscaler/fixed-policy.ts';
import { hybridHistogramPolicy } from '../../function-management/autoscaler/hybrid-histogram-policy.ts';
import { predictivePolicy } from '../../function-management/autoscaler/predictive-policy.ts';
import type { ScalingPolicy } from '../../function-management/autoscaler/protocol.ts';
import { reactivePolicy } from '../../function-management/autoscaler/reactive-policy.ts';
import { closestName } from '../../function-management/closest-name.ts';

const MINUTE_MS = 60_000;
const POLICIES = ['fixed', 'hybrid-histogram', 'reactive', 'predictive'] as const;
/** What stands after the colon, of those that take a value. */
const VALUES = { fixed: 'minutes', predictive: 'the exchange rate' } as const;

export interface PolicyChoice {
  readonly policy: (typeof POLICIES)[number];
  /** Of `fixed` the keep-alive in minutes, of `predictive` the exchange rate in ms per MB-second. */
  readonly value: number | undefined;
}

export const FIXED: PolicyChoice = { policy: 'fixed', value: undefined };

export const ALL: readonly PolicyChoice[] = POLICIES.map((policy) => ({ policy, value: undefined }));

/** `NAME[:VALUE][,...]`. One that is named twice counts once. */
export function choosePolicies(text: string): PolicyChoice[] {
  const choices = text.split(',').map((word) => choosePolicy(word.trim()));
  return choices.filter((choice, index) => choices.findIndex((other) => nameOf(other) === nameOf(choice)) === index);
}

function choosePolicy(word: string): PolicyChoice {
  const [name = '', value, ...more] = word.split(':');
  const policy = POLICIES.find((each) => each === name);
  if (!policy) {
    const near = closestName(name, POLICIES);
    const hint = near === undefined ? `There are ${POLICIES.join(', ')}.` : `Did you mean ${near}?`;
    throw wrong(name === '' ? `--policy: a name is missing. ${hint}` : `--policy ${name}: no such policy. ${hint}`);
  }
  if (value === undefined) return { policy, value };
  if (policy !== 'fixed' && policy !== 'predictive') throw wrong(`--policy ${word}: ${policy} takes no value.`);
  const number = value.trim() === '' || more.length > 0 ? Number.NaN : Number(value);
  const isRight = policy === 'fixed' ? Number.isInteger(number) && number >= 0 : number > 0 && number < Infinity;
  if (isRight) return { policy, value: number };
  const what = policy === 'fixed' ? 'a whole number of minutes' : 'a number above 0, in ms per MB-second';
  throw wrong(`--policy ${word}: after the colon stands ${VALUES[policy]}, ${what}.`);
}

function wrong(message: string): TroupeError {
  return new TroupeError('INVALID_ARGUMENT', message);
}

/** As the command line takes it. */
export function nameOf({ policy, value }: PolicyChoice): string {
  if (value === undefined) return policy;
  return `${policy}:${policy === 'predictive' ? value.toExponential() : value}`;
}

/** A fresh one: policies remember. */
export function makePolicy({ policy, value }: PolicyChoice, keepAliveMs: number): ScalingPolicy {
  switch (policy) {
    case 'fixed':
      return fixedPolicy({ keepAliveMs: value === undefined ? keepAliveMs : value * MINUTE_MS });
    case 'hybrid-histogram':
      return hybridHistogramPolicy();
    case 'reactive':
      return reactivePolicy();
    case 'predictive':
      return predictivePolicy(value === undefined ? {} : { msPerMbSecond: value });
  }
}
