// The tables, as Drizzle asks for them.
import assert from 'node:assert/strict';
import test from 'node:test';
import { asc, eq, like } from 'drizzle-orm';
import {
    documentChunks,
    documents,
    type NewDocument,
    recordUsage,
    sqlState,
    usageEvents,
    withUser,
} from '../src/index.ts';
import { alice, bob, connect } from './database.ts';

const db = connect('authenticated');

test('db.query finds documents by a condition, with their chunks and their user', async () => {
    const found = await withUser(db, alice, (tx) =>
        tx.query.documents.findMany({
            where: like(documents.filename, 'notes%'),
            with: { chunks: { orderBy: asc(documentChunks.chunkIndex) }, user: { columns: { name: true } } },
        }),
    );
    assert.equal(found.length, 1);
    const [document] = found;
    assert.equal(document?.filename, 'notes.md');
    assert.equal(document.user.name, 'Alice');
    assert.ok(document.createdAt instanceof Date);
    assert.equal(document.fileSize, BigInt(Buffer.byteLength(document.contentText ?? '')));
    assert.deepEqual(document.metadata, { shelf: 1 });
    assert.match(document.searchVector ?? '', /'heron'/);
    assert.deepEqual(document.chunks.map(({ documentId }) => documentId), [document.id]);
    const [chunk] = document.chunks;
    assert.deepEqual(chunk?.headingPath, ['Garden']);
    assert.equal(document.contentText?.slice(chunk.startOffset ?? 0, chunk.endOffset ?? 0), chunk.content);
    assert.equal(chunk.contentHash?.length, 32);
});

test('relations lead from a session to its requests and back, and from a user to everything', async () => {
    const [session, request, user] = await withUser(db, alice, async (tx) => [
        await tx.query.agentSessions.findFirst({ with: { requests: true } }),
        await tx.query.agentRequests.findFirst({
            where: (request, { isNotNull }) => isNotNull(request.sessionId),
            with: { session: true, user: true },
        }),
        await tx.query.userProfiles.findFirst({
            with: {
                documents: { with: { chunks: true } },
                agentSessions: true,
                agentRequests: true,
                usageEvents: true,
            },
        }),
    ]);
    assert.deepEqual(session?.requests.map(({ id }) => id).sort(), session?.requestChain.toSorted());
    assert.equal(session?.requests.length, 2);
    assert.equal(request?.session?.id, session.id);
    assert.equal(request.user.userId, alice);
    assert.equal(user?.documents.length, 3);
    assert.ok(user.documents.every(({ userId, chunks }) => userId === alice && chunks.length > 0));
    assert.ok(user.documents.every(({ id, chunks }) => chunks.every(({ documentId }) => documentId === id)));
    const chunk = await withUser(db, alice, (tx) =>
        tx.query.documentChunks.findFirst({
            where: like(documentChunks.content, '%scanned'),
            with: { document: { columns: { filename: true } } },
        }),
    );
    assert.equal(chunk?.document.filename, 'scan.pdf');
    assert.deepEqual([user.agentSessions.length, user.agentRequests.length, user.usageEvents.length], [1, 3, 3]);
});

test('a document is completed, and has its chunks, when its insert returns', async () => {
    const document: NewDocument = { filename: 'tea.md', contentText: '# Tea\n\nBrew it.\n', metadata: { shelf: 2 } };
    await withUser(db, alice, async (tx) => {
        const [row] = await tx.insert(documents).values(document).returning();
        assert.equal(row?.processingStatus, 'completed');
        assert.equal(row.userId, alice);
        assert.equal(row.language, 'english');
        const chunks = await tx.query.documentChunks.findMany({ where: eq(documentChunks.documentId, row.id) });
        assert.deepEqual(chunks.map(({ sectionTitle }) => sectionTitle), ['Tea']);

        const [updated] = await tx.update(documents).set({ contentText: 'Coffee' }).where(eq(documents.id, row.id))
            .returning({ status: documents.processingStatus, fileSize: documents.fileSize });
        assert.deepEqual(updated, { status: 'completed', fileSize: 6n });
        assert.deepEqual(await tx.delete(documents).where(eq(documents.id, row.id)).returning({ id: documents.id }), [
            { id: row.id },
        ]);
        assert.deepEqual(await tx.query.documentChunks.findMany({ where: eq(documentChunks.documentId, row.id) }), []);
    });
});

