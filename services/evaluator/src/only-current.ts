import type { RequestHandler } from '@jspolicy/bus';
import type { CatchingUp } from './catching-up.ts';
import type { Presence } from './presence.ts';
import { policyOf } from './review-evaluator.ts';

interface OnlyCurrentParts {
  presence: Pick<Presence, 'look'>;
  catchingUp: Pick<CatchingUp, 'wait'>;
  handler: RequestHandler;
}

/** Requests that come when this evaluator was away wait until it is current again, within their time. */
export function onlyCurrent({ presence, catchingUp, handler }: OnlyCurrentParts): RequestHandler {
  return async (request) => {
    presence.look();
    const waiting = catchingUp.wait(policyOf(request.subject));
    if (!waiting) return handler(request);
    const sinceMs = performance.now();
    await waiting;
    return handler({ ...request, deadlineMs: request.deadlineMs - (performance.now() - sinceMs) });
  };
}
