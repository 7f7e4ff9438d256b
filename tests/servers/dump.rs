//! Dumps and restores: what comes back is what was there, and works at once.

use carrel_tests::{
    ALICE, BOB, Cluster, Database, assert_same, assert_same_lines, contents, privileges,
};

/// A database with rows in every table, and what its operator added: a column, an index, a policy,
/// and a role that was granted long after the extension was created. Returns that role.
pub fn grown() -> (Database<'static>, String) {
    let database = Cluster::shared().lived_in();
    let late = database.create_role("late", "");
    database.superuser().run(&format!(
        "alter table carrel.documents add column archived_at timestamptz;
        update carrel.documents set archived_at = '2026-01-01' where filename = 'long.txt';
        create index documents_archived_at_idx on carrel.documents (user_id, archived_at);
        create policy documents_hide_archived on carrel.documents as restrictive
            for select using (archived_at is null or pg_has_role('postgres', 'member'));
        select carrel.grant_user('{late}')"
    ));
    (database, late)
}

/// Restores into a new database by `restore`, and asserts that it is the same.
pub fn assert_restores(original: &Database, restore: impl FnOnce(&Database)) -> Database<'static> {
    let restored = Cluster::shared().empty();
    restore(&restored);
    assert_same(&original.dump(&[]), &restored.dump(&[]));
    assert_eq!(contents(original), contents(&restored));
    assert_same_lines(&privileges(original), &privileges(&restored));
    restored.assert_sound();
    restored
}

/// Asserts that a role works for a user at once: reads what is there, writes, searches.
fn assert_works_as(database: &Database, role: &str, user: &str) {
    let mut session = database.connect(role);
    session.claim(user);
    let mine = format!("count(*) filter (where user_id = '{user}') = count(*) and count(*) > 0");
    for table in carrel_tests::TABLES {
        assert_eq!(session.value(&format!("select {mine} from carrel.{table}")), "t", "{table}");
    }
    session.run("select carrel.add_document('new.md', E'# Moles\n\nA mole digs at night.')");
    let found =
        session.column("select filename, chunk_index from carrel.search_chunks('mole digs')");
    assert_eq!(found, ["new.md|0"]);
    session.run(
        "insert into carrel.agent_sessions (title) values ('Moles');
        select carrel.create_request('a', 'b', id) from carrel.agent_sessions where title = 'Moles'",
    );
    let chain =
        "select jsonb_array_length(request_chain) from carrel.agent_sessions where title = 'Moles'";
    assert_eq!(session.number(chain), 1);
    let theirs = format!("update carrel.documents set filename = 'x' where user_id <> '{user}'");
    assert_eq!(session.touched(&theirs), 0, "{role} writes others' documents");
    let for_them = format!(
        "insert into carrel.documents (user_id, filename) select user_id, 'x' from (values
            ('{ALICE}'::uuid), ('{BOB}'::uuid)) as v (user_id) where user_id <> '{user}'"
    );
    assert_eq!(session.refused(&for_them), "42501", "{role} writes documents for others");
    session.run("delete from carrel.documents where filename = 'new.md'");
    session.run("delete from carrel.agent_requests where content = 'b'");
    session.run("delete from carrel.agent_sessions where title = 'Moles'");
}

/// Asserts that the service works at once.
fn assert_service_works(database: &Database) {
    let mut service = database.service();
    let recorded =
        format!("select used from carrel.record_usage('agent_request', 1, user_id => '{BOB}')");
    assert_eq!(service.value(&recorded), "3");
    assert_eq!(service.number("select count(*) from carrel.verify_usage()"), 0);
    assert_eq!(service.value("select carrel.process_documents()"), "0");
    service.run("begin");
    assert_eq!(service.touched("select from carrel.claim_requests('w', 10)"), 6);
    service.run("rollback");
}

pub fn assert_everybody_works(database: &Database, late: &str) {
    assert_works_as(database, "authenticated", ALICE);
    assert_works_as(database, late, BOB);
    assert_service_works(database);
    database.assert_sound();
}

#[test]
fn a_plain_dump_restores_to_the_same_and_every_role_works_at_once() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&[]);
    let restored = assert_restores(&original, |restored| restored.restore_plain(&dump));
    assert_everybody_works(&restored, &late);
    // Postings are of texts as they were dumped; their removal is of texts as they were read in.
    let mut alice = restored.user(ALICE);
    let total = "select coalesce(max(total), 0) from carrel.search_chunks('heron fox')";
    assert!(alice.number(total) > 0);
    alice.run("delete from carrel.documents");
    assert_eq!(alice.number(total), 0);
}

#[test]
fn a_custom_dump_restores_to_the_same_and_every_role_works_at_once() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["-Fc"]);
    let restored = assert_restores(&original, |restored| restored.restore(&[], &dump));
    assert_everybody_works(&restored, &late);
}

