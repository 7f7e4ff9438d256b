// carrel's functions through their wrappers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { eq } from 'drizzle-orm';
import * as carrel from '../src/index.ts';
import { sqlState, withUser } from '../src/index.ts';
import { alice, bob, connect, nobody } from './database.ts';

const db = connect('authenticated');
const service = connect('service_role');
const state = (expected: string) => (error: unknown) => sqlState(error) === expected;

test('a search finds the passage, and gives the defaults to what is left out', async () => {
    await withUser(db, alice, async (tx) => {
        const [best] = await carrel.searchChunks(tx, { query: 'where do herons nest?' });
        assert.match(best?.content ?? '', /^# Garden\s+The herons of Alice nest by the water\./);
        assert.deepEqual(best?.headingPath, ['Garden']);
        assert.ok(best.score > 0 && Number.isFinite(best.score));
        assert.match(best.snippet, /<mark>herons<\/mark>/);
        const id = best.documentId;
        const some = (args: carrel.ArgsOf<typeof carrel.searchChunks>) => carrel.searchChunks(tx, args);
        assert.deepEqual(await some({ query: 'herons', documentIds: [] }), []);
        assert.equal((await some({ query: 'herons', documentIds: [id, nobody], maxResults: 1 })).length, 1);
        assert.equal((await some({ query: 'herons', metadata: { shelf: 1 } })).length, 1);
        assert.equal((await some({ query: 'herons', metadata: { shelf: 2 } })).length, 0);
        assert.equal((await some({ query: 'herons', fileTypes: ['a "b", c', 'text/x'] })).length, 0);
        assert.equal((await some({ query: 'herons', createdAfter: new Date(Date.now() + 1e6) })).length, 0);
        assert.equal((await some({ query: 'herons', createdAfter: new Date(0), documentIds: null })).length, 1);
        assert.equal((await carrel.searchDocuments(tx, { query: 'fox' }))[0]?.filename, 'long.txt');
        const [meant] = await carrel.searchChunks(tx, { query: 'heronz' });
        assert.deepEqual([meant?.matched, meant?.meant, meant?.total], ['similar', { heronz: 'herons' }, 1]);
        assert.ok((await carrel.suggest(tx, { prefix: 'her' })).some(({ word }) => word === 'herons'));
        const others = await carrel.similarDocuments(tx, { documentId: id });
        assert.ok(others.length > 0 && others.every(({ documentId }) => documentId !== id));
        const { context, citations, tokens } = await carrel.buildContext(tx, { query: 'herons', maxTokens: 100 });
        assert.match(context, /herons of Alice/);
        assert.ok(Array.isArray(citations) && citations.length === 1 && tokens > 0 && tokens <= 100);
    });
});

test('an argument that a function has not is refused', async () => {
    // As JavaScript gives them, which no compiler checks.
    const args: any = { query: 'herons', maxresults: 1 };
    await assert.rejects(carrel.searchChunks(db, args), {
        name: 'TypeError',
        message: /^carrel\.search_chunks\(\) has no argument "maxresults"\. It has: query, maxResults, /,
    });
    await assert.rejects(carrel.version(db, { query: 'x' } as any), /has no argument "query"\. It has: none$/);
});

test('a document is added, with a text or without', async () => {
    await withUser(db, alice, async (tx) => {
        const id = await carrel.addDocument(tx, { filename: 'new.md', contentText: 'New.', metadata: { a: [1, 'b'] } });
        const found = await tx.query.documents.findFirst({ where: eq(carrel.documents.id, id) });
        assert.deepEqual([found?.filename, found?.metadata, found?.language], ['new.md', { a: [1, 'b'] }, 'english']);
        const later = await carrel.addDocument(tx, { filename: 'scan.pdf', contentText: null, storagePath: 'x' });
        const pending = await tx.query.documents.findFirst({ where: eq(carrel.documents.id, later) });
        assert.equal(pending?.processingStatus, 'pending');
    });
});

test('usage is recorded once for a key, with every digit', async () => {
    const usage = {
        eventType: 'test',
        userId: alice,
        tokensUsed: 900_000_000_000_001n,
        cost: '123456789012345.0123456789',
        idempotencyKey: 'typescript',
        occurredAt: new Date(),
        tokenTypes: null,
    };
    const first = await carrel.recordUsage(service, usage);
    assert.equal(first.duplicate, false);
    const again = await carrel.recordUsage(service, usage);
    assert.deepEqual([again.eventId, again.duplicate], [first.eventId, true]);
    await assert.rejects(carrel.recordUsage(service, { ...usage, cost: '1' }), state('PT409'));
    const report = await carrel.usageReport(service, {
        startAt: new Date(Date.now() - 3_600_000),
        endAt: new Date(Date.now() + 3_600_000),
        bucket: 'all',
        groupBy: ['event_type', 'user'],
        userId: alice,
    });
    const line = report.find(({ eventType }) => eventType === 'test');
    assert.deepEqual([line?.tokensUsed, line?.cost, line?.userId], [String(usage.tokensUsed), usage.cost, alice]);
    assert.deepEqual(await carrel.verifyUsage(service), []);
});

test('a request goes from its creation to its completion', async () => {
    const [id, key] = await withUser(db, alice, async (tx) => {
        const session = await carrel.createSession(tx, { title: 'Tea' });
        const request = { agentType: 'typist', content: 'Write', sessionId: session, idempotencyKey: 'k' };
        const id = await carrel.createRequest(tx, request);
        assert.equal(await carrel.createRequest(tx, request), id);
        return [id, session];
    });
    const claim = { worker: 'w', agentTypes: ['typist'], lease: '1 minute' };
    const [work, ...others] = await carrel.claimRequests(service, claim);
    assert.deepEqual([work?.id, work?.userId, work?.sessionId, work?.content], [id, alice, key, 'Write']);
    assert.deepEqual(others, []);
    const lease = { requestId: id, leaseToken: work?.leaseToken ?? '' };
    const beat = await carrel.heartbeatRequest(service, { ...lease, progress: 0.5 });
    assert.equal(beat.cancelRequested, false);
    assert.ok(beat.leaseExpiresAt > new Date());
    const spent = { tokens: 12n, cost: '0.01' };
    const done = await carrel.completeRequest(service, { ...lease, results: { text: 'Done' }, ...spent });
    assert.equal(done.duplicate, false);
    await withUser(db, alice, async (tx) => {
        const request = await tx.query.agentRequests.findFirst({ where: eq(carrel.agentRequests.id, id) });
        assert.deepEqual([request?.status, request?.results, request?.tokenCost], ['completed', { text: 'Done' }, 12n]);
        const [history] = await carrel.sessionHistory(tx, { sessionId: key });
        assert.deepEqual([history?.requestId, history?.results], [id, { text: 'Done' }]);
        const patched = await carrel.patchSessionState(tx, { sessionId: key, patch: { a: 1 }, expectedVersion: 0n });
        assert.deepEqual(patched, { version: 1n, contextState: { a: 1 } });
    });
});

test('errors keep their SQLSTATE', async () => {
    const [other] = await withUser(db, bob, (tx) => tx.query.agentRequests.findMany());
    await withUser(db, alice, async (tx) => {
        const within = (work: (tx: carrel.Db) => Promise<unknown>, expected: string) =>
            assert.rejects(tx.transaction(work), state(expected));
        await within((tx) => carrel.cancelRequest(tx, { requestId: other?.id ?? '' }), 'PT404');
        await within((tx) => carrel.cancelRequest(tx, { requestId: nobody }), 'PT404');
        await within((tx) => carrel.searchChunks(tx, { query: 'x', maxResults: -1 }), '22023');
        await within((tx) => carrel.claimRequests(tx, { worker: 'w' }), '42501');
        const session = await carrel.createSession(tx);
        const stale = { sessionId: session, patch: {}, expectedVersion: 7n };
        await within((tx) => carrel.patchSessionState(tx, stale), 'PT409');
    });
    await assert.rejects(carrel.searchChunks(db, { query: 'x' }), state('28000'));
});

test('a hard limit is PT402', async () => {
    const owner = connect('postgres', 1);
    const limit = { planType: 'free', eventType: 'test_limited', measure: 'events', limitValue: '1' };
    await owner.$client`insert into carrel.plan_limits ${owner.$client({
        plan_type: limit.planType,
        event_type: limit.eventType,
        measure: limit.measure,
        limit_value: limit.limitValue,
    })}`;
    const usage = { eventType: limit.eventType, userId: bob };
    const first = await carrel.consumeUsage(service, usage);
    assert.deepEqual([first.used, first.limitValue, first.remaining], ['1', '1', '0']);
    assert.ok(first.resetsAt instanceof Date);
    await assert.rejects(carrel.consumeUsage(service, usage), state('PT402'));
    const quota = await withUser(db, bob, (tx) => carrel.checkQuota(tx, { eventType: limit.eventType }));
    assert.equal(quota.allowed, false);
    const free = await withUser(db, alice, (tx) => carrel.checkQuota(tx, { eventType: 'unheard_of' }));
    assert.deepEqual(free, { allowed: true, used: null, limitValue: null, remaining: null, resetsAt: null });
});

test('values that may be null are null', async () => {
    assert.equal(await carrel.currentUserId(db), null);
    assert.equal(await carrel.nextWakeup(service, { agentTypes: ['unheard of'] }), null);
    assert.equal(await carrel.priceUsage(db, { model: 'unheard of', tokens: { input: 1 } }), null);
    assert.match(await carrel.version(db), /^\d+\.\d+\.\d+$/);
    assert.match(await carrel.billingPeriod(service, { userId: alice }), /^\["\d{4}-.*,".*"\)$/);
});
