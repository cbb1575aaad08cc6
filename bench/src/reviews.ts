import { randomBytes } from 'node:crypto';
import { admissionReview } from '@jspolicy/testing';
import { type CheckAnswer, checkOf } from './answers.ts';
import type { Variant } from './workloads.ts';

/** A uid of this run: eight digits of its own, then a counter, so that no review is taken for the retry of another. */
const RUN = randomBytes(4).toString('hex');
let last = 0;
const nextUid = (): string => `${RUN}-0000-4000-8000-${(++last).toString(16).padStart(12, '0')}`;

export interface Review {
  /** Valid until the same source gives the next one of its variant. */
  body: Buffer;
  uid: string;
  check: CheckAnswer;
}

interface Template {
  body: Buffer;
  uidAt: number;
  check: CheckAnswer;
}

/** Gives reviews of the variants in turn, each with a fresh uid. One source for each connection: bodies are reused. */
export class ReviewSource {
  readonly #templates: Template[];
  #next = 0;

  constructor(variants: readonly Variant[]) {
    const made = new Map(variants.map((variant) => [variant, templateOf(variant)]));
    this.#templates = variants.map((variant) => made.get(variant) as Template);
  }

  /** Of one review; uids have all the same length. */
  get bodyBytes(): number {
    return (this.#templates[0] as Template).body.length;
  }

  next(): Review {
    const { body, uidAt, check } = this.#templates[this.#next++ % this.#templates.length] as Template;
    const uid = nextUid();
    body.write(uid, uidAt, 'latin1');
    return { body, uid, check };
  }
}

function templateOf(variant: Variant): Template {
  const uid = nextUid();
  const body = Buffer.from(JSON.stringify(admissionReview({ object: variant.pod, uid })));
  return { body, uidAt: body.indexOf(uid), check: checkOf(variant) };
}
