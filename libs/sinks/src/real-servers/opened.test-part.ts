import type { SinkTypeName } from '@jspolicy/contracts';
import { contextFor } from '../events.test-part.ts';
import { openSink, SINKS, type Sink } from '../index.ts';
import { filledSettings } from '../sink-settings.ts';

/** A sink with its defaults. Secrets stand in the settings in plain here. */
export async function opened(type: SinkTypeName, settings: Record<string, unknown>): Promise<Sink> {
  const plain = async (value: unknown) => String(value);
  return openSink(type, await filledSettings(SINKS[type].fields, settings, plain), contextFor());
}

/** Opens, writes as the work says and closes. */
export async function withSink<T>(
  type: SinkTypeName,
  settings: Record<string, unknown>,
  work: (sink: Sink) => Promise<T>,
): Promise<T> {
  const sink = await opened(type, settings);
  try {
    return await work(sink);
  } finally {
    await sink.close();
  }
}
