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
 * Acts as a user for the rest of the transaction, by replacing the claims. Null: as nobody.
 *
 * Has no effect for end users if carrel.identity_source is token; a warning says so. Callable by users and services.
 */
export const actAs = nothing('act_as', { userId: nullable(uuid) });

/**
 * Adds a document of the caller. Returns its id.
 *
 * A null text may follow later; until then, the document is pending. `language` is the name of a text search
 * configuration; null or `auto` detect it, by default it is that of carrel.language. Callable by users, and by services
 * that act as a user. Errors: 28000 (no identity), P0002 (no profile), 22023 (invalid argument, unknown language),
 * 54000 (too large), PT402 (beyond a hard limit).
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
 * Returns the words of a text as search finds them, in order, with the lexemes that the dictionaries of a language give
 * each.
 *
 * A compound (`PO-001`, `src/lib.rs`) comes before its parts, a word with accents before its form without them. Stop
 * words have no lexemes. Words that no dictionary knows are left out. Offsets are in characters from 0; `end_offset` is
 * exclusive. `language` is the name of a text search configuration. Callable by users and services. Errors: 22023
 * (unknown language, or one that the caller cannot use), 54000 (more than 1 MiB), 55000 (the language has a parser of
 * its own, or a dictionary that reads several words at once).
 */
export const analyzeText = rows(
    'analyze_text',
    { content: text, language: optional(text) },
    {
        word: nullable(text),
        lexemes: nullable(texts),
        startOffset: nullable(integer),
        endOffset: nullable(integer),
    },
);

/**
 * Appends a request of the caller that is in no session to a session of the caller.
 *
 * Does nothing if the request is already in it. Callable by users and services. Errors: 28000 (no user is set), PT404
 * (no such session or request), PT409 (request is in another session).
 */
export const appendToSession = nothing('append_to_session', { sessionId: uuid, requestId: uuid });

/**
 * Verifies a signed JWT against carrel.jwt_keys and acts as its user for the rest of the transaction.
 *
 * Returns the user. A null token: as nobody. Callable by users and services. Errors: 28000 (the token failed a check,
 * which the message names).
 */
export const authenticate = value('authenticate', { token: nullable(text) }, nullable(uuid));

/**
 * Returns the monthly billing period of a user that contains `at`.
 *
 * Callable by the user, and by services for any user. Errors: PT404 (no such user, or another user's).
 */
export const billingPeriod = value('billing_period', { userId: uuid, at: optional(timestamptz) }, tstzrange);

/**
 * Builds a context for a prompt: the best chunks of the caller's documents for a query, up to `max_tokens`.
 *
 * `context` is the text, as numbered passages; `citations` has the source of each; `tokens` is the exact number of
 * tokens of `context`. Adjacent chunks form one passage. Passages are in reading order within each document, documents
 * in the order of their best chunk. Without results, `context` is empty. The other arguments are as in search_chunks().
 * Callable by users, and by services that act as a user. Errors: 28000 (no identity), 22023 (invalid argument), 55000
 * (embeddings are not enabled).
 */
export const buildContext = row(
    'build_context',
    {
        query: text,
        maxTokens: optional(integer),
        documentIds: optional(nullable(uuids)),
        encoding: optional(text),
        queryEmbedding: optional(nullable(text)),
        fileTypes: optional(nullable(texts)),
        metadata: optional(nullable(jsonb)),
        createdAfter: optional(nullable(timestamptz)),
        createdBefore: optional(nullable(timestamptz)),
        excludeMetadata: optional(nullable(jsonb)),
        operators: optional(boolean),
        recency: optional(nullable(interval)),
    },
    { context: text, citations: jsonb, tokens: integer },
);

/**
 * Cancels a request and returns its status.
 *
 * A request that no worker holds is cancelled at once. Otherwise the worker is told at its next heartbeat. A cancelled
 * request stays unchanged. Callable by users for their own requests and by services for any. Errors: PT404 (no such
 * request), PT409 (completed or failed).
 */
export const cancelRequest = value('cancel_request', { requestId: uuid }, text);

