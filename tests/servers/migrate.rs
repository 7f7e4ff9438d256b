//! migrate(): a failure changes nothing, what is missing comes back, what was added stays, and
//! nobody's tables but a superuser's are taken over.

use carrel_tests::{ALICE, Cluster, Database, assert_same, contents};
use std::time::{Duration, Instant};

fn lived_in() -> Database<'static> {
    let database = Cluster::shared().lived_in();
    // A copy of a database has its roles recorded as those of another.
    database.superuser().run("select carrel.migrate()");
    database
}

/// Asserts that migrate() fails with this SQLSTATE and changes nothing.
#[track_caller]
fn assert_fails_without_a_trace(database: &Database, sqlstate: &str) {
    let before = (database.dump(&[]), contents(database));
    let mut superuser = database.superuser();
    assert_eq!(superuser.refused("select carrel.migrate()"), sqlstate);
    superuser.run("create table public.later ()");
    let members =
        "select count(*) from pg_depend where objid = 'public.later'::regclass and deptype = 'e'";
    assert_eq!(superuser.number(members), 0);
    superuser.run("drop table public.later");
    assert_same(&before.0, &database.dump(&[]));
    assert_eq!(before.1, contents(database));
}

#[test]
fn a_column_of_another_type_in_the_place_of_a_missing_one_stops_migrate_without_a_trace() {
    let database = lived_in();
    database.superuser().run(
        "drop index carrel.user_profiles_plan_type_idx;
        alter table carrel.documents drop column storage_path;
        alter table carrel.documents add column storage_path integer",
    );
    assert_fails_without_a_trace(&database, "55000");
    let error = database.superuser().failure("select carrel.migrate()");
    assert!(error.message().contains("storage_path") && error.message().contains("integer"));
    assert!(error.hint().is_some());
}

#[test]
fn an_event_trigger_that_refuses_the_last_grants_stops_migrate_without_a_trace() {
    let database = lived_in();
    database.superuser().run(
        "drop index carrel.documents_pending_idx;
        drop policy documents_select_own on carrel.documents;
        create function public.refuse() returns event_trigger language plpgsql
            as $$ begin raise 'no grants today' using errcode = 'XX777'; end $$;
        create event trigger refuse on ddl_command_end when tag in ('GRANT') execute function public.refuse()",
    );
    assert_fails_without_a_trace(&database, "XX777");
}

#[test]
fn a_data_error_in_a_constraint_that_comes_back_stops_migrate_without_a_trace() {
    let database = lived_in();
    database.superuser().run(
        "alter table carrel.documents drop constraint documents_file_size_check;
        drop index carrel.user_profiles_plan_type_idx;
        set session_replication_role = replica; update carrel.documents set file_size = -1; reset session_replication_role",
    );
    assert_fails_without_a_trace(&database, "23514");
}

#[test]
fn a_failed_create_extension_leaves_nothing() {
    let database = Cluster::shared().empty();
    let mut superuser = database.superuser();
    superuser.run(
        "create function public.refuse() returns event_trigger language plpgsql
            as $$ begin raise 'no policies today' using errcode = 'XX777'; end $$;
        create event trigger refuse on ddl_command_end when tag in ('CREATE POLICY') execute function public.refuse()",
    );
    let before = database.dump(&[]);
    assert_eq!(superuser.refused("create extension carrel"), "XX777");
    assert_same(&before, &database.dump(&[]));
    superuser.run("drop event trigger refuse; create extension carrel");
    database.assert_sound();
}

#[test]
fn migrate_in_a_transaction_that_is_rolled_back_leaves_nothing() {
    let database = lived_in();
    let mut superuser = database.superuser();
    superuser.run("drop index carrel.documents_pending_idx");
    let before = database.dump(&[]);
    superuser.run("begin; select carrel.migrate(); rollback");
    assert_same(&before, &database.dump(&[]));
    superuser.run("begin; savepoint s; select carrel.migrate(); rollback to s; commit");
    assert_same(&before, &database.dump(&[]));
}

#[test]
fn migrate_again_changes_nothing_and_keeps_what_was_added() {
    let database = lived_in();
    database.superuser().run(
        "alter table carrel.documents add column note text default 'mine';
        create index documents_note_idx on carrel.documents (note);
        create policy documents_hide on carrel.documents as restrictive for select using (note is not null);
        create table carrel.mine (id int);
        alter table carrel.mine enable row level security;
        alter table carrel.documents add constraint documents_note_check check (note <> '')",
    );
    let before = (database.dump(&[]), contents(&database));
    for _ in 0..2 {
        database.superuser().run("select carrel.migrate()");
        assert_same(&before.0, &database.dump(&[]));
        assert_eq!(before.1, contents(&database));
    }
}

