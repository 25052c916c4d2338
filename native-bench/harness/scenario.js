/**
 * What a scenario is: types only. Each file scenarios/<name>.js exports one `scenario`; the command finds it by its file name.
 *
 * @typedef {import('hdr-histogram-js').Histogram} Histogram
 *
 * @typedef {object} Measurement  One round of one subject. What a subject cannot tell is left out.
 * @property {Histogram} [latenciesUs]  of calls, recorded in NANOseconds (see histogram.js); p50Us, p99Us and the CDF follow from it
 * @property {number} [p50Us]           given only where there is no histogram; microseconds
 * @property {number} [p99Us]           as p50Us
 * @property {number} [perSecond]       calls completed in a second
 * @property {number} [value]           a figure that is neither a time nor a rate: per cent of a core, bytes
 * @property {Record<string, number>} [figures]  further ones, by the names that the scenario gives them
 * @property {Record<string, number>} [phasesUs]  where the time of one call goes, by component, in the order to show; for the chart `phases`
 *
 * @typedef {object} Subject  Something that is measured: troupe, a peer, a floor. Its name is unique in its scenario; troupe's begin so.
 * @property {string} name
 * @property {() => Promise<Measurement>} round  one round; rounds of all subjects take turns
 * @property {() => Promise<void>} close         frees everything that it started; called once, also after a failure
 *
 * @typedef {object} Bar  A claim that is held against what was measured.
 * @property {string} figure   p50, p99, perSecond, value, or one of the scenario's own
 * @property {string} subject
 * @property {string} against  A subject; or several, as in `piscina*`: the best of those in the same round; or '': the figure itself is judged.
 * @property {number} bar      The ratio subject / against must be at most this; for perSecond at least this.
 * @property {number} aim      what one would like to see
 * @property {string} [variant]  only in this variant; without it in each
 *
 * @typedef {object} SubjectOptions
 * @property {boolean} quick
 * @property {string} directory  an empty directory that is removed when the scenario has ended
 * @property {string | undefined} variant
 * @property {string} [trace]   a file of recorded calls that was given
 *
 * @typedef {object} Scenario
 * @property {string} name      the name of its file
 * @property {string} title     a few words
 * @property {string} question  what it answers, one sentence
 * @property {'cdf' | 'throughput' | 'phases' | 'none'} [chart]  `throughput`: variants are the numbers of calls in flight
 * @property {string} [unit]    of `value`, as `MiB` or `% of a core`
 * @property {Readonly<Record<string, string>>} [figures]  further figures by name, each with its unit; less is better
 * @property {readonly string[]} [variants]  it runs once for each
 * @property {readonly string[]} [quickVariants]  those that a quick run has time for; all unless told
 * @property {readonly Bar[]} bars
 * @property {{ full: number, quick: number }} [rounds]  that count, besides a first that does not; 10 and 3 unless told
 * @property {(options: SubjectOptions) => Promise<readonly Subject[]>} subjects
 */

export {};
