import { goJson, type PatchOperation, type PolicyFailure, type Verdict } from '@jspolicy/policy';
import { isTooDeep, MAX_DEPTH } from './json-depth.ts';

/**
 * UTF-16 units of a message, of which JSON may make six bytes each: with the warnings and a patch, an answer stays below the
 * 8 MiB that the bus carries, so that a denial stays a denial whatever it says.
 */
const MAX_MESSAGE_UNITS = 64 * 1024;
const MAX_REASON_UNITS = 1024;
/** All warnings together. The API server shows 4,096 characters of them. */
const MAX_WARNINGS_UNITS = 64 * 1024;
const MAX_WARNINGS = 500;
/** As it stands in the answer, before base64 makes four bytes of three. Objects in etcd have 1.5 MiB. */
const MAX_PATCH_BYTES = 4 * 1024 * 1024;
/** What one unit of a text takes at most. */
const MAX_BYTES_PER_UNIT = 6;

/** With texts and warnings that an answer can hold. */
export function boundedVerdict({ message, reason, requeue, warnings, ...rest }: Verdict): Verdict {
  return {
    ...rest,
    ...(message !== undefined && { message: cut(message, MAX_MESSAGE_UNITS) }),
    ...(reason !== undefined && { reason: cut(reason, MAX_REASON_UNITS) }),
    ...(requeue && { requeue: requeue.message ? { message: cut(requeue.message, MAX_MESSAGE_UNITS) } : {} }),
    warnings: boundedWarnings(warnings),
  };
}

export const boundedFailure = (failure: PolicyFailure): PolicyFailure => ({
  ...failure,
  message: cut(failure.message, MAX_MESSAGE_UNITS),
});

/** Why a patch cannot be part of an answer; undefined: it can. */
export function patchProblem(patch: PatchOperation[]): string | undefined {
  const json = JSON.stringify(patch);
  if (isTooDeep(json)) return `mutate(object): object is nested more than ${MAX_DEPTH} deep`;
  if (json.length * MAX_BYTES_PER_UNIT <= MAX_PATCH_BYTES) return undefined;
  const bytes = Buffer.byteLength(goJson(patch));
  if (bytes <= MAX_PATCH_BYTES) return undefined;
  return `mutate(object): the patch has ${bytes} bytes, more than the ${MAX_PATCH_BYTES} that an answer can hold`;
}

function boundedWarnings(warnings: string[]): string[] {
  const kept: string[] = [];
  let left = MAX_WARNINGS_UNITS;
  for (const warning of warnings.slice(0, MAX_WARNINGS)) {
    if (left <= 0) break;
    kept.push(cut(warning, left));
    left -= warning.length;
  }
  const lost = warnings.length - kept.length;
  return lost === 0 ? kept : [...kept, `(${lost} more warnings were cut)`];
}

/** Not between the two halves of a character. */
function cut(text: string, maxUnits: number): string {
  if (text.length <= maxUnits) return text;
  return `${text.slice(0, maxUnits).replace(/[\ud800-\udbff]$/, '')}...`;
}
