import { base64ProblemAt } from './base64.ts';
import type { Shape } from './shapes.ts';

/** Why an object cannot be read as its kind. */
export interface DecodeProblem {
  message: string;
  /** The types of a CustomResourceDefinition's schema show it too. */
  inSchema: boolean;
}

/** What was found on the way through an object. The first wrong type counts, unknown fields only if there is none. */
interface Findings {
  wrong: DecodeProblem | undefined;
  unknown: string[];
}

const MAX_INT32 = 2 ** 31 - 1;

/** undefined: the object has the shape. */
export function decodeProblem(value: unknown, shape: Shape): DecodeProblem | undefined {
  const found: Findings = { wrong: undefined, unknown: [] };
  look(value, shape, { owner: '', path: '' }, found);
  if (found.wrong) return found.wrong;
  if (found.unknown.length === 0) return undefined;
  const fields = found.unknown.map((field) => `unknown field ${JSON.stringify(field)}`);
  return { message: `strict decoding error: ${fields.join(', ')}`, inSchema: false };
}

/** `owner` is the struct that the field is of. */
interface Place {
  owner: string;
  path: string;
}

function look(value: unknown, shape: Shape, place: Place, found: Findings): void {
  if (value === null || value === undefined || shape.is === 'anything' || found.wrong) return;
  if (!hasType(value, shape)) found.wrong = wrong(typeName(value), shape.goType, place, true);
  else if (shape.is === 'int32') found.wrong = numberProblem(value as number, shape.goType, place);
  else if (shape.is === 'bytes') found.wrong = bytesProblem(value as string);
  else if (shape.is === 'struct') lookAtStruct(value, shape, place, found);
  else if (shape.is !== 'text') for (const item of Object.values(value)) look(item, shape.of, place, found);
}

const JSON_TYPES = { text: 'string', bytes: 'string', int32: 'number', list: 'array', map: 'object', struct: 'object' };

const hasType = (value: unknown, shape: Exclude<Shape, { is: 'anything' }>): value is object | string | number =>
  typeName(value) === JSON_TYPES[shape.is];

function lookAtStruct(value: unknown, shape: Extract<Shape, { is: 'struct' }>, place: Place, found: Findings): void {
  for (const [field, item] of Object.entries(value as object)) {
    const of = Object.hasOwn(shape.fields, field) ? shape.fields[field] : undefined;
    const path = place.path ? `${place.path}.${field}` : field;
    if (of) look(item, of, { owner: shape.name, path }, found);
    else if (!shape.open) found.unknown.push(field);
  }
}

function numberProblem(value: number, goType: string, place: Place): DecodeProblem | undefined {
  if (Number.isInteger(value) && value >= -MAX_INT32 - 1 && value <= MAX_INT32) return undefined;
  // A schema knows integers, and not how many bits they have.
  return wrong(`number ${value}`, goType, place, !Number.isInteger(value));
}

function bytesProblem(value: string): DecodeProblem | undefined {
  const at = base64ProblemAt(value);
  return at === undefined ? undefined : { message: `illegal base64 data at input byte ${at}`, inSchema: false };
}

const wrong = (what: string, goType: string, { owner, path }: Place, inSchema: boolean): DecodeProblem => ({
  message: `json: cannot unmarshal ${what} into Go struct field ${owner}.${path} of type ${goType}`,
  inSchema,
});

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
