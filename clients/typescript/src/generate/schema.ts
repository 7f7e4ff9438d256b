// Writes the tables as Drizzle defines tables.
import type { Column, Constraint, Index, Policy, Table } from './catalog.ts';
import { camelCase, doc, invoke, listed, quote, sql } from './text.ts';
import { json, tables as rowTypes } from './unsaid.ts';

const indent = '    ';

const builders: Record<string, string> = {
    uuid: 'uuid',
    text: 'text',
    boolean: 'boolean',
    integer: 'integer',
    bigint: 'bigint',
    real: 'real',
    numeric: 'numeric',
    jsonb: 'jsonb',
    tsvector: 'tsvector',
    bytea: 'bytea',
    'timestamp with time zone': 'timestamp',
};

const options: Record<string, string> = {
    bigint: "{ mode: 'bigint' }",
    'timestamp with time zone': '{ withTimezone: true }',
};

/** What may have to be imported. */
const core = [
    ...['bigint', 'boolean', 'check', 'customType', 'foreignKey', 'halfvec', 'index', 'integer', 'jsonb'],
    ...['pgPolicy', 'pgSchema', 'real', 'text', 'timestamp', 'unique', 'uniqueIndex', 'uuid', 'vector'],
];

export function writeSchema(all: Table[]): string {
    const own = all.filter((table) => table.name in rowTypes);
    const relations = own.map((table) => writeRelations(table, own));
    const body = [...all.map(writeTable), ...relations, writeTypes(own)].join('\n');
    const isUsed = (name: string) => name === 'pgSchema' || new RegExp(`(?<!\\.)\\b${name}[(<]`).test(body);
    const imports = core.filter(isUsed).map((name) => `${indent}${name},\n`).join('');
    return `// Generated from the database by \`npm run generate\`: the tables of carrel whose rows belong to users.
import { relations, sql } from 'drizzle-orm';
import {
${imports}} from 'drizzle-orm/pg-core';
import { bytea, numeric, tsvector } from './columns.ts';

export const carrel = pgSchema('carrel');

${body}`;
}

/** A table that is only referred to is not exported, so that nothing takes it for one of the six. */
function writeTable(table: Table): string {
    const parts = [
        ...table.constraints.flatMap((constraint) => writeConstraint(constraint)),
        ...table.indexes.map(writeIndex),
        ...table.policies.map(writePolicy),
    ];
    const columns = table.columns.map((column) => writeColumn(table, column)).join('');
    const extras = parts.map((part) => `${indent}${part},\n`).join('');
    const exported = table.name in rowTypes ? 'export ' : '';
    return `${doc(table.comment)}${exported}const ${camelCase(table.name)} = carrel.table(${quote(table.name)}, {
${columns}}${extras === '' ? '' : `, (table) => [\n${extras}]`});
`;
}

function writeColumn(table: Table, column: Column): string {
    const element = column.type.replace(/\[\]$/, '');
    // Columns that were added have other types: pgvector's, or any.
    const [, vector, dimensions] = /^(?:\w+\.)?(vector|halfvec)\((\d+)\)$/.exec(element) ?? [];
    const other = `customType<{ data: unknown }>({ dataType: () => ${quote(element)} })`;
    const builder = builders[element] ?? vector ?? other;
    const key = camelCase(column.name);
    const enumeration = table.constraints.find(
        ({ kind, expression }) => kind === 'check' && listed(expression ?? '')?.column === column.name,
    );
    const args = key === column.name ? [] : [quote(column.name)];
    if (enumeration) {
        args.push(`{ enum: [${listed(enumeration.expression ?? '')?.values.map(quote).join(', ')}] }`);
    } else if (options[element] !== undefined) {
        args.push(options[element]);
    } else if (vector !== undefined) {
        args.push(`{ dimensions: ${dimensions} }`);
    }
    const calls: string[] = [];
    if (column.type !== element) calls.push('.array()');
    const shape = json[`${table.name}.${column.name}`];
    if (shape !== undefined) calls.push(`.$type<${shape}>()`);
    else if (column.default === "'{}'::jsonb") calls.push('.$type<Record<string, unknown>>()');
    const primary = table.constraints.some(({ kind, columns }) => kind === 'primary' && columns.includes(column.name));
    if (column.notNull && !primary) calls.push('.notNull()');
    if (column.default !== null) calls.push(writeDefault(column, column.default));
    if (primary) calls.push('.primaryKey()');
    return `${doc(column.comment, indent)}${indent}${key}: ${chain(`${builder}(${args.join(', ')})`, calls)},\n`;
}

/** Calls on what `start` gives; each on a line of its own where they don't fit one. */
function chain(start: string, calls: string[]): string {
    const line = start + calls.join('');
    return line.length <= 100 || start.includes('\n') ? line : [start, ...calls].join(`\n${indent}${indent}`);
}

function writeDefault({ type }: Column, expression: string): string {
    if (expression === 'now()') return '.defaultNow()';
    const literal = /^'((?:[^']|'')*)'::(\w+)$/.exec(expression);
    const value = literal?.[1]?.replaceAll("''", "'");
    if (value !== undefined && type === 'text') return `.default(${quote(value)})`;
    if (value !== undefined && type === 'jsonb') return `.default(${value})`;
    if (/^-?\d+$/.test(expression)) {
        if (type === 'integer' || type === 'real') return `.default(${expression})`;
        if (type === 'numeric') return `.default(${quote(expression)})`;
    }
    return `.default(${sql(expression)})`;
}

const member = (column: string) => `table.${camelCase(column)}`;