/**
 * Tells if the caller's plan allows a further amount of a measure, and returns the tightest matching limit.
 *
 * Measures: events, tokens or cost of an event type; documents; bytes. Without a limit, the other columns are null.
 * `remaining` excludes held amounts. Nothing is reserved: another session may use the amount first. consume_usage() and
 * reserve_usage() are exact. Callable by the user, and by services for any user. Errors: 22023 (unknown measure, bad
 * amount), PT404 (no such user).
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
 * Cuts a text into chunks of at most `chunk_size`, at the best boundaries of its format that fit.
 *
 * Units: characters, words or tokens of an encoding. Offsets are in characters from 0; `end_offset` is exclusive. A
 * null text has no chunks. Callable by users and services. Errors: 22023 (unknown unit, format or encoding; size and
 * overlap that do not fit).
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
 * Leases up to `max_rows` chunks without an embedding to a worker, oldest first, and returns them.
 *
 * Chunks of all users are returned, except blank ones. No other worker gets a chunk until its lease expires (at most 30
 * days). The call waits for no lock. Callable by services. Errors: 55000 (embeddings are not enabled), 22023 (invalid
 * argument).
 */
export const chunksToEmbed = rows(
    'chunks_to_embed',
    { maxRows: integer, lease: optional(interval) },
    { chunkId: uuid, content: text },
);

/**
 * Claims up to `max_documents` documents without a text for a worker, oldest first, and leases them for `lease`.
 *
 * Documents of all users are claimed; they become `processing`. No other worker gets a document until its lease
 * expires. Documents locked by other workers are skipped; the call never waits. Callable by services. Errors: 22023
 * (invalid argument).
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
 * Claims up to `max_requests` pending requests for a worker and leases them for `lease`.
 *
 * Order: highest priority first, then oldest `run_at`. With several `agent_types`, requests of one priority come type
 * by type, starting with the type that has the oldest. Rows locked by other workers are skipped; the call never waits.
 * A request whose lease expires is requeued and counts as one attempt; after `max_attempts` it has failed.
 * heartbeat_request() extends a lease. Callable by services. Errors: 22023 (invalid argument).
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
 * Completes a request: stores its results, ends its lease, releases its reservation and records an event of type
 * agent_request, in one transaction.
 *
 * Limits and a requested cancellation do not refuse it: the work is done. Without `cost`, the cost is computed from
 * model and tokens. A retry with the arguments of the first call returns its event with `duplicate` = true. Callable by
 * services. Errors: 22023 (invalid amount), PT404 (no such request), PT409 (lease lost, or completed with other
 * arguments).
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
 * Records a usage event if hard limits allow it, exactly under concurrency.
 *
 * Held amounts are not available. Arguments, results and callers as for record_usage(). Errors: PT402 (beyond a hard
 * limit; used, held, limit and resets_at in DETAIL), and those of record_usage().
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
 * Returns the number of tokens of a text, in the encoding cl100k (GPT-4, text-embedding-3) or o200k (GPT-4o and later).
 *
 * Special tokens are counted as text. Callable by users and services. Errors: 22023 (unknown encoding).
 */
export const countTokens = value('count_tokens', { content: text, encoding: optional(text) }, integer);

/**
 * Creates a request of the caller and returns its id.
 *
 * It runs at `run_at` or later, higher priority first. End users may set priorities from -100 to 0 and up to 3
 * attempts; other values are clamped. Until it is finished, it reserves one agent_request and `reserve_tokens` of hard
 * limits. A retry with the idempotency key returns the id of the first request. Callable by users and services. Errors:
 * 22023 (invalid argument), 28000 (no user is set), 54000 (content larger than 4 MiB), PT402 (hard limit reached),
 * PT404 (no such session), PT409 (key used with other arguments).
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

/**
 * Creates a session of the caller and returns its id.
 *
 * Callable by users and services. Errors: 22023 (title is blank, or context_state is no JSON object), 28000 (no user is
 * set), 54000 (title or state too large).
 */
export const createSession = value(
    'create_session',
    { title: optional(nullable(text)), contextState: optional(jsonb) },
    uuid,
);

