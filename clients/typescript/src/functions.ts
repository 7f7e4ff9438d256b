// Generated from the database by `npm run generate`: the functions of carrel. Arguments that are left
// out have the defaults that the database gives them.
import {
    bigint,
    boolean,
    integer,
    interval,
    jsonb,
    name,
    nothing,
    nullable,
    numeric,
    oneOf,
    optional,
    real,
    regclass,
    row,
    rows,
    text,
    texts,
    timestamptz,
    tstzrange,
    uuid,
    uuids,
    value,
} from './call.ts';

/**
 * Acts as a user for the rest of the transaction (null: as nobody), by replacing the claims. Where
 * carrel.identity_source is token, it has no effect for end users, and a warning says so.
 */
export const actAs = nothing('act_as', { userId: nullable(uuid) });

/**
 * Adds a document of the caller's and returns its id. A null text comes later: the document is pending until then.
 * Unknown language: 22023; no identity: 28000.
 */
export const addDocument = value(
    'add_document',
    {
        filename: text,
        contentText: nullable(text),
        fileType: optional(nullable(text)),
        metadata: optional(jsonb),
        storagePath: optional(nullable(text)),
        language: optional(text),
    },
    uuid,
);

/**
 * Puts a request of the caller's that is in no session at the end of one of theirs; one that is in it stays where it
 * is. In another: PT409; no such session or request: PT404.
 */
export const appendToSession = nothing('append_to_session', { sessionId: uuid, requestId: uuid });

/**
 * Verifies a signed JWT against carrel.jwt_keys and acts as the user it names for the rest of the transaction (null: as
 * nobody); returns that user. A token that fails a check: 28000, saying which.
 */
export const authenticate = value('authenticate', { token: nullable(text) }, nullable(uuid));

/** The billing period of a user that contains a time. Another user's, or no such: PT404. */
export const billingPeriod = value('billing_period', { userId: uuid, at: optional(timestamptz) }, tstzrange);

/**
 * The chunks of the caller's documents that answer a query best, as many as max_tokens has room for, as the text of a
 * prompt, with what each numbered passage cites. query_embedding as for search_chunks(). No identity: 28000; bad
 * arguments: 22023.
 */
export const buildContext = row(
    'build_context',
    {
        query: text,
        maxTokens: optional(integer),
        documentIds: optional(nullable(uuids)),
        encoding: optional(text),
        queryEmbedding: optional(nullable(text)),
    },
    { context: text, citations: jsonb, tokens: integer },
);

/**
 * Has a request of the caller's, or for services anybody's, not be done; returns its status: cancelled, or processing
 * while its worker has yet to learn of it. Finished otherwise: PT409; no such request: PT404.
 */
export const cancelRequest = value('cancel_request', { requestId: uuid }, text);

/**
 * Whether the caller's plan leaves room for so much of a measure of a type of event, and how the tightest of its limits
 * stands. It asks and takes nothing. Unknown measures, bad amounts: 22023.
 */
export const checkQuota = row(
    'check_quota',
    { eventType: text, amount: optional(numeric), measure: optional(text), userId: optional(nullable(uuid)) },
    {
        allowed: boolean,
        used: nullable(numeric),
        limitValue: nullable(numeric),
        remaining: nullable(numeric),
        resetsAt: nullable(timestamptz),
    },
);

/**
 * Cuts a text into chunks of at most chunk_size characters, words or tokens, at the best boundaries of its format that
 * fit. Offsets are in characters of the text from 0, end exclusive. Bad arguments: 22023.
 */
export const chunkText = rows(
    'chunk_text',
    {
        content: text,
        chunkSize: optional(integer),
        chunkOverlap: optional(integer),
        unit: optional(text),
        format: optional(text),
        encoding: optional(text),
    },
    {
        chunkIndex: integer,
        content: text,
        sectionTitle: nullable(text),
        headingPath: texts,
        startOffset: integer,
        endOffset: integer,
        size: integer,
    },
);