#[test]
fn sessions_that_migrate_at_once_all_succeed() {
    let database = lived_in();
    let before = database.dump(&[]);
    carrel_tests::at_once(
        4,
        |_| database.superuser(),
        |_, mut session| session.run("select carrel.migrate()"),
    );
    assert_same(&before, &database.dump(&[]));
}

#[test]
fn a_vacuum_of_the_servers_own_that_takes_long_makes_way_for_migrate() {
    let cluster = Cluster::start_with(&["autovacuum=on", "autovacuum_naptime=1"]);
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    let mut superuser = database.superuser();
    // A page in a tenth of a second.
    superuser.run(&format!(
        "alter table carrel.usage_events set (autovacuum_vacuum_insert_threshold = 1,
            autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_cost_delay = 100,
            autovacuum_vacuum_cost_limit = 1);
        select count(*) from carrel.record_usage_batch((
            select jsonb_agg(jsonb_build_object('event_type', 'x', 'user_id', '{ALICE}'))
            from generate_series(1, 30000)))"
    ));
    let under_way = "select count(*) from pg_stat_progress_vacuum where relid = 'carrel.usage_events'::regclass";
    let end = Instant::now() + Duration::from_secs(60);
    while superuser.number(under_way) == 0 {
        assert!(Instant::now() < end, "no vacuum began");
        std::thread::sleep(Duration::from_millis(100));
    }
    superuser.run("select carrel.migrate()");
    assert!(cluster.log_text().contains("canceling autovacuum task"), "it was not in the way");
}

#[test]
fn a_users_column_of_the_right_type_is_adopted_with_its_values() {
    let database = lived_in();
    let mut superuser = database.superuser();
    superuser.run(
        "alter table carrel.documents drop column storage_path;
        alter table carrel.documents add column storage_path text;
        update carrel.documents set storage_path = 'kept'",
    );
    superuser.run("select carrel.migrate()");
    database.assert_sound();
    assert_eq!(superuser.column("select distinct storage_path from carrel.documents"), ["kept"]);
}

#[test]
fn migrate_does_not_undo_a_revoke() {
    let database = lived_in();
    let mut superuser = database.superuser();
    superuser
        .run("select carrel.revoke_user('authenticated'), carrel.revoke_service('service_role')");
    superuser.run("select carrel.migrate()");
    for role in ["authenticated", "service_role"] {
        let mut session = database.connect(role);
        session.claim(ALICE);
        assert_eq!(session.refused("select from carrel.documents"), "42501", "{role}");
        assert_eq!(session.refused("select carrel.version()"), "42501", "{role}");
    }
    database.assert_sound();
    superuser.run("select carrel.grant_user('authenticated')");
    assert_eq!(database.user(ALICE).number("select count(*) from carrel.documents"), 3);
}

#[test]
fn a_role_that_is_gone_is_no_reason_for_migrate_to_fail() {
    let database = lived_in();
    let role = database.create_role("gone", "");
    let mut superuser = database.superuser();
    superuser.run(&format!(
        "select carrel.grant_user('{role}'); drop owned by {role}; drop role {role}"
    ));
    superuser.run("select carrel.migrate()");
    database.assert_sound();
    // Another one of its name is not the role that was granted.
    superuser.run(&format!("create role {role} login; select carrel.migrate()"));
    let mut session = database.connect(&role);
    session.claim(ALICE);
    assert_eq!(session.refused("select count(*) from carrel.documents"), "42501");
}

#[test]
fn a_role_with_a_name_that_needs_quoting_is_granted_and_revoked() {
    let database = lived_in();
    let role = format!("{} \"Web; drop\" 'user'", database.name);
    let identifier = format!("\"{}\"", role.replace('"', "\"\""));
    let literal = format!("'{}'", role.replace('\'', "''"));
    let mut superuser = database.superuser();
    superuser
        .run(&format!("create role {identifier} login; select carrel.grant_user({literal}::text)"));
    let mut session = database.connect(&role);
    session.claim(ALICE);
    assert_eq!(session.number("select count(*) from carrel.documents"), 3);
    superuser.run("select carrel.migrate()");
    database.assert_sound();
    superuser.run(&format!("select carrel.revoke_user({literal}::text)"));
    assert_eq!(session.refused("select from carrel.documents"), "42501");
}

