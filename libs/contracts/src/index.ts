export * from './admission.ts';
export * from './bus.ts';
export * from './compile.ts';
export * from './errors.ts';
export * from './kinds.ts';
export * from './policy-record.ts';
export * from './quarantine-record.ts';
export * from './violation-event.ts';
