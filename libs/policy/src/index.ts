export * from './json-patch.ts';
export * from './verdict.ts';