/**
 * Chunks of all users that have no embedding yet, oldest first, at most so many, for a worker to embed; no other worker
 * is given them until the lease lapses. No embeddings here: 55000. For services.
 */
export const chunksToEmbed = rows(
    'chunks_to_embed',
    { maxRows: integer, lease: optional(interval) },
    { chunkId: uuid, content: text },
);

/**
 * Gives a worker documents of all users that have no text yet, the oldest first, at most so many, under a lease; waits
 * for nobody. For services. Bad arguments: 22023.
 */
export const claimDocuments = rows(
    'claim_documents',
    { worker: text, maxDocuments: optional(integer), lease: optional(interval) },
    {
        documentId: uuid,
        userId: uuid,
        filename: text,
        fileType: nullable(text),
        fileSize: nullable(bigint),
        storagePath: nullable(text),
        language: text,
        metadata: jsonb,
        attempts: integer,
        leaseToken: uuid,
        leaseExpiresAt: timestamptz,
    },
);

/**
 * Gives a worker requests of all users to do, at most so many, under a lease: the highest priority first, then the
 * oldest run_at. Those whose leases lapsed are given to others, which counts as an attempt. Waits for nobody. For
 * services. Bad arguments: 22023.
 */
export const claimRequests = rows(
    'claim_requests',
    {
        worker: text,
        maxRequests: optional(integer),
        agentTypes: optional(nullable(texts)),
        lease: optional(interval),
    },
    {
        id: uuid,
        userId: uuid,
        sessionId: nullable(uuid),
        agentType: text,
        content: text,
        attempts: integer,
        leaseToken: uuid,
        leaseExpiresAt: timestamptz,
        priority: integer,
        maxAttempts: integer,
        createdAt: timestamptz,
    },
);

/**
 * Says that a claimed request is done: results, status, what it held and the usage event of type agent_request in one
 * step, never refused for a limit. The same again: the same event, duplicate = true. The lease is lost, or it ended
 * otherwise: PT409; no such request: PT404; bad amounts: 22023. For services.
 */
export const completeRequest = row(
    'complete_request',
    {
        requestId: uuid,
        leaseToken: uuid,
        results: jsonb,
        tokens: optional(nullable(bigint)),
        cost: optional(nullable(numeric)),
        model: optional(nullable(text)),
        tokenTypes: optional(nullable(jsonb)),
    },
    { eventId: uuid, duplicate: boolean },
);

/**
 * Records what happens, unless that is beyond a hard limit, or what reservations leave of it: PT402, with used, limit
 * and resets_at in DETAIL. Arguments, results and errors as for record_usage() else.
 */
export const consumeUsage = row(
    'consume_usage',
    {
        eventType: text,
        tokensUsed: optional(nullable(bigint)),
        cost: optional(nullable(numeric)),
        metadata: optional(jsonb),
        idempotencyKey: optional(nullable(text)),
        occurredAt: optional(nullable(timestamptz)),
        model: optional(nullable(text)),
        tokenTypes: optional(nullable(jsonb)),
        userId: optional(nullable(uuid)),
    },
    {
        eventId: uuid,
        duplicate: boolean,
        used: nullable(numeric),
        limitValue: nullable(numeric),
        remaining: nullable(numeric),
        resetsAt: nullable(timestamptz),
    },
);

/**
 * The number of tokens that a text is in the encoding cl100k or o200k; special tokens are read as text. The first call
 * of a session loads the vocabulary: some 20 ms and 32 MB, or 50 ms and 66 MB. Unknown encoding: 22023.
 */
export const countTokens = value('count_tokens', { content: text, encoding: optional(text) }, integer);

/**
 * Creates a request of the caller's, which holds one agent_request, and reserve_tokens, from hard limits until it is
 * finished; returns its id. The same idempotency key again gives the first one, or PT409 where anything else differs.
 * Beyond a limit: PT402; no such session: PT404; bad arguments: 22023.
 */
