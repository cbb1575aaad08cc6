import type { DeadLetterEntry } from '@jspolicy/bus';
import type { ViolationSink, ViolationSinkStatus } from '@jspolicy/contracts';
import { type KubeAnswer, waitFor } from '@jspolicy/testing';
import { expect } from 'vitest';
import { type AuditStack, KINDS } from '../audit-stack.test-part.ts';
import { Receiver } from './receiver.test-part.ts';

/** Of an attempt: an event that came late would come again. */
const PATIENT_MS = 600_000;

export const sinkPath = (name = ''): string => `${KINDS}/violationsinks${name && `/${name}`}`;

/** Ids of events that AuditStack.publishMany() made. */
export const ids = (policy: string, from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${from + i}.${policy}`);

/** Sinks of a stack and the servers that they send to, until clean(). */
export class SinksForTest {
  readonly #stack: AuditStack;
  readonly #receivers: Receiver[] = [];
  readonly #made: string[] = [];

  constructor(stack: AuditStack) {
    this.#stack = stack;
  }

  async receiver(): Promise<Receiver> {
    const one = await new Receiver().start();
    this.#receivers.push(one);
    return one;
  }

  /** The API server's answer. */
  make(name: string, spec: object): Promise<KubeAnswer> {
    this.#made.push(name);
    const { retry, ...rest } = spec as { retry?: object };
    return this.#stack.call('POST', sinkPath(), {
      apiVersion: 'policy.jspolicy.com/v1beta1',
      kind: 'ViolationSink',
      metadata: { name },
      spec: { retry: { timeoutMs: PATIENT_MS, ...retry }, ...rest },
    });
  }

  async change(name: string, change: (spec: Record<string, unknown>) => object): Promise<KubeAnswer> {
    const { body } = await this.#stack.call('GET', sinkPath(name));
    return this.#stack.call('PUT', sinkPath(name), { ...body, spec: change(body.spec) });
  }

  async get(name: string): Promise<ViolationSink> {
    return (await this.#stack.call('GET', sinkPath(name))).body as ViolationSink;
  }

  async letters(name: string): Promise<DeadLetterEntry[]> {
    const found: DeadLetterEntry[] = [];
    for await (const entry of this.#stack.bus.deadLetters.list(name)) found.push(entry);
    return found;
  }

  async untilReason(name: string, reason = 'Delivering'): Promise<void> {
    await waitFor(async () => (await this.get(name)).status?.conditions?.[0]?.reason === reason, {
      what: `${name} to be ${reason}`,
    });
  }

  async untilFigures(name: string, wanted: Partial<ViolationSinkStatus>): Promise<void> {
    const holds = ({ status = {} }: ViolationSink) =>
      Object.entries(wanted).every(([key, value]) => status[key as keyof ViolationSinkStatus] === value);
    await waitFor(async () => holds(await this.get(name)), {
      what: `figures of ${name}: ${JSON.stringify(wanted)}`,
    });
  }

  async clean(): Promise<void> {
    for (const name of this.#made.splice(0)) await this.#stack.call('DELETE', sinkPath(name));
    for (const one of this.#receivers.splice(0)) await one.stop();
  }
}

export async function untilDistinct(one: Receiver, count: number): Promise<void> {
  await waitFor(() => one.distinct.length >= count, { what: `${count} events` });
}

export async function untilGot(one: Receiver, wanted: string[]): Promise<void> {
  await untilDistinct(one, wanted.length);
  expect(one.distinct).toEqual(wanted);
}
