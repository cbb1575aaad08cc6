import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findServer } from '@jspolicy/servers';
import { parseAllDocuments } from 'yaml';
import { CHART_DIR } from './generated-files.ts';

let found: Promise<string> | undefined;

/** What JSPOLICY_HELM names, else a helm that is installed, else one that is built, which takes minutes the first time. */
export function findHelm(): Promise<string> {
  found ??= locate();
  return found;
}

async function locate(): Promise<string> {
  const onProgress = (line: string) => process.stderr.write(`${line}\n`);
  return process.env['JSPOLICY_HELM'] || findServer('helm', { onProgress });
}

export interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels: Record<string, string>; annotations?: Record<string, string> };
  [field: string]: unknown;
}

export interface RenderOptions {
  set?: readonly string[];
  apis?: readonly string[];
  /** Of the release, and of its namespace. */
  name?: string;
  /** Of the API server that templates may ask; without it they find nothing. */
  kubeconfig?: string;
  /** A folder with another chart than the one that is here. */
  chart?: string;
}

/** The chart's objects, hooks too. Rejects with what helm says. */
export async function renderChart(options: RenderOptions = {}): Promise<Rendered[]> {
  const { set = [], apis = [], name = 'jspolicy', kubeconfig, chart = CHART_DIR } = options;
  const args = ['template', name, chart, '--namespace', name, '--kube-version', '1.34.0'];
  for (const value of set) args.push('--set-json', value);
  for (const api of apis) args.push('--api-versions', api);
  if (kubeconfig) args.push('--dry-run=server', '--kubeconfig', kubeconfig);
  const { stdout } = await promisify(execFile)(await findHelm(), args, { maxBuffer: 64 * 2 ** 20 });
  return parseAllDocuments(stdout)
    .map((document) => document.toJSON() as Rendered | null)
    .filter((object) => object !== null);
}

/** Throws where there is no such object. */
export function findObject(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`no ${kind} ${name}`);
  return found;
}

/** What helm says of it; `rendered` where nothing is wrong. */
export const failure = (options: RenderOptions): Promise<string> =>
  renderChart(options).then(
    () => 'rendered',
    ({ stderr, message }: Error & { stderr?: string }) => stderr ?? message,
  );
