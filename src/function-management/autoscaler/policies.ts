/** The scaling policies by name. */
import { fixedPolicy } from './fixed-policy.ts';
import { hybridHistogramPolicy } from './hybrid-histogram-policy.ts';
import { type PredictivePolicyOptions, predictivePolicy } from './predictive-policy.ts';
import type { ScalingPolicy } from './protocol.ts';
import { reactivePolicy } from './reactive-policy.ts';

export type PolicyName = 'predictive' | 'reactive' | 'hybrid-histogram' | 'fixed';

export function scalingPolicy(name: PolicyName, options: PredictivePolicyOptions = {}): ScalingPolicy {
  switch (name) {
    case 'predictive':
      return predictivePolicy(options);
    case 'reactive':
      return reactivePolicy();
    case 'hybrid-histogram':
      return hybridHistogramPolicy();
    case 'fixed':
      return fixedPolicy();
  }
}
