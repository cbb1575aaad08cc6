import { parseArgs } from 'node:util';

export const PARTS = ['latency', 'throughput', 'memory', 'api-server', 'save', 'audit'] as const;
export type Part = (typeof PARTS)[number];

/** How much is measured. Everything is bounded by counts, and each request by a time. */
export interface Scale {
  warmUpRequests: number;
  blocks: number;
  requestsPerBlock: number;
  alternations: number;
  burstMs: number;
  podsPerRound: number;
  saveRounds: number;
  memoryRequests: number;
  /** Of each publisher. */
  publishEvents: number;
  publishRounds: number;
  pipelineEvents: number;
  drainEvents: number;
}

export interface BenchOptions {
  parts: readonly Part[];
  /** Only these cells of latency and throughput, as W2/10/1: policy, KiB, number of policies. */
  cells: readonly string[] | undefined;
  scale: Scale;
  evaluators: number;
  sandboxes: number;
  output: string | undefined;
  profileDir: string | undefined;
}

/** The command line is wrong. */
export class UsageError extends Error {
  override name = 'UsageError';
}

export const HELP = `npm run bench -- [options] [PART ...]

Measures the engine beside an HTTPS floor on this machine, on loopback, with processes of its own.

  PART, --only PARTS
                    some of ${PARTS.join(',')}
  --cells NAMES     some cells of latency and throughput, as W2/10/1,W2/10/16: policy, KiB, number of policies
  --quick           fewer requests: to see that it works, not for figures
  --blocks N        blocks of 300 requests in each latency cell (10)
  --evaluators N    evaluator processes (1)
  --sandboxes N     sandbox processes of each evaluator (1)
  --profile DIR     write a CPU profile of each service at its end
  -o, --output FILE JSON result (bench/results/<date>.json)
  -h, --help

Progress goes to stderr, tables to stdout. Exit code: 0, also when a target is missed; 1 when something failed or
an answer was wrong; 2 for a wrong command line.
`;

const FULL: Scale = {
  warmUpRequests: 2_000,
  blocks: 10,
  requestsPerBlock: 300,
  alternations: 8,
  burstMs: 2_000,
  podsPerRound: 60,
  saveRounds: 10,
  memoryRequests: 10_000,
  publishEvents: 20_000,
  publishRounds: 5,
  pipelineEvents: 100_000,
  drainEvents: 360_000,
};

const QUICK: Scale = {
  warmUpRequests: 200,
  blocks: 3,
  requestsPerBlock: 100,
  alternations: 2,
  burstMs: 1_000,
  podsPerRound: 20,
  saveRounds: 3,
  memoryRequests: 2_000,
  publishEvents: 2_000,
  publishRounds: 2,
  pipelineEvents: 10_000,
  drainEvents: 20_000,
};

/** undefined: the help is wanted. Throws UsageError. */
export function parseOptions(args: string[]): BenchOptions | undefined {
  const { values, positionals } = parsed(args);
  if (values.help) return undefined;
  const scale = values.quick ? QUICK : FULL;
  return {
    parts: partsOf([...(values.only?.split(',') ?? []), ...positionals]),
    cells: values.cells?.split(','),
    scale: { ...scale, blocks: count('--blocks', values.blocks, scale.blocks) },
    evaluators: count('--evaluators', values.evaluators, 1),
    sandboxes: count('--sandboxes', values.sandboxes, 1),
    output: values.output,
    profileDir: values.profile,
  };
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        only: { type: 'string' },
        cells: { type: 'string' },
        quick: { type: 'boolean', default: false },
        blocks: { type: 'string' },
        evaluators: { type: 'string' },
        sandboxes: { type: 'string' },
        profile: { type: 'string' },
        output: { type: 'string', short: 'o' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function partsOf(words: readonly string[]): readonly Part[] {
  if (words.length === 0) return PARTS;
  const unknown = words.find((word) => !PARTS.some((part) => part === word));
  if (unknown !== undefined) throw new UsageError(`${JSON.stringify(unknown)} is no part: ${PARTS.join(', ')}`);
  return PARTS.filter((part) => words.includes(part));
}

function count(option: string, raw: string | undefined, otherwise: number): number {
  if (raw === undefined) return otherwise;
  const value = Number(raw);
  if (/^\d+$/.test(raw) && value >= 1 && value <= 1_000) return value;
  throw new UsageError(`${option}: ${JSON.stringify(raw)} is no whole number from 1 to 1000`);
}
