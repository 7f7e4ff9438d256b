//! Every function that carrel has, as it is called: so that it works, as often as one likes, and so that it fails.

use carrel_tests::{ALICE, BOB, Database, Session, identity};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    User,
    Service,
    Superuser,
}

pub struct Call {
    pub function: &'static str,
    pub role: Role,
    /// A SELECT that works each time; empty where there is none.
    pub good: String,
    /// SELECTs that fail each time, each in another place.
    pub bad: Vec<String>,
    /// How many times as long it takes as others do.
    pub weight: usize,
}

impl Call {
    pub fn session(&self, database: &Database) -> Session {
        match self.role {
            Role::User => database.user(ALICE),
            Role::Service => database.service(),
            Role::Superuser => database.superuser(),
        }
    }
}

fn call(role: Role, function: &'static str, good: &str, bad: &[&str]) -> Call {
    let fill = |arguments: &str| {
        if arguments.is_empty() {
            return String::new();
        }
        let called = match arguments.strip_prefix("select ") {
            Some(rest) => format!("select {rest}"),
            None => format!("select carrel.{function}({arguments})"),
        };
        called.replace("ALICE", ALICE).replace("BOB", BOB).replace("NOBODY", NOBODY)
    };
    Call {
        function,
        role,
        good: fill(good),
        bad: bad.iter().map(|bad| fill(bad)).collect(),
        weight: 1,
    }
}

fn heavy(weight: usize, call: Call) -> Call {
    Call { weight, ..call }
}

/// The id of nothing.
const NOBODY: &str = "00000000-0000-4000-8000-00000000000f";

/// What the calls need: requests to claim, documents to read, limits to keep to, prices.
pub fn prepare(database: &Database, requests: usize) {
    database.superuser().run(&identity::key());
    database.superuser().run(&format!(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement)
        values ('free', 'chat', 'tokens', 100000000, 'hard'), ('free', 'chat', 'events', 100000000, 'hard'),
            ('free', 'full', 'events', 0, 'hard'), ('free', 'agent_request', 'tokens', 100000000, 'hard');
        insert into carrel.model_prices (model, token_type, price) values ('small', 'input', 0.15);
        insert into carrel.agent_requests (user_id, agent_type, content, max_attempts)
            select '{BOB}', 'bulk', n, 1000000 from generate_series(1, {requests}) as n;
        insert into carrel.documents (user_id, filename, storage_path)
            select '{BOB}', n || '.pdf', n from generate_series(1, {requests}) as n;
        create schema old create table documents (id uuid, user_id uuid, filename text);
        insert into old.documents values (null, '{ALICE}', 'nameless.txt');
        insert into carrel.agent_requests (id, user_id, agent_type, content, run_at)
            values ('00000000-0000-4000-8000-00000000000a', '{ALICE}', 'waits', 'c', now() + interval '1 day');
        insert into carrel.documents (user_id, filename, content_text)
            select '{ALICE}', 'm' || n || '.md', repeat(E'# Part\n\nThe mole ' || n || ' digs. ', 50) from generate_series(1, 20) as n"
    ));
}

