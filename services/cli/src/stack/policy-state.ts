import type { ConditionType, JsPolicy, JsPolicySpec, JsPolicyStatus, KubeObject } from '@jspolicy/contracts';
import { placeInFile, type SourcePlace } from '@jspolicy/kube';
import { violationPolicy } from '@jspolicy/policy';
import { shownPath } from '../terminal.ts';

/** pending: the controller has not said anything about this version of the policy yet. */
export type PolicyPhase = 'enforced' | 'failed' | 'pending';

export interface PolicyState {
  name: string;
  type: string;
  action: string;
  phase: PolicyPhase;
  generation: number;
  /** Of a failed one: what is wrong, with the place in the author's file where that is known. */
  problem?: string;
  /** Of a failed one: what becomes of its requests. */
  fate?: string;
}

/** What a JsPolicy's status says about it as it is now. */
export function policyState(object: KubeObject, source?: SourcePlace): PolicyState {
  const { metadata, spec, status } = object as JsPolicy;
  const generation = metadata.generation ?? 0;
  const current = status?.phase !== undefined && (status.observedGeneration ?? generation) >= generation;
  const phase = !current ? 'pending' : status.phase === 'Synced' ? 'enforced' : 'failed';
  return {
    name: metadata.name,
    type: spec.type || 'Validating',
    // What a Controller policy denies has happened already.
    action: spec.type === 'Controller' ? 'Record' : violationPolicy(spec.violationPolicy),
    phase,
    generation,
    ...(phase === 'failed' && {
      fate: fateOf(object as JsPolicy),
      problem: problemText(status?.message ?? 'failed', source),
    }),
  };
}

/** A webhook is kept, and objects are followed, as long as there is something to answer with. */
function fateOf({ spec, status }: JsPolicy): string {
  if (status?.reason === 'Quarantined') return 'quarantined';
  if (status?.reason === 'NotInForce') return 'in force, but not at every evaluator yet';
  if (status?.reason === 'CreatesTooMuch') return 'in force, but create() fails';
  if (isTrue(status, 'WebhookReady') || isTrue(status, 'ControllerReady')) return 'last good version stays in force';
  if (spec.type === 'Controller') return 'not enforced: no object is judged';
  const unasked = 'not enforced: it has no webhook configuration';
  return isTrue(status, 'BundleCompiled') ? unasked : `${unasked}; asked directly, ${answerWithoutBundle(spec)}`;
}

function answerWithoutBundle({ violationPolicy: action, failurePolicy }: JsPolicySpec): string {
  if (violationPolicy(action) !== 'Deny') return 'it allows';
  return failurePolicy === 'Ignore' ? 'it answers HTTP 500' : 'it denies with code 500';
}

const isTrue = (status: JsPolicyStatus | undefined, wanted: ConditionType): boolean =>
  status?.conditions?.some(({ type, status: holds }) => type === wanted && holds === 'True') ?? false;

// The engine counts lines of spec.javascript; the author looks at a file.
const PLACE_IN_SOURCE = /\bjavascript:(\d+):(\d+): /;

/** A message of the engine with the place in the author's file in front, where both are known. */
export function problemText(message: string, source: SourcePlace | undefined): string {
  if (!source) return message;
  const [first = '', ...rest] = message.split('\n');
  const match = PLACE_IN_SOURCE.exec(first);
  if (!match) return message;
  const place = shownPlace(source, match);
  return [`${place}: ${first.replace(match[0], '')}`, ...frameInFile(rest, source)].join('\n');
}

function shownPlace(source: SourcePlace, [, sourceLine, sourceColumn]: RegExpExecArray): string {
  const { file, line, column } = placeInFile(source, Number(sourceLine), Number(sourceColumn));
  return `${shownPath(file)}:${line}:${column}`;
}

/** `  2 | text` and the caret below it, with the line's number in the file; further messages with their place. */
function frameInFile(lines: string[], source: SourcePlace): string[] {
  let gutter = '';
  return lines.map((text) => {
    const numbered = /^ {2}(\d+) \| /.exec(text);
    if (numbered) gutter = `  ${placeInFile(source, Number(numbered[1]), 1).line} | `;
    if (numbered) return gutter + text.slice(numbered[0].length);
    const caret = /^ +\| /.exec(text);
    if (caret) return `${' '.repeat(gutter.length - 2)}| ${text.slice(caret[0].length)}`;
    const further = PLACE_IN_SOURCE.exec(text);
    return further ? text.replace(further[0], `${shownPlace(source, further)}: `) : text;
  });
}

/** `deny-latest.example.com: enforced`; a problem that names its place speaks for itself. */
export function stateLine(state: PolicyState): string {
  if (state.phase !== 'failed') return `${state.name}: ${state.phase}`;
  const [first = '', ...rest] = (state.problem ?? '').split('\n');
  const head = /^\S+:\d+:\d+: /.test(first) ? first : `${state.name}: ${first}`;
  return [`${head} (${state.fate})`, ...rest].join('\n');
}