#[test]
fn a_custom_dump_restores_in_one_transaction() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["-Fc"]);
    let restored = assert_restores(&original, |restored| restored.restore(&["-1"], &dump));
    assert_everybody_works(&restored, &late);
}

#[test]
fn a_dump_and_a_restore_by_four_jobs_give_the_same() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["-Fd", "-j", "4"]);
    let restored = assert_restores(&original, |restored| restored.restore(&["-j", "4"], &dump));
    assert_everybody_works(&restored, &late);
}

#[test]
fn what_the_operator_added_is_still_there_after_a_restore() {
    let (original, _) = grown();
    let dump = original.dump_to_file(&[]);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&dump);
    let mut superuser = restored.superuser();
    let archived = "select count(*) from carrel.documents where archived_at = '2026-01-01'";
    assert_eq!(superuser.number(archived), 2);
    assert_eq!(
        superuser.value("select to_regclass('carrel.documents_archived_at_idx') is null"),
        "f"
    );
    let seen = restored.user(ALICE).number("select count(*) from carrel.documents");
    assert_eq!(seen, 2, "the policy hides one of three");
}

#[test]
fn another_superuser_restores_a_plain_dump() {
    let (original, late) = grown();
    let other = original.create_role("admin", "superuser");
    let dump = original.dump_to_file(&[]);
    let restored = Cluster::shared().empty();
    restored.restore_plain_as(&other, &dump);
    // The extension, and its functions, belong to whoever restores; a dump's comments say so.
    let owner = |role: &str| format!("; Owner: {role}\n");
    let again = restored.dump(&[]).replace(&owner(&other), &owner("postgres"));
    assert_same(&original.dump(&[]), &again);
    assert_eq!(contents(&original), contents(&restored));
    assert_everybody_works(&restored, &late);
    restored.connect(&other).run("select carrel.migrate()");
    restored.assert_sound();
}

#[test]
fn another_superuser_restores_a_custom_dump_without_owners() {
    let (original, late) = grown();
    let other = original.create_role("admin", "superuser");
    let dump = original.dump_to_file(&["-Fc"]);
    let restored = Cluster::shared().empty();
    restored.restore_as(&other, &["--no-owner"], &dump);
    assert_eq!(contents(&original), contents(&restored));
    // Without owners, the tables are whoever's restored them: carrel does not use them, and says what helps.
    let error = restored.user(ALICE).failure("select carrel.add_document('a', 'b')");
    assert_eq!(error.code().code(), "42501");
    assert!(error.hint().is_some_and(|hint| hint.contains("carrel.migrate()")), "{error:?}");
    restored.superuser().run("select carrel.migrate()");
    assert_everybody_works(&restored, &late);
    let owners = "select distinct tableowner from pg_tables where schemaname = 'carrel'";
    assert_eq!(restored.superuser().column(owners), ["carrel_owner"]);
}

#[test]
fn another_cluster_that_has_the_roles_restores_the_dump() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["-Fc"]);
    let cluster = Cluster::start();
    cluster.create_roles();
    let restored = cluster.empty();
    restored.superuser().run(&format!("create role {late} login"));
    restored.restore(&[], &dump);
    assert_same(&original.dump(&[]), &restored.dump(&[]));
    assert_everybody_works(&restored, &late);
}

#[test]
fn a_dump_of_the_schema_and_the_extension_restores_to_the_same() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["-n", "carrel", "-e", "carrel"]);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&dump);
    assert_eq!(contents(&original), contents(&restored));
    assert_same(&original.dump(&[]), &restored.dump(&[]));
    assert_everybody_works(&restored, &late);
}

#[test]
fn a_dump_of_the_schema_alone_is_a_fresh_install_after_migrate() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["--schema-only"]);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&dump);
    let mut superuser = restored.superuser();
    assert_eq!(superuser.number("select count(*) from carrel.plans"), 0);
    superuser.run("select carrel.migrate()");
    // Which roles were granted is in the rows.
    assert_eq!(restored.service().refused("select carrel.create_user()"), "42501");
    superuser.run(&format!(
        "select carrel.grant_user('authenticated'), carrel.grant_user('{late}'), carrel.grant_service('service_role')"
    ));
    restored.assert_sound();
    assert_same(&original.dump(&["--schema-only"]), &restored.dump(&["--schema-only"]));
    let fresh = Cluster::shared().installed();
    let levels = "select string_agg(step_name, ' ' order by step_name) from carrel.migrations";
    assert_eq!(superuser.value(levels), fresh.superuser().value(levels));
    restored.service().run(&format!("select carrel.create_user('{ALICE}')"));
    let mut session = restored.connect(&late);
    session.claim(ALICE);
    session.run("select carrel.add_document('new.md', 'A mole digs at night.')");
    assert_eq!(session.number("select count(*) from carrel.search_chunks('mole')"), 1);
}

