//! From this version of carrel to an invented next one (tests/upgrade/next): a column with a backfill, a check and
//! an index that change, a column with another name, a new table, a new function, and one with another argument.

use carrel_tests::{
    ALICE, BOB, Cluster, Database, assert_same_lines, catalog, contents, privileges,
};
use std::path::Path;

/// What brings a database to the version of the library.
const UPDATE: &str = "alter extension carrel update; select carrel.migrate()";

/// A cluster of this version with a database that two users live in, and the database's name. A role was granted
/// later, there are prices, and somebody was deleted whose events are archived.
fn lived_in() -> (Cluster, String) {
    let cluster = Cluster::start();
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    database.superuser().run(
        "create role late login; select carrel.grant_user('late');
        insert into carrel.model_prices (model, token_type, price) values ('small', 'input', 2);
        select carrel.create_user('d0000000-0000-4000-8000-000000000003');
        select carrel.record_usage('x', 7, user_id => 'd0000000-0000-4000-8000-000000000003');
        select carrel.delete_user('d0000000-0000-4000-8000-000000000003', archive_usage => true)",
    );
    let name = database.name.clone();
    (cluster, name)
}

/// A fresh install with the same roles.
fn fresh(cluster: &Cluster) -> Database<'_> {
    let fresh = cluster.empty();
    fresh.superuser().run("create extension carrel; select carrel.grant_user('late')");
    fresh
}

/// Every row as it is whatever the version: without the columns that the next one adds, and without what records it.
fn rows(database: &Database) -> Vec<String> {
    let mut rows = contents(database);
    rows.retain(|row| !row.starts_with("migrations|") && !row.starts_with("model_prices|"));
    let prices =
        "select format('%s %s %s', model, token_type, price) from carrel.model_prices order by 1";
    rows.extend(database.superuser().column(prices));
    rows
}

/// Asserts that users and services read and write.
#[track_caller]
fn assert_everybody_works(database: &Database) {
    for (role, user) in [("authenticated", ALICE), ("late", BOB)] {
        let mut session = database.connect(role);
        session.claim(user);
        let others = format!("select count(*) from carrel.documents where user_id <> '{user}'");
        assert_eq!(session.number(&others), 0);
        session.run("select carrel.add_document('new.md', 'A mole digs at night.')");
        let found = session.value("select filename from carrel.search_chunks('mole digs')");
        assert_eq!(found, "new.md");
        session.run(
            "update carrel.documents set content_text = 'A badger.' where filename = 'new.md'",
        );
        let found = session.value("select filename from carrel.search_documents('badger')");
        assert_eq!(found, "new.md");
        session.run(
            "delete from carrel.documents where filename = 'new.md';
            select carrel.create_request('a', 'b', carrel.create_session('Moles'));
            select * from carrel.current_usage()",
        );
        let price = "select carrel.price_usage('small', '{\"input\": 1000000}')";
        assert_eq!(session.value(price), "2.0000000000");
    }
    let mut service = database.service();
    service.run(&format!(
        "select carrel.complete_request(id, lease_token, '{{}}', 10, 0.01)
            from carrel.claim_requests('w', 10, agent_types => '{{a}}');
        select carrel.consume_usage('chat', 7, 0.5, user_id => '{BOB}');
        select carrel.settle_usage(carrel.reserve_usage('chat', 5, user_id => '{BOB}'), 4)"
    ));
    let done = "select count(*) from carrel.agent_requests where agent_type = 'a' and status = 'completed'";
    assert!(database.superuser().number(done) >= 2);
    assert_eq!(service.number("select count(*) from carrel.verify_usage()"), 0);
}

/// Asserts that a session's statement is refused because versions differ, with a hint that names this.
#[track_caller]
fn assert_refused(database: &Database, sql: &str, hint: &str) {
    let error = database.superuser().failure(sql);
    assert_eq!(error.code().code(), "55000", "{error:?}");
    assert!(error.hint().is_some_and(|found| found.contains(hint)), "{error:?}");
}

#[test]
fn what_is_updated_is_what_a_fresh_install_is_and_keeps_every_row() {
    let (cluster, name) = lived_in();
    let before = rows(&cluster.database(&name));
    let cluster = cluster.with_next_version();
    let database = cluster.database(&name);
    database.superuser().run(UPDATE);
    assert_same_lines(&catalog(&fresh(&cluster)), &catalog(&database));
    assert_same_lines(&before, &rows(&database));
    database.assert_sound();
    let note = "select note from carrel.model_prices";
    assert_eq!(database.superuser().value(note), "for a million tokens", "the backfill");
    assert_eq!(
        database.user(ALICE).value("select carrel.price_note('small')"),
        "for a million tokens"
    );
    assert_everybody_works(&database);
}

