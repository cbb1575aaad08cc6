import { InvalidArgumentError } from 'commander';
import { CommandError } from '../exit-codes.ts';

/** Reads an option's value as a whole number; both bounds are included. */
export function wholeNumber(option: string, min: number, max: number): (raw: string) => number {
  return (raw) => {
    const value = Number(raw);
    if (/^\d+$/.test(raw) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`${option} is a whole number from ${min} to ${max}.`);
  };
}

/** An https URL without a slash at its end. Throws CommandError: the API server calls nothing else. */
export function httpsUrl(option: string, raw: string): string {
  const url = URL.parse(raw);
  if (url?.protocol !== 'https:') throw new CommandError(`${option}: ${raw} is no https URL`);
  return url.href.replace(/\/$/, '');
}
