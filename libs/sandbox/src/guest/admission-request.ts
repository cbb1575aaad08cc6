import type { AdmissionRequest, AdmissionReview, ReviewInfo } from './guest-types.ts';

/**
 * Reads an AdmissionReview as the Go types of admission.k8s.io do: known fields alone, in their order, empty ones left out;
 * object, oldObject and options are null when absent. Guest code, and used by the child process itself when a guest can no
 * longer be asked.
 */
export function admissionRequestReader(parse: (text: string) => unknown, isArray: (value: unknown) => boolean) {
  type Fields = Record<string, unknown>;
  class Malformed extends Error {}

  const fail = (what: string): never => {
    throw new Malformed(what);
  };

  /** Never inherited: a policy that changes prototypes must not change what the next one reads. */
  const own = (fields: Fields, key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);

  const fieldsOf = (value: unknown, path: string): Fields =>
    typeof value === 'object' && value !== null && !isArray(value)
      ? (value as Fields)
      : fail(`${path} must be an object`);

  const text = (fields: Fields, key: string, path: string): string => {
    const value = own(fields, key);
    if (value === undefined || value === null) return '';
    return typeof value === 'string' ? value : fail(`${path}.${key} must be a string`);
  };

  const copyText = (from: Fields, to: Fields, key: string, path: string): void => {
    const value = text(from, key, path);
    if (value !== '') to[key] = value;
  };

  const typeOf = (value: unknown, last: 'kind' | 'resource', path: string) => {
    const fields = value === undefined || value === null ? {} : fieldsOf(value, path);
    return {
      group: text(fields, 'group', path),
      version: text(fields, 'version', path),
      [last]: text(fields, last, path),
    };
  };

  const copyType = (from: Fields, to: Fields, key: string, last: 'kind' | 'resource'): void => {
    const value = own(from, key);
    if (value !== undefined && value !== null) to[key] = typeOf(value, last, `request.${key}`);
  };

  /** A list of texts, of which null ones are empty. Nothing else: what is nested could end the stack later. */
  const textsOf = (value: unknown, path: string): unknown[] => {
    if (value === undefined || value === null) return [];
    if (!isArray(value)) return fail(`${path} must be a list`);
    const list = value as unknown[];
    for (let index = 0; index < list.length; index++) {
      if (list[index] === null) list[index] = '';
      else if (typeof list[index] !== 'string') fail(`${path} must be a list of strings`);
    }
    return list;
  };

  const userInfoOf = (value: unknown): Fields => {
    const user: Fields = {};
    if (value === undefined || value === null) return user;
    const from = fieldsOf(value, 'request.userInfo');
    copyText(from, user, 'username', 'request.userInfo');
    copyText(from, user, 'uid', 'request.userInfo');
    const groups = textsOf(own(from, 'groups'), 'request.userInfo.groups');
    if (groups.length > 0) user['groups'] = groups;
    const extra = own(from, 'extra');
    if (extra !== undefined && extra !== null) {
      const fields = fieldsOf(extra, 'request.userInfo.extra');
      const keys = Object.keys(fields);
      for (const key of keys) textsOf(fields[key], `request.userInfo.extra[${JSON.stringify(key)}]`);
      if (keys.length > 0) user['extra'] = extra;
    }
    return user;
  };

  const requestOf = (from: Fields): Fields => {
    const request: Fields = {
      uid: text(from, 'uid', 'request'),
      kind: typeOf(own(from, 'kind'), 'kind', 'request.kind'),
      resource: typeOf(own(from, 'resource'), 'resource', 'request.resource'),
    };
    copyText(from, request, 'subResource', 'request');
    copyType(from, request, 'requestKind', 'kind');
    copyType(from, request, 'requestResource', 'resource');
    copyText(from, request, 'requestSubResource', 'request');
    copyText(from, request, 'name', 'request');
    copyText(from, request, 'namespace', 'request');
    request['operation'] = text(from, 'operation', 'request');
    request['userInfo'] = userInfoOf(own(from, 'userInfo'));
    request['object'] = own(from, 'object') ?? null;
    request['oldObject'] = own(from, 'oldObject') ?? null;
    const dryRun = own(from, 'dryRun');
    if (typeof dryRun === 'boolean') request['dryRun'] = dryRun;
    else if (dryRun !== undefined && dryRun !== null) fail('request.dryRun must be true or false');
    request['options'] = own(from, 'options') ?? null;
    return request;
  };

  const fieldsOrNone = (value: unknown): Fields =>
    typeof value === 'object' && value !== null && !isArray(value) ? (value as Fields) : {};

  /** Bounded: as many labels, keys and values as long as Kubernetes has them. */
  const labelsOf = (from: Fields): Record<string, string> | undefined => {
    const labels: Record<string, string> = {};
    let count = 0;
    for (const key in from) {
      const value = own(from, key);
      if (typeof value !== 'string' || key.length > 317 || value.length > 63) continue;
      // An assignment to __proto__ would be no label.
      if (key === '__proto__') continue;
      labels[key] = value;
      if (++count === 64) break;
    }
    return count > 0 ? labels : undefined;
  };

  const marksOf = (object: unknown): ReviewInfo['object'] => {
    const metadata = fieldsOrNone(own(fieldsOrNone(object), 'metadata'));
    const uid = own(metadata, 'uid');
    const labels = labelsOf(fieldsOrNone(own(metadata, 'labels')));
    const marks: NonNullable<ReviewInfo['object']> = {};
    if (typeof uid === 'string' && uid !== '' && uid.length <= 128) marks.uid = uid;
    if (labels !== undefined) marks.labels = labels;
    return marks.uid === undefined && labels === undefined ? undefined : marks;
  };

  const infoOf = (apiVersion: string, request: AdmissionRequest): ReviewInfo => {
    const { uid, kind, subResource, name, namespace, operation, userInfo, dryRun } = request;
    const info: ReviewInfo = { apiVersion, uid, kind, operation, userInfo, dryRun: dryRun === true };
    if (name !== undefined) info.name = name;
    if (namespace !== undefined) info.namespace = namespace;
    if (subResource !== undefined) info.subResource = subResource;
    const object = marksOf(request.object ?? request.oldObject);
    if (object !== undefined) info.object = object;
    return info;
  };

  const reviewOf = (review: AdmissionReview | Fields) => {
    const fields = fieldsOf(review, 'the body');
    const apiVersion = own(fields, 'apiVersion');
    if (own(fields, 'kind') !== 'AdmissionReview') fail('kind must be AdmissionReview');
    if (apiVersion !== 'admission.k8s.io/v1' && apiVersion !== 'admission.k8s.io/v1beta1') {
      fail('apiVersion must be admission.k8s.io/v1 or admission.k8s.io/v1beta1');
    }
    const request = requestOf(fieldsOf(own(fields, 'request'), 'request')) as unknown as AdmissionRequest;
    return { request, info: infoOf(apiVersion as string, request) };
  };

  /** What the review asks; or, for the caller, why it is none. */
  return (body: string): { request: AdmissionRequest; info: ReviewInfo } | { malformed: string } => {
    let review: unknown;
    try {
      review = parse(body);
    } catch {
      return { malformed: 'the body must be one AdmissionReview in JSON' };
    }
    try {
      return reviewOf(review as AdmissionReview);
    } catch (error) {
      return { malformed: `the body must be an AdmissionReview: ${(error as Error).message}` };
    }
  };
}

export type AdmissionRequestReader = ReturnType<typeof admissionRequestReader>;
