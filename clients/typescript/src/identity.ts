// Who is asking: the transaction says so, for as long as it lasts.
import { is, type SQL, sql } from 'drizzle-orm';
import { PgTransaction, type PgTransactionConfig } from 'drizzle-orm/pg-core';
import type { Db } from './call.ts';

/** What a database's transaction() gives to its callback. */
export type Transaction<D extends Db> = Parameters<Parameters<D['transaction']>[0]>[0];

export interface Options extends PgTransactionConfig {
    /** The role to work as, where the connection's is another: `authenticated`. The connection's must be a member. */
    role?: string;
}

/**
 * Runs `work` in a transaction of a user: their id, or the claims of their token, which you have verified. It commits
 * when `work` returns and rolls back when it throws. The identity ends with the transaction, so connections can be
 * shared, also through a pooler in transaction mode.
 *
 * Inside, use `tx` and nothing else: what goes by `db` is another connection, without the identity.
 */
export async function withUser<D extends Db, R>(
    db: D,
    user: string | Record<string, unknown>,
    work: (tx: Transaction<D>) => Promise<R>,
    options: Options = {},
): Promise<R> {
    const identify =
        typeof user === 'string'
            ? sql`select carrel.act_as(user_id => ${user}::uuid)`
            : sql`select set_config('request.jwt.claims', ${JSON.stringify(user)}, true)`;
    return await identified('withUser', db, identify, work, options);
}

/**
 * Runs `work` in a transaction of the user that a signed token names, as withUser() does. The database verifies the
 * token, against `carrel.jwt_keys`; where `carrel.identity_source` is `token`, end users are identified so and in no other
 * way. A token that it refuses: SQLSTATE 28000, and the message says why.
 */
export async function withToken<D extends Db, R>(
    db: D,
    token: string,
    work: (tx: Transaction<D>) => Promise<R>,
    options: Options = {},
): Promise<R> {
    return await identified('withToken', db, sql`select carrel.authenticate(token => ${token})`, work, options);
}

async function identified<D extends Db, R>(
    name: string,
    db: D,
    identify: SQL,
    work: (tx: Transaction<D>) => Promise<R>,
    { role, ...config }: Options,
): Promise<R> {
    // In a savepoint the identity would outlive `work`: what is set lasts until the transaction ends.
    if (is(db, PgTransaction)) throw new Error(`${name}() begins a transaction; it is given one`);
    return await db.transaction(
        async (tx) => {
            // First, for a login role that doesn't inherit may not even see the schema.
            if (role !== undefined) await tx.execute(sql`select set_config('role', ${role}, true)`);
            await tx.execute(identify);
            return await work(tx as Transaction<D>);
        },
        Object.keys(config).length > 0 ? config : undefined,
    );
}

/**
 * The SQLSTATE of an error that a query threw, such as PT402 where a hard limit is reached; undefined for others.
 * Drizzle wraps the driver's errors.
 */
export function sqlState(error: unknown): string | undefined {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
        if ('code' in cause && typeof cause.code === 'string' && /^[0-9A-Z]{5}$/.test(cause.code)) return cause.code;
    }
    return undefined;
}
