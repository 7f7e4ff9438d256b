// What functions.ts is made of: a function of carrel is its name, the types of its arguments and those of what it
// returns. Values are converted as Drizzle converts those of columns of the same types, so that a bigint is a bigint
// and a timestamp a Date whether it comes out of a table or out of a function.
import { type SQL, sql } from 'drizzle-orm';
import * as pg from 'drizzle-orm/pg-core';
import { bytea as byteaColumn, tstzrange as rangeColumn } from './columns.ts';

/** A database of Drizzle's, or a transaction in one: of any driver, with any schema. */
export type Db = pg.PgDatabase<any, any, any>;

/** A type of Postgres' with what stands for it here. */
export interface Type<T> {
    readonly column: pg.PgColumn;
    /** Only for the compiler. */
    readonly data?: T;
}

/** The type of an argument that may be left out. */
export interface Optional<T> extends Type<T> {
    readonly optional: true;
}

const columns = pg.pgTable('', {
    text: pg.text(),
    name: pg.text(),
    regclass: pg.text(),
    uuid: pg.uuid(),
    boolean: pg.boolean(),
    integer: pg.integer(),
    bigint: pg.bigint({ mode: 'bigint' }),
    real: pg.real(),
    numeric: pg.numeric(),
    timestamptz: pg.timestamp({ withTimezone: true }),
    tstzrange: rangeColumn(),
    interval: pg.interval(),
    jsonb: pg.jsonb(),
    bytea: byteaColumn(),
    texts: pg.text().array(),
    uuids: pg.uuid().array(),
});

const type = <C extends pg.PgColumn>(column: C): Type<C['_']['data']> => ({ column });

export const text = type(columns.text);
export const name = type(columns.name);
export const regclass = type(columns.regclass);
export const uuid = type(columns.uuid);
export const boolean = type(columns.boolean);
export const integer = type(columns.integer);
export const bigint = type(columns.bigint);
export const real = type(columns.real);
export const numeric = type(columns.numeric);
export const timestamptz = type(columns.timestamptz);
export const tstzrange = type(columns.tstzrange);
export const interval = type(columns.interval);
export const jsonb = type(columns.jsonb);
export const bytea = type(columns.bytea);
export const texts = type(columns.texts);
export const uuids = type(columns.uuids);

/** A text that is one of these. */
export const oneOf = <T extends string>(..._: T[]): Type<T> => ({ column: columns.text });

/** What may be null. */
export const nullable = <T>(type: Type<T>): Type<T | null> => type;

/** An argument that may be left out; its default holds then. */
export const optional = <T>(type: Type<T>): Optional<T> => ({ ...type, optional: true });

type Types = Record<string, Type<unknown>>;
type Data<T> = T extends Type<infer D> ? D : never;
type Flat<T> = { [K in keyof T]: T[K] };
type OptionalKeys<A> = { [K in keyof A]: A[K] extends Optional<unknown> ? K : never }[keyof A];

/** The arguments as an object. */
export type Args<A> = Flat<
    { [K in Exclude<keyof A, OptionalKeys<A>>]: Data<A[K]> } & { [K in OptionalKeys<A>]?: Data<A[K]> | undefined }
>;
export type Row<R> = { [K in keyof R]: Data<R[K]> };

/** The object can be left out where all that it holds can. */
type Given<A> = {} extends Args<A> ? [args?: Args<A>] : [args: Args<A>];

/** The arguments of a wrapper. */
export type ArgsOf<F> = F extends (db: Db, ...args: infer G) => unknown ? NonNullable<G[0]> : never;
/** A row of what a wrapper returns, or the value. */
export type ResultOf<F> = F extends (...args: never[]) => Promise<infer R> ? (R extends (infer I)[] ? I : R) : never;

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `carrel.name(argument => $1::type, …)` with the arguments that are given. Unknown ones are a TypeError. */
function call(name: string, types: Types, args: Record<string, unknown> = {}): SQL {
    const unknown = Object.keys(args).find((key) => !Object.hasOwn(types, key));
    if (unknown !== undefined) {
        const known = Object.keys(types).join(', ') || 'none';
        throw new TypeError(`carrel.${name}() has no argument "${unknown}". It has: ${known}`);
    }
    const given = Object.entries(types).filter(([key]) => args[key] !== undefined);
    const list = given.map(([key, { column }]) => {
        const value = args[key] === null ? null : sql.param(args[key], column);
        return sql`${sql.identifier(snakeCase(key))} => ${value}::${sql.raw(column.getSQLType())}`;
    });
    return sql`carrel.${sql.identifier(name)}(${sql.join(list, sql`, `)})`;
}

/** A function that returns a table: all its rows. */
export function rows<A extends Types, R extends Types>(name: string, types: A, result: R) {
    const fields = Object.fromEntries(
        Object.entries(result).map(([key, { column }]) => [
            key,
            sql`${sql.identifier(snakeCase(key))}`.mapWith(column),
        ]),
    );
    return async (db: Db, ...[args]: Given<A>): Promise<Row<R>[]> =>
        (await db.select(fields).from(call(name, types, args))) as Row<R>[];
}

/** A function that returns a table of one row: that row. */
export function row<A extends Types, R extends Types>(name: string, types: A, result: R) {
    const all = rows(name, types, result);
    return async (db: Db, ...args: Given<A>): Promise<Row<R>> => only(name, await all(db, ...args));
}

/** A function that returns a value. */
export function value<A extends Types, T>(name: string, types: A, result: Type<T>) {
    return async (db: Db, ...[args]: Given<A>): Promise<T> => {
        const field = sql`${sql.identifier(name)}`.mapWith(result.column);
        const source = sql`${call(name, types, args)} as ${sql.identifier(name)}`;
        return only(name, await db.select({ value: field }).from(source)).value as T;
    };
}

/** A function that returns nothing. */
export function nothing<A extends Types>(name: string, types: A) {
    return async (db: Db, ...[args]: Given<A>): Promise<void> => {
        await db.execute(sql`select ${call(name, types, args)}`);
    };
}

function only<T>(name: string, all: T[]): T {
    const [first] = all;
    if (first === undefined) throw new Error(`carrel.${name}() returned no row`);
    return first;
}
