//! Names of carrel's that an operator changed: each call says so, and what to run. Nothing is lost by it.

use carrel_tests::{ALICE, BOB, Cluster, Database};

/// Calls of each kind: by SQL, by index, by trigger; of users, services and operators.
fn calls() -> Vec<(&'static str, String)> {
    let user = [
        "select {schema}.add_document('new.md', 'A mole digs.')",
        "insert into {schema}.documents (storage_path) values ('a')",
        "select * from {schema}.search_chunks('heron')",
        "select * from {schema}.search_documents('heron')",
        "select {schema}.create_session('s')",
        "select {schema}.create_request('a', 'b')",
        "select * from {schema}.current_usage()",
        "select * from {schema}.check_quota('agent_request')",
    ];
    let service = [
        "select {schema}.record_usage('chat', 7, user_id => :bob)",
        "select {schema}.consume_usage('chat', 7, user_id => :bob)",
        "select * from {schema}.claim_requests('w')",
        "select * from {schema}.verify_usage()",
        "select {schema}.export_user(:bob)",
        "select {schema}.set_plan(:bob, 'pro')",
        "select {schema}.create_user()",
        "select {schema}.delete_user(:bob)",
        "select * from {schema}.stats()",
    ];
    let superuser = [
        "select {schema}.migrate()",
        "select {schema}.doctor()",
        "select {schema}.rebuild_usage()",
    ];
    let of = |role, calls: &[&str]| -> Vec<(&'static str, String)> {
        calls.iter().map(|call| (role, call.replace(":bob", &format!("'{BOB}'")))).collect()
    };
    [of("user", &user), of("service", &service), of("superuser", &superuser)].concat()
}