/**
 * Creates a user's profile and returns the user id.
 *
 * An existing profile stays unchanged. Callable by services. Errors: 22023 (user_id is null, unknown plan).
 */
export const createUser = value(
    'create_user',
    { userId: optional(uuid), name: optional(nullable(text)), planType: optional(text) },
    uuid,
);

/**
 * Creates views of the six tables in a schema, under the tables' names, so that existing queries of an application keep
 * working.
 *
 * The views show and accept the rows that the caller may see and write (security_invoker). Roles of grant_user() and
 * grant_service() may use them. Callable by superusers. Errors: 22023 (no such schema, or carrel's own), 55000 (the
 * schema has one of the names already).
 */
export const createViews = nothing('create_views', { targetSchema: optional(text) });

/**
 * Returns the caller's usage in the current periods: one row for each limit of their plan, and one for each unlimited
 * measure that was used.
 *
 * Unlimited usage is counted in the billing period. A row for agent requests is always present. `remaining` excludes
 * held amounts. Callable by the user, and by services for any user. Errors: PT404 (no such user).
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
 * Returns the user of the transaction: the user of its verified token, or else of its JWT claims.
 *
 * Null if there is no user. Callable by users, services and operators. Errors: 28000 (malformed claims).
 */
export const currentUserId = value('current_user_id', {}, nullable(uuid));

/**
 * Returns the language of documents for which none is given: the setting carrel.language.
 *
 * The default of documents.language. Callable by users and services.
 */
export const defaultLanguage = value('default_language', {}, text);

/**
 * Deletes a user with all rows, and returns the storage paths of their documents.
 *
 * The caller erases the files; they stay in files_to_erase() until erased_files() confirms them. A path that a document
 * of another user has too is left out. Usage is archived under a pseudonym, which operators can resolve for
 * `carrel.archive_resolvable_for`; then it is deleted. With `archive_usage` it is kept permanently, without a link to
 * the user. Callable by services. Errors: 22023 (user_id is null), PT404 (no such user), 55000 (triggers that delete
 * and archive are disabled).
 */
export const deleteUser = rows('delete_user', { userId: uuid, archiveUsage: optional(boolean) }, { storagePath: text });

/**
 * Checks the database against this version of carrel: one row a check, with the problems found in `detail`.
 *
 * carrel.migrate() repairs most of them; each line of `detail` names the remedy where there is one. Read-only. Callable
 * by operators.
 */
export const doctor = rows('doctor', {}, { checkName: text, ok: boolean, detail: nullable(text) });

/**
 * Adds a column for embeddings of `dimensions` numbers (1 to 4000) to the chunks, and a vector index.
 *
 * Above 2000 dimensions, embeddings are stored in half precision. If embeddings are enabled with these dimensions,
 * restores a missing constraint or index. Requires pgvector 0.8 or newer. Callable by superusers. Errors: 22023
 * (dimensions out of range), 55000 (pgvector missing or too old, other dimensions or another column "embedding" in
 * place).
 */
export const enableEmbeddings = nothing('enable_embeddings', { dimensions: integer });

/**
 * Confirms that files of deleted users are erased, and removes them from files_to_erase.
 *
 * Returns the number of files removed; unknown paths are ignored. Callable by services. Errors: 22023 (null).
 */
export const erasedFiles = value('erased_files', { storagePaths: texts }, integer);

/**
 * Returns a user's rows, without those derived from them, as JSON.
 *
 * Search vectors are left out: they hold nothing that the text does not. Callable by services. Errors: 22023 (user_id
 * is null), PT404 (no such user).
 */
export const exportUser = rows('export_user', { userId: uuid }, { tableName: text, rowData: jsonb });

/**
 * Marks a claimed document as failed, because its text cannot be extracted.
 *
 * Ends the lease; `reason` becomes processing_error. A repeated call with the same reason does nothing. Callable by
 * services. Errors: PT409 (lease lost, or the document has a text), PT404 (no such document), 22023 (null argument).
 */
export const failDocument = nothing('fail_document', { documentId: uuid, leaseToken: uuid, reason: text });

