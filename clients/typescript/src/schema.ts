// Generated from the database by `npm run generate`: the tables of carrel whose rows belong to users.
import { relations, sql } from 'drizzle-orm';
import {
    bigint,
    boolean,
    check,
    foreignKey,
    index,
    integer,
    jsonb,
    pgPolicy,
    pgSchema,
    real,
    text,
    timestamp,
    unique,
    uniqueIndex,
    uuid,
} from 'drizzle-orm/pg-core';
import { bytea, numeric, tsvector } from './columns.ts';

export const carrel = pgSchema('carrel');

/** Plans that users can be on. Operators edit them. */
const plans = carrel.table('plans', {
    /** Name of the plan. */
    planType: text('plan_type').primaryKey(),
});

/** Users: one row each. All rows of a user depend on it. */
export const userProfiles = carrel.table('user_profiles', {
    /** Primary key (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** User id: the identity claim of the caller's token. */
    userId: uuid('user_id').notNull(),
    /** Display name. The only column that end users may change. */
    name: text(),
    /** Plan of the user. */
    planType: text('plan_type').notNull().default('free'),
    /** Number of agent requests in the billing period from usage_period_start. */
    usageCount: integer('usage_count').notNull().default(0),
    /** Start of the billing period of usage_count. */
    usagePeriodStart: timestamp('usage_period_start', { withTimezone: true }).notNull().defaultNow(),
    /** active, cancelled or expired. Read by the application only. */
    subscriptionStatus: text('subscription_status', { enum: ['active', 'cancelled', 'expired'] })
        .notNull()
        .default('active'),
    /** Start of the first monthly billing period. */
    billingAnchor: timestamp('billing_anchor', { withTimezone: true }).notNull().defaultNow(),
    /** IANA time zone of billing periods and days. */
    billingTimezone: text('billing_timezone').notNull().default('UTC'),
    /** Time of the insert. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** Time of the last update. */
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
}, (table) => [
    check('user_profiles_billing_anchor_check', sql`isfinite(billing_anchor)`),
    check(
        'user_profiles_subscription_status_check',
        sql`subscription_status = ANY (ARRAY['active'::text, 'cancelled'::text, 'expired'::text])`,
    ),
    check('user_profiles_usage_count_check', sql`usage_count >= 0`),
    check('user_profiles_usage_period_start_check', sql`isfinite(usage_period_start)`),
    foreignKey({
        name: 'user_profiles_plan_type_fkey',
        columns: [table.planType],
        foreignColumns: [plans.planType],
    }),
    unique('user_profiles_user_id_key').on(table.userId),
    index('user_profiles_plan_type_idx').on(table.planType),
    pgPolicy('user_profiles_select_own', { for: 'select', using: sql`user_id = carrel.current_user_id()` }),
    pgPolicy('user_profiles_update_own', {
        for: 'update',
        using: sql`user_id = carrel.current_user_id()`,
        withCheck: sql`user_id = carrel.current_user_id()`,
    }),
]);