#[test]
fn where_the_schema_was_renamed_each_call_says_so_in_open_and_in_new_sessions() {
    let database = Cluster::shared().lived_in();
    let session = |role: &str| match role {
        "user" => database.user(ALICE),
        "service" => database.service(),
        _ => database.superuser(),
    };
    let calls = calls();
    // With all plans made and names looked up.
    let mut sessions: Vec<_> = calls
        .iter()
        .map(|(role, call)| {
            let mut session = session(role);
            let call = call.replace("{schema}", "carrel");
            if call.contains("storage_path") || call.contains("doctor()") {
                return session;
            }
            session.run(&format!("begin; {call}; rollback"));
            session
        })
        .collect();
    database.superuser().run("alter schema carrel rename to \"Old\"");
    let mut wrong = Vec::new();
    for ((role, call), open) in calls.iter().zip(&mut sessions) {
        for session in [open, &mut session(role)] {
            let call = call.replace("{schema}", "\"Old\"");
            let error = session.failure(&call);
            let hint = error.hint().unwrap_or_default();
            if error.code().code() != "55000"
                || error.message() != "schema carrel was renamed to \"Old\""
                || hint != "Run: alter schema \"Old\" rename to carrel"
            {
                wrong.push(format!("{call}: {error:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    database.superuser().run("alter schema \"Old\" rename to carrel");
    for ((_, call), session) in calls.iter().zip(&mut sessions) {
        if !call.contains("storage_path") {
            session.run(&format!("begin; {}; rollback", call.replace("{schema}", "carrel")));
        }
    }
    database.assert_sound();
}

/// Renames a column of which open sessions have plans.
fn renamed(rename: &str) -> Database<'static> {
    let database = Cluster::shared().lived_in();
    database.superuser().run(rename);
    database
}

#[test]
fn where_a_column_was_renamed_calls_name_it_and_migrate_says_how_it_was_called() {
    let database = Cluster::shared().lived_in();
    let (mut alice, mut service) = (database.user(ALICE), database.service());
    let add = "select carrel.add_document('new.md', 'A mole digs.')";
    let search = "select * from carrel.search_chunks('heron')";
    let claim = "select * from carrel.claim_requests('w')";
    alice.run(&format!("begin; {add}; {search}; rollback"));
    service.run(&format!("begin; {claim}; rollback"));
    database.superuser().run(
        "alter table carrel.documents rename filename to \"file name\";
        alter table carrel.agent_requests rename agent_type to kind",
    );
    let mut others = [database.user(ALICE), database.user(ALICE), database.service()];
    let [new, newer, newest] = &mut others;
    for (session, call, column) in [
        (&mut alice, add, "filename"),
        (new, add, "filename"),
        (newer, search, "filename"),
        (newest, claim, "agent_type"),
        (&mut service, claim, "agent_type"),
    ] {
        let error = session.failure(call);
        assert_eq!(error.code().code(), "55000", "{call}: {error:?}");
        assert_eq!(error.message(), "carrel's tables are not as this version needs them");
        assert!(error.detail().unwrap_or_default().contains(column), "{call}: {error:?}");
        assert!(error.hint().unwrap_or_default().contains("carrel.migrate()"), "{error:?}");
    }
    assert_eq!(alice.failure(search).code().code(), "55000");
    let complaints = database.complaints();
    assert_eq!(
        complaints[0],
        "columns: column documents.filename is missing: file name is in its place; \
         if it was renamed: alter table carrel.documents rename column \"file name\" to filename\n\
         column agent_requests.agent_type is missing: kind is in its place; \
         if it was renamed: alter table carrel.agent_requests rename column kind to agent_type"
    );
    for (table, old, new) in
        [("documents", "\"file name\"", "filename"), ("agent_requests", "kind", "agent_type")]
    {
        let error = database.superuser().failure("select carrel.migrate()");
        assert_eq!(error.code().code(), "55000");
        let rename = format!("alter table carrel.{table} rename column {old} to {new}");
        assert!(error.hint().unwrap_or_default().contains(&rename), "{error:?}");
        database.superuser().run(&rename);
    }
    database.superuser().run("select carrel.migrate()");
    database.assert_sound();
    alice.run(add);
    service.run(claim);
}

#[test]
fn a_column_that_may_be_null_is_not_made_again_beside_its_renamed_self() {
    let database = renamed("alter table carrel.documents rename processing_error to error");
    let failure = database.superuser().failure("select carrel.migrate()");
    assert_eq!(failure.code().code(), "55000", "{failure:?}");
    // Unless the operator says that it is another one.
    let hint = failure.hint().unwrap_or_default();
    let add = hint.split("If it is another: ").nth(1).and_then(|rest| rest.split(". ").next());
    database.superuser().run(add.unwrap_or_default());
    database.superuser().run("select carrel.migrate()");
    database.assert_sound();
}

#[test]
fn a_column_of_the_operators_is_not_taken_for_one_that_is_missing() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    superuser.run(
        "alter table carrel.documents add column shelf text, add column places jsonb;
        alter table carrel.documents drop column storage_path, drop column metadata;
        select carrel.migrate()",
    );
    database.assert_sound();
}

#[test]
fn an_error_in_a_function_of_the_operators_stays_what_it_is() {
    let database = Cluster::shared().lived_in();
    database.superuser().run(
        "create function public.wrong() returns trigger language plpgsql as
            $$ begin perform nothing from carrel.plans; return new; end $$;
        create trigger wrong before insert on carrel.documents for each row execute function public.wrong()",
    );
    let add = "select carrel.add_document('new.md', 'A mole digs.')";
    assert_eq!(database.user(ALICE).refused(add), "42703");
}

#[test]
fn a_row_type_of_carrels_in_another_table_is_named_before_it_blocks_a_change() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    superuser.run(
        "create table public.kept (d carrel.documents);
        create type public.pair as (first carrel.documents[], note text);
        create domain public.dear as public.pair check ((value).note <> '');
        create table public.pairs (p public.dear)",
    );
    let named = "row_types: column public.kept.d has a row type of carrel's\ncolumn public.pairs.p has a row type of carrel's";
    assert_eq!(database.complaints(), [named]);
    superuser.run("select carrel.migrate(); alter table carrel.documents drop column metadata");
    let failure = superuser.failure("select carrel.migrate()");
    assert_eq!(failure.code().code(), "55000");
    assert_eq!(
        failure.message(),
        "carrel's tables can't be changed: a row type of theirs is the type of public.kept.d, public.pairs.p"
    );
    superuser.run("drop table public.kept, public.pairs; select carrel.migrate()");
    database.assert_sound();
}
