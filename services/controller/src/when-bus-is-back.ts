import type { Bus } from '@jspolicy/bus';

/** An outage that is shorter than this is found by the next look at everything. */
const LOOK_MS = 250;

/** Calls when the connection to the bus is there again after it was lost. */
export function whenBusIsBack(bus: Pick<Bus, 'connected'>, onBack: () => void): { stop(): void } {
  let before = bus.connected;
  const timer = setInterval(() => {
    const now = bus.connected;
    if (now && !before) onBack();
    before = now;
  }, LOOK_MS);
  return { stop: () => clearInterval(timer) };
}