#[test]
fn a_step_is_applied_once_and_does_nothing_where_its_record_is_lost() {
    let (cluster, name) = lived_in();
    let cluster = cluster.with_next_version();
    let database = cluster.database(&name);
    let mut superuser = database.superuser();
    superuser.run(UPDATE);
    superuser.run("update carrel.model_prices set note = ''");
    let steps = "select step_name from carrel.migrations where step_name like 'steps/%' order by 1";
    assert_eq!(superuser.column(steps), ["steps/901_notes_of_prices", "steps/902_filed_at"]);
    let before = (catalog(&database), contents(&database));
    superuser.run("select carrel.migrate()");
    assert_same_lines(&before.0, &catalog(&database));
    assert_same_lines(&before.1, &contents(&database));

    superuser.run("delete from carrel.migrations");
    let complaints = database.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(
        complaints[0].starts_with("versions: ") && complaints[0].contains("901_"),
        "{complaints:?}"
    );
    superuser.run("select carrel.migrate()");
    assert_same_lines(&before.0, &catalog(&database));
    database.assert_sound();
}

#[test]
fn a_fresh_install_has_had_every_step() {
    let (cluster, _) = lived_in();
    let cluster = cluster.with_next_version();
    let fresh = fresh(&cluster);
    fresh.assert_sound();
    let steps = "select count(*) from carrel.migrations where step_name like 'steps/%'";
    assert_eq!(fresh.superuser().number(steps), 2);
}

/// Restores what was dumped under this version by `restore` under the next one, and asserts that migrate() makes it
/// the same as a fresh install, with every row and role.
fn assert_migrates(
    dump_options: &[&str],
    prepare: &str,
    restore: impl FnOnce(&Database, &Path),
    has_rows: bool,
) {
    let (cluster, name) = lived_in();
    let database = cluster.database(&name);
    let before = rows(&database);
    let dump = database.dump_to_file(dump_options);
    let cluster = cluster.with_next_version();
    let restored = cluster.empty();
    restored.superuser().run(prepare);
    restore(&restored, &dump);
    let complaints = restored.complaints();
    assert!(
        complaints[0].starts_with("versions: the tables have not had steps/901"),
        "{complaints:?}"
    );
    let mut superuser = restored.superuser();
    superuser.run("select carrel.migrate()");
    if has_rows {
        assert_same_lines(&before, &rows(&restored));
        assert_everybody_works(&restored);
    } else {
        // The record of granted roles is in the rows.
        superuser.run(
            "select carrel.grant_user('authenticated'), carrel.grant_user('late'), carrel.grant_service('service_role')",
        );
    }
    assert_same_lines(&catalog(&fresh(&cluster)), &catalog(&restored));
    restored.assert_sound();
}

#[test]
fn an_archive_of_the_version_before_is_brought_to_the_next_by_migrate() {
    assert_migrates(
        &["-Fc"],
        "",
        |restored, dump| restored.restore_without_grants_of_functions(dump),
        true,
    );
}

#[test]
fn an_archive_of_the_schema_of_the_version_before_is_brought_to_the_next_by_migrate() {
    let options = ["-Fc", "-n", "carrel", "-e", "carrel"];
    assert_migrates(
        &options,
        "",
        |restored, dump| restored.restore_without_grants_of_functions(dump),
        true,
    );
}

#[test]
fn a_script_of_the_version_before_restores_but_for_grants_of_functions_with_other_arguments() {
    let restore = |restored: &Database, dump: &Path| {
        let said = restored.restore_what_is_possible(dump);
        let errors: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).collect();
        assert!(
            errors.iter().all(|error| error.contains("function carrel.price_usage(text, jsonb, ")),
            "{said}"
        );
        // To the two kinds of roles and the one that was granted later, after taking it from PUBLIC.
        assert!((3..=4).contains(&errors.len()), "{said}");
    };
    assert_migrates(&[], "", restore, true);
}

#[test]
fn a_dump_without_rows_of_the_version_before_is_brought_to_the_next_by_migrate() {
    let options = ["-Fc", "--schema-only"];
    assert_migrates(
        &options,
        "",
        |restored, dump| restored.restore_without_grants_of_functions(dump),
        false,
    );
}

#[test]
fn rows_of_the_version_before_fill_a_fresh_install_of_the_next_where_columns_have_their_names() {
    let prepare = "create extension carrel;
        delete from carrel.plans; delete from carrel.granted_roles; delete from carrel.migrations;
        alter table carrel.usage_archive rename column filed_at to archived_at";
    assert_migrates(&["--data-only"], prepare, |restored, dump| restored.restore_plain(dump), true);
}

