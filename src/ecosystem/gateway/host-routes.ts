/** Health, readiness and numbers of the host. */
import type { Exchange } from './exchange.ts';

/** The exposition format of Prometheus, version 0.0.4. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** 200 for as long as the process answers at all. */
export function health(exchange: Exchange): void {
  exchange.sendJson(200, { status: 'ok' });
}

/** 503 from the beginning of a drain: send no more here. */
export function readiness(exchange: Exchange): void {
  const isReady = exchange.host.isReady && !exchange.services.closing.aborted;
  exchange.sendJson(isReady ? 200 : 503, { status: isReady ? 'ready' : 'draining' });
}

/** When functions were called, for a replay. */
export async function history(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.history());
}

export async function stats(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.stats());
}

export async function metrics(exchange: Exchange): Promise<void> {
  exchange.send(200, ['Content-Type', METRICS_TYPE], await exchange.host.metrics());
}
