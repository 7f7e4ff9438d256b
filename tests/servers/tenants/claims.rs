//! Who a session is: what its claims say, nobody where they say nothing, an error where they lie.

use super::{lived_in, refused};
use carrel_tests::{ALICE, BOB, Session, TABLES};

/// Asserts that a session is nobody: no row anywhere, nothing that can be written.
fn assert_nobody(session: &mut Session) {
    for table in TABLES {
        assert_eq!(session.number(&format!("select count(*) from carrel.{table}")), 0, "{table}");
    }
    assert_eq!(session.value("select carrel.current_user_id()"), "");
    let insert = "insert into carrel.documents (filename) values ('x')";
    assert_eq!(session.attempt(insert), refused("28000"));
    let named = format!("insert into carrel.documents (user_id, filename) values ('{ALICE}', 'x')");
    assert_eq!(session.attempt(&named), refused("28000"));
    assert_eq!(session.attempt("update carrel.documents set filename = 'x'"), Ok(0));
    assert_eq!(session.attempt("delete from carrel.documents"), Ok(0));
    assert_eq!(session.attempt("select carrel.add_document('x', 'x')"), refused("28000"));
    assert_eq!(session.attempt("select carrel.create_request('x', 'x')"), refused("28000"));
    assert_eq!(session.attempt("select * from carrel.search_chunks('x')"), refused("28000"));
    assert_eq!(session.attempt("select * from carrel.search_documents('x')"), refused("28000"));
}

#[test]
fn without_claims_a_session_is_nobody() {
    assert_nobody(&mut lived_in().connect("authenticated"));
}

#[test]
fn what_a_transaction_leaves_behind_of_its_claims_is_nobody() {
    let mut session = lived_in().connect("authenticated");
    session.run(&format!(
        r#"begin; set local request.jwt.claims = '{{"sub": "{ALICE}"}}'; select from carrel.documents; commit"#
    ));
    assert_eq!(session.value("select current_setting('request.jwt.claims')"), "");
    assert_nobody(&mut session);
}

#[test]
fn claims_without_the_one_that_names_the_user_are_nobody() {
    let mut session = lived_in().connect("authenticated");
    for claims in ["{}", r#"{"sub": null}"#, r#"{"role": "authenticated", "Sub": "x"}"#] {
        session.run(&format!("set request.jwt.claims = '{claims}'"));
        assert_nobody(&mut session);
    }
}

#[test]
fn a_user_without_a_profile_reads_nothing_and_writes_nothing() {
    let mut session = lived_in().user("00000000-0000-4000-8000-000000000bad");
    for table in TABLES {
        assert_eq!(session.number(&format!("select count(*) from carrel.{table}")), 0, "{table}");
    }
    assert_eq!(
        session.attempt("insert into carrel.documents (filename) values ('x')"),
        refused("P0002")
    );
    assert_eq!(
        session.attempt("insert into carrel.agent_sessions default values"),
        refused("P0002")
    );
}

#[test]
fn malformed_claims_are_28000_for_every_table_and_verb() {
    let database = lived_in();
    let mut session = database.connect("authenticated");
    for claims in [
        "x",
        "[]",
        "5",
        "null",
        r#"{"sub": ""}"#,
        r#"{"sub": "alice"}"#,
        r#"{"sub": 5}"#,
        r#"{"sub": ["a11ce000-0000-4000-8000-000000000001"]}"#,
        r#"{"sub": "a11ce000-0000-4000-8000-00000000000"}"#,
        r#"{"sub": "a11ce000-0000-4000-8000-000000000001 "}"#,
        r#"{"sub": "a11ce000-0000-4000-8000-000000000001", "sub": "b0b00000-0000-4000-8000-000000000002"}"#,
        r#"{"sub": "a11ce000-0000-4000-8000-000000000001""#,
    ] {
        session.run(&format!("set request.jwt.claims = '{claims}'"));
        for table in TABLES {
            let read = session.attempt(&format!("select from carrel.{table}"));
            assert_eq!(read, refused("28000"), "{table} {claims}");
        }
        for statement in [
            "insert into carrel.documents (filename) values ('x')",
            "update carrel.documents set filename = 'x'",
            "delete from carrel.documents",
            "select carrel.current_user_id()",
            "select carrel.add_document('x', 'x')",
            "select * from carrel.search_chunks('x')",
        ] {
            assert_eq!(session.attempt(statement), refused("28000"), "{statement} {claims}");
        }
    }
}

#[test]
fn malformed_claims_do_not_give_the_user_before_them() {
    let mut session = lived_in().user(ALICE);
    assert_eq!(session.value("select carrel.current_user_id()"), ALICE);
    session.run(r#"set request.jwt.claims = '{"sub": "x"}'"#);
    assert_eq!(session.refused("select carrel.current_user_id()"), "28000");
    session.run("reset request.jwt.claims");
    assert_nobody(&mut session);
}

#[test]
fn the_setting_of_older_postgrest_names_the_user_where_there_are_no_claims() {
    let mut session = lived_in().connect("authenticated");
    session.run(&format!("set request.jwt.claim.sub = '{ALICE}'"));
    assert_eq!(session.column("select distinct user_id from carrel.documents"), [ALICE]);
    session.claim(BOB);
    assert_eq!(session.column("select distinct user_id from carrel.documents"), [BOB]);
}

#[test]
fn act_as_lasts_for_one_transaction() {
    let mut session = lived_in().user(ALICE);
    session.run(&format!("begin; select carrel.act_as('{BOB}')"));
    assert_eq!(session.column("select distinct user_id from carrel.documents"), [BOB]);
    session.run("select carrel.act_as(null)");
    assert_eq!(session.number("select count(*) from carrel.documents"), 0);
    session.run("commit");
    assert_eq!(session.column("select distinct user_id from carrel.documents"), [ALICE]);
}

#[test]
fn act_as_is_undone_by_a_rollback_to_a_savepoint() {
    let mut session = lived_in().user(ALICE);
    session.run(&format!("begin; savepoint s; select carrel.act_as('{BOB}'); rollback to s"));
    assert_eq!(session.column("select distinct user_id from carrel.documents"), [ALICE]);
}

#[test]
fn another_claim_makes_an_organisation_the_tenant() {
    let database = lived_in();
    let name = &database.name;
    database
        .superuser()
        .run(&format!("alter database {name} set carrel.identity_claim = 'app_metadata.org_id'"));
    let mut session = database.connect("authenticated");
    session.run(&format!(
        r#"set request.jwt.claims = '{{"sub": "{ALICE}", "app_metadata": {{"org_id": "{BOB}"}}}}'"#
    ));
    assert_eq!(session.column("select distinct user_id from carrel.documents"), [BOB]);
}

#[test]
fn an_end_user_does_not_choose_the_claim_that_names_them() {
    let database = lived_in();
    let choose = "set carrel.identity_claim = 'org'";
    let claims = format!(r#"set request.jwt.claims = '{{"sub": "{ALICE}", "org": "{BOB}"}}'"#);
    // Before anything of carrel's is called, Postgres doesn't know the setting and takes it.
    let mut early = database.connect("authenticated");
    early.run(choose);
    early.run(&claims);
    assert_eq!(early.column("select distinct user_id from carrel.documents"), [ALICE]);
    assert_eq!(early.value("select current_setting('carrel.identity_claim')"), "sub");
    let mut late = database.user(ALICE);
    late.run("select carrel.version()");
    assert_eq!(late.refused(choose), "42501");
}