/**
 * Ends an attempt that failed, and records its usage.
 *
 * The next attempt starts `retry_after` from now. By default the delay doubles with each attempt, plus up to half of it
 * at random. After the last attempt the request has failed. If cancellation was requested, it is cancelled. Returns the
 * status and the time of the next attempt. A retry with the arguments of the first call returns the first result.
 * Callable by services. Errors: 22023 (invalid argument), PT404 (no such request), PT409 (lease lost, or ended with
 * other arguments).
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
 * Returns up to `max_files` files of deleted users that are to be erased, oldest deletion first.
 *
 * A file stays listed until erased_files() confirms it. A file that is the storage_path of a document is not listed
 * while the document exists. Callable by services. Errors: 22023 (max_files below 0 or null).
 */
export const filesToErase = rows(
    'files_to_erase',
    { maxFiles: optional(integer) },
    { storagePath: text, pseudonym: uuid, deletedAt: timestamptz },
);

/**
 * Follows a table of users: each of its users gets a profile, by a foreign key and triggers.
 *
 * From then on, the table's owner creates and deletes users. Callable by superusers. Errors: 22023 (no ordinary table
 * with a unique column id of type uuid).
 */
export const followAuthUsers = nothing('follow_auth_users', { usersTable: regclass });

/**
 * Creates a session of the caller as a copy of another, and returns its id.
 *
 * Copies title, current state and finished requests, all or up to and including `up_to_request`. Copied requests have
 * no cost and reserve nothing. Callable by users and services. Errors: 28000 (no user is set), PT404 (no such session,
 * or the request is not in it).
 */
export const forkSession = value('fork_session', { sessionId: uuid, upToRequest: optional(nullable(uuid)) }, uuid);

/**
 * Grants a role the right to administer plans, limits, prices and keys, to grant users and services, and to monitor the
 * database.
 *
 * The role may also add foreign keys to carrel's tables. An operator never sees texts of users. Callable by superusers.
 * Errors: 22023 (no such role, PUBLIC or carrel_owner).
 */
export const grantOperator = nothing('grant_operator', { role: name });

/**
 * Grants a role the rights of an application's trusted workers and billing jobs.
 *
 * Callable by operators. Errors: 22023 (no such role, PUBLIC or carrel_owner), 42501 (role that the caller is or can
 * become, or that can become the caller).
 */
export const grantService = nothing('grant_service', { role: name });

/**
 * Grants a role the rights of an application's end users: their own rows, under row-level security.
 *
 * With `self_metering`, the role may also record its own usage. Callable by operators. Errors: 22023 (no such role,
 * PUBLIC or carrel_owner), 42501 (role that the caller is or can become, or that can become the caller).
 */
export const grantUser = nothing('grant_user', { role: name, selfMetering: optional(boolean) });

/**
 * Extends the lease of a request to `extend` from now, and reports progress.
 *
 * Progress, 0 to 1, never decreases. Returns the end of the lease and `cancel_requested`: if true, the worker should
 * stop and call fail_request() with its usage. Callable by services. Errors: 22023 (invalid argument), PT404 (no such
 * request), PT409 (lease lost).
 */
export const heartbeatRequest = row(
    'heartbeat_request',
    { requestId: uuid, leaseToken: uuid, progress: optional(nullable(real)), extend: optional(interval) },
    { leaseExpiresAt: timestamptz, cancelRequested: boolean },
);

/**
 * Imports the tables of an existing application, those of the six that the schema has: ids, timestamps and chunks stay
 * as they are.
 *
 * Creates missing profiles and rebuilds counters. Returns one row for each table with its number of rows, and one for
 * each problem with the number of rows that have it. With `dry_run`, the default, nothing is changed. During an import,
 * recording usage waits. Callable by superusers. Errors: 22023 (no such schema, or no table to import), 23514 (rows
 * that cannot be imported), 55000 (in a REPEATABLE READ or SERIALIZABLE transaction, unless dry_run).
 */
export const importFrom = rows(
    'import_from',
    { sourceSchema: text, dryRun: optional(boolean) },
    { tableName: text, rowCount: bigint, problem: nullable(text) },
);

