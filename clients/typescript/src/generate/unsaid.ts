// What the catalog doesn't say.

/** The tables whose rows belong to users, with the names of their rows' types. */
export const tables = {
    user_profiles: 'UserProfile',
    documents: 'Document',
    document_chunks: 'DocumentChunk',
    agent_sessions: 'AgentSession',
    agent_requests: 'AgentRequest',
    usage_events: 'UsageEvent',
};

/** What is in JSON: an object where that is a column's default, unknown else. */
export const json: Record<string, string> = {
    'agent_sessions.request_chain': 'string[]',
};

/** Functions that return a table of just one row. */
export const oneRow = new Set([
    'build_context',
    'check_quota',
    'complete_request',
    'consume_usage',
    'fail_request',
    'heartbeat_request',
    'patch_session_state',
    'record_usage',
    'set_document_text',
    'settle_usage',
]);

/** Arguments that have to be given, and can be null. Those that are null where they are left out can be as well. */
export const nullableArguments = new Set(['act_as.user_id', 'add_document.content_text', 'authenticate.token']);

/** Functions whose value may be null. */
export const nullableValues = new Set(['authenticate', 'current_user_id', 'next_wakeup', 'price_usage']);

const standing = ['used', 'limit_value', 'remaining', 'resets_at'];

/** The columns of a function's table that may be null. Of a function that isn't here all may. */
export const nullableColumns: Record<string, string[]> = {
    build_context: [],
    check_quota: standing,
    chunk_text: ['section_title'],
    chunks_to_embed: [],
    claim_documents: ['file_type', 'file_size', 'storage_path'],
    claim_requests: ['session_id'],
    complete_request: [],
    consume_usage: standing,
    current_usage: ['limit_value', 'remaining', 'resets_at'],
    delete_user: [],
    doctor: ['detail'],
    export_user: [],
    fail_request: ['run_at'],
    files_to_erase: [],
    heartbeat_request: [],
    import_from: ['problem'],
    import_jwks: ['algorithm', 'detail'],
    load_sample_data: [],
    patch_session_state: [],
    record_usage: standing,
    record_usage_batch: [],
    search_chunks: ['section_title', 'start_offset', 'end_offset', 'meant'],
    search_documents: ['meant'],
    session_history: ['results', 'error'],
    set_document_text: [],
    settle_usage: standing,
    similar_documents: [],
    stats: ['value', 'detail'],
    suggest: [],
    usage_report: ['bucket_start', 'event_type', 'model', 'user_id'],
    verify_usage: [],
};