/** Documents of users: texts, and the results of processing them. */
export const documents = carrel.table('documents', {
    /** Primary key (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** Owner of the document. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** Name of the file. Search finds it, and ranks it above the text. */
    filename: text().notNull(),
    /** MIME type. It decides the chunking format; if null, the extension of filename does. */
    fileType: text('file_type'),
    /** Size in bytes; that of content_text if not given. */
    fileSize: bigint('file_size', { mode: 'bigint' }),
    /** pending, processing, completed or failed. */
    processingStatus: text('processing_status', { enum: ['pending', 'processing', 'completed', 'failed'] })
        .notNull()
        .default('pending'),
    /** Reason of the failure. */
    processingError: text('processing_error'),
    /** Text of the document; null until it is known. */
    contentText: text('content_text'),
    /** File name (weight A), headings (B) and text (D), as tsvector, assembled from the chunks. */
    searchVector: tsvector('search_vector'),
    /** Number of words in all chunks; null if the text is not processed. */
    words: bigint({ mode: 'bigint' }),
    /** Location of the original file, outside of the database. */
    storagePath: text('storage_path'),
    /**
     * Text search configuration that parses the text. Null and auto detect it; by default it is that of
     * carrel.language.
     */
    language: text().notNull().default(sql`carrel.default_language()`),
    /** True if the language is detected again whenever the text changes. */
    detectsLanguage: boolean('detects_language').notNull().default(sql`false`),
    /** Data of the application. */
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    /** Time of the insert. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** Time of the last update. */
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
}, (table) => [
    check('documents_file_size_check', sql`file_size >= 0`),
    check(
        'documents_processing_status_check',
        sql`processing_status = ANY (ARRAY['pending'::text, 'processing'::text, 'completed'::text, 'failed'::text])`,
    ),
    check('documents_words_check', sql`words >= 0`),
    foreignKey({
        name: 'documents_user_id_fkey',
        columns: [table.userId],
        foreignColumns: [userProfiles.userId],
    }).onDelete('cascade'),
    unique('documents_user_id_id_key').on(table.userId, table.id),
    index('documents_filename_keys_idx').using(
        'gin',
        sql`carrel.search_keys(user_id, language, ts_filter(search_vector, '{a}'::"char"[]))`,
    ).with({ fastupdate: 'off' }),
    index('documents_pending_idx').on(table.createdAt, table.id)
        .where(sql`(processing_status = 'pending'::text) AND (content_text IS NOT NULL)`),
    index('documents_storage_path_idx').using('hash', table.storagePath)
        .where(sql`storage_path IS NOT NULL`),
    index('documents_user_id_created_at_idx').on(table.userId, table.createdAt),
    index('documents_without_text_idx').on(table.createdAt, table.id)
        .where(sql`(content_text IS NULL) AND ((processing_status = 'pending'::text) OR (processing_status = 'processing'::text))`),
    pgPolicy('documents_delete_own', { for: 'delete', using: sql`user_id = carrel.current_user_id()` }),
    pgPolicy('documents_insert_own', {
        for: 'insert',
        withCheck: sql`(user_id = carrel.current_user_id()) AND ((content_text IS NOT NULL) OR ((processing_status = 'pending'::text) AND (processing_error IS NULL)))`,
    }),
    pgPolicy('documents_select_own', { for: 'select', using: sql`user_id = carrel.current_user_id()` }),
    pgPolicy('documents_update_own', {
        for: 'update',
        using: sql`user_id = carrel.current_user_id()`,
        withCheck: sql`user_id = carrel.current_user_id()`,
    }),
]);

