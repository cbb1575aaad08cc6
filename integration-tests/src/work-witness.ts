import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { waitFor } from '@jspolicy/testing';

export interface Told {
  phase: 'begin' | 'end';
  evaluator: string;
  policy: string;
  /** namespace/name of the object. */
  key: string;
  /** resourceVersion, '' of an object that is gone. */
  version: string;
  operation: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came.
  request: any;
  note?: string;
}

/** A server that policies tell what they are evaluated for, in the order in which it happens in all processes together. */
export class WorkWitness {
  readonly told: Told[] = [];
  /** Objects that were begun while somebody who lives still had them. */
  readonly overlaps: string[] = [];
  readonly #server: Server;
  readonly #begun = new Map<string, string>();
  readonly #dead = new Set<string>();

  static async start(): Promise<WorkWitness> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new WorkWitness(server);
  }

  constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      void text(request).then((body) => {
        this.#take(JSON.parse(body) as Told);
        response.end();
      });
    });
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What an evaluator needs, so that policies may tell. */
  get env(): Record<string, string> {
    return { FETCH_HOSTS: this.host, ENV_PREFIXES: 'EVALUATOR_ID' };
  }

  /** A policy's code that tells around the given code. */
  code(policy: string, body = ''): string {
    return `
      const tell = (phase, note) => fetchSync("http://${this.host}/", {method: "POST", body: JSON.stringify({
        phase, note, request, policy: ${JSON.stringify(policy)}, evaluator: env("EVALUATOR_ID"),
        key: (request.namespace || "") + "/" + request.name, operation: request.operation,
        version: request.object ? request.object.metadata.resourceVersion : ""})});
      tell("begin");
      ${body}
      tell("end");`;
  }

  of(policy: string, phase: Told['phase'] = 'end'): Told[] {
    return this.told.filter((each) => each.policy === policy && each.phase === phase);
  }

  until(what: string, condition: () => unknown): Promise<unknown> {
    return waitFor(condition, { what });
  }

  /** It was killed: what it had begun has no end. */
  died(evaluator: string): void {
    this.#dead.add(evaluator);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(told: Told): void {
    this.told.push(told);
    const object = `${told.policy} ${told.key}`;
    const holder = this.#begun.get(object);
    if (told.phase === 'end') this.#begun.delete(object);
    else {
      if (holder !== undefined && !this.#dead.has(holder))
        this.overlaps.push(`${object}: ${told.evaluator} began before ${holder} ended`);
      this.#begun.set(object, told.evaluator);
    }
  }
}
