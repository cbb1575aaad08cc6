import type { ViolationEvent, ViolationObject } from '@jspolicy/contracts';
import { isReported, type ReportResult, reportResult } from './report-result.ts';

export interface Finding {
  result: ReportResult;
  policyUid: string;
  timeMs: number;
  uid: string | undefined;
  /** The object was refused when it was to be created: nobody can wait for its end. */
  neverWas: boolean;
}

export interface ResourceFindings {
  key: string;
  object: ViolationObject;
  /** Oldest first. */
  findings: Finding[];
}

export interface ModelLimits {
  /** Findings of one resource. */
  maxEvents: number;
  /** Resources; beyond it those go whose latest finding is the oldest. */
  maxReports: number;
}

/** What the stream says of resources: the latest findings of each, bounded, each finding once. */
export class ReportModel {
  readonly #limits: ModelLimits;
  /** Those with the latest findings last. */
  readonly #resources = new Map<string, ResourceFindings>();
  readonly #changed = new Set<string>();

  constructor(limits: ModelLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#resources.size;
  }

  /** Whether the event is one of those that are reported. */
  add(event: ViolationEvent): boolean {
    if (!isReported(event)) return false;
    const finding = findingOf(event);
    const key = resourceKey(event.data.object);
    const before = this.#resources.get(key);
    const same = before?.findings.find((each) => sameness(each) === sameness(finding));
    const others = before?.findings.filter((each) => each !== same) ?? [];
    const findings = [...others, same ? again(same, finding) : finding].slice(-this.#limits.maxEvents);
    const object = before && finding.neverWas ? before.object : event.data.object;
    this.#resources.delete(key);
    this.#resources.set(key, { key, object, findings });
    this.#changed.add(key);
    if (this.#resources.size > this.#limits.maxReports) this.#drop(this.#resources.keys().next().value as string);
    return true;
  }

  get(key: string): ResourceFindings | undefined {
    return this.#resources.get(key);
  }

  all(): IterableIterator<ResourceFindings> {
    return this.#resources.values();
  }

  /** Lets go of findings; a resource without any is gone. */
  keep(filter: (finding: Finding, resource: ResourceFindings) => boolean): void {
    for (const resource of this.#resources.values()) {
      const findings = resource.findings.filter((finding) => filter(finding, resource));
      if (findings.length === resource.findings.length) continue;
      if (findings.length === 0) this.#drop(resource.key);
      else this.#resources.set(resource.key, { ...resource, findings });
      this.#changed.add(resource.key);
    }
  }

  /** What is written of these may be out of date for another reason. */
  touch(filter: (finding: Finding) => boolean): void {
    for (const { key, findings } of this.#resources.values()) if (findings.some(filter)) this.#changed.add(key);
  }

  touchKey(key: string): void {
    this.#changed.add(key);
  }

  /** Up to `most` keys of what changed; they count as unchanged from then on. */
  takeChanged(most: number): string[] {
    const taken = [...this.#changed].slice(0, most);
    for (const key of taken) this.#changed.delete(key);
    return taken;
  }

  #drop(key: string): void {
    this.#resources.delete(key);
    this.#changed.add(key);
  }
}

function findingOf(event: ViolationEvent): Finding {
  const { policyUid, action, request, object } = event.data;
  return {
    result: reportResult(event),
    policyUid,
    timeMs: Date.parse(event.time),
    uid: object.uid,
    neverWas: action === 'Deny' && request.operation === 'CREATE',
  };
}

/** The same, said once more: only its time is another. An object that is refused gets another uid each time. */
const again = (before: Finding, { timeMs, result: { timestamp } }: Finding): Finding => ({
  ...before,
  timeMs,
  result: { ...before.result, timestamp },
});

/** Equal for two findings that say the same, at other times. */
function sameness({ neverWas, result: { timestamp: _, resources, ...said } }: Finding): string {
  return JSON.stringify([said, neverWas ? [] : resources]);
}

/** One for each resource, in whatever version it is asked for. */
export const resourceKey = ({ apiVersion = '', kind = '', namespace = '', name = '' }: ViolationObject): string =>
  `${kindKey(apiVersion, kind)} ${namespace}/${name}`;

export const kindKey = (apiVersion: string, kind: string): string => `${groupOf(apiVersion)}/${kind}`;

const groupOf = (apiVersion: string): string => apiVersion.slice(0, Math.max(apiVersion.indexOf('/'), 0));
