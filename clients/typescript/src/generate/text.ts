// Pieces of TypeScript.

/** A name as JavaScript has it, whatever characters it has in the database. */
export const camelCase = (name: string) =>
    name
        .replace(/(?:_|[^\p{ID_Continue}$])+([a-z0-9])/giu, (_, letter: string) => letter.toUpperCase())
        .replace(/[^\p{ID_Continue}$]+/gu, '')
        .replace(/^(?=\d)/, '_');

export const quote = (text: string) => `'${text.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`;

/** SQL in a template. */
export const sql = (text: string) => `sql\`${text.replace(/[\\`]|\$\{/g, '\\$&')}\``;

/** A comment, its paragraphs broken into lines that fit. */
export function doc(comment: string | null, indent = ''): string {
    if (!comment) return '';
    const text = comment.replaceAll('*/', '*\\/');
    if (indent.length + text.length + 7 <= 120 && !text.includes('\n')) return `${indent}/** ${text} */\n`;
    const lines = text.split('\n\n').flatMap((paragraph, index) => {
        const broken = [''];
        for (const word of paragraph.split(/\s+/)) {
            const line = broken.at(-1) ?? '';
            if (line !== '' && indent.length + line.length + word.length + 4 > 120) broken.push(word);
            else broken[broken.length - 1] = line === '' ? word : `${line} ${word}`;
        }
        return index === 0 ? broken : ['', ...broken];
    });
    return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd() + '\n').join('')}${indent} */\n`;
}

/** `name(a, b)`, or with a line for each argument where that is too long. */
export function invoke(name: string, args: string[], indent = '', room = 120): string {
    const line = `${name}(${args.join(', ')})`;
    if (indent.length + line.length <= room && !line.includes('\n')) return line;
    return `${name}(\n${args.map((arg) => `${indent}    ${arg},\n`).join('')}${indent})`;
}

/** The values that a check lists for one column: `status = ANY (ARRAY['pending'::text, …])`. */
export function listed(expression: string): { column: string; values: string[] } | undefined {
    const match = /^\(*(\w+) = ANY \(ARRAY\[(.*)\]\)\)*$/s.exec(expression);
    if (!match) return undefined;
    const [, column = '', list = ''] = match;
    const values = [...list.matchAll(/'((?:[^']|'')*)'::text/g)].map(([, value = '']) => value.replaceAll("''", "'"));
    return { column, values };
}
