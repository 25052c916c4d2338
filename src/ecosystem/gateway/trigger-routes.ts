/** Triggers as resources: set, list, look at, remove. */
import type { TriggerOptions } from '../event-management/protocol.ts';
import type { Exchange } from './exchange.ts';

export async function list(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.events.triggers());
}

export async function show(exchange: Exchange): Promise<void> {
  exchange.sendJson(200, await exchange.host.events.trigger(exchange.parameter(0)));
}

/** 201 where something has changed, 200 when it is the same as before. The host checks every member. */
export async function set(exchange: Exchange): Promise<void> {
  const name = exchange.parameter(0);
  const options = (await exchange.jsonObject()) as unknown as TriggerOptions;
  const trigger = await exchange.host.events.on(name, options);
  exchange.sendJson(trigger.isNew ? 201 : 200, trigger);
}

export async function remove(exchange: Exchange): Promise<void> {
  const name = exchange.parameter(0);
  await exchange.host.events.off(name);
  exchange.sendJson(200, { name });
}
