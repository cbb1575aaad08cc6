import ivm from 'isolated-vm';
import { BundleScripts } from './bundle-scripts.ts';
import { bootstrapOf, type ContextHost, GuestContext, type Mode } from './guest-context.ts';

/** What was released is collected late: an isolate that made so many contexts is replaced. */
const MAX_CONTEXTS = 2_000;
/** Share of the limit beyond which the heap is replaced between two evaluations. */
const MAX_HEAP_SHARE = 0.6;
/** The heap is looked at once in so many evaluations: asking takes longer than most policies. */
const EVALUATIONS_PER_CHECK = 100;
/** And after so much was compiled (UTF-16 units): a unit of a script takes some five bytes of the heap. */
const COMPILED_PER_CHECK = 1024 * 1024;
/** Share beyond which a policy that runs out of memory may not have taken it all itself. */
const CROWDED_SHARE = 0.2;
const BYTES_PER_MIB = 1024 * 1024;

/** The isolate of this process, its contexts, and a few made ahead of time. */
export class IsolateHome {
  readonly #memoryLimitMiB: number;
  readonly #host: ContextHost;
  #isolate!: ivm.Isolate;
  #bootstrap!: ivm.Script;
  #scripts!: BundleScripts;
  #made = 0;
  #evaluations = 0;
  #compiledAtCheck = 0;
  #mustCheck = false;
  #usedShare = 0;
  /** What is evaluated in front of every policy; '' for nothing. */
  globalContext = '';
  readonly #supply = new Map<Mode, GuestContext>();

  constructor(memoryLimitMiB: number, host: ContextHost) {
    this.#memoryLimitMiB = memoryLimitMiB;
    this.#host = host;
    this.#open();
  }

  get isolate(): ivm.Isolate {
    return this.#isolate;
  }

  /** What is compiled in this isolate. */
  get scripts(): BundleScripts {
    return this.#scripts;
  }

  /** A context that no policy has seen. */
  fresh(mode: Mode): GuestContext {
    const ready = this.#supply.get(mode);
    this.#supply.delete(mode);
    return ready ?? this.#make(mode);
  }

  /** A context for checks alone; it has the global names. Who asked releases it. */
  scratchContext(mode: Mode): ivm.Context {
    return this.#make(mode).context;
  }

  /** Off the path of a request: makes the next one. */
  refill(mode: Mode): void {
    if (!this.#supply.has(mode)) this.#supply.set(mode, this.#make(mode));
  }

  /** Something stays that may be large: what a bundle's dependencies made in a kept context. */
  checkSoon(): void {
    this.#mustCheck = true;
  }

  /** What other bundles left takes a good part of the heap, when it was looked at last. */
  get isCrowded(): boolean {
    return this.#usedShare > CROWDED_SHARE;
  }

  /** True when the isolate was replaced: every context of it is gone. */
  renewWhenWorn(): boolean {
    this.#evaluations++;
    if (!this.#isCheckDue() || !this.#isWorn()) return false;
    this.#supply.clear();
    this.#isolate.dispose();
    this.#open();
    return true;
  }

  #isCheckDue(): boolean {
    const compiled = this.#scripts.compiledUnits - this.#compiledAtCheck;
    return this.#mustCheck || compiled >= COMPILED_PER_CHECK || this.#evaluations % EVALUATIONS_PER_CHECK === 0;
  }

  #isWorn(): boolean {
    this.#mustCheck = false;
    this.#compiledAtCheck = this.#scripts.compiledUnits;
    const { used_heap_size: heap, externally_allocated_size: outside } = this.#isolate.getHeapStatisticsSync();
    this.#usedShare = (heap + outside) / (this.#memoryLimitMiB * BYTES_PER_MIB);
    return this.#made >= MAX_CONTEXTS || this.#usedShare >= MAX_HEAP_SHARE;
  }

  #make(mode: Mode): GuestContext {
    this.#made++;
    return new GuestContext(this.#isolate, this.#bootstrap, mode, this.#host);
  }

  #open(): void {
    this.#isolate = new ivm.Isolate({ memoryLimit: this.#memoryLimitMiB });
    this.#bootstrap = bootstrapOf(this.#isolate);
    this.#scripts = new BundleScripts(this.#isolate);
    this.#made = 0;
    this.#compiledAtCheck = 0;
    this.#usedShare = 0;
  }
}
