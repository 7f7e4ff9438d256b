//! What an error or a conflict tells of rows that exist: of another user's as much as of none, wherever a key begins with
//! the user. A primary key is Postgres' to compare: who knows a UUID can learn that it is taken, and no more.

use super::{Besieged, Outcome, besieged, digests_of_bobs, outcome, said, without_ids};
use carrel_tests::{ALICE, BOB, Session, identity};

const NOBODYS: &str = "deadbeef-0000-4000-8000-000000000000";

/// A session in which a role acts as Alice, in a transaction.
fn acting(besieged: &Besieged, role: &str) -> Session {
    let mut session = besieged.database.superuser();
    session.run(&format!("begin; set local role {role}; {}", identity::act(ALICE)));
    session
}

/// Tries a statement with `%` in the place of what is Bob's and of what is nobody's: both have to go alike, each undone.
#[track_caller]
fn assert_alike(session: &mut Session, statement: &str, bobs: &str, nobodys: &str) -> Outcome {
    let [hit, miss] = [bobs, nobodys].map(|value| {
        session.run("savepoint one");
        let outcome = outcome(session, &statement.replace('%', value));
        session.run("rollback to savepoint one");
        let text = without_ids(&said(&outcome)).replace(value, "%");
        (outcome, text)
    });
    assert_eq!(hit.1, miss.1, "{statement}");
    hit.0
}

#[test]
fn every_key_that_a_user_can_try_begins_with_the_user_or_is_a_random_id() {
    let besieged = besieged();
    let keys = besieged.database.superuser().column(
        "select relname, array(
            select attname::text from unnest(indkey) with ordinality as k (number, place)
            join pg_attribute on attrelid = indrelid and attnum = number order by place
        ) from pg_index join pg_class as c on c.oid = indrelid
        where relnamespace = 'carrel'::regnamespace and indisunique
            and (has_table_privilege('authenticated', c.oid, 'insert')
                or has_any_column_privilege('authenticated', c.oid, 'insert, update'))
            and relname in ('user_profiles', 'documents', 'document_chunks', 'agent_sessions', 'agent_requests')
        order by 1, 2",
    );
    assert!(keys.len() >= 10, "{keys:?}");
    for key in keys {
        let (_, columns) = key.split_once('|').expect("two columns");
        assert!(columns.starts_with("{user_id") || columns == "{id}", "{key}");
    }
}

#[test]
fn no_constraint_waits_for_the_end_of_the_transaction() {
    let besieged = besieged();
    let deferrable = "select conname from pg_constraint
        where connamespace = 'carrel'::regnamespace and condeferrable and contype <> 't'";
    assert_eq!(besieged.database.superuser().column(deferrable), Vec::<String>::new());
}

#[test]
fn a_reference_to_another_users_row_fails_as_one_to_no_row_does() {
    let besieged = besieged();
    let bob = &besieged.bob;
    let mut alice = acting(&besieged, "authenticated");
    alice.run("set constraints all deferred");
    for (statement, bobs) in [
        (
            "insert into carrel.document_chunks (document_id, chunk_index, content) values ('%', 0, 'x')",
            &bob.scan,
        ),
        (
            "insert into carrel.document_chunks (document_id, chunk_index, content) values ('%', 9, 'x')",
            &bob.document,
        ),
        (
            "insert into carrel.document_chunks (document_id, chunk_index, content) values ('%', 0, 'x') on conflict do nothing",
            &bob.scan,
        ),
        (
            "insert into carrel.agent_requests (agent_type, content, session_id) values ('a', 'c', '%')",
            &bob.session,
        ),
        (
            "insert into carrel.agent_requests (agent_type, content, session_id) values ('a', 'c', '%') on conflict do nothing",
            &bob.session,
        ),
        ("delete from carrel.documents where id = '%' returning *", &bob.document),
        ("delete from carrel.agent_sessions where id = '%' returning *", &bob.session),
        ("delete from carrel.agent_requests where id = '%' returning *", &bob.loose),
        ("update carrel.documents set filename = 'x' where id = '%' returning *", &bob.document),
        ("select from carrel.documents where id = '%' for update", &bob.document),
        ("select from carrel.agent_requests where lease_token = '%'", &bob.lease_token),
    ] {
        let _ = assert_alike(&mut alice, statement, bobs, NOBODYS);
    }
    let mut service = acting(&besieged, "service_role");
    for (statement, bobs) in [
        ("update carrel.document_chunks set document_id = '%'", &bob.scan),
        (
            "insert into carrel.document_chunks (document_id, chunk_index, content) values ('%', 0, 'x')",
            &bob.scan,
        ),
    ] {
        assert!(assert_alike(&mut service, statement, bobs, NOBODYS).is_err(), "{statement}");
    }
}