export const createRequest = value(
    'create_request',
    {
        agentType: text,
        content: text,
        sessionId: optional(nullable(uuid)),
        priority: optional(integer),
        runAt: optional(nullable(timestamptz)),
        maxAttempts: optional(integer),
        idempotencyKey: optional(nullable(text)),
        reserveTokens: optional(bigint),
    },
    uuid,
);

/** Creates a session of the caller's; returns its id. A state that is no JSON object: 22023. */
export const createSession = value(
    'create_session',
    { title: optional(nullable(text)), contextState: optional(jsonb) },
    uuid,
);

/**
 * Creates a user's profile and returns the user id; one that exists stays as it is. Unknown plan: 22023. For services.
 */
export const createUser = value(
    'create_user',
    { userId: optional(uuid), name: optional(nullable(text)), planType: optional(text) },
    uuid,
);

/**
 * Makes views of the six tables in a schema, under the tables' names, for an application that asks there. They show and
 * take what the caller may see and write. Where the schema has such a name already: 55000; no such schema: 22023. For
 * superusers.
 */
export const createViews = nothing('create_views', { targetSchema: optional(text) });

/**
 * What the caller used in the current periods: a row for each limit of their plan, and for what they used in the
 * billing period without one.
 */
export const currentUsage = rows(
    'current_usage',
    { userId: optional(nullable(uuid)) },
    {
        eventType: text,
        measure: text,
        used: numeric,
        limitValue: nullable(numeric),
        remaining: nullable(numeric),
        resetsAt: nullable(timestamptz),
    },
);

/**
 * The user that the transaction's verified token or its JWT claims name; null where there are none. Malformed claims:
 * 28000.
 */
export const currentUserId = value('current_user_id', {}, nullable(uuid));

/**
 * Deletes a user and everything of theirs; returns the storage paths of their documents, which files_to_erase() lists
 * until erased_files() confirms them. Usage is archived under a pseudonym, for as long as it can be resolved, or with
 * archive_usage for good. Paths that other users' documents have as well are left out. No such user: PT404; triggers
 * that delete and archive are disabled: 55000. For services.
 */
export const deleteUser = rows('delete_user', { userId: uuid, archiveUsage: optional(boolean) }, { storagePath: text });

/** One row for each check of whether the database is as this version of carrel defines it. For superusers. */
export const doctor = rows('doctor', {}, { checkName: text, ok: boolean, detail: nullable(text) });

/**
 * Gives every chunk a place for an embedding of so many numbers, 1 to 4000, and an index to find near ones by. Bad
 * dimensions: 22023; no pgvector, or other dimensions than there are: 55000. For superusers.
 */
export const enableEmbeddings = nothing('enable_embeddings', { dimensions: integer });

/** Confirms that files of deleted users are erased; returns how many were listed. For services. */
export const erasedFiles = value('erased_files', { storagePaths: texts }, integer);

/** Everything that carrel holds of a user, row by row. No such user: PT404. For services. */
export const exportUser = rows('export_user', { userId: uuid }, { tableName: text, rowData: jsonb });

/**
 * Says that a claimed document has no text to be had, and why. The lease is lost, or it ended otherwise: PT409; no such
 * document: PT404. For services.
 */
export const failDocument = nothing('fail_document', { documentId: uuid, leaseToken: uuid, reason: text });

/**
 * Says that an attempt at a claimed request failed, and bills what it spent; another one follows after retry_after, or
 * a growing wait, until max_attempts. Returns the status, and when it runs again. The lease is lost, or it ended
 * otherwise: PT409; no such request: PT404; bad amounts: 22023. For services.
 */
export const failRequest = row(
    'fail_request',
    {
        requestId: uuid,
        leaseToken: uuid,
        error: jsonb,
        retryAfter: optional(nullable(interval)),
        tokens: optional(nullable(bigint)),
        cost: optional(nullable(numeric)),
        model: optional(nullable(text)),
        tokenTypes: optional(nullable(jsonb)),
    },
    { status: oneOf('pending', 'processing', 'completed', 'failed', 'cancelled'), runAt: nullable(timestamptz) },
);

