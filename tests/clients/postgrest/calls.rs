//! Every function with all its arguments.

use super::requests::{OF_ALICE, OF_SERVICE, Token};
use carrel_tests::{ALICE, BOB, Database, identity};

/// Calls of all functions that anybody but superusers may call, with as many arguments as there are.
pub fn calls(database: &Database) -> Vec<(Token, &'static str, String)> {
    database.superuser().run(&identity::key());
    let own = |sql: &str| database.user(ALICE).value(sql);
    let document = own("select id from carrel.documents where filename = 'notes.md'");
    let session = own("select id from carrel.agent_sessions");
    let requests = database.user(ALICE).column("select id from carrel.agent_requests order by id");
    let event = own("select id from carrel.usage_events where idempotency_key = 'first'");
    let mut service = database.service();
    let claimed =
        service.value("select id, lease_token from carrel.claim_requests('w', lease => '1 hour')");
    let (request, lease) = claimed.split_once('|').expect("a request");
    let claimed = service.value(
        "select document_id, lease_token from carrel.claim_documents('w', lease => '1 hour')",
    );
    let (scan, scan_lease) = claimed.split_once('|').expect("a document");
    let held =
        service.value(&format!("select carrel.reserve_usage('chat', 10, user_id => '{ALICE}')"));
    let range =
        r#""created_after": "2020-01-01T00:00:00Z", "created_before": "2100-01-01T00:00:00+02:00""#;
    let usage = format!(
        r#""event_type": "chat", "tokens_used": 7, "cost": 0.25, "metadata": {{"a": [1]}}, "idempotency_key": "k",
        "occurred_at": "{now}", "model": "m", "token_types": {{"input": 7}}, "user_id": "{ALICE}""#,
        now = own("select to_json(now()) #>> '{}'"),
    );
    let spent = r#""tokens": 9, "cost": 0.5, "model": "m", "token_types": {"input": 9}"#;
    vec![
        (OF_ALICE, "act_as", format!(r#"{{"user_id": "{ALICE}"}}"#)),
        (
            OF_ALICE,
            "add_document",
            r#"{"filename": "a.md", "content_text": "A.", "file_type": "text/markdown",
            "metadata": {"b": null}, "storage_path": "p", "language": "simple"}"#
                .to_owned(),
        ),
        (
            OF_ALICE,
            "append_to_session",
            format!(r#"{{"session_id": "{session}", "request_id": "{}"}}"#, requests[2]),
        ),
        (OF_ALICE, "authenticate", format!(r#"{{"token": "{}"}}"#, identity::token(ALICE))),
        (
            OF_ALICE,
            "billing_period",
            format!(r#"{{"user_id": "{ALICE}", "at": "2026-03-01T00:00:00Z"}}"#),
        ),
        (
            OF_ALICE,
            "build_context",
            format!(
                r#"{{"query": "herons", "max_tokens": 500,
            "document_ids": ["{document}"], "encoding": "o200k", "query_embedding": null}}"#
            ),
        ),
        (OF_ALICE, "cancel_request", format!(r#"{{"request_id": "{}"}}"#, requests[2])),
        (
            OF_ALICE,
            "check_quota",
            format!(
                r#"{{"event_type": "agent_request", "amount": 2, "measure": "events",
            "user_id": "{ALICE}"}}"#
            ),
        ),
        (
            OF_ALICE,
            "chunk_keys",
            format!(
                r#"{{"user_id": "{ALICE}", "language": "english",
            "search_vector": "''heron'':1", "words": 1, "title_words": 0}}"#
            ),
        ),
        (
            OF_ALICE,
            "chunk_text",
            r##"{"content": "# A\n\nB", "chunk_size": 4, "chunk_overlap": 0, "unit": "tokens",
            "format": "markdown", "encoding": "cl100k"}"##
                .to_owned(),
        ),
        (OF_SERVICE, "chunks_to_embed", r#"{"max_rows": 1, "lease": "00:05:00"}"#.to_owned()),
        (
            OF_SERVICE,
            "claim_documents",
            r#"{"worker": "v", "max_documents": 2, "lease": "PT5M"}"#.to_owned(),
        ),
        (
            OF_SERVICE,
            "claim_requests",
            r#"{"worker": "v", "max_requests": 2, "agent_types": ["writer", "researcher"],
            "lease": "30 seconds"}"#
                .to_owned(),
        ),
        (
            OF_SERVICE,
            "complete_request",
            format!(
                r#"{{"request_id": "{request}", "lease_token": "{lease}",
            "results": {{"answer": ["x", 1, null]}}, {spent}}}"#
            ),
        ),
        (OF_SERVICE, "consume_usage", format!("{{{usage}}}")),
        (OF_ALICE, "count_tokens", r#"{"content": "herons", "encoding": "o200k"}"#.to_owned()),
        (
            OF_ALICE,
            "create_request",
            format!(
                r#"{{"agent_type": "chat", "content": "c", "session_id": "{session}",
            "priority": -1, "run_at": "2026-01-01T00:00:00Z", "max_attempts": 2, "idempotency_key": "i",
            "reserve_tokens": 5}}"#
            ),
        ),
        (
            OF_ALICE,
            "create_session",
            r#"{"title": "t", "context_state": {"a": {"b": true}}}"#.to_owned(),
        ),
        (
            OF_SERVICE,
            "create_user",
            r#"{"user_id": "018f2f5c-7a00-7000-8000-00000000000a", "name": "N",
            "plan_type": "free"}"#
                .to_owned(),
        ),
        (OF_ALICE, "current_usage", format!(r#"{{"user_id": "{ALICE}"}}"#)),
        (OF_ALICE, "current_user_id", "{}".to_owned()),
        (OF_SERVICE, "delete_user", format!(r#"{{"user_id": "{BOB}", "archive_usage": true}}"#)),
        (OF_SERVICE, "export_user", format!(r#"{{"user_id": "{ALICE}"}}"#)),
        (
            OF_SERVICE,
            "fail_document",
            format!(
                r#"{{"document_id": "{scan}", "lease_token": "{scan_lease}",
            "reason": "blank"}}"#
            ),
        ),
        (
            OF_SERVICE,
            "fail_request",
            format!(
                r#"{{"request_id": "{request}", "lease_token": "{lease}",
            "error": {{"message": "m"}}, "retry_after": "2 minutes", {spent}}}"#
            ),
        ),
        (
            OF_ALICE,
            "fork_session",
            format!(r#"{{"session_id": "{session}", "up_to_request": null}}"#),
        ),
        (
            OF_SERVICE,
            "heartbeat_request",
            format!(
                r#"{{"request_id": "{request}", "lease_token": "{lease}",
            "progress": 0.5, "extend": "00:01:00"}}"#
            ),
        ),
        (
            OF_SERVICE,
            "load_sample_data",
            r#"{"users": 1, "documents_per_user": 1, "beside_others": true}"#.to_owned(),
        ),
        (OF_SERVICE, "next_wakeup", r#"{"agent_types": ["writer"]}"#.to_owned()),
        (
            OF_ALICE,
            "patch_session_state",
            format!(
                r#"{{"session_id": "{session}", "patch": {{"bird": null, "n": 1}},
            "expected_version": 0}}"#
            ),
        ),
        (
            OF_ALICE,
            "price_usage",
            r#"{"model": "m", "tokens": {"input": 1}, "at": "2026-01-01T00:00:00Z"}"#.to_owned(),
        ),
        (OF_SERVICE, "process_documents", r#"{"max_documents": 3}"#.to_owned()),
        (OF_SERVICE, "purge_requests", r#"{"older_than": "30 days", "max_rows": 10}"#.to_owned()),
        (
            OF_ALICE,
            "rechunk_document",
            format!(
                r#"{{"document_id": "{document}", "chunk_size": 40, "chunk_overlap": 5,
            "unit": "tokens", "format": "plain", "encoding": "o200k"}}"#
            ),
        ),
        (OF_SERVICE, "record_usage", format!("{{{usage}}}")),
        (
            OF_SERVICE,
            "record_usage_batch",
            format!(r#"{{"events": [{{"event_type": "chat", "user_id": "{ALICE}"}}]}}"#),
        ),
        (OF_SERVICE, "release_usage", format!(r#"{{"reservation": "{held}"}}"#)),
        (
            OF_SERVICE,
            "reserve_usage",
            format!(
                r#"{{"event_type": "chat", "tokens": 5, "cost": 0.1, "ttl": "5 minutes",
            "idempotency_key": "r", "user_id": "{ALICE}"}}"#
            ),
        ),
        (OF_ALICE, "retry_request", format!(r#"{{"request_id": "{}"}}"#, requests[2])),
        (
            OF_ALICE,
            "search_chunks",
            format!(
                r#"{{"query": "herons", "max_results": 5, "result_offset": 0,
            "document_ids": ["{document}"], "file_types": null, "metadata": {{"shelf": 1}}, {range},
            "context_chunks": 1, "query_embedding": null}}"#
            ),
        ),
        (
            OF_ALICE,
            "search_documents",
            format!(
                r#"{{"query": "herons", "max_results": 5, "result_offset": 0,
            "file_types": ["text/plain"], "metadata": {{}}, {range}}}"#
            ),
        ),
        (
            OF_ALICE,
            "search_keys",
            format!(
                r#"{{"user_id": "{ALICE}", "language": "english",
            "search_vector": "''heron'':1"}}"#
            ),
        ),
        (
            OF_ALICE,
            "session_history",
            format!(
                r#"{{"session_id": "{session}", "max_tokens": 100, "max_requests": 5,
            "encoding": "cl100k"}}"#
            ),
        ),
        (
            OF_SERVICE,
            "set_document_text",
            format!(
                r#"{{"document_id": "{scan}", "lease_token": "{scan_lease}",
            "content_text": "Read."}}"#
            ),
        ),
        (OF_SERVICE, "set_embeddings", r#"{"embeddings": []}"#.to_owned()),
        (
            OF_SERVICE,
            "set_plan",
            format!(
                r#"{{"user_id": "{ALICE}", "plan": "free", "subscription_status": "active",
            "billing_anchor": "2026-01-01T00:00:00Z", "billing_timezone": "Europe/Vienna"}}"#
            ),
        ),
        (
            OF_SERVICE,
            "settle_usage",
            format!(
                r#"{{"reservation": "{held}", "tokens_used": 8, "cost": 0.1,
            "metadata": {{}}, "model": "m", "token_types": {{"input": 8}}}}"#
            ),
        ),
        (OF_SERVICE, "files_to_erase", r#"{"max_files": 5}"#.to_owned()),
        (OF_SERVICE, "erased_files", r#"{"storage_paths": ["gone"]}"#.to_owned()),
        (OF_ALICE, "is_operator", "{}".to_owned()),
        (OF_SERVICE, "list_users", format!(r#"{{"max_users": 5, "after_user": "{ALICE}"}}"#)),
        (OF_SERVICE, "purge_pseudonyms", "{}".to_owned()),
        (OF_SERVICE, "stats", "{}".to_owned()),
        (
            OF_ALICE,
            "usage_report",
            format!(
                r#"{{"start_at": "2020-01-01T00:00:00Z", "end_at": "2100-01-01T00:00:00Z",
            "bucket": "month", "group_by": ["event_type", "model"], "user_id": "{ALICE}"}}"#
            ),
        ),
        (OF_ALICE, "uuid_v7", "{}".to_owned()),
        (OF_SERVICE, "verify_usage", format!(r#"{{"user_id": "{ALICE}"}}"#)),
        (OF_ALICE, "version", "{}".to_owned()),
        (
            OF_SERVICE,
            "void_usage",
            format!(r#"{{"event_id": "{event}", "reason": "r", "idempotency_key": "v"}}"#),
        ),
    ]
}
