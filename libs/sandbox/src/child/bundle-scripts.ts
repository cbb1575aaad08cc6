import type ivm from 'isolated-vm';
import { type LoadedBundle, ownPart } from './loaded-bundle.ts';

/** What the author wrote does not compile. The message is the engine's, without the place that isolated-vm adds. */
export class PolicySyntaxError extends SyntaxError {}

/** A classic script, ready to run in any context of its isolate. */
export interface ScriptUnit {
  script: ivm.Script;
  /** What it throws reaches the context's own handler, which makes a text of it inside the timed call. */
  caught: boolean;
}

/**
 * jsPolicy puts its own statements in front of a script, so a leading "use strict" is no directive there. A hashbang
 * stays the comment that it is.
 */
const lead = (text: string): string => `;${text.startsWith('#!') ? `//${text.slice(2)}` : text}`;
/** Neither adds a line before the author's, so that lines stay his. */
const TRY = ';try{';
const CATCH = '\n}catch($error){__throw($error)}';

/** Compiled scripts of one isolate: a text is compiled once, however many contexts it runs in. */
export class BundleScripts {
  readonly #isolate: ivm.Isolate;
  readonly #known = new Map<string, unknown>();

  constructor(isolate: ivm.Isolate) {
    this.#isolate = isolate;
  }

  /** A function expression around the policy's own part. Throws PolicySyntaxError. */
  functionOf(bundle: LoadedBundle): ivm.Script {
    return this.#once(`function ${bundle.name} ${bundle.digest}`, () => this.#around('(function () {', bundle));
  }

  /**
   * The same, made anew by each call of the function that this is. For one context: not kept here. Strict, because in
   * sloppy code a write to something frozen fails silently; what fails is evaluated in a fresh context, as it is written.
   */
  factoryOf(bundle: LoadedBundle): ivm.Script {
    return this.#around('(() => function () {"use strict";', bundle);
  }

  #around(head: string, bundle: LoadedBundle): ivm.Script {
    return this.#compile(`${head}${ownPart(bundle)}\n})`, bundle.name, -head.length - bundle.authorStart);
  }

  /** Throws PolicySyntaxError. `scratch` makes a context that nothing else will use; asked for once per text. */
  scriptOf(key: string, text: string, filename: string, scratch: () => ivm.Context): ScriptUnit {
    return this.#once(`script ${filename} ${key}`, () => {
      const script = this.#compile(lead(text), filename, -1);
      this.#checkDeclarations(text, filename, scratch());
      return this.#caught(text, filename) ?? { script, caught: false };
    });
  }

  /** Undefined for the rare text that is a script and no block: `var f` beside `function f`. */
  #caught(text: string, filename: string): ScriptUnit | undefined {
    try {
      return { script: this.#compile(TRY + lead(text) + CATCH, filename, -TRY.length - 1), caught: true };
    } catch {
      return undefined;
    }
  }

  /** In a script `const deny` is a SyntaxError, in a block it would not be. Declares everything and runs nothing. */
  #checkDeclarations(text: string, filename: string, scratch: ivm.Context): void {
    const stop = 'nothing is run';
    try {
      this.#compile(`throw new Error(${JSON.stringify(stop)})${lead(text)}`, filename).runSync(scratch);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith(stop)) throw syntaxError(error, filename);
    } finally {
      scratch.release();
    }
  }

  #compile(text: string, filename: string, columnOffset = 0): ivm.Script {
    try {
      return this.#isolate.compileScriptSync(text, { filename, columnOffset });
    } catch (error) {
      throw syntaxError(error, filename);
    }
  }

  #once<T>(key: string, make: () => T): T {
    if (!this.#known.has(key)) this.#known.set(key, make());
    return this.#known.get(key) as T;
  }
}

function syntaxError(error: unknown, filename: string): PolicySyntaxError {
  const message = error instanceof Error ? error.message : String(error);
  const place = message.lastIndexOf(` [${filename}:`);
  return new PolicySyntaxError(place < 0 ? message : message.slice(0, place));
}