/**
 * Files of deleted users that are to be erased, the longest waiting first, until erased_files() confirms them; without
 * those that a document still has. For services.
 */
export const filesToErase = rows(
    'files_to_erase',
    { maxFiles: optional(integer) },
    { storagePath: text, pseudonym: uuid, deletedAt: timestamptz },
);

/**
 * Follows a table of users, such as Supabase's auth.users: each of its users gets a profile, which goes with them. Its
 * owner creates and deletes users from then on. A table without a unique id of type uuid: 22023. For superusers.
 */
export const followAuthUsers = nothing('follow_auth_users', { usersTable: regclass });

/**
 * Makes a new session of the caller's from one of theirs, with its title and state, and copies of its finished
 * requests, which have no cost, up to one of them; returns its id. No such session or request: PT404.
 */
export const forkSession = value('fork_session', { sessionId: uuid, upToRequest: optional(nullable(uuid)) }, uuid);

/**
 * Lets a role administer plans, limits, prices and keys, grant users and services, and see how the database stands,
 * without being a superuser. It never sees users' texts. Unknown role: 22023. For superusers.
 */
export const grantOperator = nothing('grant_operator', { role: name });

/** Lets a role work as an application's trusted workers do. Unknown role: 22023. For superusers. */
export const grantService = nothing('grant_service', { role: name });

/**
 * Lets a role work as an application's end users do; with self_metering also record its own usage. Unknown role: 22023.
 * For superusers.
 */
export const grantUser = nothing('grant_user', { role: name, selfMetering: optional(boolean) });

/**
 * Says that a worker is still at a claimed request, how far it is (0 to 1, never back), and extends its lease; returns
 * until when, and whether cancelling was asked for. The lease is lost: PT409; no such request: PT404. For services.
 */
export const heartbeatRequest = row(
    'heartbeat_request',
    { requestId: uuid, leaseToken: uuid, progress: optional(nullable(real)), extend: optional(interval) },
    { leaseExpiresAt: timestamptz, cancelRequested: boolean },
);

/**
 * Brings the six tables of an existing application, those of them that the schema has, over to carrel, with their ids,
 * timestamps and chunks; makes missing profiles and rebuilds counters. A row for each table, and one for each problem
 * with how many rows have it. With dry_run, the default, nothing is changed; without, 23514 where a problem would leave
 * rows out. No such schema: 22023. For superusers.
 */
export const importFrom = rows(
    'import_from',
    { sourceSchema: text, dryRun: optional(boolean) },
    { tableName: text, rowCount: bigint, problem: nullable(text) },
);

/**
 * Adds the keys of a JWKS to carrel.jwt_keys, for an issuer and an audience (''; for tokens without one). A key with
 * the same kid is replaced; other keys stay, unless remove_missing. A row for each key: its kid, its algorithm, and the
 * outcome: added, replaced, unchanged, skipped or removed; detail says why it was skipped. No key of a supported kind,
 * or no JWKS: 22023. For operators.
 */
export const importJwks = rows(
    'import_jwks',
    { jwks: jsonb, issuer: text, audience: optional(text), removeMissing: optional(boolean) },
    { keyId: text, algorithm: nullable(text), outcome: text, detail: nullable(text) },
);

/** Tells whether the current role is an operator; policies of plans, limits, prices and keys ask it. */
export const isOperator = value('is_operator', {}, boolean);

/**
 * Users with plan and usage, in the order of their ids, for operators and services; after_user continues after a page.
 * Bad numbers: 22023.
 */
export const listUsers = rows(
    'list_users',
    { maxUsers: optional(integer), afterUser: optional(nullable(uuid)) },
    {
        userId: nullable(uuid),
        name: nullable(text),
        planType: nullable(text),
        subscriptionStatus: nullable(oneOf('active', 'cancelled', 'expired')),
        usageCount: nullable(integer),
        usagePeriodStart: nullable(timestamptz),
        createdAt: nullable(timestamptz),
    },
);

