import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { AdmissionReview } from '@jspolicy/contracts';
import { isAlive } from '@jspolicy/runtime';
import { admissionReview, pod, startProcess, type TestProcess, waitFor } from '@jspolicy/testing';
import { ROOT } from './places.ts';

/** Real processes of `jspolicy up`, for tests. */
export const POLICY = 'no-default.test.example.com';
/** A first start may build nats-server. */
const READY_TIMEOUT_MS = 300_000;

export const manifest = (name: string, ...javascript: string[]) => `apiVersion: policy.jspolicy.com/v1beta1
kind: JsPolicy
metadata:
  name: ${name}
spec:
  operations: ["CREATE"]
  resources: ["pods"]
  javascript: |
${javascript.map((line) => `    ${line}\n`).join('')}`;

export interface UpIn {
  /** Resolves when it is ready; the caller stops it. */
  up(...args: string[]): Promise<TestProcess>;
  /** One that ends by itself. */
  upFails(...args: string[]): Promise<{ code: number | null; output: string }>;
}

/** On the folder's `data`, and its `manifests` unless `source` says otherwise. */
export function upIn(dir: string, source = ['--manifests', join(dir, 'manifests')]): UpIn {
  const bin = join(ROOT, 'services/cli/bin/jspolicy.js');
  const command = (...args: string[]) => [bin, 'up', ...source, '--data', join(dir, 'data'), ...args];
  return {
    up: (...args) =>
      startProcess(process.execPath, command('--port', '0', ...args), {
        readyWhen: /^Ready\./,
        readyTimeoutMs: READY_TIMEOUT_MS,
      }),
    async upFails(...args) {
      const process_ = await startProcess(process.execPath, command(...args));
      const { code } = await process_.exited;
      return { code, output: process_.lines.join('\n') };
    },
  };
}

export const fact = (run: TestProcess, name: string): string => {
  const found = run.lines.map((line) => new RegExp(`^${name} +(\\S+)$`).exec(line)?.[1]).find(Boolean);
  if (!found) throw new Error(`no ${name} in:\n${run.lines.join('\n')}`);
  return found;
};

export async function judge(run: TestProcess, policy = POLICY) {
  const url = fact(run, 'Webhook').replace('<name>', `${policy}?timeout=30s`);
  const headers = { 'content-type': 'application/json' };
  const asked = request(url, { method: 'POST', ca: readFileSync(fact(run, 'CA')), headers, agent: false });
  asked.end(JSON.stringify(admissionReview({ object: pod({ namespace: 'default' }) })));
  const [answer] = await once(asked, 'response');
  const body = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}: ${body}`);
  return (JSON.parse(body) as AdmissionReview).response;
}

/** `enforced` says that the policy is published; an evaluator needs a moment to load it. */
export const says = (run: TestProcess, message: string, policy = POLICY) =>
  waitFor(async () => (await judge(run, policy))?.status.message === message, {
    what: message,
  });

/** In the table of the start, or later: what a slow machine has not compiled by then. */
export const isEnforced = (policy: string) => new RegExp(`^${policy}(: enforced| +\\w+ +\\w+ +enforced)$`);

export const lineOf = (run: TestProcess, pattern: RegExp | string) =>
  waitFor(() => run.lines.find((line) => (typeof pattern === 'string' ? line === pattern : pattern.test(line))), {
    what: `the line ${pattern} in\n${run.lines.join('\n')}`,
  });

/** Every process below one, from the kernel's table. */
export function descendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }];
      } catch {
        return [];
      }
    });
  const below = (of: number): number[] =>
    parents.filter(({ parent }) => parent === of).flatMap((child) => [child.pid, ...below(child.pid)]);
  return below(pid);
}

export const allGone = (pids: number[]) => waitFor(() => !pids.some(isAlive), { what: `the processes ${pids} to end` });
