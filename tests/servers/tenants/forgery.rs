//! What is carrel's or the workers' to write can't be written by users: not by INSERT with every
//! column named, as ORMs write it, nor by UPDATE.

use super::{id_of, lived_in, refused, textless_document};
use carrel_tests::{ALICE, BOB, Database, Session, grants};

/// An INSERT that names every column of a table, with DEFAULT for all but these.
fn insert_every_column(database: &Database, table: &str, values: &[(&str, &str)]) -> String {
    let columns = database.superuser().column(&format!(
        "select attname from pg_attribute
        where attrelid = 'carrel.{table}'::regclass and attnum > 0 and not attisdropped order by attnum"
    ));
    for (column, _) in values {
        assert!(columns.contains(&(*column).to_owned()), "{table} has no column {column}");
    }
    let value = |column: &String| {
        let given = values.iter().find(|(name, _)| name == column);
        given.map_or("default", |(_, value)| value)
    };
    let given: Vec<_> = columns.iter().map(value).collect();
    format!("insert into carrel.{table} ({}) values ({})", columns.join(", "), given.join(", "))
}

const DOCUMENT: [(&str, &str); 1] = [("filename", "'f'")];
const REQUEST: [(&str, &str); 2] = [("agent_type", "'a'"), ("content", "'c'")];

/// Tries each value on top of what a row needs; the values have to be refused with 42501.
fn assert_each_refused(
    database: &Database,
    session: &mut Session,
    table: &str,
    needed: &[(&str, &str)],
    forged: &[(&str, &str)],
) {
    session.run(&insert_every_column(database, table, needed));
    for value in forged {
        let mut values: Vec<_> =
            needed.iter().filter(|(name, _)| name != &value.0).copied().collect();
        values.push(*value);
        let insert = insert_every_column(database, table, &values);
        assert_eq!(session.attempt(&insert), refused("42501"), "{table} {value:?}");
    }
}

#[test]
fn an_insert_that_names_every_column_with_default_works_for_each_writable_table() {
    let database = lived_in();
    let document = format!("'{}'", textless_document(&database, ALICE));
    let mut session = database.user(ALICE);
    let chunk = [("document_id", document.as_str()), ("chunk_index", "5"), ("content", "'c'")];
    for (table, values) in [
        ("documents", &DOCUMENT[..]),
        ("document_chunks", &chunk[..]),
        ("agent_sessions", &[][..]),
        ("agent_requests", &REQUEST[..]),
    ] {
        let insert = insert_every_column(&database, table, values) + " returning user_id";
        assert_eq!(session.column(&insert), [ALICE], "{table}");
    }
}

#[test]
fn how_a_request_fares_is_not_its_users_to_write() {
    let database = lived_in();
    let forged = [
        ("status", "'completed'"),
        ("status", "'processing'"),
        ("status", "'cancelled'"),
        ("progress", "0.5"),
        ("results", "'{}'"),
        ("token_cost", "5"),
        ("error", "'{}'"),
        ("attempts", "1"),
        ("lease_token", "gen_random_uuid()"),
        ("lease_expires_at", "now()"),
        ("lease_owner", "'me'"),
        ("cancel_requested_at", "now()"),
        ("started_at", "now()"),
        ("completed_at", "now()"),
    ];
    assert_each_refused(&database, &mut database.user(ALICE), "agent_requests", &REQUEST, &forged);
}

#[test]
fn priority_and_attempts_of_a_users_request_are_clamped() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    let mut values = REQUEST.to_vec();
    values.extend([("priority", "1000"), ("max_attempts", "1000")]);
    let insert = insert_every_column(&database, "agent_requests", &values);
    assert_eq!(session.column(&(insert + " returning priority, max_attempts")), ["0|3"]);
    let lower = "insert into carrel.agent_requests (agent_type, content, priority, max_attempts)
        values ('a', 'c', -5, 1) returning priority, max_attempts";
    assert_eq!(session.column(lower), ["-5|1"]);
}

#[test]
fn the_chain_and_version_of_a_session_are_not_its_users_to_write() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    let forged = [("version", "5"), ("request_chain", "'[1]'")];
    assert_each_refused(&database, &mut session, "agent_sessions", &[], &forged);
    for (column, value) in forged {
        let update = format!("update carrel.agent_sessions set {column} = {value}");
        assert_eq!(session.attempt(&update), refused("42501"), "{column}");
    }
}