/**
 * Makes users with documents, a session, requests and usage to develop with, the same each time, and returns their ids
 * and names; what is there already stays. Where there are other users: 55000, unless beside_others is true; bad
 * numbers: 22023. For services.
 */
export const loadSampleData = rows(
    'load_sample_data',
    { users: optional(integer), documentsPerUser: optional(integer), besideOthers: optional(boolean) },
    { userId: uuid, name: text },
);

/**
 * Creates what is missing of carrel's tables and applies policies, triggers, defaults, privileges and comments afresh.
 * For superusers.
 */
export const migrate = nothing('migrate', {});

/**
 * When there will be something for claim_requests(): in the past, if there is now; null where nothing is known of. For
 * services that wait.
 */
export const nextWakeup = value('next_wakeup', { agentTypes: optional(nullable(texts)) }, nullable(timestamptz));

/**
 * Changes the state of a session of the caller's by a JSON merge patch (RFC 7396), and returns its version and state.
 * Another version than expected: PT409; no such session: PT404; no object: 22023.
 */
export const patchSessionState = row(
    'patch_session_state',
    { sessionId: uuid, patch: jsonb, expectedVersion: optional(nullable(bigint)) },
    { version: bigint, contextState: jsonb },
);

/**
 * Makes the role carrel_owner where it is missing; CREATE EXTENSION calls it while a dump is restored. For superusers.
 */
export const prepareOwner = nothing('prepare_owner', {});

/**
 * What tokens of a model cost at a time, to 10 decimals; null where a price is missing. tokens: input, output,
 * cached_input and reasoning, each token in one, or a provider's report whose parts can be told apart. Others: 22023.
 */
export const priceUsage = value(
    'price_usage',
    { model: text, tokens: jsonb, at: optional(timestamptz) },
    nullable(numeric),
);

/** Processes pending documents of all users, oldest first, at most this many; returns how many. For services. */
export const processDocuments = value('process_documents', { maxDocuments: optional(integer) }, integer);

/**
 * Forgets whose the pseudonyms of deleted users were, and archived usage that is not kept for good, once
 * carrel.archive_resolvable_for is over; returns how many rows. For services.
 */
export const purgePseudonyms = value('purge_pseudonyms', {}, bigint);

/**
 * Removes requests that have been finished for this long, the longest first, at most so many; returns how many. The
 * books stay. For services.
 */
export const purgeRequests = value(
    'purge_requests',
    { olderThan: optional(interval), maxRows: optional(integer) },
    bigint,
);

/**
 * Sums totals and counters up again from the usage events, and returns how many totals there are. Nobody records usage
 * meanwhile. For superusers.
 */
export const rebuildUsage = value('rebuild_usage', {}, bigint);

/**
 * Cuts a document of the caller's anew, as the settings and its type say where arguments are null, and returns how many
 * chunks it has. Chunks that stay the same keep their rows; the next change of the text is cut as the settings say. No
 * such document: PT404; bad arguments: 22023; no text: 55000.
 */
export const rechunkDocument = value(
    'rechunk_document',
    {
        documentId: uuid,
        chunkSize: optional(nullable(integer)),
        chunkOverlap: optional(nullable(integer)),
        unit: optional(nullable(text)),
        format: optional(nullable(text)),
        encoding: optional(text),
    },
    integer,
);

/**
 * Records what happened, and never refuses it for a limit. The same idempotency key again gives the first event with
 * duplicate = true, or PT409 where anything else differs. Bad amounts: 22023; a time too far away: PT422; no such user:
 * P0002.
 */
export const recordUsage = row(
    'record_usage',
    {
        eventType: text,
        tokensUsed: optional(nullable(bigint)),
        cost: optional(nullable(numeric)),
        metadata: optional(jsonb),
        idempotencyKey: optional(nullable(text)),
        occurredAt: optional(nullable(timestamptz)),
        model: optional(nullable(text)),
        tokenTypes: optional(nullable(jsonb)),
        userId: optional(nullable(uuid)),
    },
    {
        eventId: uuid,
        duplicate: boolean,
        used: nullable(numeric),
        limitValue: nullable(numeric),
        remaining: nullable(numeric),
        resetsAt: nullable(timestamptz),
    },
);

