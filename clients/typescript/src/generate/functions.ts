// Writes the functions as call.ts makes them.
import type { Argument, Function, Table } from './catalog.ts';
import { camelCase, doc, listed, quote } from './text.ts';
import { nullableArguments, nullableColumns, nullableValues, oneRow } from './unsaid.ts';

const types: Record<string, string> = {
    'timestamp with time zone': 'timestamptz',
    'text[]': 'texts',
    'uuid[]': 'uuids',
};

/** What call.ts has. */
const importable = [
    ...['bigint', 'boolean', 'bytea', 'integer', 'interval', 'jsonb', 'name', 'nothing', 'nullable', 'numeric'],
    ...['oneOf', 'optional', 'real', 'regclass', 'row', 'rows', 'text', 'texts', 'timestamptz', 'tstzrange', 'uuid'],
    ...['uuids', 'value'],
];

export function writeFunctions(functions: Function[], tables: Table[]): string {
    const enumerations = named(tables);
    const type = (name: string, type: string) => enumerations.get(name) ?? types[type] ?? type;
    const body = functions.map((each) => write(each, type)).join('\n');
    const used = new Set([...body.matchAll(/(?<![.'])\b[a-z]\w*/g)].map(([name]) => name));
    const imports = importable.filter((name) => used.has(name));
    return `// Generated from the database by \`npm run generate\`: the functions of carrel. Arguments that are left
// out have the defaults that the database gives them.
import {
${imports.map((name) => `    ${name},\n`).join('')}} from './call.ts';

${body}`;
}

function write({ name, comment, args, columns, type: result }: Function, type: (name: string, type: string) => string) {
    const nulls = nullableColumns[name];
    const argumentList = args.map((arg) => `${camelCase(arg.name)}: ${argument(name, arg, type)}`);
    const parts = [quote(name), object(argumentList)];
    let maker = 'nothing';
    if (columns) {
        maker = oneRow.has(name) ? 'row' : 'rows';
        const list = columns.map((column) => {
            const text = type(column.name, column.type);
            const isNullable = nulls === undefined || nulls.includes(column.name);
            return `${camelCase(column.name)}: ${isNullable ? `nullable(${text})` : text}`;
        });
        parts.push(object(list));
    } else if (result !== 'void') {
        maker = 'value';
        const text = types[result] ?? result;
        parts.push(nullableValues.has(name) ? `nullable(${text})` : text);
    }
    const start = `export const ${camelCase(name)} = ${maker}`;
    const line = `${start}(${parts.join(', ')});`;
    const lines = parts.map((part) => `    ${part.replaceAll('\n', '\n    ')},\n`).join('');
    const text = line.includes('\n') || line.length > 120 ? `${start}(\n${lines});` : line;
    return `${doc(comment)}${text}\n`;
}

function argument(name: string, arg: Argument, type: (name: string, type: string) => string): string {
    const text = type(arg.name, arg.type);
    if (arg.default === null) return nullableArguments.has(`${name}.${arg.name}`) ? `nullable(${text})` : text;
    return /^NULL::/.test(arg.default) ? `optional(nullable(${text}))` : `optional(${text})`;
}

function object(fields: string[]): string {
    if (fields.length === 0) return '{}';
    const line = `{ ${fields.join(', ')} }`;
    return line.length <= 110 ? line : `{\n${fields.map((field) => `    ${field},\n`).join('')}}`;
}

/** The columns that have a list of values, where no other list has the same name. */
function named(tables: Table[]): Map<string, string> {
    const found = new Map<string, Set<string>>();
    for (const { expression } of tables.flatMap(({ constraints }) => constraints)) {
        const list = listed(expression ?? '');
        if (!list) continue;
        const text = `oneOf(${list.values.map(quote).join(', ')})`;
        found.set(list.column, (found.get(list.column) ?? new Set()).add(text));
    }
    const unique = [...found].filter(([, lists]) => lists.size === 1);
    return new Map(unique.map(([column, lists]) => [column, [...lists][0] ?? 'text']));
}
