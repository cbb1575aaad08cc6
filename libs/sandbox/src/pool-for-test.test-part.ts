import { createHash } from 'node:crypto';
import type { Bundle, PolicyType } from '@jspolicy/contracts';
import { admissionReview, pod } from '@jspolicy/testing';
import {
  createSandboxPool,
  type EvaluationResult,
  HostCallError,
  type HostFunctions,
  JsonText,
  type Sandbox,
  type SandboxPoolOptions,
} from './index.ts';

export type Isolation = Bundle['isolation'];

export interface RunOptions {
  fresh?: boolean;
  isolation?: Isolation;
  hostCalls?: string[];
  type?: PolicyType;
  form?: Bundle['form'];
  prelude?: string;
  /** What the compiler puts in front of the author's text, on its first line. */
  head?: string;
  /** Longer than any machine takes, unless given. */
  limitMs?: number;
  deadlineMs?: number;
  policy?: string;
  /** A text is the body as it stands. */
  review?: unknown;
}

export const POLICY = 'p.test.example';
const LIMIT_MS = 120_000;
const DEFAULT_REVIEW = admissionReview({ object: pod({ labels: { app: 'web' } }), uid: 'u-1' });

/** A real pool whose host answers sleep, get, remove and fetchSync, never answers list, refuses update, has a bug in create. */
export class TestPool {
  readonly sandbox: Sandbox;
  readonly prints: string[] = [];
  readonly calls: string[] = [];
  /** Where there is one, sleep() lasts until it is settled. */
  asleep: Promise<void> | undefined;

  constructor(options: SandboxPoolOptions = {}) {
    this.sandbox = createSandboxPool({ processes: 2, ...options });
  }

  async run(code: string, options: RunOptions = {}): Promise<EvaluationResult> {
    const bundle = bundleOf(code, options);
    await this.sandbox.load(bundle);
    return this.sandbox.evaluate({
      policy: options.policy ?? POLICY,
      type: options.type ?? 'Validating',
      digest: bundle.digest,
      review: Buffer.from(bodyOf(options.review ?? DEFAULT_REVIEW)),
      limitMs: options.limitMs ?? LIMIT_MS,
      ...(options.deadlineMs !== undefined && { deadlineMs: options.deadlineMs }),
      ...(options.fresh && { fresh: true }),
      host: this.#host,
    });
  }

  /** The policy's message, from a denial or a failure; `allowed` when it neither denied nor failed. */
  async message(code: string, options: RunOptions = {}): Promise<string> {
    return messageOf(await this.run(code, options));
  }

  unload(code: string, options: RunOptions = {}): void {
    this.sandbox.unload(bundleOf(code, options).digest);
  }

  readonly #host: HostFunctions = {
    call: async ({ name, args }, signal) => {
      this.calls.push(name);
      if (name === 'list')
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('over'))));
      if (name === 'update') throw new HostCallError('NotGranted', 'no');
      if (name === 'create') throw new Error('our bug');
      if (name === 'sleep') await (this.asleep ?? new Promise((resolve) => setTimeout(resolve, Number(args[0]))));
      if (name === 'fetchSync' && args[0] === 'refused') throw new HostCallError('FetchSync', 'Get "refused": no');
      if (name === 'fetchSync')
        return { status: 200, statusText: '200 OK', ok: true, headers: { A: 'b' }, ...Object(args[1]) };
      if (args[0] === 'as text') return new JsonText([Buffer.from('{"é":'), Buffer.from('[1,"__proto__"]}')]);
      if (args[0] === 'too large') return new JsonText([Buffer.alloc(44 * 1024 * 1024, ' ')]);
      return name === 'get' || name === 'remove' ? { name, args } : undefined;
    },
    print: (line) => this.prints.push(line),
  };
}

const bodyOf = (review: unknown): string => (typeof review === 'string' ? review : JSON.stringify(review));

export function messageOf(result: EvaluationResult): string {
  if (result.kind === 'verdict') return result.verdict.deny ? (result.verdict.message ?? '') : 'allowed';
  return result.kind === 'failed' ? result.failure.message : result.message;
}

export function bundleOf(
  code: string,
  { isolation = 'kept', hostCalls = [], form = 'function-body', prelude = '', head = '' }: RunOptions = {},
): Bundle {
  const script = prelude + head + code;
  const digest = createHash('sha256')
    .update(JSON.stringify([script, isolation, hostCalls, form]))
    .digest('hex');
  return {
    digest,
    script,
    isolation,
    isolationReason: '',
    preludeLength: prelude.length,
    form,
    hostCalls,
    authorStart: head.length,
  };
}
