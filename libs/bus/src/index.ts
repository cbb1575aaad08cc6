export type { ConnectOptions } from './connection.ts';
export { connectBus } from './nats-bus.ts';
export * from './port.ts';
export type * from './work/port.ts';
