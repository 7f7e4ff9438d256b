// carrel from TypeScript: its tables and functions for Drizzle, and transactions of its users.
export type { ArgsOf, Db, ResultOf } from './call.ts';
export * from './functions.ts';
export * from './identity.ts';
export * from './schema.ts';
