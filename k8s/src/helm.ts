import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { CHART_DIR } from './generated-files.ts';

/** Path of helm, or its name where PATH has it. */
export const HELM = process.env['JSPOLICY_HELM'];

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
}

/** The chart's objects, hooks too. Rejects with what helm says. */
export async function renderChart({ set = [], apis = [], name = 'jspolicy' }: RenderOptions = {}): Promise<Rendered[]> {
  const args = ['template', name, CHART_DIR, '--namespace', name, '--kube-version', '1.34.0'];
  for (const value of set) args.push('--set-json', value);
  for (const api of apis) args.push('--api-versions', api);
  const { stdout } = await promisify(execFile)(HELM ?? 'helm', args, { maxBuffer: 64 * 2 ** 20 });
  return parseAllDocuments(stdout)
    .map((document) => document.toJSON() as Rendered | null)
    .filter((object) => object !== null);
}
