//! A library that finds tables of an earlier version: whatever column or table they lack, each function does its work
//! or says by 55000 what to call.

use carrel_tests::{ALICE, BOB, Cluster, Session, TABLES};

/// What users and services call: the role, and the statement.
const CALLS: [(&str, &str); 30] = [
    (
        "authenticated",
        "select carrel.add_document('new.md', E'# Moles\\n\\nA mole digs.', metadata => '{}')",
    ),
    ("authenticated", "update carrel.documents set content_text = 'A badger.'"),
    ("authenticated", "delete from carrel.documents"),
    (
        "authenticated",
        "select carrel.rechunk_document(id) from carrel.documents where filename = 'notes.md' and user_id = carrel.current_user_id()",
    ),
    ("authenticated", "select * from carrel.search_chunks('heron nest')"),
    ("authenticated", "select * from carrel.search_documents('heron')"),
    ("authenticated", "select * from carrel.build_context('heron')"),
    ("authenticated", "select carrel.create_request('a', 'b', carrel.create_session('s'))"),
    (
        "authenticated",
        "select carrel.cancel_request(id) from carrel.agent_requests where user_id = carrel.current_user_id() limit 1",
    ),
    (
        "authenticated",
        "select carrel.fork_session(id) from carrel.agent_sessions where user_id = carrel.current_user_id()",
    ),
    (
        "authenticated",
        "select carrel.patch_session_state(id, '{\"a\": 1}') from carrel.agent_sessions where user_id = carrel.current_user_id()",
    ),
    (
        "authenticated",
        "select carrel.session_history(id) from carrel.agent_sessions where user_id = carrel.current_user_id()",
    ),
    ("authenticated", "select * from carrel.current_usage()"),
    ("authenticated", "select * from carrel.check_quota('agent_request')"),
    (
        "authenticated",
        "select * from carrel.usage_report(now() - interval '1 day', now() + interval '1 day')",
    ),
    ("authenticated", "select carrel.billing_period(carrel.current_user_id())"),
    ("authenticated", "select carrel.price_usage('small', '{\"input\": 5}')"),
    (
        "service_role",
        "select carrel.record_usage('chat', 7, 0.5, idempotency_key => 'k', user_id => :bob)",
    ),
    ("service_role", "select carrel.consume_usage('agent_request', 7, 0.5, user_id => :bob)"),
    (
        "service_role",
        "select carrel.settle_usage(carrel.reserve_usage('chat', 5, user_id => :bob), 4)",
    ),
    ("service_role", "select carrel.void_usage(id, 'x') from carrel.usage_events limit 1"),
    (
        "service_role",
        "select carrel.complete_request(id, lease_token, '{}', 10, 0.01) from carrel.claim_requests('w', 2)",
    ),
    (
        "service_role",
        "select carrel.fail_request(id, lease_token, '{}') from carrel.claim_requests('w', 2)",
    ),
    (
        "service_role",
        "select carrel.heartbeat_request(id, lease_token) from carrel.claim_requests('w', 2)",
    ),
    ("service_role", "select carrel.next_wakeup()"),
    (
        "service_role",
        "select carrel.set_document_text(document_id, lease_token, 'A mole.') from carrel.claim_documents('w', 2)",
    ),
    ("service_role", "select carrel.process_documents()"),
    ("service_role", "select * from carrel.verify_usage()"),
    (
        "service_role",
        "select carrel.set_plan(:bob, 'pro'); select count(*) from carrel.export_user(:bob)",
    ),
    (
        "service_role",
        "select carrel.create_user(); select carrel.delete_user(:bob, archive_usage => true)",
    ),
];

/// Makes the calls after this loss, each as if it were the first; which of them failed otherwise than they may.
fn misbehaving(mut session: Session, loss: &str) -> Vec<String> {
    let claims = format!("set_config('request.jwt.claims', '{{\"sub\": \"{ALICE}\"}}', true)");
    session.run(&format!("begin; {loss}; select {claims}"));
    let lost = loss.split_once("drop column ").and_then(|(_, rest)| rest.split(' ').next());
    let mut wrong = Vec::new();
    for (role, call) in CALLS {
        let call = call.replace(":bob", &format!("'{BOB}'"));
        session.run(&format!("savepoint call; set local role {role}"));
        let outcome = session.client().simple_query(&call);
        session.run("rollback to call");
        let Err(error) = outcome else { continue };
        let says_what_to_call = error.as_db_error().is_some_and(|error| {
            match error.code().code() {
                "55000" => error.hint().is_some_and(|hint| hint.contains("migrate()")),
                // The call itself names what is lost.
                "42703" => lost.is_some_and(|column| call.contains(column)),
                _ => false,
            }
        });
        if !says_what_to_call || loss.is_empty() {
            wrong.push(format!("{loss}: {call}: {error:?}"));
        }
    }
    wrong
}

#[track_caller]
fn assert_none_misbehaves(losses: &[String]) {
    let database = Cluster::shared().lived_in();
    let of = |loss: &String| misbehaving(database.superuser(), loss);
    let wrong: Vec<String> = losses.iter().flat_map(of).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), losses.len(), wrong.join("\n"));
}

/// What a query of the catalog says may be lost.
fn losses(query: &str) -> Vec<String> {
    let losses = Cluster::shared().lived_in().superuser().column(query);
    assert!(losses.len() > 5, "{losses:?}");
    losses
}

#[test]
fn with_all_tables_each_call_works() {
    assert_none_misbehaves(&[String::new()]);
}

/// Policies that name the column go with it, as they would not in an earlier version; so the table has none.
#[test]
fn without_any_column_that_is_no_key_each_function_works_or_says_what_to_call() {
    assert_none_misbehaves(&losses(
        "select format('alter table carrel.%1$I disable row level security, drop column %2$I cascade', relname, attname)
        from pg_class as c join pg_attribute as a on attrelid = c.oid
        where relnamespace = 'carrel'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
            and not exists (
                select from pg_constraint
                where conrelid = c.oid and contype in ('p', 'u', 'f') and attnum = any (conkey)
            )
        order by relname, attnum",
    ));
}

#[test]
fn without_any_table_but_those_of_users_each_function_works_or_says_what_to_call() {
    assert_none_misbehaves(&losses(&format!(
        "select format('drop table carrel.%I cascade', relname) from pg_class
        where relnamespace = 'carrel'::regnamespace and relkind = 'r' and relname <> all ('{{{}}}')
        order by relname",
        TABLES.join(",")
    )));
}
