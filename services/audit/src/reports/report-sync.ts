import type { Logger } from '@jspolicy/runtime';
import type { ReportApi } from './report-api.ts';
import type { ReportModel, ResourceFindings } from './report-model.ts';
import { type AnnotationsOf, placeOf, type ReportPlace, reportObject } from './report-object.ts';
import type { ReportWriter } from './report-writer.ts';

/** Writes in one go, and of them at once: what the API server shall bear. */
const WRITES_PER_FLUSH = 50;
const AT_ONCE = 5;

export interface ReportSyncParts {
  api: ReportApi;
  writer: ReportWriter;
  /** What an earlier process left. */
  existing: ReportPlace[];
  model: ReportModel;
  annotationsOf: AnnotationsOf;
  log: Logger;
  onWritten(): void;
  /** From then on another replica may write. */
  stopping: AbortSignal;
}

/** Brings the reports to what the model says, a bounded number at a time. */
export class ReportSync {
  readonly #parts: ReportSyncParts;
  /** Of what was written, by the resource's key. */
  readonly #places = new Map<string, ReportPlace>();
  /** Left over, not about any resource of the model. */
  #left: ReportPlace[] | undefined;

  constructor(parts: ReportSyncParts) {
    this.#parts = parts;
  }

  /** The first call expects a model that is complete. Never rejects: what failed is tried again by the next one. */
  async flush(): Promise<void> {
    this.#left ??= this.#takeOver();
    const left = this.#left.splice(0, WRITES_PER_FLUSH);
    const changed = this.#parts.model.takeChanged(WRITES_PER_FLUSH - left.length);
    await this.#inGroups(left, (place) => this.#removeLeft(place));
    await this.#inGroups(changed, (key) => this.#flushOne(key));
  }

  #takeOver(): ReportPlace[] {
    const { model, existing, api } = this.#parts;
    const existed = new Map(existing.map((place) => [nameOf(place), place]));
    for (const resource of model.all()) {
      const place = placeOf(resource, api);
      if (existed.delete(nameOf(place))) this.#places.set(resource.key, place);
    }
    return [...existed.values()];
  }

  async #removeLeft(place: ReportPlace): Promise<void> {
    await this.#remove(place).catch((err) => {
      this.#failed(err);
      this.#left?.push(place);
    });
  }

  async #flushOne(key: string): Promise<void> {
    const { model } = this.#parts;
    try {
      const resource = model.get(key);
      if (resource) await this.#put(resource);
      else await this.#removeOf(key);
    } catch (err) {
      this.#failed(err);
      model.touchKey(key);
    }
  }

  async #put(resource: ResourceFindings): Promise<void> {
    const { api, writer, model, annotationsOf, onWritten } = this.#parts;
    const place = placeOf(resource, api);
    const written = await writer.put(place, reportObject(resource, api, annotationsOf));
    if (written === 'gone') model.keep((_, { key }) => key !== resource.key);
    else this.#places.set(resource.key, place);
    if (written === 'written') onWritten();
  }

  async #removeOf(key: string): Promise<void> {
    const place = this.#places.get(key);
    if (place) await this.#remove(place);
    this.#places.delete(key);
  }

  async #remove(place: ReportPlace): Promise<void> {
    if (await this.#parts.writer.remove(place)) this.#parts.onWritten();
  }

  async #inGroups<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
    for (let from = 0; from < items.length && !this.#parts.stopping.aborted; from += AT_ONCE)
      await Promise.all(items.slice(from, from + AT_ONCE).map(work));
  }

  #failed(err: unknown): void {
    this.#parts.log.warn({ err }, 'report cannot be written now');
  }
}

const nameOf = ({ namespace = '', name }: ReportPlace): string => `${namespace}/${name}`;