/**
 * Adds the keys of a JWKS to carrel.jwt_keys for an issuer and an audience.
 *
 * An empty audience is for tokens without one. A key with the same kid is replaced. Other keys stay, unless
 * remove_missing is true.
 *
 * Returns a row for each key: its kid, its algorithm, and the outcome (added, replaced, unchanged, skipped or removed).
 * detail is the reason why a key was skipped.
 *
 * Callable by operators. Errors: 22023 (invalid JWKS, or no key of a supported kind).
 */
export const importJwks = rows(
    'import_jwks',
    { jwks: jsonb, issuer: text, audience: optional(text), removeMissing: optional(boolean) },
    { keyId: text, algorithm: nullable(text), outcome: text, detail: nullable(text) },
);

/**
 * Tells if the current role is an operator.
 *
 * Policies of plans, limits, prices and keys call it. Callable by every granted role.
 */
export const isOperator = value('is_operator', {}, boolean);

/**
 * Returns up to `max_users` users with plan and usage, in the order of their ids.
 *
 * Continues after the user `after_user`. Callable by operators and services. Errors: 22023 (max_users not from 1 to
 * 10000).
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
 * Creates sample users, each with Markdown documents, a session, requests in every state but processing, and a month of
 * usage; returns their ids and names.
 *
 * Deterministic: ids and texts are equal each time, and existing rows stay unchanged. Callable by services. Errors:
 * 22023 (count out of range), 55000 (there are other users and beside_others is false, or profiles follow a table that
 * does not have the sample's users).
 */
export const loadSampleData = rows(
    'load_sample_data',
    { users: optional(integer), documentsPerUser: optional(integer), besideOthers: optional(boolean) },
    { userId: uuid, name: text },
);

/**
 * Creates missing tables, columns, constraints and indexes, and applies policies, triggers, defaults, privileges and
 * comments again.
 *
 * Idempotent; runs in the caller's transaction; never drops objects that a user added. Callable by superusers. Errors:
 * 42501 (schema, table or role of carrel's has an untrusted owner or member), 55000 (versions of library, extension and
 * tables differ, or a column was renamed or has another type).
 */
export const migrate = nothing('migrate', {});

/**
 * Returns the time at which the next request can be claimed; null: none is known.
 *
 * A time in the past means now. Considers the positions at which claims of this session resume: if they do not scan
 * from the head, returns the time of the next full scan at the latest. An expired lease counts from the session's next
 * scan of leases. Callable by services.
 */
export const nextWakeup = value('next_wakeup', { agentTypes: optional(nullable(texts)) }, nullable(timestamptz));

/**
 * Applies a JSON merge patch (RFC 7396) to the state of the caller's session, and returns version and state.
 *
 * Members of the patch replace members of the state, recursively for objects; null removes a member. Each change
 * increments the version. With `expected_version`, fails if the session has another version. Callable by users and
 * services. Errors: 22023 (patch is no object, or nested deeper than 256), 28000 (no user is set), 54000 (state larger
 * than 4 MiB), PT404 (no such session), PT409 (version differs).
 */
export const patchSessionState = row(
    'patch_session_state',
    { sessionId: uuid, patch: jsonb, expectedVersion: optional(nullable(bigint)) },
    { version: bigint, contextState: jsonb },
);

/**
 * Creates the role carrel_owner if it is missing.
 *
 * CREATE EXTENSION calls it during a restore, before the dump creates the tables and names their owner. Callable by
 * superusers. Errors: 42501 (carrel_owner has members or more rights than it should).
 */
export const prepareOwner = nothing('prepare_owner', {});

/**
 * Returns the price of tokens of a model at a time, rounded to 10 decimals; null if a price is missing.
 *
 * `tokens` has the fields input, output, cached_input and reasoning, each token in one of them, or is a provider's
 * usage report. Without prices of their own, cached_input has the price of input, and reasoning the price of output.
 * Callable by users, services and operators. Errors: 22023 (report whose token types overlap or are unknown).
 */
export const priceUsage = value(
    'price_usage',
    { model: text, tokens: jsonb, at: optional(timestamptz) },
    nullable(numeric),
);

