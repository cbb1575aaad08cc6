import { createHash } from 'node:crypto';
import type { KubeObject, ViolationEvent } from '@jspolicy/contracts';
import { cutUtf8 } from '@jspolicy/policy';
import { text, withDefault } from '../fields.ts';
import { RefusedError, sinkType } from '../port.ts';

/** What the API server takes as a note, bytes. */
const MAX_NOTE = 1024;
/** Answers that the same event gets again: bad request, no such namespace, too large, invalid. */
const NEVER_TAKEN = [400, 404, 413, 422];

/** Events of Kubernetes about the objects, which `kubectl get events` and `kubectl describe` show. */
export const kubernetesEvents = sinkType({
  fields: {
    /** Where events about objects without a namespace are kept. */
    defaultNamespace: withDefault(text(), 'default'),
  },
  problems: ({ defaultNamespace }) =>
    defaultNamespace !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(defaultNamespace)
      ? ['defaultNamespace is no name of a namespace']
      : [],
  open: ({ defaultNamespace }, { createKubeEvent, name }) => ({
    maxEvents: 1,
    async write(events, signal) {
      for (const { event } of events) {
        try {
          await createKubeEvent(kubeEvent(event, defaultNamespace, name), signal);
        } catch (cause) {
          if (!(cause instanceof Error && isNeverTaken(cause))) throw cause;
          throw new RefusedError(cause.message, { cause });
        }
      }
      return [];
    },
    close: async () => undefined,
  }),
});

/** A namespace that is being terminated answers 403, too; another 403 can be mended. */
function isNeverTaken(error: Error): boolean {
  const status = Number('status' in error && error.status);
  return NEVER_TAKEN.includes(status) || (status === 403 && error.message.includes('because it is being terminated'));
}

function kubeEvent({ id, time, data }: ViolationEvent, defaultNamespace: string, sink: string): KubeObject {
  const { object, action, policy, message = data.reason ?? '' } = data;
  const namespace = object.namespace || defaultNamespace;
  // The same violation is the same event, however often it is delivered.
  const hash = createHash('sha256').update(`${sink}\n${id}`).digest('hex').slice(0, 24);
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `violation.${hash}`, namespace },
    eventTime: time.replace(/\.(\d+)Z$/, (_all, digits: string) => `.${digits.padEnd(6, '0').slice(0, 6)}Z`),
    type: 'Warning',
    reason: `PolicyViolation${action}`,
    action: data.request.operation || 'Evaluate',
    note: cutUtf8(`${policy}: ${message}`, MAX_NOTE),
    reportingController: 'policy.jspolicy.com/audit',
    reportingInstance: sink.slice(0, 128),
    regarding: {
      ...(object.apiVersion !== undefined && { apiVersion: object.apiVersion }),
      ...(object.kind !== undefined && { kind: object.kind }),
      ...(object.name !== undefined && { name: object.name }),
      ...(object.uid !== undefined && { uid: object.uid }),
      namespace,
    },
  };
}
