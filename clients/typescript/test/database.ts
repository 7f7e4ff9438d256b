// The database that the tests run on: Alice and Bob live there, see tests/src/fixtures.rs.
import { after } from 'node:test';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import * as schema from '../src/schema.ts';

export const alice = 'a11ce000-0000-4000-8000-000000000001';
export const bob = 'b0b00000-0000-4000-8000-000000000002';
export const nobody = '00000000-0000-4000-8000-000000000000';

/** Connections of a role to the database that PGHOST and PGDATABASE name, closed when the tests are done. */
export function connect(user: string, connections = 4) {
    const client = postgres({ user, max: connections, onnotice: () => {} });
    after(() => client.end());
    return drizzle(client, { schema });
}