/**
 * Processes up to `max_documents` pending documents of all users, oldest first. Returns their number.
 *
 * With fewer pending ones, it renews documents whose words an older version of carrel analyzed, and counts these as
 * well. Documents locked by other workers are skipped. A document that cannot be processed becomes `failed`; one that
 * cannot be renewed keeps what was analyzed. Callable by services. Errors: 22023 (invalid argument, or settings that
 * contradict each other).
 */
export const processDocuments = value('process_documents', { maxDocuments: optional(integer) }, integer);

/**
 * Deletes the user ids of deleted users' pseudonyms, and archived usage that is not kept permanently, once
 * `carrel.archive_resolvable_for` has passed since the deletion.
 *
 * Returns the number of changed and deleted rows. Each deletion of a user does this too; schedule the function for
 * times without deletions. Callable by services.
 */
export const purgePseudonyms = value('purge_pseudonyms', {}, bigint);

/**
 * Deletes up to `max_rows` requests that finished longer ago than `older_than`, oldest first, and returns their number.
 *
 * Requests and sessions locked by others are skipped. Usage that the requests recorded stays. Callable by services.
 * Errors: 22023 (negative or null argument).
 */
export const purgeRequests = value(
    'purge_requests',
    { olderThan: optional(interval), maxRows: optional(integer) },
    bigint,
);

/**
 * Computes totals and counters of all users again from the events. Returns the number of totals.
 *
 * Deletes all shares of hard limits: they are allocated again when the limits are next debited. Recording usage waits
 * meanwhile. Callable by superusers.
 */
export const rebuildUsage = value('rebuild_usage', {}, bigint);

/**
 * Cuts a document into chunks again. Returns the number of chunks.
 *
 * Null arguments stand for the settings and for the format of the file type. Unchanged chunks keep their rows. The next
 * change of the text uses the settings again. Callable by the user, and by services for any document. Errors: PT404 (no
 * such document), 55000 (the document has no text), 22023 (invalid argument).
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
 * Records a usage event, even beyond a hard limit. Returns its id and the status of its tightest limit.
 *
 * A repeated idempotency key returns the first event with duplicate = true. Without `cost`, the cost is computed from
 * `model` and `token_types`. The last four columns are null without a limit. Callable by services for the user they act
 * as or name, and by users with self-metering. Errors: PT409 (key used with other arguments), PT422 (time outside of
 * the window), 22023 (bad argument), P0002 (no profile).
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
 * Records many usage events: an array of objects whose fields are the arguments of record_usage().
 *
 * Returns one row for each event, in order. If one event fails, none is recorded. Callers as for record_usage().
 * Errors: those of record_usage(), 22023 (not an array of objects, unknown field).
 */
export const recordUsageBatch = rows('record_usage_batch', { events: jsonb }, { eventId: uuid, duplicate: boolean });

/**
 * Releases a reservation of work that was not done. Returns true; false if it was released before.
 *
 * Callable by services. Errors: PT404 (no such reservation), PT409 (settled).
 */
export const releaseUsage = value('release_usage', { reservation: uuid }, boolean);

/**
 * Reserves one event with tokens and cost from hard limits for `ttl`. Returns the id of the reservation.
 *
 * settle_usage() or release_usage() ends it; after `ttl` it holds nothing. A repeated idempotency key returns the first
 * reservation. Callable by services. Errors: PT402 (beyond a hard limit), PT409 (key used with other arguments), 22023
 * (bad argument), P0002 (no profile).
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
 * Requeues a failed or cancelled request with all its attempts, and returns its status.
 *
 * It reserves its share of hard limits again. A pending request stays unchanged. Callable by users for their own
 * requests and by services for any. Errors: PT402 (hard limit reached), PT404 (no such request), PT409 (processing or
 * completed).
 */
export const retryRequest = value('retry_request', { requestId: uuid }, text);

/**
 * Revokes the rights that grant_operator() granted.
 *
 * Also works for a role that was dropped or renamed. Callable by superusers. Errors: 22023 (no such role, PUBLIC).
 */
export const revokeOperator = nothing('revoke_operator', { role: name });

/**
 * Revokes the rights that grant_service() granted.
 *
 * Also works for a role that was dropped or renamed. Callable by operators. Errors: 22023 (no such role, PUBLIC).
 */
