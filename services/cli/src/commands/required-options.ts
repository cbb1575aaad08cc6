import type { Command } from 'commander';

/**
 * Makes options required and tells all that are missing, beside an unknown option too: commander's own required options
 * hide every other mistake behind the first.
 */
export function requireOptions(command: Command, ...names: string[]): void {
  const missing = () =>
    command.options
      .filter((option) => names.includes(option.attributeName()))
      .filter((option) => command.getOptionValue(option.attributeName()) === undefined)
      .map(({ flags }) => `error: required option '${flags}' not specified`);
  command.configureOutput({
    outputError: (text, write) =>
      write(text.startsWith('error: unknown option') ? `${[text.trimEnd(), ...missing()].join('\n')}\n` : text),
  });
  command.hook('preAction', () => {
    const lines = missing();
    if (lines.length > 0) command.error(lines.join('\n'));
  });
}
