export { errorTextOf, oneLine } from './error-text.ts';
export type { Filter } from './filter.ts';
export {
  AnsweredError,
  BusyError,
  RefusedError,
  type Sink,
  type SinkContext,
  type SinkEvent,
} from './port.ts';
export type { ReadSecret } from './sink-settings.ts';
export { batchOf, filterOf, openSink, plainSettings, retryOf, SecretMissingError, sinkProblems } from './sink-spec.ts';
export { SINKS } from './sink-types.ts';
export { startOf } from './start.ts';
