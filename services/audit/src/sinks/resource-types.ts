import { API_GROUP } from '@jspolicy/contracts';
import type { ResourceType } from '@jspolicy/kube';

export const SINKS: ResourceType = {
  group: API_GROUP,
  version: 'v1beta1',
  kind: 'ViolationSink',
  resource: 'violationsinks',
  namespaced: false,
};
export const SECRETS: ResourceType = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  namespaced: true,
};
export const KUBE_EVENTS: ResourceType = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  namespaced: true,
};
