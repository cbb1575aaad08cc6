/** Bounds of what one evaluation may print. */
const MAX_LINES = 1_000;
const MAX_CHARACTERS = 256 * 1024;
const MAX_LINE_CHARACTERS = 64 * 1024;

/** Lines of one evaluation; they leave with its result. */
export class PrintBuffer {
  #lines: string[] = [];
  #characters = 0;
  #cut = 0;

  add(line: string): void {
    const text = line.slice(0, MAX_LINE_CHARACTERS);
    if (this.#lines.length >= MAX_LINES || this.#characters + text.length > MAX_CHARACTERS) {
      this.#cut++;
      return;
    }
    this.#lines.push(text);
    this.#characters += text.length;
  }

  /** Gives the lines and starts anew. */
  take(): string[] {
    const lines = this.#cut > 0 ? [...this.#lines, `(${this.#cut} more lines were cut)`] : this.#lines;
    this.clear();
    return lines;
  }

  clear(): void {
    this.#lines = [];
    this.#characters = 0;
    this.#cut = 0;
  }
}
