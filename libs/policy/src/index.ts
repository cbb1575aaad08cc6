export * from './cut.ts';
export * from './decision.ts';
export * from './json-patch.ts';
export * from './own-kinds/index.ts';
export * from './response.ts';
export * from './spec.ts';
export * from './verdict.ts';
export * from './violation.ts';
