//! Prepared statements that outlive the user or role they were prepared by, as poolers have them.

use super::lived_in;
use carrel_tests::{ALICE, BOB, Database, Session, identity};
use postgres::{Statement, types::ToSql};

/// What decides whether a prepared statement keeps its plan.
const MODES: [&str; 3] = ["auto", "force_generic_plan", "force_custom_plan"];

/// The first column of what a prepared statement returns.
fn texts(
    session: &mut Session,
    statement: &Statement,
    params: &[&(dyn ToSql + Sync)],
) -> Vec<String> {
    let rows = session.rows(statement, params).unwrap_or_else(|error| panic!("{error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

fn prepare(session: &mut Session, sql: &str) -> Statement {
    session.client().prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

/// A session as an application's pooler holds it, of a role that may become the others.
fn pooled(database: &Database) -> Session {
    let role = database.create_role("authenticator", "noinherit");
    database.superuser().run(&format!("grant authenticated, service_role to {role}"));
    database.connect(&role)
}

#[test]
fn a_prepared_read_gives_each_user_their_own() {
    let database = lived_in();
    for mode in MODES {
        let mut session = database.user(ALICE);
        session.run(&format!("set plan_cache_mode = {mode}"));
        let read = prepare(
            &mut session,
            "select distinct user_id::text from carrel.documents where filename = any ($1)",
        );
        let names = vec!["notes.md", "long.txt"];
        for user in [ALICE, BOB].repeat(8) {
            session.claim(user);
            assert_eq!(texts(&mut session, &read, &[&names]), [user], "{mode}");
        }
        session.forget();
        assert_eq!(texts(&mut session, &read, &[&names]), Vec::<String>::new(), "{mode}");
    }
}

#[test]
fn a_prepared_read_gives_nothing_after_the_transaction_that_had_the_identity() {
    let database = lived_in();
    for mode in MODES {
        let mut session = database.connect("authenticated");
        session.run(&format!("set plan_cache_mode = {mode}"));
        let read = prepare(&mut session, "select distinct user_id::text from carrel.documents");
        for user in [ALICE, BOB].repeat(4) {
            session.run(&format!("begin; {}", identity::act(user)));
            assert_eq!(texts(&mut session, &read, &[]), [user], "{mode}");
            session.run("commit");
            assert_eq!(texts(&mut session, &read, &[]), Vec::<String>::new(), "{mode}");
        }
    }
}

#[test]
fn a_prepared_insert_writes_for_the_user_of_the_moment() {
    let database = lived_in();
    for mode in MODES {
        let mut session = database.user(ALICE);
        session.run(&format!("set plan_cache_mode = {mode}"));
        let insert = prepare(
            &mut session,
            "insert into carrel.documents (filename, content_text) values ($1, $2) returning user_id::text",
        );
        for user in [ALICE, BOB].repeat(4) {
            session.claim(user);
            assert_eq!(texts(&mut session, &insert, &[&"new", &"A mole."]), [user], "{mode}");
        }
    }
    for user in [ALICE, BOB] {
        let mut session = database.user(user);
        assert_eq!(session.number("select count(*) from carrel.search_chunks('mole', 100)"), 12);
    }
}

#[test]
fn a_prepared_update_and_delete_touch_the_rows_of_the_user_of_the_moment() {
    let database = lived_in();
    for mode in MODES {
        let mut session = database.user(ALICE);
        session.run(&format!("set plan_cache_mode = {mode}"));
        let update = prepare(
            &mut session,
            "update carrel.documents set metadata = '{}' returning user_id::text",
        );
        let delete = prepare(
            &mut session,
            "delete from carrel.agent_requests where agent_type = $1 returning user_id::text",
        );
        session.run("begin");
        for user in [ALICE, BOB].repeat(8) {
            session.claim(user);
            assert_eq!(texts(&mut session, &update, &[]), [user; 3], "{mode}");
        }
        for user in [ALICE, BOB] {
            session.claim(user);
            assert_eq!(texts(&mut session, &delete, &[&"writer"]), [user], "{mode}");
        }
        session.run("rollback");
    }
}

#[test]
fn a_prepared_search_finds_each_user_their_own() {
    let database = lived_in();
    for mode in MODES {
        let mut session = database.user(ALICE);
        session.run(&format!("set plan_cache_mode = {mode}"));
        let search = prepare(&mut session, "select content from carrel.search_chunks($1)");
        for (user, name) in [(ALICE, "Alice"), (BOB, "Bob")].repeat(4) {
            session.claim(user);
            let found = texts(&mut session, &search, &[&"herons"]);
            assert!(
                found.len() == 1 && found[0].contains(&format!("herons of {name}")),
                "{found:?}"
            );
        }
    }
}

#[test]
fn a_statement_prepared_by_a_superuser_obeys_the_policies_after_set_role() {
    let database = lived_in();
    for mode in MODES {
        let mut session = database.superuser();
        session.run(&format!("set plan_cache_mode = {mode}"));
        let read =
            prepare(&mut session, "select distinct user_id::text from carrel.documents order by 1");
        for _ in 0..6 {
            assert_eq!(texts(&mut session, &read, &[]), [ALICE, BOB], "{mode}");
        }
        session.run("set role authenticated");
        session.claim(BOB);
        for _ in 0..6 {
            assert_eq!(texts(&mut session, &read, &[]), [BOB], "{mode}");
        }
        session.run("reset role");
        assert_eq!(texts(&mut session, &read, &[]), [ALICE, BOB], "{mode}");
    }
}

#[test]
fn carrels_own_plans_made_for_a_superuser_obey_the_policies_after_set_role() {
    let database = lived_in();
    database.superuser().run(
        "create policy documents_hide_notes on carrel.documents as restrictive
            for select to authenticated using (filename <> 'notes.md')",
    );
    let mut session = database.superuser();
    session.run("set plan_cache_mode = force_generic_plan");
    session.claim(ALICE);
    let search = "select count(*) from carrel.search_documents('herons')";
    let add = "select carrel.add_document('new', 'x')";
    assert_eq!(session.number(search), 1);
    session.run(add);
    session.run("set role authenticated");
    assert_eq!(session.number(search), 0);
    session.claim(BOB);
    session.run(add);
    assert_eq!(
        session.column("select user_id from carrel.documents where filename = 'new'"),
        [BOB]
    );
    session.run("reset role");
    session.claim(ALICE);
    assert_eq!(session.number(search), 1);
}

#[test]
fn one_pooled_connection_serves_users_and_services_in_turn() {
    let database = lived_in();
    for mode in MODES {
        let mut session = pooled(&database);
        session.run(&format!("set plan_cache_mode = {mode}; set role authenticated"));
        let read =
            prepare(&mut session, "select distinct user_id::text from carrel.agent_sessions");
        for user in [ALICE, BOB].repeat(4) {
            session.run(&format!("begin; set local role authenticated; {}", identity::act(user)));
            assert_eq!(texts(&mut session, &read, &[]), [user], "{mode}");
            session.run("commit; begin; set local role service_role");
            assert_eq!(texts(&mut session, &read, &[]), Vec::<String>::new(), "{mode}");
            session.run("commit; set role none");
            let error = session.client().query(&read, &[]).unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{mode}");
        }
        database.superuser().run(&format!(
            "drop owned by {0}_authenticator; drop role {0}_authenticator",
            database.name
        ));
    }
}

#[test]
fn a_function_with_claims_of_its_own_reads_as_whom_they_name() {
    let database = lived_in();
    database.superuser().run(&format!(
        r#"create function public.as_bob() returns bigint language sql
            set request.jwt.claims = '{{"sub": "{BOB}"}}'
            as 'select count(*) from carrel.documents where user_id = ''{BOB}''';"#
    ));
    let mut session = database.user(ALICE);
    assert_eq!(session.number("select public.as_bob()"), 3);
    assert_eq!(session.column("select distinct user_id from carrel.documents"), [ALICE]);
}
