import { type Bus, connectBus, type Running } from '@jspolicy/bus';
import { loadConfig, type Service, type ServiceContext, text } from '@jspolicy/runtime';
import { FLOOR_ANSWER } from '../answers.ts';

export const ANSWER_SUBJECT = 'bench.v1.answer';

const settings = { natsUrl: text({ env: 'NATS_URL', describe: 'NATS servers' }) };

/** Takes reviews from the bus and says the floor's answer to each: an evaluator that does nothing. */
export function createBusAnswerer({ env, log }: ServiceContext): Service {
  const config = loadConfig(settings, env);
  const body = new TextEncoder().encode(FLOOR_ANSWER);
  let bus: Bus | undefined;
  let serving: Running | undefined;
  return {
    async start() {
      bus = await connectBus({ servers: config.natsUrl, name: 'answerer', log });
      serving = bus.serve(ANSWER_SUBJECT, 'answerers', async () => ({ status: 200, body, headers: {} }));
    },
    async stop() {
      await serving?.stop();
      await bus?.close();
    },
  };
}
