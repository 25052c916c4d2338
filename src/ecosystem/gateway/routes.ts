/** All routes of the gateway. The README has the same table for people. */

import * as data from './data-routes.ts';
import { enqueue } from './enqueue-route.ts';
import * as events from './event-routes.ts';
import type { ExchangeHandler } from './exchange.ts';
import { sendEvents } from './execution-events-route.ts';
import * as executions from './execution-routes.ts';
import { serveFunction } from './function-http.ts';
import * as functions from './function-routes.ts';
import { health, history, metrics, readiness, stats } from './host-routes.ts';
import { invoke } from './invoke-route.ts';
import { sendAllEvents, sendJobEvents } from './job-events-route.ts';
import * as jobs from './job-routes.ts';
import { sendLogs } from './logs-route.ts';
import { RouteTable } from './route-table.ts';
import * as schedules from './schedule-routes.ts';
import * as triggers from './trigger-routes.ts';
import * as workflows from './workflow-routes.ts';

export function createRoutes(): RouteTable<ExchangeHandler> {
  return new RouteTable<ExchangeHandler>([
    { pattern: '/functions/:name/invocations', handlers: { POST: invoke } },
    { pattern: '/fn/:name/*', handlers: { '*': serveFunction } },
    { pattern: '/functions', handlers: { GET: functions.list } },
    {
      pattern: '/functions/:name',
      handlers: { GET: functions.describe, PUT: functions.deploy, DELETE: functions.remove },
    },
    { pattern: '/functions/:name/versions', handlers: { GET: functions.versions } },
    {
      pattern: '/functions/:name/aliases/:alias',
      handlers: { PUT: functions.setAlias, DELETE: functions.removeAlias },
    },
    { pattern: '/workflows', handlers: { GET: workflows.list } },
    {
      pattern: '/workflows/:name',
      handlers: { GET: workflows.describe, PUT: workflows.deploy, DELETE: workflows.remove },
    },
    { pattern: '/workflows/:name/aliases/:alias', handlers: { PUT: workflows.setAlias } },
    { pattern: '/workflows/:name/executions', handlers: { POST: executions.start } },
    { pattern: '/executions', handlers: { GET: executions.list } },
    { pattern: '/executions/:id', handlers: { GET: executions.show } },
    { pattern: '/executions/:id/result', handlers: { GET: executions.result } },
    { pattern: '/executions/:id/history', handlers: { GET: executions.history } },
    { pattern: '/executions/:id/events', handlers: { GET: sendEvents } },
    { pattern: '/executions/:id/signals/:signal', handlers: { POST: executions.signal } },
    { pattern: '/executions/:id/cancel', handlers: { POST: executions.cancel } },
    { pattern: '/executions/:id/pause', handlers: { POST: executions.pause } },
    { pattern: '/executions/:id/resume', handlers: { POST: executions.resume } },
    { pattern: '/executions/:id/redrive', handlers: { POST: executions.redrive } },
    { pattern: '/schedules', handlers: { GET: schedules.list } },
    {
      pattern: '/schedules/:name',
      handlers: { GET: schedules.show, PUT: schedules.set, DELETE: schedules.remove },
    },
    { pattern: '/schedules/:name/pause', handlers: { POST: schedules.pause } },
    { pattern: '/schedules/:name/resume', handlers: { POST: schedules.resume } },
    { pattern: '/schedules/:name/backfill', handlers: { POST: schedules.backfill } },
    { pattern: '/events', handlers: { GET: events.list, POST: events.publish } },
    { pattern: '/triggers', handlers: { GET: triggers.list } },
    {
      pattern: '/triggers/:name',
      handlers: { GET: triggers.show, PUT: triggers.set, DELETE: triggers.remove },
    },
    { pattern: '/functions/:name/jobs', handlers: { POST: enqueue } },
    { pattern: '/jobs', handlers: { GET: jobs.list } },
    // Ahead of `/jobs/:id`, which it would be otherwise.
    { pattern: '/jobs/events', handlers: { GET: sendAllEvents } },
    { pattern: '/jobs/:id', handlers: { GET: jobs.show } },
    { pattern: '/jobs/:id/result', handlers: { GET: jobs.result } },
    { pattern: '/jobs/:id/events', handlers: { GET: sendJobEvents } },
    { pattern: '/jobs/:id/cancel', handlers: { POST: jobs.cancel } },
    { pattern: '/jobs/:id/retry', handlers: { POST: jobs.retry } },
    { pattern: '/queues', handlers: { GET: jobs.queues } },
    { pattern: '/queues/:name', handlers: { GET: jobs.queue } },
    { pattern: '/queues/:name/pause', handlers: { POST: jobs.pause } },
    { pattern: '/queues/:name/resume', handlers: { POST: jobs.resume } },
    { pattern: '/dead-letters', handlers: { GET: jobs.listDead, DELETE: jobs.purgeDead } },
    { pattern: '/dead-letters/retry', handlers: { POST: jobs.retryDead } },
    { pattern: '/db/check', handlers: { GET: data.check } },
    { pattern: '/db/backup', handlers: { POST: data.backup } },
    { pattern: '/logs', handlers: { GET: sendLogs } },
    { pattern: '/history', handlers: { GET: history } },
    { pattern: '/stats', handlers: { GET: stats } },
    { pattern: '/metrics', handlers: { GET: metrics } },
    { pattern: '/healthz', handlers: { GET: health } },
    { pattern: '/readyz', handlers: { GET: readiness } },
  ]);
}

/** Requests that a function answers itself: who may make them is its own business. */
export function isFunctionPath(path: string): boolean {
  return path.startsWith('/fn/');
}