pub fn all() -> Vec<Call> {
    use Role::{Service, Superuser, User};
    let session = "(select id from carrel.agent_sessions limit 1)";
    let request = "(select id from carrel.agent_requests where session_id is not null limit 1)";
    let bad_request = "'NOBODY', 'NOBODY'";
    let with_session =
        |arguments: &str| arguments.replace("SESSION", session).replace("REQUEST", request);
    let claimed =
        |call: &str| format!("select {call} from carrel.claim_requests('w', 1, '{{bulk}}') as c");
    let document = |call: &str| format!("select {call} from carrel.claim_documents('w', 1) as c");
    let reserve = "carrel.reserve_usage('chat', 10, user_id => 'BOB')";
    let event = "(select event_id from carrel.record_usage('chat', 3, 0.5, user_id => 'BOB'))";
    vec![
        call(User, "act_as", "'ALICE'", &[]),
        call(
            User,
            "add_document",
            r"'a.md', E'# Mole\n\nA mole digs.'",
            &[
                "null, 'x'",
                "'a.txt', 'A mole.', language => 'klingon'",
                "select set_config('carrel.chunk_size', '20', true), carrel.add_document('a', repeat('mole ', 100), language => 'pg_catalog.nothing')",
            ],
        ),
        call(
            User,
            "append_to_session",
            &with_session("SESSION, REQUEST"),
            &[
                "'NOBODY', 'NOBODY'",
                "null, null",
                &with_session("SESSION, 'NOBODY'"),
                &with_session("'NOBODY', REQUEST"),
            ],
        ),
        call(
            User,
            "authenticate",
            &format!("'{}'", identity::token(ALICE)),
            &["'x'", "'eyJhbGciOiJub25lIn0.e30.'"],
        ),
        call(User, "billing_period", "'ALICE'", &["'BOB'", "'ALICE', 'infinity'"]),
        call(
            User,
            "build_context",
            "'mole digs'",
            &["'mole', -1", "'mole', encoding => 'x'", "'mole', query_embedding => '[1]'"],
        ),
        call(
            User,
            "cancel_request",
            "select carrel.cancel_request(carrel.create_request('a', 'c'))",
            &["'NOBODY'", "null"],
        ),
        call(User, "check_quota", "'chat', 5, 'tokens'", &["'chat', 5, 'x'", "'chat', -5"]),
        call(
            User,
            "chunk_keys",
            "'ALICE', 'english', to_tsvector('english', 'a mole digs'), 2, 0",
            &[],
        ),
        call(
            User,
            "chunk_text",
            r"repeat(E'# Mole\n\nA mole digs. ', 300), 100, 10, 'tokens', 'markdown'",
            &["'a', 0", "'a', 5, 5", "'a', unit => 'x'", "'a', format => 'x'", "'a', 3, null"],
        ),
        call(User, "count_tokens", "repeat('A mole digs. ', 100)", &["'a', 'x'"]),
        call(
            User,
            "create_request",
            "'a', 'c', reserve_tokens => 5",
            &[
                "null, 'c'",
                "'a', 'c', 'NOBODY'",
                "'a', 'c', reserve_tokens => 1000000000",
                "'a', 'c', reserve_tokens => -1",
            ],
        ),
        call(User, "create_session", "'title', '{\"a\": 1}'", &["'title', '[]'"]),
        call(User, "current_usage", "", &["'BOB'"]),
        call(User, "current_usage", "select carrel.current_usage()", &[]),
        call(
            User,
            "current_user_id",
            "select carrel.current_user_id()",
            &[
                "select set_config('request.jwt.claims', '{\"sub\": \"x\"}', true), carrel.current_user_id()",
                "select set_config('request.jwt.claims', '{', true), carrel.current_user_id()",
            ],
        ),
        call(
            User,
            "fork_session",
            &with_session("SESSION"),
            &["'NOBODY'", &with_session("SESSION, 'NOBODY'"), "null"],
        ),
        call(
            User,
            "patch_session_state",
            &with_session("SESSION, '{\"a\": {\"b\": 1}}'"),
            &["'NOBODY', '{}'", &with_session("SESSION, '[]'"), &with_session("SESSION, '{}', -1")],
        ),
        call(
            User,
            "price_usage",
            "'small', '{\"input\": 5}'",
            &["'small', '[]'", "'small', '{\"x\": 1}'"],
        ),
        heavy(
            5,
            call(
                User,
                "rechunk_document",
                "select carrel.rechunk_document(id, 50 + (random() * 50)::integer) from (select id from carrel.documents where filename = 'm1.md') as d",
                &[
                    "'NOBODY'",
                    "select carrel.rechunk_document(id, 0) from carrel.documents where filename = 'm1.md'",
                    "select carrel.rechunk_document(id) from carrel.documents where filename = 'scan.pdf'",
                ],
            ),
        ),
        call(
            User,
            "retry_request",
            "select carrel.retry_request(id) from (select carrel.create_request('a', 'c') as id) as r, lateral carrel.cancel_request(id) as c (status) where status = 'cancelled'",
            &["'NOBODY'"],
        ),
        call(
            User,
            "search_chunks",
            "'mole digs \"mole digs\" -kettle m*', context_chunks => 1",
            &["'mole', -1", "'mole', query_embedding => '[1]'", "'mole', query_embedding => 'x'"],
        ),
        call(User, "search_documents", "'mole digs'", &["'mole', -1", "'mole', 1, -1"]),
        call(User, "search_keys", "'ALICE', 'english', to_tsvector('english', 'a mole digs')", &[]),
        call(
            User,
            "session_history",
            &with_session("SESSION, 1000"),
            &["'NOBODY'", &with_session("SESSION, -1"), &with_session("SESSION, encoding => 'x'")],
        ),
        call(
            User,
            "usage_report",
            "now() - interval '2 days', now() + interval '1 day'",
            &["now(), now(), 'x'", "now(), now(), group_by => '{x}'"],
        ),
        call(User, "uuid_v7", "select carrel.uuid_v7()", &[]),
        call(User, "version", "select carrel.version()", &[]),
        call(
            Service,
            "claim_documents",
            "'w', lease => '1 millisecond'",
            &["''", "'w', -1", "'w', lease => '-1 s'"],
        ),
        call(
            Service,
            "claim_requests",
            "'w', 3, '{bulk}', '1 millisecond'",
            &["''", "'w', -1", "'w', lease => '-1 s'"],
        ),
        call(
            Service,
            "complete_request",
            &claimed(
                "carrel.complete_request(c.id, c.lease_token, '{\"a\": 1}', tokens => 3, cost => 0.1)",
            ),
            &[
                &format!("{bad_request}, '{{}}'"),
                &claimed("carrel.complete_request(c.id, 'NOBODY', '{}')"),
                &claimed("carrel.complete_request(c.id, c.lease_token, '{}', tokens => -1)"),
            ],
        ),
        call(
            Service,
            "consume_usage",
            "'chat', 5, 0.25, user_id => 'BOB'",
            &[
                "'full', user_id => 'BOB'",
                "'chat', 1000000000, user_id => 'BOB'",
                "'chat', -1, user_id => 'BOB'",
                "'chat', user_id => 'NOBODY'",
                "'chat', occurred_at => now() + interval '1 year', user_id => 'BOB'",
            ],
        ),
        heavy(
            3,
            call(
                Service,
                "create_user",
                "carrel.uuid_v7(), 'Eve'",
                &["carrel.uuid_v7(), 'Eve', 'nothing'"],
            ),
        ),
        heavy(
            5,
            call(
                Service,
                "delete_user",
                "select carrel.delete_user(carrel.create_user(), true)",
                &["'NOBODY'", "null"],
            ),
        ),
        heavy(20, call(Service, "export_user", "'ALICE'", &["'NOBODY'"])),
        call(
            Service,
            "fail_document",
            &document("carrel.fail_document(c.document_id, c.lease_token, 'unreadable')"),
            &[
                "'NOBODY', 'NOBODY', 'x'",
                &document("carrel.fail_document(c.document_id, 'NOBODY', 'x')"),
                &document("carrel.fail_document(c.document_id, c.lease_token, null)"),
            ],
        ),
        call(
            Service,
            "fail_request",
            &claimed("carrel.fail_request(c.id, c.lease_token, '{}', '0', tokens => 2)"),
            &[
                &format!("{bad_request}, '{{}}'"),
                &claimed("carrel.fail_request(c.id, 'NOBODY', '{}')"),
                &claimed("carrel.fail_request(c.id, c.lease_token, '{}', tokens => -1)"),
            ],
        ),
        call(
            Service,
            "heartbeat_request",
            &claimed("carrel.heartbeat_request(c.id, c.lease_token, 0.5)"),
            &[bad_request, &claimed("carrel.heartbeat_request(c.id, c.lease_token, 2)")],
        ),
        call(Service, "next_wakeup", "select carrel.next_wakeup()", &[]),
        call(Service, "process_documents", "10", &["-1"]),
        call(Service, "erased_files", "'{scans/none}'", &["null"]),
        call(Service, "files_to_erase", "10", &["-1", "null"]),
        call(Service, "purge_pseudonyms", "select carrel.purge_pseudonyms()", &[]),
        call(Service, "purge_requests", "interval '1 day', 10", &["interval '1 day', -1"]),
        call(
            Service,
            "record_usage",
            "'chat', 5, 0.25, metadata => '{\"a\": 1}', user_id => 'BOB'",
            &[
                "'chat', -1, user_id => 'BOB'",
                "'chat', user_id => 'NOBODY'",
                "null, user_id => 'BOB'",
                "'chat', 1, model => 'x', token_types => '{\"x\": 1}', user_id => 'BOB'",
                "'chat', occurred_at => now() - interval '9 years', user_id => 'BOB'",
            ],
        ),
        call(
            Service,
            "record_usage_batch",
            "'[{\"event_type\": \"chat\", \"tokens_used\": 2, \"user_id\": \"BOB\"}, {\"event_type\": \"chat\", \"user_id\": \"ALICE\"}]'",
            &[
                "'{}'",
                "'[1]'",
                "'[{\"x\": 1}]'",
                "'[{\"event_type\": \"chat\", \"user_id\": \"BOB\"}, {\"event_type\": \"chat\", \"user_id\": \"NOBODY\"}]'",
                "'[{\"event_type\": \"chat\", \"user_id\": \"BOB\"}, {\"event_type\": \"chat\", \"tokens_used\": -1, \"user_id\": \"BOB\"}]'",
            ],
        ),
        call(
            Service,
            "release_usage",
            &format!("select carrel.release_usage({reserve})"),
            &["'NOBODY'", "null"],
        ),
        call(
            Service,
            "reserve_usage",
            "'chat', 1, user_id => 'BOB'",
            &[
                "'chat', 1000000000, user_id => 'BOB'",
                "'full', user_id => 'BOB'",
                "'chat', -1, user_id => 'BOB'",
                "'chat', user_id => 'NOBODY'",
            ],
        ),
        call(
            Service,
            "set_document_text",
            &document("carrel.set_document_text(c.document_id, c.lease_token, 'A mole digs.')"),
            &[
                "'NOBODY', 'NOBODY', 'x'",
                &document("carrel.set_document_text(c.document_id, 'NOBODY', 'x')"),
                &document("carrel.set_document_text(c.document_id, c.lease_token, null)"),
            ],
        ),
        heavy(
            5,
            call(
                Service,
                "set_plan",
                "'BOB', case when random() < 0.5 then 'free' else 'pro' end",
                &[
                    "'BOB', 'nothing'",
                    "'NOBODY', 'free'",
                    "'BOB', 'free', billing_timezone => 'Nowhere'",
                    "'BOB', 'free', 'nothing'",
                ],
            ),
        ),
        call(
            Service,
            "settle_usage",
            &format!("select carrel.settle_usage({reserve}, 5)"),
            &["'NOBODY', 1", &format!("select carrel.settle_usage({reserve}, -1)"), "null"],
        ),
        heavy(5, call(Service, "verify_usage", "'ALICE'", &[])),
        call(
            Service,
            "void_usage",
            &format!("{event}, 'a mistake'"),
            &["'NOBODY', 'a'", "null, 'a'", &format!("{event}, ''")],
        ),
        call(Service, "chunks_to_embed", "", &["1"]),
        call(Service, "set_embeddings", "", &["'[]'"]),
        call(
            Superuser,
            "billing_period_start",
            "now() - interval '1 year', 'Europe/Berlin', now()",
            &["now(), 'Nowhere', now()"],
        ),
        call(Superuser, "enable_embeddings", "", &["0", "3"]),
        heavy(20, call(Superuser, "follow_auth_users", "", &["null", "'carrel.documents'"])),
        heavy(20, call(Superuser, "foreign_code", "select carrel.foreign_code()", &[])),
        heavy(20, call(Superuser, "grant_operator", "'pg_monitor'", &["'no_such_role'", "null"])),
        heavy(20, call(Superuser, "grant_service", "'service_role'", &["'no_such_role'", "null"])),
        heavy(20, call(Superuser, "grant_user", "'authenticated'", &["'no_such_role'", "null"])),
        call(Superuser, "installation_id", "select carrel.installation_id()", &[]),
        call(Superuser, "is_operator", "select carrel.is_operator()", &[]),
        call(Superuser, "lease_token", "select carrel.lease_token()", &[]),
        heavy(50, call(Service, "stats", "select carrel.stats()", &[])),
        heavy(50, call(Service, "load_sample_data", "1, 1, true", &["1, 1", "-1", "1, 10001"])),
        call(
            Superuser,
            "import_jwks",
            r#"'{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', 'i'"#,
            &["'{}', 'i'", "null, 'i'", r#"'{"keys": []}', 'i'"#],
        ),
        heavy(50, call(Superuser, "import_from", "'old'", &["'nowhere'", "null", "'old', false"])),
        heavy(50, call(Superuser, "create_views", "", &["'nowhere'", "'old'", "null"])),
        heavy(20, call(Superuser, "list_users", "select carrel.list_users()", &[])),
        heavy(200, call(Superuser, "migrate", "select carrel.migrate()", &[])),
        heavy(200, call(Superuser, "doctor", "select carrel.doctor()", &[])),
        heavy(50, call(Superuser, "rebuild_usage", "select carrel.rebuild_usage()", &[])),
        heavy(20, call(Superuser, "prepare_owner", "select carrel.prepare_owner()", &[])),
        heavy(
            20,
            call(
                Superuser,
                "revoke_operator",
                "select carrel.revoke_operator('pg_monitor')",
                &["null"],
            ),
        ),
        heavy(
            20,
            call(
                Superuser,
                "revoke_service",
                "select carrel.revoke_service('pg_monitor')",
                &["null"],
            ),
        ),
        heavy(
            20,
            call(Superuser, "revoke_user", "select carrel.revoke_user('pg_monitor')", &["null"]),
        ),
        call(Superuser, "usage_day", "'Europe/Berlin', now()", &["'Nowhere', now()"]),
        call(
            Superuser,
            "usage_payload_hash",
            "'chat', 1, 0.5, '{\"a\": 1}', null, null, null",
            &[],
        ),
        call(
            Superuser,
            "usage_period",
            "'week', null, now(), 'UTC', now()",
            &["'week', null, now(), 'Nowhere', now()"],
        ),
        call(Superuser, "usage_tokens", "'{\"input\": 5}'", &[]),
    ]
}

/// Asserts that every function is among the calls, but for those of triggers.
pub fn assert_complete(database: &Database) {
    let mut functions = database.superuser().column(
        "select proname from pg_proc
        where pronamespace = 'carrel'::regnamespace
            and prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)",
    );
    let calls = all();
    functions.retain(|function| calls.iter().all(|call| call.function != function));
    assert_eq!(functions, Vec::<String>::new(), "nobody calls these");
}

#[test]
fn every_function_is_called_and_does_what_these_tests_go_by() {
    let database = carrel_tests::Cluster::shared().lived_in();
    assert_complete(&database);
    prepare(&database, 100);
    let mut wrong = Vec::new();
    for call in all() {
        let mut session = call.session(&database);
        let cases =
            std::iter::once((&call.good, true)).chain(call.bad.iter().map(|bad| (bad, false)));
        for (sql, works) in cases.filter(|(sql, _)| !sql.is_empty()) {
            let outcome = session.attempt(sql);
            // What fails has to fail in the function, not on the way to it.
            let is_right = match &outcome {
                Ok(_) => works,
                Err(state) => {
                    !works && (!state.starts_with("42") || state == "42501" || state == "42704")
                }
            };
            if !is_right {
                wrong.push(format!("{outcome:?}: {sql}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