test('chunks of a document without text are inserted with the paths of their headings', async () => {
    await withUser(db, alice, async (tx) => {
        const [scan] = await tx.insert(documents).values({ filename: 'page.pdf', storagePath: 'a' }).returning();
        assert.equal(scan?.processingStatus, 'pending');
        const path = ['A "quoted" part', 'with, comma', '{brace}', 'back\\slash'];
        const [chunk] = await tx.insert(documentChunks)
            .values({ documentId: scan.id, chunkIndex: 0, content: 'x', headingPath: path }).returning();
        assert.deepEqual(chunk?.headingPath, path);
        const [plain] = await tx.insert(documentChunks)
            .values({ documentId: scan.id, chunkIndex: 1, content: 'y' }).returning();
        assert.deepEqual(plain?.headingPath, []);
    });
});

test('numbers keep their digits', async () => {
    const fileSize = 9_007_199_254_740_993n;
    const cost = '12345678901.0123456789';
    const tokensUsed = 900_000_000_000_001n;
    await recordUsage(connect('service_role'), { eventType: 'test', tokensUsed, cost, userId: alice });
    await withUser(db, alice, async (tx) => {
        const [document] = await tx.insert(documents).values({ filename: 'big.bin', fileSize }).returning();
        assert.equal(document?.fileSize, fileSize);
        const event = await tx.query.usageEvents.findFirst({ where: eq(usageEvents.eventType, 'test') });
        assert.deepEqual([event?.tokensUsed, event?.cost], [tokensUsed, cost]);
    });
});

test('money that has lost digits in rows within rows is refused', async () => {
    const service = connect('service_role');
    const read = (eventType: string) =>
        withUser(db, bob, (tx) =>
            tx.query.userProfiles.findFirst({ with: { usageEvents: { where: eq(usageEvents.eventType, eventType) } } }),
        );
    await recordUsage(service, { eventType: 'little', cost: '123.0123456789', userId: bob });
    assert.equal((await read('little'))?.usageEvents[0]?.cost, '123.0123456789');
    await recordUsage(service, { eventType: 'much', cost: '12345678901.0123456789', userId: bob });
    await assert.rejects(read('much'), RangeError);
});

test("another user's rows are not there, whatever is asked", async () => {
    const others = await withUser(db, bob, (tx) => tx.query.documents.findMany());
    assert.equal(others.length, 3);
    const id = others[0]?.id ?? '';
    await withUser(db, alice, async (tx) => {
        assert.equal(await tx.query.documents.findFirst({ where: eq(documents.id, id) }), undefined);
        assert.equal(await tx.query.documentChunks.findFirst({ where: eq(documentChunks.documentId, id) }), undefined);
        assert.deepEqual(await tx.select().from(documents).where(eq(documents.userId, bob)), []);
        const renamed = await tx.update(documents).set({ filename: 'mine' }).where(eq(documents.id, id)).returning();
        assert.deepEqual(renamed, []);
        assert.deepEqual(await tx.delete(documents).where(eq(documents.id, id)).returning(), []);
    });
    assert.equal((await withUser(db, bob, (tx) => tx.query.documents.findMany())).length, 3);
});

test('an insert as another user is refused with 42501, and nothing of its transaction stays', async () => {
    const insert = withUser(db, alice, async (tx) => {
        await tx.insert(documents).values({ filename: 'before.md', contentText: 'x' });
        await tx.insert(documents).values({ filename: 'stolen.md', contentText: 'x', userId: bob });
    });
    await assert.rejects(insert, (error) => sqlState(error) === '42501');
    for (const user of [alice, bob]) {
        const found = await withUser(db, user, (tx) => tx.query.documents.findMany());
        assert.ok(found.length > 0 && found.every(({ filename }) => !/before|stolen/.test(filename)));
    }
});
