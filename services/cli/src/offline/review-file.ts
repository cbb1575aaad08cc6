import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type AdmissionRequest, type AdmissionReview, type KubeObject, REVIEW_VERSIONS } from '@jspolicy/contracts';
import { type Cluster, jsonProblem, readManifest } from '@jspolicy/kube';
import { LineCounter, parseDocument } from 'yaml';
import { CommandError } from '../exit-codes.ts';
import { whyUnreadable } from '../file-words.ts';
import { reviewOf } from './review-of-object.ts';

export type ReviewInput = AdmissionReview & { request: AdmissionRequest };

/**
 * Reads an AdmissionReview from a file, or from standard input for `-`: JSON or YAML. Any other object becomes the review
 * of its creation. Throws CommandError with file, line and column.
 */
export async function readReview(path: string, cluster: Cluster): Promise<ReviewInput> {
  const file = path === '-' ? 'standard input' : path;
  const content = path === '-' ? await text(process.stdin) : await readText(path);
  const value = parse(content, file);
  if (!isMap(value)) throw new CommandError(`${file}: an AdmissionReview, or an object of a cluster, is expected`);
  if (value['kind'] !== 'AdmissionReview') return (await reviewOfManifest(content, file, cluster)) as ReviewInput;
  const versions: readonly unknown[] = REVIEW_VERSIONS;
  if (!versions.includes(value['apiVersion']))
    throw new CommandError(`${file}: apiVersion must be ${REVIEW_VERSIONS.join(' or ')}`);
  const { request } = value;
  for (const field of ['uid', 'kind', 'resource', 'operation']) {
    if (!isMap(request) || request[field] === undefined)
      throw new CommandError(`${file}: request.${field} is required`);
  }
  return value as unknown as ReviewInput;
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CommandError(`--review: ${whyUnreadable(path, cause)}`, { cause });
  });
}

/** JSON first: it is what the API server sends, and a YAML parser reads some of its keys another way. */
function parse(content: string, file: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    const wrong = isMeantAsJson(content, file) && jsonProblem(content);
    if (!wrong) return parseYaml(content, file);
    const lines = content.slice(0, wrong.offset).split('\n');
    throw new CommandError(`${file}:${lines.length}:${(lines.at(-1) ?? '').length + 1}: ${wrong.message}`);
  }
}

const isMeantAsJson = (content: string, file: string): boolean => file.endsWith('.json') || /^\s*\{\s*"/.test(content);

function parseYaml(content: string, file: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(content, { lineCounter, prettyErrors: false });
  const error = document.errors[0];
  if (!error) return document.toJS();
  const { line, col } = lineCounter.linePos(error.pos[0]);
  // The parser's own text is for programmers.
  const several = error.code === 'MULTIPLE_DOCS';
  const message = several ? 'one object is expected, and a second document begins here' : error.message;
  throw new CommandError(`${file}:${line}:${col}: ${message}`);
}

async function reviewOfManifest(content: string, file: string, cluster: Cluster): Promise<AdmissionReview> {
  const { objects, problems } = await readManifest(content, file);
  const [problem] = problems;
  if (problem) throw new CommandError(`${file}:${problem.line}:${problem.column}: ${problem.message}`);
  const [first, second] = objects;
  if (!first || second) throw new CommandError(`${file}: one object is expected, not ${objects.length}`);
  return reviewOf(first.object, await servedType(first.object, cluster));
}

const servedType = ({ apiVersion, kind }: KubeObject, cluster: Cluster) =>
  cluster.resolve(apiVersion, kind).catch(() => undefined);

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
