// Generated from the database by `npm run generate`: the tables of carrel whose rows belong to users.
import { relations, sql } from 'drizzle-orm';
import {
    bigint,
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

/** The plans that users can be on; the operator edits them. */
const plans = carrel.table('plans', {
    /** The name of the plan. */
    planType: text('plan_type').primaryKey(),
});

/** One row for each user: the root that every other user's row hangs from. */
export const userProfiles = carrel.table('user_profiles', {
    /** The key of the row (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** The user: what the claim of the caller's token names. */
    userId: uuid('user_id').notNull(),
    /** How the user wants to be called; the one column that end users may change. */
    name: text(),
    /** The plan that the user is on. */
    planType: text('plan_type').notNull().default('free'),
    /** Agent requests in the billing period that began at usage_period_start. */
    usageCount: integer('usage_count').notNull().default(0),
    /** When the billing period that usage_count is of began. */
    usagePeriodStart: timestamp('usage_period_start', { withTimezone: true }).notNull().defaultNow(),
    /** active, cancelled or expired; for the application to read. */
    subscriptionStatus: text('subscription_status', { enum: ['active', 'cancelled', 'expired'] })
        .notNull()
        .default('active'),
    /** Where the monthly billing periods start from. */
    billingAnchor: timestamp('billing_anchor', { withTimezone: true }).notNull().defaultNow(),
    /** The IANA time zone that billing periods are in. */
    billingTimezone: text('billing_timezone').notNull().default('UTC'),
    /** When the row was inserted. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** When the row was last updated. */
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

/** The texts that users put in, with what processing made of them. */
export const documents = carrel.table('documents', {
    /** The key of the row (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** The user whose document it is. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** The name of the file; found by search, above the text. */
    filename: text().notNull(),
    /** The MIME type; decides, else the file name's extension, how the text is chunked. */
    fileType: text('file_type'),
    /** Bytes; those of content_text where not given. */
    fileSize: bigint('file_size', { mode: 'bigint' }),
    /** pending, processing, completed or failed. */
    processingStatus: text('processing_status', { enum: ['pending', 'processing', 'completed', 'failed'] })
        .notNull()
        .default('pending'),
    /** Why processing failed. */
    processingError: text('processing_error'),
    /** The text; null while it is still to come. */
    contentText: text('content_text'),
    /** The file name (weight A), section titles (B) and text (D), put together from the chunks. */
    searchVector: tsvector('search_vector'),
    /** The length of the text: the words of its chunks; null where it is not processed. */
    words: bigint({ mode: 'bigint' }),
    /** Where the original file is kept, outside of the database. */
    storagePath: text('storage_path'),
    /** The text search configuration that the text is parsed with. */
    language: text().notNull().default('english'),
    /** Whatever the application wants to keep with the document. */
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    /** When the row was inserted. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** When the row was last updated. */
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
    index('documents_without_words_idx').on(table.userId, table.language)
        .where(sql`COALESCE(words, (0)::bigint) = 0`),
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

/** The passages that documents are searched by. */
export const documentChunks = carrel.table('document_chunks', {
    /** The key of the row (UUIDv7); kept when the document changes elsewhere. */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** The user whose document it is of; taken from the document where not given. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** The document. */
    documentId: uuid('document_id').notNull(),
    /** The place within the document, from 0. */
    chunkIndex: integer('chunk_index').notNull(),
    /** The text of the chunk. */
    content: text().notNull(),
    /** The innermost heading that the chunk begins under. */
    sectionTitle: text('section_title'),
    /** Every heading that the chunk begins under, outermost first. */
    headingPath: text('heading_path').array().notNull().default(sql`'{}'::text[]`),
    /** Where the chunk begins in content_text, in characters from 0. */
    startOffset: integer('start_offset'),
    /** Where the chunk ends in content_text, in characters, exclusive. */
    endOffset: integer('end_offset'),
    /** The size of the chunk in the unit it was cut by; characters where a client wrote it. */
    size: integer(),
    /** SHA-256 of the content: sha256(convert_to(content, 'UTF8')). */
    contentHash: bytea('content_hash'),
    /** Section titles (weight B) and content (D). */
    searchVector: tsvector('search_vector'),
    /** The text search configuration that search_vector was parsed with: the document's at that time. */
    language: text(),
    /** The length of search_vector: how many positions its lexemes have. */
    words: integer(),
    /**
     * How many words of content, the first ones, are the title that a text without headings begins with; words that are
     * too common to be found are counted.
     */
    titleWords: integer('title_words'),
    /** When the row was inserted. */
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
    index('document_chunks_search_keys_idx').using(
        'gin',
        sql`carrel.chunk_keys(user_id, language, search_vector, words, COALESCE(title_words, 0))`,
    ).with({ gin_pending_list_limit: '1024' }),
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

/** Conversations of a user with agents: their requests in order, and the state they share. */
export const agentSessions = carrel.table('agent_sessions', {
    /** The key of the row (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** The user whose session it is. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** What the session is about. */
    title: text(),
    /** The ids of the session's requests in order; kept by trigger as requests come and go. */
    requestChain: jsonb('request_chain').$type<string[]>().notNull().default([]),
    /** What the agents and the application keep between requests. */
    contextState: jsonb('context_state').$type<Record<string, unknown>>().notNull().default({}),
    /** Counts the changes of context_state. */
    version: bigint({ mode: 'bigint' }).notNull().default(sql`0`),
    /** When the row was inserted. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** When the row was last updated. */
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

/** Work that users ask agents for, from creation to completion. */
export const agentRequests = carrel.table('agent_requests', {
    /** The key of the row (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** The user whose request it is. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** The session that it belongs to, if any. */
    sessionId: uuid('session_id'),
    /** Which kind of agent is asked. */
    agentType: text('agent_type').notNull(),
    /** What is asked. */
    content: text().notNull(),
    /** pending, processing, completed, failed or cancelled. */
    status: text({ enum: ['pending', 'processing', 'completed', 'failed', 'cancelled'] })
        .notNull()
        .default('pending'),
    /** How far it is, from 0 to 1. */
    progress: real().notNull().default(0),
    /** What came of it. */
    results: jsonb(),
    /** The tokens that all attempts took. */
    tokenCost: bigint('token_cost', { mode: 'bigint' }).notNull().default(sql`0`),
    /** Why it failed. */
    error: jsonb(),
    /** Higher goes first; end users have from -100 to 0. */
    priority: integer().notNull().default(0),
    /** How often it was tried. */
    attempts: integer().notNull().default(0),
    /** How often it may be tried; end users have at most 3. */
    maxAttempts: integer('max_attempts').notNull().default(3),
    /** Not to be started before; of end users not in the past. */
    runAt: timestamp('run_at', { withTimezone: true }).notNull().defaultNow(),
    /**
     * What the worker that holds it must show, and the id of the event that the attempt is billed by; that of the last
     * attempt stays.
     */
    leaseToken: uuid('lease_token'),
    /** Until when the worker holds it. */
    leaseExpiresAt: timestamp('lease_expires_at', { withTimezone: true }),
    /** The worker that holds it, or held it last. */
    leaseOwner: text('lease_owner'),
    /** When cancelling was asked for. */
    cancelRequestedAt: timestamp('cancel_requested_at', { withTimezone: true }),
    /** One request for each key of a user. */
    idempotencyKey: text('idempotency_key'),
    /** SHA-256 over the arguments of create_request(), where it has an idempotency key. */
    payloadHash: bytea('payload_hash'),
    /** The tokens that it holds from hard limits, beside one agent_request, until it is finished. */
    reserveTokens: bigint('reserve_tokens', { mode: 'bigint' }).notNull().default(sql`0`),
    /** When it began to hold them; decides the periods that it counts in. */
    reservedAt: timestamp('reserved_at', { withTimezone: true }).notNull().defaultNow(),
    /** When the row was inserted. */
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** When its last attempt began. */
    startedAt: timestamp('started_at', { withTimezone: true }),
    /** When it came to its end. */
    completedAt: timestamp('completed_at', { withTimezone: true }),
    /** When the row was last updated. */
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

/** What was used: facts, inserted once and never changed. */
export const usageEvents = carrel.table('usage_events', {
    /** The key of the row (UUIDv7). */
    id: uuid().default(sql`carrel.uuid_v7()`).primaryKey(),
    /** The user who used it. */
    userId: uuid('user_id').notNull().default(sql`carrel.current_user_id()`),
    /** What was used, such as agent_request. */
    eventType: text('event_type').notNull(),
    /** Tokens; negative only where the row voids another. */
    tokensUsed: bigint('tokens_used', { mode: 'bigint' }).notNull().default(sql`0`),
    /** Money; negative only where the row voids another. */
    cost: numeric().notNull().default('0'),
    /** Whatever the application wants to keep with the event. */
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    /** The model that was used. */
    model: text(),
    /** Tokens by type, such as input and output. */
    tokenTypes: jsonb('token_types'),
    /** One event for each key of a user, for ever. */
    idempotencyKey: text('idempotency_key'),
    /** SHA-256 over the arguments that record_usage() was given. */
    payloadHash: bytea('payload_hash'),
    /** The agent request that it was used for; not a foreign key, for the books outlive the requests. */
    requestId: uuid('request_id'),
    /** The event that this one takes back. */
    voids: uuid(),
    /** When it was used; decides the billing period. */
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull().defaultNow(),
    /** When the row was inserted. */
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
