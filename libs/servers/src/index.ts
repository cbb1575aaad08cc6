export { type Child, type ChildExit, type ChildOptions, startChild } from './child.ts';
export { ServersError, type ServersErrorCode } from './errors.ts';
export { type FindOptions, findServer } from './find.ts';
export { type KubeApiServer, type KubeApiServerOptions, startKubeApiServer } from './kube-apiserver.ts';
export type { KubeUser } from './kube-users.ts';
export { type NatsServer, type NatsServerOptions, startNatsServer } from './nats-server.ts';
export { freePort } from './port.ts';
export type { OnProgress } from './progress.ts';
export { PINNED, type ServerName } from './wanted.ts';
