import type { Bus } from '@jspolicy/bus';
import { pause } from '@jspolicy/runtime';
import type { FoundEngine } from '../stack/find-engine.ts';
import type { Terminal } from '../terminal.ts';

const LOOK_MS = 1_000;

/**
 * Tells when the connection is lost and when it is back: who follows would take silence for peace. Resolves with true
 * when the engine is an `up` that has ended, with false when the signal aborts.
 */
export async function watchEngine(
  { engine, bus, signal }: { engine: FoundEngine; bus: Bus; signal: AbortSignal },
  terminal: Terminal,
): Promise<boolean> {
  for (let told = false; !signal.aborted; await pause(LOOK_MS, signal)) {
    if (await engine.ended()) return true;
    if (bus.connected === !told) continue;
    told = !bus.connected;
    terminal.note(
      told ? `the connection to NATS at ${engine.natsUrl} is lost, waiting for it` : 'NATS is reached again',
    );
  }
  return false;
}
