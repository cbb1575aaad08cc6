import { isUtf8 } from 'node:buffer';
import { Socket } from 'node:net';
import { encodeFrame, FrameReader } from '../frames.ts';
import type { CallReply, FromChild, ToChild } from '../messages.ts';
import { PIPE_FD } from '../pool/child-command.ts';
import { mayGoOn } from './early-end.ts';
import { EvaluationSlot } from './evaluation-slot.ts';
import { IsolateHome } from './isolate-home.ts';
import type { LoadedBundle } from './loaded-bundle.ts';
import { endDamaged, endProcess, guardAgainstOrphaning } from './orphan-guard.ts';
import { PolicyRunner } from './policy-runner.ts';

process.on('uncaughtException', (error) => {
  // On one line: the last line is what is logged of a process that ended.
  process.stderr.write(`${(error.stack ?? error.message).replace(/\n\s*/g, ' ')}\n`);
  endDamaged();
});
// A thread takes 13 MiB: only where the kernel does not do it.
if (process.argv[3] === 'unguarded') guardAgainstOrphaning();

const memoryLimitMiB = Number(process.argv[2] ?? 128);
const pipe = new Socket({ fd: PIPE_FD, readable: true, writable: true });
const send = (message: FromChild) => pipe.write(encodeFrame(message));

const bundles = new Map<string, LoadedBundle>();
const calls = new Map<number, (reply: string) => void>();
type EvaluateMessage = Extract<ToChild, { type: 'evaluate' }>;

let currentId = 0;
/** The isolate may be damaged: nothing more is evaluated here. */
let retired = false;
let nextCall = 0;
/** What the evaluation before left is put in order. */
let tidied = Promise.resolve();
/** The last evaluation that was asked for. */
let evaluated = Promise.resolve();

const slot = new EvaluationSlot(
  (name, args) => {
    const call = nextCall++;
    send({ type: 'call', id: currentId, call, name, args: JSON.parse(args) as unknown[] });
    return new Promise((resolve) => calls.set(call, resolve));
  },
  () => send({ type: 'again', id: currentId }),
);
const home = new IsolateHome(memoryLimitMiB, slot);
const runner = new PolicyRunner(home, slot, (answer) => send({ type: 'ended', id: currentId, answer }));

const NOT_UTF8 = { answer: { kind: 'malformed', message: 'the body must be UTF-8' }, retire: false } as const;

function replyText(reply: CallReply, body: Buffer): string {
  if (reply.kind === 'value') return body.length === 0 ? 'u' : `v${body.toString('utf8')}`;
  if (reply.kind === 'stop') return 's';
  const { reason, message } = reply;
  return `e${JSON.stringify({ reason, message })}`;
}

async function evaluate(bundle: LoadedBundle, task: EvaluateMessage, body: Buffer): Promise<void> {
  await tidied;
  if (retired) return;
  bundle.name = task.policy;
  currentId = task.id;
  const run = isUtf8(body) ? await runner.evaluate({ ...task, bundle, review: body.toString('utf8') }) : NOT_UTF8;
  send({ type: 'result', id: task.id, ...run, prints: slot.prints.take() });
  retired = run.retire;
  if (!retired) tidied = runner.tidy({ bundle, fresh: task.fresh });
}

function enqueue(task: EvaluateMessage, body: Buffer): void {
  const bundle = bundles.get(task.digest);
  if (!bundle) throw new Error(`bundle ${task.digest} was not sent`);
  evaluated = evaluated.then(() => evaluate(bundle, task, body));
}

function receive(message: ToChild, body: Buffer): void {
  if (message.type === 'evaluate') enqueue(message, body);
  else if (message.type === 'reply') {
    calls.get(message.call)?.(replyText(message.reply, body));
    calls.delete(message.call);
  } else if (message.type === 'forget') {
    // Not under an evaluation that runs: it keeps its context until its end.
    bundles.delete(message.digest);
    void evaluated.then(() => runner.forget(message.digest));
  } else if (message.type === 'globals') home.globalContext = body.toString('utf8');
  else {
    const script = body.toString('utf8');
    const kept = message.isolation === 'kept';
    const own = script.slice(message.preludeLength);
    bundles.set(message.digest, { ...message, name: '', script, kept, mayGoOn: mayGoOn(own) });
  }
}

const reader = new FrameReader<ToChild>();
pipe.on('data', (chunk: Buffer) => {
  reader.push(chunk);
  for (let frame = reader.next(); frame; frame = reader.next()) receive(frame.header, frame.body);
});
// The evaluator is gone: nobody wants an answer.
pipe.on('close', endProcess);
pipe.on('error', endProcess);
send({ type: 'ready' });
