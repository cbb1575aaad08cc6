export { BUS_VARIABLES, type BusConfig, busProblems, busSettings } from './bus-settings.ts';
export type { ConnectOptions } from './connection.ts';
export type * from './delivery/port.ts';
export { connectBus } from './nats-bus.ts';
export * from './port.ts';
export { connectPublisher, type Publisher, type PublisherTarget } from './publisher.ts';
export { PublicationRefused } from './refused.ts';
export { type BusServiceContext, connectServiceBus, topologyAtStart } from './service-bus.ts';
export type * from './work/port.ts';
