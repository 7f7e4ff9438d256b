// Whose transaction it is.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { sql } from 'drizzle-orm';
import { currentUserId, sqlState, withToken, withUser } from '../src/index.ts';
import { alice, bob, connect } from './database.ts';

const db = connect('authenticated');

test('a transaction is of the user, and the connection of nobody afterwards', async () => {
    const single = connect('authenticated', 1);
    assert.equal(await withUser(single, alice, (tx) => currentUserId(tx)), alice);
    assert.equal(await currentUserId(single), null);
    assert.deepEqual(await single.query.documents.findMany(), []);
});

test('nor is it of anybody after an error', async () => {
    const single = connect('authenticated', 1);
    const work = withUser(single, alice, async () => {
        throw new Error('no');
    });
    await assert.rejects(work, /^Error: no$/);
    assert.equal(await currentUserId(single), null);
});

test('two users who share connections see their own rows each time', async () => {
    const users = Array.from({ length: 200 }, (_, n) => (n % 3 === 0 ? bob : alice));
    const seen = await Promise.all(
        users.map((user) =>
            withUser(db, user, async (tx) => {
                const before = await tx.query.documents.findMany({ columns: { userId: true } });
                await tx.execute(sql`select pg_sleep(random() / 500)`);
                const after = await tx.query.documents.findMany({ columns: { userId: true } });
                return [...before, ...after].map(({ userId }) => userId);
            }),
        ),
    );
    for (const [n, ids] of seen.entries()) assert.deepEqual(ids, Array(6).fill(users[n]));
});

test('two transactions that take turns are not mixed up', async () => {
    const turns: (() => void)[] = [];
    const turn = () => new Promise<void>((resolve) => turns.push(resolve));
    const read = (user: string) =>
        withUser(db, user, async (tx) => {
            const ids = [await currentUserId(tx)];
            await turn();
            ids.push(await currentUserId(tx));
            return ids;
        });
    const both = Promise.all([read(alice), read(bob)]);
    while (turns.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    for (const resolve of turns.reverse()) resolve();
    assert.deepEqual(await both, [[alice, alice], [bob, bob]]);
});

test('an owner works as an end user where the role is named, and only there', async () => {
    const owner = connect('postgres', 1);
    const count = await withUser(owner, alice, (tx) => tx.query.documents.findMany(), { role: 'authenticated' });
    assert.ok(count.length > 0 && count.every(({ userId }) => userId === alice));
    const [row] = await owner.execute<{ role: string }>(sql`select current_user as role`);
    assert.equal(row?.role, 'postgres');
    assert.ok((await owner.query.documents.findMany()).some(({ userId }) => userId === bob));
});

test('the claims of a token name the user as well', async () => {
    const claims = { sub: bob, role: 'authenticated', app: "it's {quoted}" };
    assert.equal(await withUser(db, claims, (tx) => currentUserId(tx)), bob);
});

test('what is no id, or none at all, is nobody', async () => {
    for (const user of ['', 'ada', `${alice}'; reset role; --`]) {
        await assert.rejects(withUser(db, user, (tx) => currentUserId(tx)), (error) => sqlState(error) === '22P02');
    }
    const malformed = withUser(db, { sub: 'ada' }, (tx) => currentUserId(tx));
    await assert.rejects(malformed, (error) => sqlState(error) === '28000');
    assert.equal(await withUser(db, {}, (tx) => currentUserId(tx)), null);
    // @ts-expect-error as from JavaScript
    await assert.rejects(withUser(db, undefined, (tx) => currentUserId(tx)));
});

test('a transaction can be read only', async () => {
    const write = withUser(db, alice, (tx) => tx.execute(sql`select carrel.add_document('a', 'b')`), {
        accessMode: 'read only',
    });
    await assert.rejects(write, (error) => sqlState(error) === '25006');
});

test('a transaction within a transaction is refused, for the identity would outlive it', async () => {
    const nested = withUser(db, alice, (tx) => withUser(tx, bob, async () => 1));
    await assert.rejects(nested, /begins a transaction/);
});

const base64url = (text: string) => Buffer.from(text).toString('base64url');

/** A token signed with a secret that the database has as a key. */
function signed(claims: object, secret: string): string {
    const content = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}`;
    return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}

test('a transaction is of the user of a token that the database verified', async () => {
    const [issuer, secret] = ['https://issuer.test', 'a secret of 32 bytes or more, for tests'];
    const owner = connect('postgres', 1);
    await owner.execute(
        sql`insert into carrel.jwt_keys (issuer, algorithm, key) values (${issuer}, 'HS256', ${secret})`,
    );
    const single = connect('authenticated', 1);
    const claims = { iss: issuer, sub: bob, exp: Math.floor(Date.now() / 1000) + 60 };
    assert.equal(await withToken(single, signed(claims, secret), (tx) => currentUserId(tx)), bob);
    assert.equal(await currentUserId(single), null);
    for (const token of [signed({ ...claims, exp: 1 }, secret), signed(claims, `${secret}x`), '']) {
        const refused = withToken(single, token, (tx) => currentUserId(tx));
        await assert.rejects(refused, (error) => sqlState(error) === '28000');
    }
});

test('what went wrong in a savepoint is undone, and the user stays', async () => {
    const user = await withUser(db, alice, async (tx) => {
        const work = tx.transaction((inner) => inner.execute(sql`select 1 / 0`));
        await assert.rejects(work, (error) => sqlState(error) === '22012');
        return await currentUserId(tx);
    });
    assert.equal(user, alice);
});