#[test]
fn a_key_that_another_user_has_taken_is_free() {
    let besieged = besieged();
    let metering = besieged.database.create_role("metering", "");
    besieged.database.superuser().run(&format!("select carrel.grant_user('{metering}', true)"));
    let mut alice = acting(&besieged, &metering);
    for (statement, bobs, nobodys) in [
        ("select carrel.create_request('a', 'c', idempotency_key => '%')", "key of Bob", "key of Eve"),
        ("insert into carrel.agent_requests (agent_type, content, idempotency_key) values ('a', 'c', '%')", "key of Bob", "key of Eve"),
        ("insert into carrel.agent_requests (agent_type, content, idempotency_key) values ('a', 'c', '%')
            on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing returning id", "key of Bob", "key of Eve"),
        ("select duplicate from carrel.record_usage('a', idempotency_key => '%')", "event of Bob", "event of Eve"),
        ("select duplicate from carrel.consume_usage('a', idempotency_key => '%')", "held for Bob", "held for Eve"),
        ("select duplicate from carrel.record_usage_batch('[{\"event_type\": \"a\", \"idempotency_key\": \"%\"}]')", "event of Bob", "event of Eve"),
        ("insert into carrel.usage_events (event_type, idempotency_key) values ('a', '%') returning id", "event of Bob", "event of Eve"),
        ("insert into carrel.usage_events (event_type, idempotency_key) values ('a', '%')
            on conflict do nothing returning id", "event of Bob", "event of Eve"),
    ] {
        let outcome = assert_alike(&mut alice, statement, bobs, nobodys);
        assert!(outcome.as_ref().is_ok_and(|rows| rows != &["t"]), "{statement}: {}", said(&outcome));
    }
}

#[test]
fn an_event_that_voids_another_users_is_refused_as_one_that_voids_none() {
    let besieged = besieged();
    let metering = besieged.database.create_role("metering", "");
    besieged.database.superuser().run(&format!("select carrel.grant_user('{metering}', true)"));
    let mut alice = acting(&besieged, &metering);
    for statement in [
        "insert into carrel.usage_events (event_type, voids) values ('a', '%')",
        "insert into carrel.usage_events (event_type, tokens_used, cost, voids) values ('agent_request', -7, 0, '%')",
        "insert into carrel.usage_events (event_type, request_id) values ('a', '%')",
    ] {
        for bobs in [&besieged.bob.event, &besieged.bob.leased, &besieged.bob.reservation] {
            let _ = assert_alike(&mut alice, statement, bobs, NOBODYS);
        }
    }
}

/// By Postgres' design: a taken id conflicts, whoever has it. All that it tells is that, of an id that is known.
#[test]
fn a_taken_id_tells_that_it_is_taken_and_nothing_of_the_row() {
    let besieged = besieged();
    let mut session = besieged.database.superuser();
    let metering = besieged.database.create_role("metering", "");
    session.run(&format!("select carrel.grant_user('{metering}', true)"));
    let before = digests_of_bobs(&mut session);
    let mut alice = acting(&besieged, &metering);
    let bob = &besieged.bob;
    for (table, columns, values, id) in [
        ("documents", "filename", "'x'", &bob.document),
        (
            "document_chunks",
            "document_id, chunk_index, content",
            &*format!("'{}', 5, 'x'", besieged.alice.scan),
            &bob.chunk,
        ),
        ("agent_sessions", "title", "'x'", &bob.session),
        ("agent_requests", "agent_type, content", "'a', 'c'", &bob.loose),
        ("usage_events", "event_type", "'x'", &bob.event),
    ] {
        let insert =
            format!("insert into carrel.{table} (id, {columns}) values ('{id}', {values})");
        let failure = outcome(&mut alice, &insert).expect_err(&insert);
        assert_eq!(failure.sqlstate, "23505", "{insert}: {}", failure.text);
        // No DETAIL: not even the id that was given.
        let expected = format!(
            "duplicate key value violates unique constraint \"{table}_pkey\"\n{table}_pkey"
        );
        assert_eq!(failure.text, expected, "{insert}");
        let nothing = format!("{insert} on conflict do nothing returning *");
        assert_eq!(outcome(&mut alice, &nothing), Ok(Vec::new()), "{nothing}");
        for target in ["(id)", &format!("on constraint {table}_pkey")] {
            let update =
                format!("{insert} on conflict {target} do update set id = excluded.id returning *");
            let failure = outcome(&mut alice, &update).expect_err(&update);
            assert_eq!(failure.sqlstate, "42501", "{update}: {}", failure.text);
            assert!(
                !failure.text.contains("Bob") && !failure.text.contains(BOB),
                "{}",
                failure.text
            );
        }
    }
    alice.run("reset role; commit");
    assert_eq!(digests_of_bobs(&mut session), before);
}