#[test]
fn a_schema_of_a_plain_roles_is_refused_and_the_hint_mends_it() {
    let database = Cluster::shared().empty();
    let plain = database.create_role("plain", "");
    let mut superuser = database.superuser();
    superuser.run(&format!(
        "create schema carrel authorization {plain};
        grant create on database {} to {plain}",
        database.name
    ));
    database.connect(&plain).run(
        "create function carrel.current_user_id() returns uuid language sql as 'select null::uuid'",
    );
    let error = superuser.failure("create extension carrel");
    assert_eq!(error.code().code(), "42501");
    assert!(error.message().contains(&plain) && error.message().contains("postgres"), "{error:?}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("alter schema carrel owner to")),
        "{error:?}"
    );
    superuser.run("alter schema carrel owner to postgres");
    // What the role left in it is still in the way.
    let error = superuser.failure("create extension carrel");
    assert_eq!(error.code().code(), "42501");
    assert!(error.message().contains("carrel.current_user_id()"), "{error:?}");
    let (_, drop) = error.hint().and_then(|hint| hint.split_once(": ")).expect("a statement");
    superuser.run(drop);
    superuser.run("create extension carrel");
    database.assert_sound();
}

#[test]
fn a_table_that_a_plain_role_made_first_is_refused_and_the_hint_mends_it() {
    let database = Cluster::shared().empty();
    let plain = database.create_role("plain", "");
    let mut superuser = database.superuser();
    superuser
        .run(&format!("create schema carrel; grant create, usage on schema carrel to {plain}"));
    database.connect(&plain).run("create table carrel.plans (plan_type text primary key)");
    let error = superuser.failure("create extension carrel");
    assert_eq!(error.code().code(), "42501");
    assert!(error.message().contains(&plain) && error.message().contains("plans"), "{error:?}");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("alter table carrel.plans owner to")),
        "{error:?}"
    );
    assert_eq!(superuser.number("select count(*) from pg_extension where extname = 'carrel'"), 0);
}

#[test]
fn a_table_that_was_given_to_a_plain_role_is_refused() {
    let database = lived_in();
    let plain = database.create_role("plain", "");
    let mut superuser = database.superuser();
    superuser.run(&format!("alter table carrel.documents owner to {plain}"));
    let error = superuser.failure("select carrel.migrate()");
    assert_eq!(error.code().code(), "42501");
    assert!(error.message().contains(&plain) && error.message().contains("documents"), "{error:?}");
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("alter table carrel.documents owner to"), "{hint}");
    superuser.run("alter table carrel.documents owner to postgres; select carrel.migrate()");
    database.assert_sound();
}

#[test]
fn a_schema_that_was_given_to_a_plain_role_is_refused() {
    let database = lived_in();
    let plain = database.create_role("plain", "");
    let mut superuser = database.superuser();
    superuser.run(&format!("alter schema carrel owner to {plain}"));
    let error = superuser.failure("select carrel.migrate()");
    assert_eq!(error.code().code(), "42501");
    assert!(error.message().contains(&plain) && error.message().contains("postgres"), "{error:?}");
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("alter schema carrel owner to"), "{hint}");
}

#[test]
fn tables_of_another_superuser_are_given_to_the_owner() {
    let database = lived_in();
    let other = database.create_role("admin", "superuser");
    let mut superuser = database.superuser();
    superuser.run(&format!("alter schema carrel owner to {other}"));
    for table in superuser.column("select tablename from pg_tables where schemaname = 'carrel'") {
        superuser.run(&format!("alter table carrel.{table} owner to {other}"));
    }
    superuser.run("drop table carrel.usage_archive; select carrel.migrate()");
    let owners = "select distinct tableowner from pg_tables where schemaname = 'carrel'";
    assert_eq!(superuser.column(owners), ["carrel_owner"]);
    database.assert_sound();
    database.user(ALICE).run("select carrel.add_document('new.txt', 'A mole digs.')");
    assert_eq!(database.user(ALICE).number("select count(*) from carrel.search_chunks('mole')"), 1);
}

#[test]
fn an_older_table_says_what_to_call() {
    let database = lived_in();
    let mut superuser = database.superuser();
    superuser.run("alter table carrel.usage_events drop column token_types");
    let record = format!("select carrel.record_usage('x', user_id => '{ALICE}')");
    let error = database.service().failure(&record);
    assert!(error.hint().is_some_and(|hint| hint.contains("carrel.migrate()")), "{error:?}");
    superuser.run("select carrel.migrate()");
    database.service().run(&record);
}