/**
 * Records many events at once: an array of objects whose fields are the arguments of record_usage(); a row for each, in
 * order. All or nothing. Errors as for record_usage().
 */
export const recordUsageBatch = rows('record_usage_batch', { events: jsonb }, { eventId: uuid, duplicate: boolean });

/**
 * Ends a reservation of work that was not done; false where it was released before. No such reservation: PT404;
 * settled: PT409.
 */
export const releaseUsage = value('release_usage', { reservation: uuid }, boolean);

/**
 * Holds one event, with tokens and cost, from hard limits until it is settled, released, or past its time. Beyond a
 * limit: PT402; bad amounts: 22023; a key that was used for something else: PT409.
 */
export const reserveUsage = value(
    'reserve_usage',
    {
        eventType: text,
        tokens: optional(nullable(bigint)),
        cost: optional(nullable(numeric)),
        ttl: optional(interval),
        idempotencyKey: optional(nullable(text)),
        userId: optional(nullable(uuid)),
    },
    uuid,
);

/**
 * Has a request of the caller's, or for services anybody's, that failed or was cancelled be tried afresh; returns its
 * status. Beyond a hard limit: PT402; in another state: PT409; no such request: PT404.
 */
export const retryRequest = value('retry_request', { requestId: uuid }, text);

/** Revokes what grant_operator() granted. For superusers. */
export const revokeOperator = nothing('revoke_operator', { role: name });

/** Takes back what grant_service() granted. For superusers. */
export const revokeService = nothing('revoke_service', { role: name });

/** Takes back what grant_user() granted. For superusers. */
export const revokeUser = nothing('revoke_user', { role: name });

/**
 * The chunks of the caller's documents that answer a query best, best first (BM25 over the caller's own chunks). Words
 * are optional; quoted phrases and -word are binding; conf* finds what begins so. matched says whether all words were
 * found or some. With query_embedding what is near to it answers as well, matched embedding. No identity: 28000; what
 * is no embedding: 22023; no embeddings here: 55000.
 */
export const searchChunks = rows(
    'search_chunks',
    {
        query: text,
        maxResults: optional(integer),
        resultOffset: optional(integer),
        documentIds: optional(nullable(uuids)),
        fileTypes: optional(nullable(texts)),
        metadata: optional(nullable(jsonb)),
        createdAfter: optional(nullable(timestamptz)),
        createdBefore: optional(nullable(timestamptz)),
        contextChunks: optional(integer),
        queryEmbedding: optional(nullable(text)),
    },
    {
        chunkId: uuid,
        documentId: uuid,
        filename: text,
        chunkIndex: integer,
        sectionTitle: nullable(text),
        headingPath: texts,
        content: text,
        snippet: text,
        startOffset: nullable(integer),
        endOffset: nullable(integer),
        score: real,
        matched: text,
    },
);

/** The caller's documents that answer a query best, best first, with the best passage of each. No identity: 28000. */
export const searchDocuments = rows(
    'search_documents',
    {
        query: text,
        maxResults: optional(integer),
        resultOffset: optional(integer),
        fileTypes: optional(nullable(texts)),
        metadata: optional(nullable(jsonb)),
        createdAfter: optional(nullable(timestamptz)),
        createdBefore: optional(nullable(timestamptz)),
    },
    { documentId: uuid, filename: text, score: real, snippet: text, matchedChunks: integer },
);

/**
 * The requests of a session of the caller's in order, with their results: the latest that fit into max_tokens (of
 * content and results) and max_requests. No such session: PT404; bad arguments: 22023.
 */
export const sessionHistory = rows(
    'session_history',
    {
        sessionId: uuid,
        maxTokens: optional(nullable(integer)),
        maxRequests: optional(nullable(integer)),
        encoding: optional(text),
    },
    {
        requestId: uuid,
        agentType: text,
        status: oneOf('pending', 'processing', 'completed', 'failed', 'cancelled'),
        content: text,
        results: nullable(jsonb),
        error: nullable(jsonb),
        tokens: integer,
        createdAt: timestamptz,
    },
);