function writeConstraint(constraint: Constraint): string[] {
    const { name, kind, columns } = constraint;
    switch (kind) {
        case 'primary':
            return [];
        case 'unique':
            return [`unique(${quote(name)}).on(${columns.map(member).join(', ')})`];
        case 'foreign': {
            const foreign = (constraint.foreignColumns ?? []).map(
                (column) => `${camelCase(constraint.foreignTable ?? '')}.${camelCase(column)}`,
            );
            const fields = [
                `name: ${quote(name)}`,
                `columns: [${columns.map(member).join(', ')}]`,
                `foreignColumns: [${foreign.join(', ')}]`,
            ];
            const onDelete = constraint.onDelete === null ? '' : `.onDelete(${quote(constraint.onDelete)})`;
            const onUpdate = constraint.onUpdate === null ? '' : `.onUpdate(${quote(constraint.onUpdate)})`;
            const lines = fields.map((field) => `${indent}${indent}${field},\n`).join('');
            return [`foreignKey({\n${lines}${indent}})${onDelete}${onUpdate}`];
        }
        case 'check':
            return [invoke('check', [quote(name), sql(bare(constraint.expression ?? ''))], indent)];
    }
}

/** Without the parentheses around all of it. */
function bare(expression: string): string {
    if (!expression.startsWith('(')) return expression;
    let depth = 0;
    for (const [place, character] of [...expression].entries()) {
        if (character === '(') depth += 1;
        if (character === ')') depth -= 1;
        if (depth === 0) return place === expression.length - 1 ? expression.slice(1, -1) : expression;
    }
    return expression;
}

function writeIndex(index: Index): string {
    const keys = index.keys.map((key) => {
        if (key.column === null) return sql(key.expression);
        let text = member(key.column);
        if (key.descending) text += '.desc()';
        // Drizzle's default is last for either order, Postgres' is not.
        if (key.nullsFirst) text += '.nullsFirst()';
        return key.opclass === null ? text : `${text}.op(${quote(key.opclass)})`;
    });
    const start = `${index.unique ? 'uniqueIndex' : 'index'}(${quote(index.name)})`;
    const method = index.method === 'btree' ? `${start}.on` : `${start}.using`;
    const calls: string[] = [];
    if (index.where !== null) calls.push(`.where(${sql(bare(index.where))})`);
    if (index.with.length > 0) {
        const options = index.with.map((option) => option.replace(/=(.*)$/, (_, value) => `: ${quote(value)}`));
        calls.push(`.with({ ${options.join(', ')} })`);
    }
    return chain(invoke(method, index.method === 'btree' ? keys : [quote(index.method), ...keys], indent), calls);
}

function writePolicy(policy: Policy): string {
    const fields: string[] = [];
    if (!policy.permissive) fields.push("as: 'restrictive'");
    fields.push(`for: ${quote(policy.command)}`);
    if (policy.roles.join() !== 'public') fields.push(`to: [${policy.roles.map(quote).join(', ')}]`);
    if (policy.using !== null) fields.push(`using: ${sql(bare(policy.using))}`);
    if (policy.check !== null) fields.push(`withCheck: ${sql(bare(policy.check))}`);
    const line = `pgPolicy(${quote(policy.name)}, { ${fields.join(', ')} })`;
    const lines = fields.map((field) => `${indent}${indent}${field},\n`).join('');
    return line.length <= 112 ? line : `pgPolicy(${quote(policy.name)}, {\n${lines}${indent}})`;
}

interface Reference {
    from: Table;
    to: Table;
    key: Constraint;
}

/** Each foreign key between the six tables, seen from either side. */
function writeRelations(table: Table, all: Table[]): string {
    const references: Reference[] = all.flatMap((from) =>
        from.constraints.flatMap((key) => {
            const to = all.find(({ name }) => key.kind === 'foreign' && name === key.foreignTable);
            return to ? [{ from, to, key }] : [];
        }),
    );
    const ones = references.filter(({ from }) => from === table);
    const manies = references.filter(({ to }) => to === table);
    const lines = [
        ...ones.map(({ to, key }) => {
            const target = camelCase(to.name);
            const fields = key.columns.map((column) => `${camelCase(table.name)}.${camelCase(column)}`).join(', ');
            const foreign = (key.foreignColumns ?? []).map((column) => `${target}.${camelCase(column)}`).join(', ');
            const name = camelCase((key.columns.at(-1) ?? '').replace(/_id$/, ''));
            const both = [`fields: [${fields}]`, `references: [${foreign}]`];
            const line = `${name}: one(${target}, { ${both.join(', ')} })`;
            const lines = both.map((part) => `${indent}${indent}${part},\n`).join('');
            return line.length <= 114 ? line : `${name}: one(${target}, {\n${lines}${indent}})`;
        }),
        ...manies.map(({ from }) => `${manyName(table.name, from.name)}: many(${camelCase(from.name)})`),
    ];
    const kinds = [ones.length > 0 ? 'one' : '', manies.length > 0 ? 'many' : ''].filter(Boolean).join(', ');
    return `export const ${camelCase(table.name)}Relations = relations(${camelCase(table.name)}, ({ ${kinds} }) => ({
${lines.map((line) => `${indent}${line},\n`).join('')}}));
`;
}

/** A document has chunks rather than document chunks, a session requests. */
function manyName(table: string, other: string): string {
    const [first] = table.replace(/s$/, '').split('_');
    return camelCase(other.replace(new RegExp(`^${first}_`), ''));
}

function writeTypes(own: Table[]): string {
    const names = rowTypes as Record<string, string>;
    return own
        .map(({ name }) => {
            const table = camelCase(name);
            return `export type ${names[name]} = typeof ${table}.$inferSelect;
export type New${names[name]} = typeof ${table}.$inferInsert;
`;
        })
        .join('');
}