export const revokeService = nothing('revoke_service', { role: name });

/**
 * Revokes the rights that grant_user() granted.
 *
 * Also works for a role that was dropped or renamed. Callable by operators. Errors: 22023 (no such role, PUBLIC).
 */
export const revokeUser = nothing('revoke_user', { role: name });

/**
 * Returns the chunks of the caller's documents that match a query best, best first.
 *
 * Query: words are optional, and rare words count more. In a query of up to ten words, "quoted phrases" are required,
 * -word is excluded, and conf* matches words that begin with conf; longer queries are prose, and so is every query
 * without `operators`. A word that occurs in none of the caller's texts is taken for the nearest word that does:
 * `meant` has both, as {"typed": "meant"}. If none is near, words that share most of its letters are found. A query
 * without words and embedding has no results.
 *
 * `matched` is `all` or `some` (words), `similar` (a word that was meant, or like one), or `embedding`. `snippet`
 * highlights words with <mark>. `context_chunks` extends `content` and its offsets by that number of chunks before and
 * after. `total` is the number of matches on all pages, `total_is_exact` false if there may be more.
 *
 * Filters: a document matches `metadata` if its metadata contains it, and not `exclude_metadata` if it contains that;
 * `created_before` is exclusive. With `recency`, new documents rank higher: a document of that age has lost half of the
 * boost, which doubles the score at most.
 *
 * With `query_embedding`, chunks with near embeddings match as well. The score is then a weighted sum: BM25, where 1 is
 * the best of the query, and the cosine, where 0 is that of the average chunk.
 *
 * Callable by users, and by services that act as a user. Errors: 28000 (no identity), 22023 (invalid argument, not an
 * embedding), 55000 (embeddings are not enabled).
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
        excludeMetadata: optional(nullable(jsonb)),
        operators: optional(boolean),
        recency: optional(nullable(interval)),
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
        meant: nullable(jsonb),
        total: integer,
        totalIsExact: boolean,
    },
);

/**
 * Returns the caller's documents that match a query best, best first.
 *
 * A document ranks by its best chunk, which `snippet` is from; `matched_chunks` is the number of its chunks that have a
 * word of the query. Required phrases may be in different chunks, or begin in one and end in the next. Arguments,
 * further columns, callers and errors as for search_chunks().
 */
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
        documentIds: optional(nullable(uuids)),
        queryEmbedding: optional(nullable(text)),
        excludeMetadata: optional(nullable(jsonb)),
        operators: optional(boolean),
        recency: optional(nullable(interval)),
    },
    {
        documentId: uuid,
        filename: text,
        score: real,
        snippet: text,
        matchedChunks: integer,
        matched: text,
        meant: nullable(jsonb),
        total: integer,
        totalIsExact: boolean,
    },
);

/**
 * Returns the latest requests of the caller's session with their results, oldest first.
 *
 * At most `max_requests` requests, with at most `max_tokens` tokens of content and results together, counted in
 * `encoding`. Callable by users and services. Errors: 22023 (invalid argument), 28000 (no user is set), PT404 (no such
 * session).
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
 * Stores the text of a claimed document and processes it. Returns its status and number of chunks.
 *
 * Ends the lease. A repeated call with the same text returns the same row. Callable by services. Errors: PT409 (lease
 * lost, or the document has another text), PT404 (no such document), PT402 (beyond a hard limit), 22023 (null
 * argument).
 */
export const setDocumentText = row(
    'set_document_text',
    { documentId: uuid, leaseToken: uuid, contentText: text },
    { processingStatus: oneOf('pending', 'processing', 'completed', 'failed'), chunks: bigint },
);

/**
 * Stores embeddings of chunks, and returns the number of stored ones.
 *
 * `embeddings` is an array of {"chunk_id": …, "embedding": […]}, or an object of embeddings by chunk_id. Chunks that
 * are gone or locked by another transaction are skipped, and chunks whose content has changed since they were leased.
 * Callable by services. Errors: 22023 (not an embedding), 55000 (embeddings are not enabled).
 */
export const setEmbeddings = value('set_embeddings', { embeddings: jsonb }, integer);