/**
 * Writes the text of a claimed document, which is processed like any other; returns its status and how many chunks it
 * has. The lease is lost, or it has another text: PT409; no such document: PT404; beyond a hard limit: PT402. For
 * services.
 */
export const setDocumentText = row(
    'set_document_text',
    { documentId: uuid, leaseToken: uuid, contentText: text },
    { processingStatus: oneOf('pending', 'processing', 'completed', 'failed'), chunks: bigint },
);

/**
 * Stores embeddings, [{"chunk_id": …, "embedding": […]}, …] or {chunk_id: […], …}, and returns how many; those of
 * chunks that are gone, or have changed since they were leased, are passed over. Bad ones: 22023; no embeddings here:
 * 55000. For services.
 */
export const setEmbeddings = value('set_embeddings', { embeddings: jsonb }, integer);

/**
 * Puts a user on a plan; limits follow at once, and what was used stays. Arguments that are null change nothing. No
 * such user: PT404; unknown plan, status or zone: 22023. For services.
 */
export const setPlan = nothing(
    'set_plan',
    {
        userId: uuid,
        plan: text,
        subscriptionStatus: optional(nullable(oneOf('active', 'cancelled', 'expired'))),
        billingAnchor: optional(nullable(timestamptz)),
        billingTimezone: optional(nullable(text)),
    },
);

/**
 * Records what reserved work used, and ends the reservation: never refused; overage says whether it was more than
 * reserved. No such reservation: PT404; released, or settled otherwise: PT409.
 */
export const settleUsage = row(
    'settle_usage',
    {
        reservation: uuid,
        tokensUsed: optional(nullable(bigint)),
        cost: optional(nullable(numeric)),
        metadata: optional(jsonb),
        model: optional(nullable(text)),
        tokenTypes: optional(nullable(jsonb)),
    },
    {
        eventId: uuid,
        duplicate: boolean,
        overage: boolean,
        used: nullable(numeric),
        limitValue: nullable(numeric),
        remaining: nullable(numeric),
        resetsAt: nullable(timestamptz),
    },
);

/**
 * How this database stands, for monitoring: rows by table and status, the oldest that wait, leases that lapsed, bytes,
 * dead rows, indexes, the oldest transaction. Times in seconds, null where nothing waits; what is large is estimated,
 * and its detail says so. For services.
 */
export const stats = rows('stats', {}, { name: text, value: nullable(numeric), detail: nullable(text) });

/**
 * Usage from one time up to another by day, week, month, period or all together, and by event_type, model or user. The
 * caller's own; services get the user's that they name, or everybody's. Unknown buckets or groups: 22023.
 */
export const usageReport = rows(
    'usage_report',
    {
        startAt: timestamptz,
        endAt: timestamptz,
        bucket: optional(text),
        groupBy: optional(texts),
        userId: optional(nullable(uuid)),
    },
    {
        bucketStart: nullable(timestamptz),
        eventType: nullable(text),
        model: nullable(text),
        userId: nullable(uuid),
        events: numeric,
        tokensUsed: numeric,
        cost: numeric,
    },
);

/** A new UUIDv7: milliseconds since 1970, then 74 random bits. */
export const uuidV7 = value('uuid_v7', {}, uuid);

/** Where totals or counters differ from the usage events: no row, unless something drifted. For services. */
export const verifyUsage = rows(
    'verify_usage',
    { userId: optional(nullable(uuid)) },
    { userId: uuid, what: text, expected: numeric, found: numeric },
);

/** The version of the library that answers. */
export const version = value('version', {}, text);

/**
 * Takes an event back, once: a row of negated amounts that counts -1 in the period of the event, which stays. No such
 * event: PT404; voided for another reason: PT409.
 */
export const voidUsage = value(
    'void_usage',
    { eventId: uuid, reason: text, idempotencyKey: optional(nullable(text)) },
    uuid,
);