#[test]
fn a_dump_of_the_data_alone_fills_a_fresh_install() {
    let original = Cluster::shared().lived_in();
    let dump = original.dump_to_file(&["--data-only"]);
    let restored = Cluster::shared().installed();
    // What a fresh install has rows of; the dump brings its own.
    restored.superuser().run(
        "delete from carrel.plans; delete from carrel.migrations; delete from carrel.granted_roles",
    );
    restored.restore_plain(&dump);
    assert_eq!(contents(&original), contents(&restored));
    assert_works_as(&restored, "authenticated", ALICE);
    assert_service_works(&restored);
    restored.assert_sound();
}

#[test]
fn a_restored_counter_goes_on_from_where_it_was() {
    let (original, _) = grown();
    let dump = original.dump_to_file(&[]);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&dump);
    let count = format!("select usage_count from carrel.user_profiles where user_id = '{ALICE}'");
    assert_eq!(restored.superuser().number(&count), 2);
    let again = format!(
        "select duplicate from carrel.record_usage('agent_request', 120, 0.0042, idempotency_key => 'first', user_id => '{ALICE}')"
    );
    assert_eq!(restored.service().value(&again), "t");
    assert_eq!(restored.superuser().number(&count), 2);
}

#[test]
fn create_extension_with_row_security_off_makes_no_tables_and_says_what_to_call() {
    let database = Cluster::shared().empty();
    let mut superuser = database.superuser();
    superuser.run("set row_security = off; create extension carrel; set row_security = on");
    assert_eq!(superuser.number("select count(*) from pg_tables where schemaname = 'carrel'"), 0);
    superuser.run("select carrel.migrate()");
    database.assert_sound();
    database.service().run(&format!("select carrel.create_user('{ALICE}')"));
    database.user(ALICE).run("select carrel.add_document('a.txt', 'one')");
}

/// A restored database, before migrate(), and the role that was granted as a service in the original.
fn restored_with_a_service() -> (Database<'static>, String) {
    let original = Cluster::shared().lived_in();
    let job = original.create_role("job", "");
    original.superuser().run(&format!("select carrel.grant_service('{job}')"));
    let dump = original.dump_to_file(&[]);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&dump);
    assert_eq!(restored.connect(&job).value("select carrel.is_operator()"), "f");
    restored.connect(&job).run("select from carrel.list_users()");
    (restored, job)
}

#[test]
fn a_role_that_takes_a_granted_name_after_a_restore_is_a_stranger() {
    let (restored, job) = restored_with_a_service();
    let mut superuser = restored.superuser();
    superuser.run(&format!("alter role {job} rename to {job}_old; create role {job} login"));
    assert_eq!(restored.connect(&job).refused("select carrel.create_user()"), "42501");
    superuser.run(&format!("grant execute on all functions in schema carrel to {job}"));
    assert_eq!(restored.connect(&job).refused("select carrel.create_user()"), "42501");
    superuser.run(&format!("revoke execute on all functions in schema carrel from {job}"));
    let complaints = restored.complaints().join("\n");
    assert!(complaints.contains(&format!("select carrel.revoke_service('{job}')")), "{complaints}");
    assert!(!complaints.contains(&format!("to {job}\n")), "{complaints}");
    // Whichever function records roles of this installation first settles it: migrate() sees a role with privileges that no
    // record names.
    superuser.run("begin; select carrel.migrate()");
    let kinds = format!("select kind from carrel.granted_roles where role_name = '{job}'");
    assert_eq!(superuser.column(&kinds), Vec::<String>::new());
    superuser.run("rollback");
    let other = restored.create_role("other", "");
    superuser.run(&format!("select carrel.grant_user('{other}')"));
    superuser.run(&format!("select carrel.grant_user('{job}')"));
    assert_eq!(restored.connect(&job).refused("select carrel.create_user()"), "42501");
    assert_eq!(superuser.column(&kinds), ["user"]);
}

#[test]
fn migrate_records_the_roles_of_a_restore_by_oid() {
    let (restored, job) = restored_with_a_service();
    let mut superuser = restored.superuser();
    superuser.run("select carrel.migrate()");
    superuser.run(&format!("alter role {job} rename to {job}_new; create role {job} login"));
    restored.connect(&format!("{job}_new")).run("select carrel.create_user()");
    assert_eq!(restored.connect(&job).refused("select carrel.create_user()"), "42501");
    superuser.run("select carrel.migrate()");
    restored.assert_sound();
}

#[test]
fn a_dump_that_is_restored_without_privileges_grants_nobody_anything_until_migrate() {
    let (original, late) = grown();
    let dump = original.dump_to_file(&["-Fc"]);
    let restored = Cluster::shared().empty();
    restored.restore(&["--no-privileges"], &dump);
    let complaints = restored.complaints().join("\n");
    assert!(complaints.contains("select carrel.revoke_service('service_role')"), "{complaints}");
    assert!(!complaints.contains("lacks"), "{complaints}");
    restored.superuser().run("select carrel.migrate()");
    assert_everybody_works(&restored, &late);
}
