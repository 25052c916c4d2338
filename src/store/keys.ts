/**
 * Every key that is written to disk, once. A durable contract: a change here needs a higher `SCHEMA_VERSION` and a migration.
 *
 * | database   | key                              | value                                             |
 * |------------|----------------------------------|---------------------------------------------------|
 * | meta       | schema-version, copy (0 or 1)    | number; two copies, since nothing opens without it |
 * | meta       | revision                         | number: every revision given out so far is below  |
 * | functions  | version, function name, version  | a stored version (function-management/registry)   |
 * | functions  | alias, function name, alias      | the targets of the alias                          |
 * | functions  | counter, function name           | the highest version number ever given out         |
 * | settings   | setting name                     | its value                                         |
 * | forecasts  | of, function name                | what the autoscaler has learned (bytes)           |
 * | forecasts  | of, `>` and function name        | what follows its calls (bytes)                    |
 * | forecasts  | of, empty                        | what all functions have taught (bytes)            |
 * | forecasts  | saved-at                         | when, in ms since the Unix epoch                  |
 * | history    | calls, hour, function name       | its calls in that hour since the epoch (bytes)    |
 * | history    | chunks                           | how many of these records there are               |
 * | events     | stream, index                    | the event                                         |
 * | quarantine | database, the key of the record  | its bytes, why and when                           |
 */
import type { Key } from './protocol.ts';

/** The layout that this program reads and writes. */
export const SCHEMA_VERSION = 1;

export const metaKeys = {
  schemaVersions: [
    ['schema-version', 0],
    ['schema-version', 1],
  ] as readonly Key[],
  revision: ['revision'] as Key,
};

export const functionKeys = {
  version: (name: string, version: number): Key => ['version', name, version],
  versionsOf: (name: string): Key => ['version', name],
  versions: ['version'] as Key,
  alias: (name: string, alias: string): Key => ['alias', name, alias],
  aliasesOf: (name: string): Key => ['alias', name],
  aliases: ['alias'] as Key,
  counter: (name: string): Key => ['counter', name],
  counters: ['counter'] as Key,
};

export const settingKeys = {
  setting: (name: string): Key => [name],
};

export const forecastKeys = {
  of: (name: string): Key => ['of', name],
  all: ['of'] as Key,
  savedAt: ['saved-at'] as Key,
};

/** By hour first: what is too old is one range. */
export const historyKeys = {
  chunk: (hour: number, name: string): Key => ['calls', hour, name],
  hour: (hour: number): Key => ['calls', hour],
  all: ['calls'] as Key,
  chunks: ['chunks'] as Key,
};

export const eventKeys = {
  event: (stream: string, index: number): Key => [stream, index],
  stream: (stream: string): Key => [stream],
};

export const quarantineKeys = {
  record: (database: string, key: Key): Key => [database, ...key],
};
