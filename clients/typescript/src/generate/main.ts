// Generates src/schema.ts and src/functions.ts from the database that DATABASE_URL or PGHOST and the like name.
// With --check it writes nothing, says what differs, and fails if anything does.
import { readFile, writeFile } from 'node:fs/promises';
import postgres from 'postgres';
import { readFunctions, readTables } from './catalog.ts';
import { writeFunctions } from './functions.ts';
import { writeSchema } from './schema.ts';
import { tables as rowTypes } from './unsaid.ts';

const database = process.env['DATABASE_URL'] ? postgres(process.env['DATABASE_URL']) : postgres();
const generated = await generate().finally(() => database.end());
const isCheck = process.argv.includes('--check');

for (const [name, text] of Object.entries(generated)) {
    const file = new URL(`../${name}`, import.meta.url);
    if (!isCheck) {
        await writeFile(file, text);
        continue;
    }
    const difference = compare(await readFile(file, 'utf8'), text);
    if (difference !== '') {
        console.log(`src/${name} (-) is not what the database has (+); \`npm run generate\` mends it:\n${difference}`);
        process.exitCode = 1;
    }
}

async function generate(): Promise<Record<string, string>> {
    const own = await readTables(database, Object.keys(rowTypes));
    if (own.length < Object.keys(rowTypes).length) throw new Error('the database has no tables of carrel');
    const functions = await readFunctions(database);
    if (!functions.some(({ name }) => name === 'claim_requests')) {
        throw new Error('no role was granted services: create the role service_role, and call carrel.migrate()');
    }
    const names = own.flatMap(({ constraints }) => constraints.flatMap(({ foreignTable }) => foreignTable ?? []));
    const others = await readTables(database, [...new Set(names)].filter((name) => !(name in rowTypes)));
    // Of a table that is only referred to no more than its key.
    const keys = others.map((table) => {
        const primary = table.constraints.find(({ kind }) => kind === 'primary');
        const columns = table.columns.filter(({ name }) => primary?.columns.includes(name));
        return { ...table, columns, constraints: primary ? [primary] : [], indexes: [], policies: [] };
    });
    return { 'schema.ts': writeSchema([...keys, ...own]), 'functions.ts': writeFunctions(functions, own) };
}

/** The lines that one text has and the other has not. */
function compare(before: string, after: string): string {
    const [old, now] = [before.split('\n'), after.split('\n')];
    const lines = [
        ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}\n`),
        ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}\n`),
    ];
    return lines.length === 0 && before !== after ? '  the same lines in another order\n' : lines.join('');
}