#[test]
fn the_status_of_a_document_without_text_is_not_its_users_to_write() {
    let database = lived_in();
    let forged = [
        ("processing_status", "'completed'"),
        ("processing_status", "'processing'"),
        ("processing_status", "'failed'"),
        ("processing_error", "'x'"),
    ];
    assert_each_refused(&database, &mut database.user(ALICE), "documents", &DOCUMENT, &forged);
}

#[test]
fn status_and_vector_of_a_document_with_text_are_what_processing_makes_them() {
    let database = lived_in();
    let values = [
        ("filename", "'f'"),
        ("content_text", "'A mole digs.'"),
        ("processing_status", "'failed'"),
        ("processing_error", "'x'"),
        ("search_vector", "'forgery:1A'"),
    ];
    let insert = insert_every_column(&database, "documents", &values);
    let mut session = database.user(ALICE);
    let returning = " returning processing_status, processing_error is null, search_vector @@ 'mole', search_vector @@ 'forgery'";
    assert_eq!(session.column(&(insert + returning)), ["completed|t|t|f"]);
    assert_eq!(session.number("select count(*) from carrel.search_documents('forgery')"), 0);
}

#[test]
fn the_vector_of_a_document_without_text_is_what_processing_makes_it() {
    let database = lived_in();
    let values = [("filename", "'mole.pdf'"), ("search_vector", "'forgery:1A'")];
    let insert = insert_every_column(&database, "documents", &values);
    let vector = database.user(ALICE).value(&(insert + " returning search_vector @@ 'forgery'"));
    assert_eq!(vector, "f");
}

#[test]
fn what_processing_writes_of_a_document_is_not_its_users_to_update() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    for (column, value) in [
        ("id", "gen_random_uuid()"),
        ("user_id", "default"),
        ("file_size", "1"),
        ("processing_status", "'completed'"),
        ("processing_error", "'x'"),
        ("search_vector", "'forgery:1A'"),
        ("created_at", "now()"),
        ("updated_at", "now()"),
    ] {
        let update = format!("update carrel.documents set {column} = {value}");
        assert_eq!(session.attempt(&update), refused("42501"), "{column}");
    }
}

#[test]
fn chunks_of_a_document_with_text_are_not_its_users_to_write() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    let document = session.value("select id from carrel.documents where filename = 'notes.md'");
    let insert = format!(
        "insert into carrel.document_chunks (document_id, chunk_index, content) values ('{document}', 99, 'x')"
    );
    assert_eq!(session.attempt(&insert), refused("42501"));
    assert_eq!(
        session.attempt("update carrel.document_chunks set content = 'x'"),
        refused("42501")
    );
    assert_eq!(session.attempt("delete from carrel.document_chunks"), refused("42501"));
}

#[test]
fn vector_and_hash_of_a_users_chunk_are_those_of_its_content() {
    let database = lived_in();
    let document = format!("'{}'", textless_document(&database, ALICE));
    let values = [
        ("document_id", document.as_str()),
        ("chunk_index", "5"),
        ("content", "'A mole digs.'"),
        ("search_vector", "'forgery:1A'"),
        ("content_hash", r"'\x00'"),
    ];
    let insert = insert_every_column(&database, "document_chunks", &values);
    let returning = " returning search_vector @@ 'mole', search_vector @@ 'forgery',
        content_hash = sha256(convert_to(content, 'UTF8'))";
    assert_eq!(database.user(ALICE).column(&(insert + returning)), ["t|f|t"]);
}

#[test]
fn text_replaces_the_chunks_that_a_user_wrote() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    session.run(
        "update carrel.documents set content_text = 'A mole digs.' where filename = 'scan.pdf'",
    );
    let chunks = session.column(
        "select chunk_index, c.content from carrel.document_chunks as c
        join carrel.documents as d on d.id = document_id where filename = 'scan.pdf'",
    );
    assert_eq!(chunks, ["0|A mole digs."]);
}