/**
 * Puts a user on a plan. Its limits apply at once; recorded usage stays.
 *
 * The other arguments set the profile's columns of the same names, unless they are null. Callable by operators and
 * services. Errors: PT404 (no such user), 22023 (unknown plan, status or time zone).
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
 * Settles a reservation: records the usage event of the work, even beyond a hard limit, and ends the reservation.
 *
 * `overage` is true if the work used more than was reserved. A repeated call with the same arguments returns the same
 * event with duplicate = true. The last four columns are as in record_usage(). Callable by services. Errors: PT404 (no
 * such reservation), PT409 (released, or settled with other arguments), 22023 (bad argument).
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
 * Returns the caller's documents that have most of the words that a document has, best first.
 *
 * The document itself is left out. `score` is as in search_documents(); the filters as well. Callable by users, and by
 * services that act as a user. Errors: 28000 (no identity), PT404 (no such document), 22023 (invalid argument).
 */
export const similarDocuments = rows(
    'similar_documents',
    {
        documentId: uuid,
        maxResults: optional(integer),
        resultOffset: optional(integer),
        fileTypes: optional(nullable(texts)),
        metadata: optional(nullable(jsonb)),
        createdAfter: optional(nullable(timestamptz)),
        createdBefore: optional(nullable(timestamptz)),
        documentIds: optional(nullable(uuids)),
        excludeMetadata: optional(nullable(jsonb)),
    },
    { documentId: uuid, filename: text, score: real, snippet: text, matchedChunks: integer },
);

/**
 * Returns metrics of the database: rows by table and status, age of the oldest waiting work, expired leases, sizes,
 * dead rows, indexes, and the oldest transaction.
 *
 * Ages are in seconds, sizes in bytes; null: nothing waits. Row counts of large tables are estimates, marked in
 * `detail`. Callable by operators and services.
 */
export const stats = rows('stats', {}, { name: text, value: nullable(numeric), detail: nullable(text) });

/**
 * Returns the words of the caller's texts and file names that begin with a text, those in most texts first.
 *
 * The last word of `prefix` is completed; words before it are left out. `texts` is the number of chunks and file names
 * with the word. Words are in lower case. Words of one letter, and words that the language leaves out of search
 * (`the`), are no suggestions. Callable by users, and by services that act as a user. Errors: 28000 (no identity),
 * 22023 (max_results is null or negative).
 */
export const suggest = rows('suggest', { prefix: text, maxResults: optional(integer) }, { word: text, texts: bigint });

/**
 * Returns usage between two times, by bucket and group.
 *
 * Buckets: `day`, `week` and `month` of the user's calendar, `period` (billing period) or `all`. Groups: any of
 * `event_type`, `model` and, for services, `user`; other columns are null. Callable by users for their own usage, and
 * by services for a user that they name or act as, else for all users. Errors: 22023 (unknown bucket or group, end
 * before start), 42501 (group `user` by another caller), PT404 (no such user).
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

/**
 * Returns a new UUID of version 7 (RFC 9562): milliseconds since 1970, then 74 random bits. Callable by users, services
 * and operators.
 */
export const uuidV7 = value('uuid_v7', {}, uuid);

/**
 * Returns differences between the usage events and the data derived from them; no row: all agree.
 *
 * Compares totals, allowances, counters and settled reservations, of a user or of all users. Callable by services.
 */
export const verifyUsage = rows(
    'verify_usage',
    { userId: optional(nullable(uuid)) },
    { userId: uuid, what: text, expected: numeric, found: numeric },
);

/** Returns the version of the loaded library. Callable by users, services and operators. */
export const version = value('version', {}, text);

/**
 * Voids a usage event: records a row of negated amounts that counts -1 in the event's period. Returns its id.
 *
 * The event itself stays. A repeated call with the same reason returns the first void. Callable by services. Errors:
 * PT404 (no such event), PT409 (voided for another reason, or a void itself), 22023 (empty reason or key).
 */
export const voidUsage = value(
    'void_usage',
    { eventId: uuid, reason: text, idempotencyKey: optional(nullable(text)) },
    uuid,
);
