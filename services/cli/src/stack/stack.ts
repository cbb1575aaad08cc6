import { join } from 'node:path';
import { type CertificateFiles, ensureCertificates } from '@jspolicy/certificates';
import { type DataPlaces, type ServiceName, serviceMain } from '../places.ts';
import { withProgress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';
import { BusTelling } from './bus-telling.ts';
import { listenablePort } from './free-port.ts';
import { LogFile } from './log-file.ts';
import { type LogLevel, shortLine } from './log-line.ts';
import { NatsProcess } from './nats-process.ts';
import { reachNats } from './reach-nats.ts';
import { removeRunning, writeRunning } from './running.ts';
import { type ClusterChoice, type StackFacts, serviceEnv } from './service-env.ts';
import { ServiceProcess } from './service-process.ts';

export interface StackOptions {
  cluster: ClusterChoice;
  places: DataPlaces;
  /** 0: a free one. */
  port: number;
  evaluators: number;
  /** A NATS that runs already; absent: one of our own. */
  natsUrl?: string | undefined;
  /** What the API server calls; absent: this machine's loopback address. */
  webhookUrl?: string | undefined;
  logLevel: LogLevel;
  terminal: Terminal;
  /** Called when this stops and nothing writes webhook configurations any more, while those that exist are still answered. */
  onNothingRegisters?(facts: StackFacts): Promise<void>;
}

/** All of them together; a review that is judged meanwhile has a deadline of 30 s, but whoever ends this does not wait. */
const STOP_TIMEOUT_MS = 10_000;
/** Of that, for the controller: it may be waiting for an API server that is gone, and holds nothing that could be lost. */
const STOP_CONTROLLER_MS = 3_000;

/** A webhook on this machine is for this machine, unless its URL says that others call it. */
const LOOPBACK = '127.0.0.1';
const EVERYWHERE = '0.0.0.0';

/** The whole engine as processes: the one place that constructs them. Whoever starts it stops it. */
export class Stack {
  readonly #options: StackOptions;
  readonly #logs: LogFile[] = [];
  readonly #services: Record<ServiceName, ServiceProcess[]> = {
    gateway: [],
    controller: [],
    evaluator: [],
    compiler: [],
    audit: [],
  };
  readonly #nats: NatsProcess;
  readonly #busTelling: BusTelling;
  #facts: StackFacts | undefined;
  #stopping = false;
  #stopped = false;

  constructor(options: StackOptions) {
    this.#options = options;
    this.#busTelling = new BusTelling((text) => {
      if (!this.#stopping) options.terminal.note(text);
    });
    this.#nats = new NatsProcess({
      storeDir: options.places.nats,
      onProgress: (line) => options.terminal.note(line),
      onEvent: (text) => options.terminal.note(text),
    });
  }

  /** Looks at what only the user can mend, before anything is written. Throws CommandError. */
  async check(): Promise<{ port: number }> {
    const { port, natsUrl, terminal } = this.#options;
    const free = await listenablePort(port, this.#host);
    if (natsUrl !== undefined) await reachNats(natsUrl, terminal);
    return { port: free };
  }

  /** `port` is the one that check() found. Resolves when every service is ready. Throws CommandError; stop() is then still to be called. */
  async start(port: number): Promise<{ url: string; certificates: CertificateFiles }> {
    const { terminal, evaluators } = this.#options;
    const facts = await this.#findFacts(port);
    this.#facts = facts;
    await writeRunning(facts);
    await withProgress(terminal, 'starting the services', async () => {
      const numbers = Array.from({ length: evaluators }, (_, index) => index + 1);
      await Promise.all([
        this.#start('compiler', 'compiler', facts),
        this.#start('gateway', 'gateway', facts),
        this.#start('audit', 'audit', facts),
        ...numbers.map((number) => this.#start('evaluator', `evaluator-${number}`, facts)),
        this.#start('controller', 'controller', facts),
      ]);
    });
    return { url: facts.webhookUrl, certificates: facts.certificates };
  }

  /** Ends all in the order in which nothing is lost, within ten seconds. May be called twice, also while it starts. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const end = performance.now() + STOP_TIMEOUT_MS;
    const leftMs = () => Math.max(0, end - performance.now());
    const { gateway, controller, evaluator, compiler, audit } = this.#services;
    const stopAll = (services: ServiceProcess[]) => Promise.all(services.map((service) => service.stop(leftMs())));
    await Promise.all(controller.map((service) => service.stop(Math.min(leftMs(), STOP_CONTROLLER_MS))));
    if (this.#facts && !this.#stopped) await this.#options.onNothingRegisters?.(this.#facts);
    this.#stopped = true;
    for (const services of [gateway, evaluator, compiler, audit]) await stopAll(services);
    if (this.#facts) await removeRunning(this.#facts.places);
    await this.#nats.stop(leftMs());
    for (const log of this.#logs) log.close();
  }

  /** Ends all at once. */
  kill(): void {
    for (const service of Object.values(this.#services).flat()) service.kill();
    this.#nats.kill();
  }

  get #host(): string {
    return this.#options.webhookUrl === undefined ? LOOPBACK : EVERYWHERE;
  }

  async #findFacts(port: number): Promise<StackFacts> {
    const { cluster, places, logLevel, natsUrl, webhookUrl, terminal } = this.#options;
    const host = this.#host;
    const url = webhookUrl ?? `https://${LOOPBACK}:${port}`;
    const certificates = await ensureCertificates(places.certificates, certificateNames(url));
    const nats = natsUrl ?? (await withProgress(terminal, 'starting nats-server', () => this.#nats.start()));
    const ownNats = natsUrl === undefined;
    return { cluster, places, certificates, natsUrl: nats, ownNats, host, port, webhookUrl: url, logLevel };
  }

  async #start(service: ServiceName, name: string, facts: StackFacts): Promise<void> {
    if (this.#stopping) return;
    const { terminal, logLevel, places } = this.#options;
    const log = new LogFile(join(places.logs, `${name}.log`));
    const verbose = logLevel === 'debug' || logLevel === 'trace';
    const child = new ServiceProcess({
      name,
      main: serviceMain(service),
      env: () => serviceEnv(service, name, facts),
      onLine: (line) => {
        log.write(line);
        if (this.#busTelling.takes(name, line)) return;
        const short = shortLine(name, line, verbose);
        if (short !== undefined) terminal.note(short);
      },
      onEvent: (text) => {
        this.#busTelling.forget(name);
        terminal.note(text);
      },
    });
    this.#logs.push(log);
    this.#services[service].push(child);
    await child.start();
  }
}

/** This machine's own names, and the one that the URL has. */
function certificateNames(url: string): { dnsNames: string[]; ipAddresses: string[] } {
  const { hostname } = new URL(url);
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const isAddress = /^[\d.]+$/.test(address) || address.includes(':');
  return {
    dnsNames: [...new Set(['localhost', ...(isAddress ? [] : [hostname])])],
    ipAddresses: [...new Set([LOOPBACK, '::1', ...(isAddress ? [address] : [])])],
  };
}
