import { API_GROUP, type KubeObject } from '@jspolicy/contracts';
import { type Document, isNode, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import { jsPolicyProblems, type ObjectProblem } from '../js-policy-rules.ts';
import { splitApiVersion } from '../object-names.ts';
import { GO_YAML } from './go-yaml.ts';
import { jsonProblem } from './json-problem.ts';
import { type SourcePlace, sourcePlace } from './source-place.ts';

/** What is wrong with a manifest, and where: line and column count from 1. */
export interface ManifestProblem {
  file: string;
  line: number;
  column: number;
  message: string;
}

export interface ManifestObject {
  object: KubeObject;
  file: string;
  line: number;
  column: number;
  /** Of spec.javascript. */
  source?: SourcePlace;
}

/** Something about a whole file that its author should know, and that is no mistake. */
export interface ManifestNotice {
  file: string;
  message: string;
}

export interface ManifestFile {
  objects: ManifestObject[];
  problems: ManifestProblem[];
  notices: ManifestNotice[];
}

/**
 * Every object of a YAML or JSON text: several documents, Lists too. AdmissionReviews are left out, with a notice. Never
 * throws; what is wrong is told with its place, and of what follows from one mistake in the syntax only that one.
 */
export function parseManifest(text: string, file: string): ManifestFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...GO_YAML, lineCounter: lines, prettyErrors: false });
  const found: ManifestFile = { objects: [], problems: [], notices: [] };
  if (!Array.isArray(documents)) return found;
  const wrong = file.endsWith('.json') && documents.some(({ errors }) => errors.length > 0) && jsonProblem(text);
  if (wrong) return { ...found, problems: [{ file, ...placeOf(lines, wrong.offset), message: wrong.message }] };
  for (const document of documents) new DocumentReader(document, { text, file, lines }, found).read();
  return found;
}

function placeOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

type Path = (string | number)[];

class DocumentReader {
  readonly #document: Document.Parsed;
  readonly #input: { text: string; file: string; lines: LineCounter };
  readonly #found: ManifestFile;

  constructor(
    document: Document.Parsed,
    input: { text: string; file: string; lines: LineCounter },
    found: ManifestFile,
  ) {
    this.#document = document;
    this.#input = input;
    this.#found = found;
  }

  read(): void {
    const [error] = this.#document.errors;
    if (error) {
      this.#problem(error.pos[0], error.message);
      return;
    }
    const value = this.#value();
    if (value !== null && value !== undefined) this.#object(value, []);
  }

  #value(): unknown {
    try {
      return this.#document.toJS();
    } catch (error) {
      this.#problem(0, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #object(value: unknown, path: Path): void {
    if (isList(value)) {
      for (const [index, item] of value.items.entries()) this.#object(item, [...path, 'items', index]);
      return;
    }
    if (isAdmissionReview(value)) {
      this.#skipReview();
      return;
    }
    const shape = shapeProblems(value);
    const problems =
      shape.length > 0 || !isJsPolicy(value as KubeObject) ? shape : jsPolicyProblems(value as KubeObject);
    for (const problem of problems)
      this.#problemAt([...path, ...problem.path], `${problem.path.join('.')} ${problem.message}`);
    if (problems.length === 0) this.#found.objects.push(this.#placed(value as KubeObject, path));
  }

  #placed(object: KubeObject, path: Path): ManifestObject {
    const { text, file, lines } = this.#input;
    const script = this.#document.getIn([...path, 'spec', 'javascript'], true);
    const source = isScalar(script) ? sourcePlace(script, text, file, lines) : undefined;
    return { object, file, ...placeOf(lines, this.#offset(path)), ...(source && { source }) };
  }

  #problemAt(path: Path, message: string): void {
    this.#problem(this.#offset(path), message.trim());
  }

  /** Of the nearest part of the path that is there. */
  #offset(path: Path): number {
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? this.#document.contents : this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return this.#document.range[0];
  }

  #skipReview(): void {
    const { file } = this.#input;
    const message = 'an AdmissionReview is no object of a cluster, it is skipped (`jspolicy review -r` judges it)';
    if (this.#found.notices.length === 0) this.#found.notices.push({ file, message });
  }

  #problem(offset: number, message: string): void {
    const { file, lines } = this.#input;
    this.#found.problems.push({ file, ...placeOf(lines, offset), message });
  }
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isList = (value: unknown): value is { items: unknown[] } =>
  isMap(value) && value['kind'] === 'List' && Array.isArray(value['items']);

const isAdmissionReview = (value: unknown): boolean =>
  isMap(value) && value['kind'] === 'AdmissionReview' && /^admission\.k8s\.io\//.test(String(value['apiVersion']));

const isJsPolicy = ({ apiVersion, kind }: KubeObject): boolean =>
  kind === 'JsPolicy' && splitApiVersion(apiVersion).group === API_GROUP;

/** What every object must have before any other code may look at it. */
function shapeProblems(value: unknown): ObjectProblem[] {
  if (!isMap(value)) return [{ path: [], message: 'a Kubernetes object is expected here' }];
  const problems: ObjectProblem[] = [];
  const need = (path: string[], entry: unknown, valid: boolean, wanted: string) => {
    if (!valid) problems.push({ path, message: entry === undefined ? 'is required' : wanted });
  };
  const metadata = isMap(value['metadata']) ? value['metadata'] : {};
  need(['apiVersion'], value['apiVersion'], isWord(value['apiVersion']), 'must be text');
  need(['kind'], value['kind'], isWord(value['kind']), 'must be text');
  need(['metadata', 'name'], metadata['name'], isName(metadata['name']), 'must be a name');
  const { namespace, labels, annotations } = metadata;
  need(['metadata', 'namespace'], namespace, namespace === undefined || isName(namespace), 'must be a name');
  need(['metadata', 'labels'], labels, isTextMap(labels), 'must be a map of text (put words such as yes into quotes)');
  need(['metadata', 'annotations'], annotations, isTextMap(annotations), 'must be a map of text');
  return problems;
}

const isWord = (value: unknown): value is string => typeof value === 'string' && value !== '';

const isName = (value: unknown): boolean => isWord(value) && value !== '.' && value !== '..' && !/[/%]/.test(value);

const isTextMap = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (isMap(value) && Object.values(value).every((entry) => typeof entry === 'string'));