/** Chunks of documents: the passages that search returns. */
export const documentChunks = carrel.table('document_chunks', {
    /** Primary key (UUIDv7). Stays while the content and headings of the chunk stay. */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** Owner of the document. Taken from the document if not given. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** Document of the chunk. */
    documentId: uuid('document_id').notNull(),
    /** Position in the document, from 0. */
    chunkIndex: integer('chunk_index').notNull(),
    /** Text of the chunk. */
    content: text().notNull(),
    /** Innermost heading above the chunk. */
    sectionTitle: text('section_title'),
    /** All headings above the chunk, outermost first. */
    headingPath: text('heading_path').array().notNull().default(sql`'{}'::text[]`),
    /** Start in content_text, in characters from 0. */
    startOffset: integer('start_offset'),
    /** End in content_text, in characters (exclusive). */
    endOffset: integer('end_offset'),
    /** Size in the unit that the document was cut by; in characters if a client wrote the chunk. */
    size: integer(),
    /** SHA-256 of the content: sha256(convert_to(content, 'UTF8')). */
    contentHash: bytea('content_hash'),
    /** Headings (weight B) and content (D), as tsvector. */
    searchVector: tsvector('search_vector'),
    /** Text search configuration that search_vector was parsed with: the language of the document at that time. */
    language: text(),
    /** Length of search_vector: the number of positions that have a lexeme. */
    words: integer(),
    /** Number of leading words of content that are the title of a text without headings. Stop words are counted. */
    titleWords: integer('title_words'),
    /** Version of the analyzer that made search_vector. process_documents() renews vectors of older ones. */
    analyzerVersion: integer('analyzer_version'),
    /** Time of the insert. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
}, (table) => [
    check('document_chunks_chunk_index_check', sql`chunk_index >= 0`),
    check('document_chunks_heading_path_check', sql`array_position(heading_path, NULL::text) IS NULL`),
    check('document_chunks_offsets_check', sql`(start_offset >= 0) AND (end_offset >= start_offset)`),
    check('document_chunks_size_check', sql`size >= 0`),
    check('document_chunks_words_check', sql`(words >= 0) AND (title_words >= 0)`),
    foreignKey({
        name: 'document_chunks_document_id_fkey',
        columns: [table.userId, table.documentId],
        foreignColumns: [documents.userId, documents.id],
    }).onDelete('cascade'),
    unique('document_chunks_user_id_document_id_chunk_index_key').on(table.userId, table.documentId, table.chunkIndex),
    index('document_chunks_outdated_idx').on(table.documentId)
        .where(sql`(analyzer_version IS DISTINCT FROM 1) AND (search_vector IS NOT NULL)`),
    pgPolicy('document_chunks_delete_own', { for: 'delete', using: sql`user_id = carrel.current_user_id()` }),
    pgPolicy('document_chunks_insert_own', { for: 'insert', withCheck: sql`user_id = carrel.current_user_id()` }),
    pgPolicy('document_chunks_insert_underived', {
        as: 'restrictive',
        for: 'insert',
        withCheck: sql`EXISTS ( SELECT
   FROM carrel.documents
  WHERE ((documents.user_id = document_chunks.user_id) AND (documents.id = document_chunks.document_id) AND (documents.content_text IS NULL)))`,
    }),
    pgPolicy('document_chunks_select_own', { for: 'select', using: sql`user_id = carrel.current_user_id()` }),
    pgPolicy('document_chunks_update_own', {
        for: 'update',
        using: sql`user_id = carrel.current_user_id()`,
        withCheck: sql`user_id = carrel.current_user_id()`,
    }),
]);

/** Conversations of users with agents: requests in order, and shared state. */
export const agentSessions = carrel.table('agent_sessions', {
    /** Primary key (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** Owner of the session. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** Title of the session. */
    title: text(),
    /** Ids of the session's requests in order; maintained by triggers. */
    requestChain: jsonb('request_chain').$type<string[]>().notNull().default([]),
    /** State shared by the agents and the application. */
    contextState: jsonb('context_state').$type<Record<string, unknown>>().notNull().default({}),
    /** Number of changes of context_state. */
    version: bigint({ mode: 'bigint' }).notNull().default(sql`0`),
    /** Time of the insert. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** Time of the last update. */
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
}, (table) => [
    check('agent_sessions_request_chain_check', sql`jsonb_typeof(request_chain) = 'array'::text`),
    check('agent_sessions_version_check', sql`version >= 0`),
    foreignKey({
        name: 'agent_sessions_user_id_fkey',
        columns: [table.userId],
        foreignColumns: [userProfiles.userId],
    }).onDelete('cascade'),
    unique('agent_sessions_user_id_id_key').on(table.userId, table.id),
    pgPolicy('agent_sessions_delete_own', { for: 'delete', using: sql`user_id = carrel.current_user_id()` }),
    pgPolicy('agent_sessions_insert_own', {
        for: 'insert',
        withCheck: sql`(user_id = carrel.current_user_id()) AND (request_chain = '[]'::jsonb) AND (version = 0)`,
    }),
    pgPolicy('agent_sessions_select_own', { for: 'select', using: sql`user_id = carrel.current_user_id()` }),
    pgPolicy('agent_sessions_update_own', {
        for: 'update',
        using: sql`user_id = carrel.current_user_id()`,
        withCheck: sql`user_id = carrel.current_user_id()`,
    }),
]);

/** Requests of users to agents, from creation to completion. */
export const agentRequests = carrel.table('agent_requests', {
    /** Primary key (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** Owner of the request. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** Session of the request; null: none. */
    sessionId: uuid('session_id'),
    /** Type of the agent. */
    agentType: text('agent_type').notNull(),
    /** Prompt or task for the agent. */
    content: text().notNull(),
    /** pending, processing, completed, failed or cancelled. */
    status: text({ enum: ['pending', 'processing', 'completed', 'failed', 'cancelled'] })
        .notNull()
        .default('pending'),
    /** Progress, 0 to 1. */
    progress: real().notNull().default(0),
    /** Results of the agent. */
    results: jsonb(),
    /** Tokens used by all attempts. */
    tokenCost: bigint('token_cost', { mode: 'bigint' }).notNull().default(sql`0`),
    /** Error of the last attempt. */
    error: jsonb(),
    /** Priority, highest first. End users may set -100 to 0. */
    priority: integer().notNull().default(0),
    /** Number of attempts started. */
    attempts: integer().notNull().default(0),
    /** Maximum number of attempts. End users may set up to 3. */
    maxAttempts: integer('max_attempts').notNull().default(3),
    /** Earliest start; end users cannot set a time in the past. */
    runAt: timestamp('run_at', { withTimezone: true }).notNull().defaultNow(),
    /** Token of the last lease, which the worker's reports name; id of the event that bills the attempt. */
    leaseToken: uuid('lease_token'),
    /** End of the lease; null: no worker holds the request. */
    leaseExpiresAt: timestamp('lease_expires_at', { withTimezone: true }),
    /** Worker of the last lease. */
    leaseOwner: text('lease_owner'),
    /** Time at which cancellation was requested. */
    cancelRequestedAt: timestamp('cancel_requested_at', { withTimezone: true }),
    /** Idempotency key, unique for a user. */
    idempotencyKey: text('idempotency_key'),
    /** SHA-256 of the arguments of create_request(); null without an idempotency key. */
    payloadHash: bytea('payload_hash'),
    /** Tokens reserved from hard limits until the request is finished, beside one agent_request. */
    reserveTokens: bigint('reserve_tokens', { mode: 'bigint' }).notNull().default(sql`0`),
    /** Start of the reservation; determines the periods that it counts in. */
    reservedAt: timestamp('reserved_at', { withTimezone: true }).notNull().defaultNow(),
    /** Time of the insert. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** Start of the last attempt. */
    startedAt: timestamp('started_at', { withTimezone: true }),
    /** Time at which the request was completed, failed or cancelled. */
    completedAt: timestamp('completed_at', { withTimezone: true }),
    /** Time of the last update. */
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
}, (table) => [
    check('agent_requests_attempts_check', sql`attempts >= 0`),
    check('agent_requests_idempotency_key_check', sql`idempotency_key <> ''::text`),
    check('agent_requests_max_attempts_check', sql`max_attempts >= 1`),
    check(
        'agent_requests_progress_check',
        sql`(progress >= (0)::double precision) AND (progress <= (1)::double precision)`,
    ),
    check(
        'agent_requests_reserve_tokens_check',
        sql`(reserve_tokens >= 0) AND (reserve_tokens <= '1000000000000000'::bigint)`,
    ),
    check(
        'agent_requests_status_check',
        sql`status = ANY (ARRAY['pending'::text, 'processing'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])`,
    ),
    check('agent_requests_token_cost_check', sql`token_cost >= 0`),
    foreignKey({
        name: 'agent_requests_session_id_fkey',
        columns: [table.userId, table.sessionId],
        foreignColumns: [agentSessions.userId, agentSessions.id],
    }).onDelete('set null'),
    foreignKey({
        name: 'agent_requests_user_id_fkey',
        columns: [table.userId],
        foreignColumns: [userProfiles.userId],
    }).onDelete('cascade'),
    unique('agent_requests_user_id_id_key').on(table.userId, table.id),
    index('agent_requests_agent_type_pending_idx').on(
        table.agentType,
        table.priority.desc().nullsFirst(),
        table.runAt,
        table.id,
    ).where(sql`status = 'pending'::text`),
    index('agent_requests_completed_at_idx').on(table.completedAt).where(sql`completed_at IS NOT NULL`),
    index('agent_requests_lease_expires_at_idx').on(table.leaseExpiresAt)
        .where(sql`status = 'processing'::text`),
    index('agent_requests_pending_idx').on(table.priority.desc().nullsFirst(), table.runAt, table.id)
        .where(sql`status = 'pending'::text`),
    index('agent_requests_user_id_created_at_idx').on(table.userId, table.createdAt),
    uniqueIndex('agent_requests_user_id_idempotency_key_idx').on(table.userId, table.idempotencyKey)
        .where(sql`idempotency_key IS NOT NULL`),
    index('agent_requests_user_id_open_idx').on(table.userId)
        .where(sql`(status = 'pending'::text) OR (status = 'processing'::text)`),
    index('agent_requests_user_id_session_id_idx').on(table.userId, table.sessionId, table.id),
    pgPolicy('agent_requests_delete_own', {
        for: 'delete',
        using: sql`(user_id = carrel.current_user_id()) AND (status <> 'processing'::text)`,
    }),
    pgPolicy('agent_requests_insert_own', {
        for: 'insert',
        withCheck: sql`(user_id = carrel.current_user_id()) AND (status = 'pending'::text) AND (progress = (0)::double precision) AND (results IS NULL) AND (token_cost = 0) AND (error IS NULL) AND (attempts = 0) AND (lease_token IS NULL) AND (lease_expires_at IS NULL) AND (lease_owner IS NULL) AND (cancel_requested_at IS NULL) AND (started_at IS NULL) AND (completed_at IS NULL)`,
    }),
    pgPolicy('agent_requests_select_own', { for: 'select', using: sql`user_id = carrel.current_user_id()` }),
]);

/** Usage events: facts, inserted once and never changed. */
export const usageEvents = carrel.table('usage_events', {
    /** Primary key (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** User of the usage. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** Type of the event, such as agent_request. */
    eventType: text('event_type').notNull(),
    /** Number of tokens; negative only if the row voids another. */
    tokensUsed: bigint('tokens_used', { mode: 'bigint' }).notNull().default(sql`0`),
    /** Cost, in the currency of the prices; negative only if the row voids another. */
    cost: numeric().notNull().default('0'),
    /** Data of the application. */
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    /** Model that was used. */
    model: text(),
    /** Tokens by type, such as input and output. */
    tokenTypes: jsonb('token_types'),
    /** Idempotency key: one event for each key of a user, forever. */
    idempotencyKey: text('idempotency_key'),
    /** SHA-256 of the arguments of record_usage(). */
    payloadHash: bytea('payload_hash'),
    /** Agent request that caused the usage. Not a foreign key: the ledger outlives requests. */
    requestId: uuid('request_id'),
    /** Id of the event that this one voids. */
    voids: uuid(),
    /** Time of the usage; decides the billing period. */
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull().defaultNow(),
    /** Time of the insert. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
}, (table) => [
    check('usage_events_cost_check', sql`abs(cost) <= '1000000000000000'::numeric`),
    foreignKey({
        name: 'usage_events_user_id_fkey',
        columns: [table.userId],
        foreignColumns: [userProfiles.userId],
    }).onDelete('cascade'),
    uniqueIndex('usage_events_user_id_idempotency_key_idx').on(table.userId, table.idempotencyKey)
        .where(sql`idempotency_key IS NOT NULL`),
    index('usage_events_user_id_occurred_at_idx').on(table.userId, table.occurredAt),
    uniqueIndex('usage_events_user_id_voids_idx').on(table.userId, table.voids)
        .where(sql`voids IS NOT NULL`),
    pgPolicy('usage_events_insert_own', {
        for: 'insert',
        withCheck: sql`(user_id = carrel.current_user_id()) AND (voids IS NULL) AND (payload_hash IS NULL)`,
    }),
    pgPolicy('usage_events_select_own', { for: 'select', using: sql`user_id = carrel.current_user_id()` }),
]);

export const userProfilesRelations = relations(userProfiles, ({ many }) => ({
    documents: many(documents),
    agentSessions: many(agentSessions),
    agentRequests: many(agentRequests),
    usageEvents: many(usageEvents),
}));

export const documentsRelations = relations(documents, ({ one, many }) => ({
    user: one(userProfiles, { fields: [documents.userId], references: [userProfiles.userId] }),
    chunks: many(documentChunks),
}));

export const documentChunksRelations = relations(documentChunks, ({ one }) => ({
    document: one(documents, {
        fields: [documentChunks.userId, documentChunks.documentId],
        references: [documents.userId, documents.id],
    }),
}));

export const agentSessionsRelations = relations(agentSessions, ({ one, many }) => ({
    user: one(userProfiles, { fields: [agentSessions.userId], references: [userProfiles.userId] }),
    requests: many(agentRequests),
}));

export const agentRequestsRelations = relations(agentRequests, ({ one }) => ({
    session: one(agentSessions, {
        fields: [agentRequests.userId, agentRequests.sessionId],
        references: [agentSessions.userId, agentSessions.id],
    }),
    user: one(userProfiles, { fields: [agentRequests.userId], references: [userProfiles.userId] }),
}));

export const usageEventsRelations = relations(usageEvents, ({ one }) => ({
    user: one(userProfiles, { fields: [usageEvents.userId], references: [userProfiles.userId] }),
}));

export type UserProfile = typeof userProfiles.$inferSelect;
export type NewUserProfile = typeof userProfiles.$inferInsert;
export type Document = typeof documents.$inferSelect;
export type NewDocument = typeof documents.$inferInsert;
export type DocumentChunk = typeof documentChunks.$inferSelect;
export type NewDocumentChunk = typeof documentChunks.$inferInsert;
export type AgentSession = typeof agentSessions.$inferSelect;
export type NewAgentSession = typeof agentSessions.$inferInsert;
export type AgentRequest = typeof agentRequests.$inferSelect;
export type NewAgentRequest = typeof agentRequests.$inferInsert;
export type UsageEvent = typeof usageEvents.$inferSelect;
export type NewUsageEvent = typeof usageEvents.$inferInsert;
