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
/** The variable that it comes from; stack frames of its functions bear the name. */
const GLOBAL_CONTEXT = 'GLOBAL_CONTEXT';
/** Neither adds a line before the author's, so that lines stay his. */
const TRY = ';try{';
const CATCH = '\n}catch($error){__throw($error)}';

/** Compiled scripts of one isolate: a text is compiled once, however many contexts it runs in. */
export class BundleScripts {
  readonly #isolate: ivm.Isolate;
  /** By digest, then by what was asked for. */
  readonly #known = new Map<string, Map<string, ScriptUnit>>();
  #compiledUnits = 0;

  constructor(isolate: ivm.Isolate) {
    this.#isolate = isolate;
  }

  /** UTF-16 units that were compiled so far. What that takes of the heap is some times as much. */
  get compiledUnits(): number {
    return this.#compiledUnits;
  }

  /** The bundle is gone, or will be sent again. */
  forget(digest: string): void {
    for (const { script } of this.#known.get(digest)?.values() ?? []) script.release();
    this.#known.delete(digest);
  }

  /** As it stands, so that what it declares is global. Throws PolicySyntaxError. */
  globalContextOf(text: string): ivm.Script {
    const make = () => ({ script: this.#compile(text, GLOBAL_CONTEXT), caught: false });
    return this.#once(GLOBAL_CONTEXT, GLOBAL_CONTEXT, make).script;
  }

  /** A function expression around the policy's own part. Throws PolicySyntaxError. */
  functionOf(bundle: LoadedBundle): ivm.Script {
    const make = () => ({ script: this.#around('(function () {', bundle), caught: false });
    return this.#once(bundle.digest, `function ${bundle.name}`, make).script;
  }

  /**
   * The same, made anew by each call of the function that this is. For one context: who asks releases it. Strict, because in
   * sloppy code a write to something frozen fails silently; what fails is evaluated in a fresh context, as it is written.
   */
  factoryOf(bundle: LoadedBundle): ivm.Script {
    return this.#around('(() => function () {"use strict";', bundle);
  }

  /** The prelude of a kept context, as it stands. For one context: who asks releases it. */
  preludeOf(text: string, filename: string): ivm.Script {
    return this.#compile(text, filename);
  }

  #around(head: string, bundle: LoadedBundle): ivm.Script {
    return this.#compile(`${head}${ownPart(bundle)}\n})`, bundle.name, -head.length - bundle.authorStart);
  }

  /**
   * Throws PolicySyntaxError. `scratch` makes a context that nothing else will use; asked for once per text. The digest and
   * the filename say which text it is.
   */
  scriptOf(digest: string, text: string, filename: string, scratch: () => ivm.Context): ScriptUnit {
    return this.#once(digest, `script ${filename}`, () => {
      const script = this.#compile(lead(text), filename, -1);
      this.#checkDeclarations(text, filename, scratch());
      const caught = this.#caught(text, filename);
      if (caught) script.release();
      return caught ?? { script, caught: false };
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
      this.#compile(`throw new Error(${JSON.stringify(stop)})${lead(text)}`, filename).runSync(scratch, {
        release: true,
      });
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith(stop)) throw syntaxError(error, filename);
    } finally {
      scratch.release();
    }
  }

  #compile(text: string, filename: string, columnOffset = 0): ivm.Script {
    this.#compiledUnits += text.length;
    try {
      return this.#isolate.compileScriptSync(text, { filename, columnOffset });
    } catch (error) {
      throw syntaxError(error, filename);
    }
  }

  #once(digest: string, key: string, make: () => ScriptUnit): ScriptUnit {
    const known = this.#known.get(digest) ?? new Map<string, ScriptUnit>();
    this.#known.set(digest, known);
    const unit = known.get(key) ?? make();
    known.set(key, unit);
    return unit;
  }
}

function syntaxError(error: unknown, filename: string): PolicySyntaxError {
  const message = error instanceof Error ? error.message : String(error);
  const place = message.lastIndexOf(` [${filename}:`);
  return new PolicySyntaxError(place < 0 ? message : message.slice(0, place));
}
