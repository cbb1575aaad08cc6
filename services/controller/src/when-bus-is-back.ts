import type { Bus } from '@jspolicy/bus';

/** Less than the client waits between two attempts to connect, so that hardly an outage passes unseen. */
const LOOK_MS = 50;

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
