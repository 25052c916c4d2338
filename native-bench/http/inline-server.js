/** A program of its own with troupe inline in it and the gateway open: a host as somebody embeds it. Prints its port. */
import { createTroupe } from '../../dist/index.js';
import { FUNCTIONS } from './functions.js';

const troupe = await createTroupe();
for (const { name, code, config } of FUNCTIONS) {
  await troupe.deploy({ name, source: { language: 'js', code }, minInstances: 1, ...config });
}
const gateway = await troupe.listen({ port: 0 });
console.log(String(gateway.port));
process.once('SIGTERM', async () => {
  await troupe.close();
  process.exit(0);
});
