// What the database's catalog says of carrel's tables and functions.
import type { Sql } from 'postgres';

export interface Column {
    name: string;
    type: string;
    notNull: boolean;
    default: string | null;
    comment: string | null;
}

export interface Constraint {
    name: string;
    kind: 'primary' | 'unique' | 'foreign' | 'check';
    columns: string[];
    /** Of a foreign key. */
    foreignTable: string | null;
    foreignColumns: string[] | null;
    onDelete: string | null;
    onUpdate: string | null;
    /** Of a check. */
    expression: string | null;
}

export interface IndexKey {
    /** Null for an expression. */
    column: string | null;
    expression: string;
    descending: boolean;
    nullsFirst: boolean;
    /** Where it isn't the type's default. */
    opclass: string | null;
}

export interface Index {
    name: string;
    unique: boolean;
    method: string;
    keys: IndexKey[];
    where: string | null;
    with: string[];
}

export interface Policy {
    name: string;
    permissive: boolean;
    roles: string[];
    command: string;
    using: string | null;
    check: string | null;
}

export interface Table {
    name: string;
    comment: string | null;
    columns: Column[];
    constraints: Constraint[];
    indexes: Index[];
    policies: Policy[];
}

export interface Argument {
    name: string;
    type: string;
    /** Null where it has to be given. */
    default: string | null;
}

export interface Function {
    name: string;
    comment: string;
    args: Argument[];
    /** The columns of the table that it returns. */
    columns: { name: string; type: string }[] | null;
    /** The type of the value that it returns else. */
    type: string;
}

/** The tables of schema carrel with these names, in this order. */
export async function readTables(sql: Sql, names: string[]): Promise<Table[]> {
    return await sql<Table[]>`
        select c.relname as name, obj_description(c.oid) as comment,
            (select json_agg(json_build_object(
                    'name', attname, 'type', format_type(atttypid, atttypmod), 'notNull', attnotnull,
                    'default', pg_get_expr(adbin, adrelid), 'comment', col_description(attrelid, attnum)
                ) order by attnum)
                from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
                where attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
            (select coalesce(json_agg(json_build_object(
                    'name', conname,
                    'kind', case contype when 'p' then 'primary' when 'u' then 'unique' when 'f' then 'foreign'
                        else 'check' end,
                    'columns', (select json_agg(attname order by place)
                        from unnest(conkey) with ordinality as k (attnum, place)
                        join pg_attribute using (attnum) where attrelid = conrelid),
                    'foreignTable', (select relname from pg_class where oid = confrelid),
                    'foreignColumns', (select json_agg(attname order by place)
                        from unnest(confkey) with ordinality as k (attnum, place)
                        join pg_attribute using (attnum) where attrelid = confrelid),
                    'onDelete', case confdeltype when 'c' then 'cascade' when 'n' then 'set null'
                        when 'd' then 'set default' when 'r' then 'restrict' end,
                    'onUpdate', case confupdtype when 'c' then 'cascade' when 'n' then 'set null'
                        when 'd' then 'set default' when 'r' then 'restrict' end,
                    'expression', pg_get_expr(conbin, conrelid)
                ) order by contype, conname), '[]')
                from pg_constraint where conrelid = c.oid and contype in ('p', 'u', 'f', 'c')
                    and (contype <> 'f' or confrelid in (select oid from pg_class where relnamespace = c.relnamespace))
            ) as constraints,
            (select coalesce(json_agg(json_build_object(
                    'name', i.relname, 'unique', indisunique, 'method', amname,
                    'keys', (select json_agg(json_build_object(
                            'column', attname, 'expression', pg_get_indexdef(indexrelid, place::int, false),
                            'descending', indoption[place - 1] & 1 = 1, 'nullsFirst', indoption[place - 1] & 2 = 2,
                            'opclass', case when not opcdefault then opcname end
                        ) order by place)
                        from unnest(indkey) with ordinality as k (key, place)
                        join pg_opclass on pg_opclass.oid = indclass[place - 1]
                        left join pg_attribute on attrelid = indrelid and attnum = key and key > 0),
                    'where', pg_get_expr(indpred, indrelid), 'with', coalesce(i.reloptions, '{}')
                ) order by i.relname), '[]')
                from pg_index join pg_class as i on i.oid = indexrelid join pg_am on pg_am.oid = i.relam
                where indrelid = c.oid
                    and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u'))
            ) as indexes,
            (select coalesce(json_agg(json_build_object(
                    'name', policyname, 'permissive', permissive = 'PERMISSIVE', 'roles', to_json(roles),
                    'command', lower(cmd), 'using', qual, 'check', with_check
                ) order by policyname), '[]')
                from pg_policies where schemaname = 'carrel' and tablename = c.relname) as policies
        from unnest(${names}::text[]) with ordinality as n (name, place)
        join pg_class as c on c.relname = n.name and c.relnamespace = 'carrel'::regnamespace
        order by n.place`;
}

/**
 * Functions to call, in the order of their names: those granted to end users or services, except those that only
 * indexes call, and those whose comment says that superusers or operators call them.
 */
export async function readFunctions(sql: Sql): Promise<Function[]> {
    return await sql<Function[]>`
        select proname as name, obj_description(p.oid) as comment, format_type(prorettype, null) as type,
            (select coalesce(json_agg(json_build_object(
                    'name', proargnames[n], 'type', format_type(proargtypes[n - 1], null),
                    'default', pg_get_function_arg_default(p.oid, n)
                ) order by n), '[]')
                from generate_series(1, pronargs) as n) as args,
            (select json_agg(json_build_object('name', proargnames[n], 'type', format_type(proallargtypes[n], null))
                    order by n)
                from generate_subscripts(proargmodes, 1) as n where proargmodes[n] = 't') as columns
        from pg_proc as p
        where pronamespace = 'carrel'::regnamespace and prorettype not in ('trigger'::regtype, 'tsvector'::regtype)
            and (obj_description(p.oid) ~ 'Callable by (superusers|operators)\\.'
                or exists (select from aclexplode(proacl) where grantee not in (0, proowner, 'carrel_owner'::regrole)))
        order by proname`;
}