#[test]
fn a_user_changes_nothing_of_their_profile_but_the_name() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    for (column, value) in [
        ("id", "gen_random_uuid()"),
        ("user_id", "gen_random_uuid()"),
        ("plan_type", "'enterprise'"),
        ("usage_count", "0"),
        ("usage_period_start", "now()"),
        ("subscription_status", "'active'"),
        ("billing_anchor", "now()"),
        ("billing_timezone", "'UTC'"),
        ("created_at", "now()"),
    ] {
        let update = format!("update carrel.user_profiles set {column} = {value}");
        assert_eq!(session.attempt(&update), refused("42501"), "{column}");
        let both = format!("update carrel.user_profiles set name = 'x', {column} = {value}");
        assert_eq!(session.attempt(&both), refused("42501"), "{column}");
    }
    assert_eq!(session.attempt("update carrel.user_profiles set name = 'Al'"), Ok(1));
}

#[test]
fn an_end_user_neither_records_nor_changes_usage() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    for statement in [
        "insert into carrel.usage_events (event_type) values ('x')",
        "update carrel.usage_events set tokens_used = 0",
        "delete from carrel.usage_events",
        "select carrel.record_usage('x')",
    ] {
        assert_eq!(session.attempt(statement), refused("42501"), "{statement}");
    }
}

#[test]
fn usage_events_are_not_changed_by_their_owner_either() {
    let database = lived_in();
    let mut superuser = database.superuser();
    for statement in [
        "update carrel.usage_events set tokens_used = 0",
        "delete from carrel.usage_events",
        "truncate carrel.usage_events",
    ] {
        assert_eq!(superuser.attempt(statement), refused("42501"), "{statement}");
    }
}

#[test]
fn a_self_metering_role_records_its_own_usage_and_nobody_elses() {
    let database = lived_in();
    let role = database.create_role("meter", "");
    database.superuser().run(&format!("select carrel.grant_user('{role}', self_metering => true)"));
    let mut session = database.connect(&role);
    session.claim(ALICE);
    session.run("insert into carrel.usage_events (event_type, tokens_used) values ('x', 1)");
    session.run("select carrel.record_usage('x', 1)");
    let used =
        "select used from carrel.current_usage() where (event_type, measure) = ('x', 'events')";
    assert_eq!(session.value(used), "2");
    let event = id_of(&database, "usage_events", ALICE);
    for statement in [
        format!("insert into carrel.usage_events (user_id, event_type) values ('{BOB}', 'x')"),
        format!(
            "insert into carrel.usage_events (event_type, tokens_used, voids) values ('x', -9, '{event}')"
        ),
        "insert into carrel.usage_events (event_type, payload_hash) values ('x', '')".to_owned(),
        format!("select carrel.record_usage('x', user_id => '{BOB}')"),
        "update carrel.usage_events set tokens_used = 0".to_owned(),
        "delete from carrel.usage_events".to_owned(),
    ] {
        assert_eq!(session.attempt(&statement), refused("42501"), "{statement}");
    }
    let negative = "insert into carrel.usage_events (event_type, tokens_used) values ('x', -1)";
    assert_eq!(session.attempt(negative), refused("23514"));
    assert_eq!(database.service().number("select count(*) from carrel.verify_usage()"), 0);
}

#[test]
fn an_end_user_calls_nothing_that_is_for_services_or_superusers() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    for call in [
        "create_user()".to_owned(),
        format!("delete_user('{BOB}')"),
        format!("export_user('{ALICE}')"),
        "process_documents()".to_owned(),
        "verify_usage()".to_owned(),
        "migrate()".to_owned(),
        "doctor()".to_owned(),
        "grant_user('authenticated', true)".to_owned(),
        "grant_service('authenticated')".to_owned(),
        "revoke_user('authenticated')".to_owned(),
        "revoke_service('service_role')".to_owned(),
    ] {
        assert_eq!(session.attempt(&format!("select carrel.{call}")), refused("42501"), "{call}");
    }
}

#[test]
fn a_user_puts_no_trigger_of_carrels_on_a_table_of_their_own() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    session.run("create temp table mine (like carrel.usage_events)");
    let trigger = "create trigger t after insert on mine referencing new table as inserted
        for each statement execute function carrel.count_usage()";
    // With EXECUTE granted it can be made, and is refused when it fires.
    let insert = "insert into mine select * from carrel.usage_events";
    let outcome = match session.attempt(trigger) {
        Ok(_) if grants::are_given() => session.attempt(insert),
        outcome => outcome,
    };
    assert_eq!(outcome, refused("42501"));
}