#[test]
fn a_database_that_is_not_updated_goes_on_beside_one_that_is() {
    let (cluster, name) = lived_in();
    let other = cluster.lived_in_anew().name;
    cluster.database(&other).superuser().run(
        "select carrel.grant_user('late');
        insert into carrel.model_prices (model, token_type, price) values ('small', 'input', 2)",
    );
    let cluster = cluster.with_next_version();
    cluster.database(&name).superuser().run(UPDATE);
    assert_everybody_works(&cluster.database(&name));

    let database = cluster.database(&other);
    let before = privileges(&database);
    assert_everybody_works(&database);
    let complaints = database.complaints();
    assert!(complaints[0].starts_with("versions: the extension is version "), "{complaints:?}");
    assert!(complaints[0].contains("alter extension carrel update"), "{complaints:?}");
    assert_refused(&database, "select carrel.migrate()", "alter extension carrel update");
    assert_same_lines(&before, &privileges(&database));
    database.superuser().run(UPDATE);
    assert_same_lines(&catalog(&fresh(&cluster)), &catalog(&database));
    database.assert_sound();
    assert_everybody_works(&database);
}

#[test]
fn between_update_and_migrate_everybody_works_and_what_is_new_says_what_to_call() {
    let (cluster, name) = lived_in();
    let cluster = cluster.with_next_version();
    let database = cluster.database(&name);
    let mut superuser = database.superuser();
    superuser.run("alter extension carrel update");
    assert_refused(&database, "select carrel.price_note('small')", "carrel.migrate()");
    // A function that was made anew has lost its grants until then.
    let mut alice = database.user(ALICE);
    assert_eq!(alice.refused("select carrel.price_usage('small', '{}')"), "42501");
    superuser.run("grant execute on function carrel.price_usage to authenticated, late");
    assert_everybody_works(&database);
    superuser.run("select carrel.migrate()");
    assert_same_lines(&catalog(&fresh(&cluster)), &catalog(&database));
    database.assert_sound();
}

#[test]
fn a_step_that_fails_leaves_no_trace_and_what_an_operator_added_stays() {
    let (cluster, name) = lived_in();
    cluster.database(&name).superuser().run(
        "alter table carrel.documents add column shelf text default 'low';
        create index documents_shelf_idx on carrel.documents (shelf);
        create policy documents_shelf on carrel.documents as restrictive for select using (shelf <> 'high');
        alter table carrel.usage_archive add column filed_at integer",
    );
    let cluster = cluster.with_next_version();
    let database = cluster.database(&name);
    let mut superuser = database.superuser();
    superuser.run("alter extension carrel update");
    let before = (catalog(&database), contents(&database));
    assert_eq!(superuser.refused("select carrel.migrate()"), "42701");
    assert_same_lines(&before.0, &catalog(&database));
    assert_same_lines(&before.1, &contents(&database));

    superuser.run(
        "alter table carrel.usage_archive rename column filed_at to mine; select carrel.migrate()",
    );
    database.assert_sound();
    let mine = catalog(&database);
    for added in ["documents_shelf_idx", "documents_shelf ", " shelf: text", " mine: integer"] {
        assert!(mine.iter().any(|line| line.contains(added)), "{added}");
    }
    assert_everybody_works(&database);
}

/// docs/upgrade-and-uninstall.md, "Try an update before you make it".
#[test]
fn an_update_that_is_rolled_back_says_what_it_locks_and_rewrites_and_leaves_nothing() {
    let (cluster, name) = lived_in();
    let cluster = cluster.with_next_version();
    let database = cluster.database(&name);
    let before = (catalog(&database), contents(&database));
    let mut superuser = database.superuser();
    superuser.run(&format!(
        "begin;
        create temp table before on commit drop as
            select oid, relfilenode from pg_class where relnamespace = 'carrel'::regnamespace and relkind = 'r';
        {UPDATE};
        alter table carrel.plans add column drawn uuid default gen_random_uuid()"
    ));
    let locked = superuser.column(
        "select relname, bool_or(mode = 'AccessExclusiveLock'), min(now.relfilenode) <> min(before.relfilenode)
        from pg_locks join pg_class as now on now.oid = relation join before on before.oid = relation
        where pid = pg_backend_pid() group by relname order by relname",
    );
    superuser.run("rollback");
    assert!(locked.contains(&"documents|t|f".to_owned()), "{locked:?}");
    let rewritten: Vec<_> = locked.iter().filter(|line| line.ends_with("|t")).collect();
    assert_eq!(rewritten, ["plans|t|t"], "what is added here, and nothing of the update");
    assert_same_lines(&before.0, &catalog(&database));
    assert_same_lines(&before.1, &contents(&database));
}

#[test]
fn tables_of_a_later_version_are_not_migrated_by_an_earlier_library() {
    let (cluster, name) = lived_in();
    let cluster = cluster.with_next_version();
    cluster.database(&name).superuser().run(UPDATE);
    let dump = cluster.database(&name).dump_to_file(&["-Fc"]);
    let cluster = cluster.with_this_version();
    let restored = cluster.empty();
    restored.restore_without_grants_of_functions(&dump);
    let before = (catalog(&restored), contents(&restored));
    assert_refused(&restored, "select carrel.migrate()", "Install the version");
    assert_same_lines(&before.0, &catalog(&restored));
    assert_same_lines(&before.1, &contents(&restored));
    let complaints = restored.complaints();
    assert!(complaints[0].contains("steps/901_notes_of_prices, which library"), "{complaints:?}");
}
