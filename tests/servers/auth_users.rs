//! Supabase's shape: the roles and `auth.users` are there before the extension.

use carrel_tests::{Cluster, Database, TABLES, assert_same, contents};

const ANN: &str = "a0000000-0000-4000-8000-00000000000a";
const BEN: &str = "b0000000-0000-4000-8000-00000000000b";
const NEW: &str = "c0000000-0000-4000-8000-00000000000c";

/// A database with `auth.users`, which belongs to a plain role as Supabase's does, and two users in
/// it; before the extension. Returns that role.
fn with_auth() -> (Database<'static>, String) {
    let database = Cluster::shared().empty();
    let admin = database.create_role("auth_admin", "");
    database.superuser().run(&format!(
        r#"create schema auth authorization {admin};
        create table auth.users (id uuid primary key, email text, raw_user_meta_data jsonb);
        alter table auth.users owner to {admin};
        alter database {} set carrel.auth_users_owner = {admin};
        insert into auth.users values
            ('{ANN}', 'ann@example.org', '{{"name": "Ann", "full_name": "Ann Other"}}'),
            ('{BEN}', 'ben@example.org', '{{"full_name": "Ben Elder"}}')"#,
        database.name
    ));
    (database, admin)
}

fn with_auth_and_carrel() -> (Database<'static>, String) {
    let (database, admin) = with_auth();
    database.superuser().run("create extension carrel");
    (database, admin)
}

fn name_of(database: &Database, user: &str) -> Vec<String> {
    database.superuser().column(&format!(
        "select coalesce(name, '-') from carrel.user_profiles where user_id = '{user}'"
    ))
}

/// Gives a user rows in all six tables.
fn move_in(database: &Database, user: &str) {
    let mut session = database.user(user);
    session.run(
        "select carrel.add_document('d.md', 'A mole digs.');
        insert into carrel.agent_sessions (title) values ('s');
        select carrel.create_request('a', 'c', id) from carrel.agent_sessions",
    );
    database
        .service()
        .run(&format!("select carrel.record_usage('agent_request', user_id => '{user}')"));
    for table in TABLES {
        assert!(session.number(&format!("select count(*) from carrel.{table}")) > 0, "{table}");
    }
}

#[test]
fn the_roles_are_granted_by_create_extension() {
    let (database, _) = with_auth_and_carrel();
    database.assert_sound();
    move_in(&database, ANN);
}

#[test]
fn users_who_are_there_already_get_a_profile_with_their_name() {
    let (database, _) = with_auth_and_carrel();
    assert_eq!(name_of(&database, ANN), ["Ann"]);
    assert_eq!(name_of(&database, BEN), ["Ben Elder"]);
}

#[test]
fn a_user_who_signs_up_gets_a_profile_with_their_name() {
    let (database, admin) = with_auth_and_carrel();
    let mut auth = database.connect(&admin);
    for (metadata, name) in [
        (r#"'{"name": "New", "full_name": "Other"}'"#, "New"),
        (r#"'{"full_name": "New One"}'"#, "New One"),
        (r#"'{"name": "  ", "full_name": "New Two"}'"#, "New Two"),
        (r#"'{"name": null}'"#, "-"),
        ("'{}'", "-"),
        ("null", "-"),
        ("'[]'", "-"),
        (r#"'"text"'"#, "-"),
    ] {
        auth.run(&format!("insert into auth.users values ('{NEW}', null, {metadata})"));
        assert_eq!(name_of(&database, NEW), [name], "{metadata}");
        auth.run(&format!("delete from auth.users where id = '{NEW}'"));
        assert_eq!(name_of(&database, NEW), Vec::<String>::new());
    }
}

#[test]
fn many_users_sign_up_in_one_statement() {
    let (database, admin) = with_auth_and_carrel();
    let many = "insert into auth.users select gen_random_uuid() from generate_series(1, 500)";
    database.connect(&admin).run(many);
    assert_eq!(database.superuser().number("select count(*) from carrel.user_profiles"), 502);
}

#[test]
fn a_user_who_signs_up_can_work_at_once() {
    let (database, admin) = with_auth_and_carrel();
    database.connect(&admin).run(&format!("insert into auth.users values ('{NEW}')"));
    move_in(&database, NEW);
}

#[test]
fn deleting_an_auth_user_deletes_everything_of_theirs_and_nothing_else() {
    let (database, admin) = with_auth_and_carrel();
    move_in(&database, ANN);
    move_in(&database, BEN);
    database.connect(&admin).run(&format!("delete from auth.users where id = '{ANN}'"));
    let mut superuser = database.superuser();
    for table in TABLES {
        let count =
            |user: &str| format!("select count(*) from carrel.{table} where user_id = '{user}'");
        assert_eq!(superuser.number(&count(ANN)), 0, "{table}");
        assert!(superuser.number(&count(BEN)) > 0, "{table}");
    }
    assert_eq!(superuser.number("select count(distinct user_id) from carrel.usage_totals"), 1);
    database.assert_sound();
}

#[test]
fn a_profile_without_an_auth_user_is_refused() {
    let (database, _) = with_auth_and_carrel();
    assert_eq!(database.service().refused("select carrel.create_user()"), "23503");
}

#[test]
fn a_sign_up_does_not_depend_on_the_search_path() {
    let (database, admin) = with_auth_and_carrel();
    let mut auth = database.connect(&admin);
    auth.run(&format!("set search_path = ''; insert into auth.users values ('{NEW}')"));
    assert_eq!(name_of(&database, NEW), ["-"]);
}

#[test]
fn auth_users_that_come_after_the_extension_are_followed_after_migrate() {
    let database = Cluster::shared().installed();
    let mut superuser = database.superuser();
    superuser.run(&format!(
        "create schema auth;
        create table auth.users (id uuid primary key, raw_user_meta_data jsonb);
        insert into auth.users values ('{ANN}', '{{\"name\": \"Ann\"}}');
        select carrel.migrate();
        insert into auth.users values ('{NEW}', '{{\"name\": \"New\"}}')"
    ));
    assert_eq!(name_of(&database, ANN), ["Ann"]);
    assert_eq!(name_of(&database, NEW), ["New"]);
    superuser.run("delete from auth.users");
    assert_eq!(superuser.number("select count(*) from carrel.user_profiles"), 0);
    database.assert_sound();
}

#[test]
fn profiles_from_before_auth_users_are_kept_and_new_ones_must_belong_to_one() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    superuser.run(
        "create schema auth; create table auth.users (id uuid primary key); select carrel.migrate()",
    );
    assert_eq!(superuser.number("select count(*) from carrel.user_profiles"), 2);
    assert_eq!(database.service().refused("select carrel.create_user()"), "23503");
    superuser.run(
        "insert into auth.users select user_id from carrel.user_profiles; select carrel.migrate()",
    );
    database.assert_sound();
}

#[test]
fn a_table_of_another_shape_is_left_alone() {
    for shape in ["(id bigint primary key)", "(name text)"] {
        let database = Cluster::shared().empty();
        let mut superuser = database.superuser();
        superuser.run(&format!(
            "create schema auth; create table auth.users {shape}; create extension carrel"
        ));
        database.assert_sound();
        let triggers = "select count(*) from pg_trigger where tgrelid = 'auth.users'::regclass";
        assert_eq!(superuser.number(triggers), 0, "{shape}");
    }
}

#[test]
fn a_table_without_metadata_gives_profiles_without_names() {
    let database = Cluster::shared().empty();
    database.superuser().run(&format!(
        "create schema auth; create table auth.users (id uuid primary key);
        insert into auth.users values ('{ANN}'); create extension carrel;
        insert into auth.users values ('{NEW}')"
    ));
    assert_eq!(name_of(&database, ANN), ["-"]);
    assert_eq!(name_of(&database, NEW), ["-"]);
}

#[test]
fn a_dump_with_auth_users_restores_to_the_same() {
    let (database, admin) = with_auth_and_carrel();
    move_in(&database, ANN);
    let dump = database.dump_to_file(&[]);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&dump);
    assert_same(&database.dump(&[]), &restored.dump(&[]));
    assert_eq!(contents(&database), contents(&restored));
    restored.assert_sound();
    restored.connect(&admin).run(&format!("insert into auth.users values ('{NEW}')"));
    move_in(&restored, NEW);
}

/// docs/backup.md, "Dump carrel alone".
#[test]
fn carrel_alone_restores_beside_other_auth_users_and_follows_them_after_migrate() {
    let (database, _) = with_auth_and_carrel();
    move_in(&database, ANN);
    let dump = database.dump_to_file(&["-Fc", "-n", "carrel", "-e", "carrel"]);
    let (restored, admin) = with_auth();
    restored.restore(&["-1"], &dump);
    restored.superuser().run("select carrel.migrate()");
    assert_eq!(contents(&database), contents(&restored));
    restored.assert_sound();
    restored.connect(&admin).run(&format!("insert into auth.users values ('{NEW}')"));
    move_in(&restored, NEW);
    restored.connect(&admin).run(&format!("delete from auth.users where id = '{NEW}'"));
    assert_eq!(name_of(&restored, NEW), [""; 0]);
}

#[test]
fn while_the_extension_is_dropped_sign_ups_work_and_get_their_profile_later() {
    let (database, admin) = with_auth_and_carrel();
    database.superuser().run("drop extension carrel cascade");
    database.connect(&admin).run(&format!("insert into auth.users values ('{NEW}')"));
    assert_eq!(name_of(&database, NEW), Vec::<String>::new());
    database.superuser().run("create extension carrel");
    assert_eq!(name_of(&database, NEW), ["-"]);
    database.assert_sound();
    move_in(&database, NEW);
}

#[test]
fn without_the_roles_and_auth_users_nothing_fails_and_roles_that_come_later_can_be_granted() {
    let cluster = Cluster::start();
    let database = cluster.empty();
    let mut superuser = database.superuser();
    superuser.run("create extension carrel; select carrel.migrate()");
    database.assert_sound();
    superuser.run(&format!("select carrel.create_user('{ANN}')"));
    let roles = "select count(*) from carrel.granted_roles";
    assert_eq!(superuser.number(roles), 0);
    cluster.create_roles();
    superuser
        .run("select carrel.grant_user('authenticated'), carrel.grant_service('service_role')");
    database.assert_sound();
    move_in(&database, ANN);
}

#[test]
fn sample_data_and_imports_are_of_users_who_are_in_auth_users() {
    let (database, _) = with_auth_and_carrel();
    let mut superuser = database.superuser();
    let sample = "select carrel.load_sample_data(2, 1, beside_others => true)";
    let error = superuser.failure(sample);
    assert_eq!(error.code().code(), "55000");
    let hint = error.hint().expect("a hint");
    superuser.run(hint.strip_prefix("Add them first: ").expect("a statement"));
    superuser.run(sample);
    superuser.run(&format!(
        "create schema old create table documents (id uuid, user_id uuid, filename text);
        insert into old.documents select gen_random_uuid(), u, 'x' from unnest(array['{ANN}', '{NEW}']::uuid[]) as u"
    ));
    let found = "select row_count, problem from carrel.import_from('old') where table_name = 'user_profiles' and row_count > 0";
    let strangers = "1|users who are not in auth.users";
    assert!(superuser.column(found).contains(&strangers.to_owned()));
    assert_eq!(superuser.refused("select carrel.import_from('old', false)"), "23514");
    superuser.run(&format!(
        "insert into auth.users values ('{NEW}', 'new@example.org'); select carrel.import_from('old', false)"
    ));
    database.assert_sound();
}

#[test]
fn a_deleted_user_does_not_come_back_by_migrate() {
    let (database, _) = with_auth_and_carrel();
    move_in(&database, ANN);
    let mut admin = database.superuser();
    database.service().run(&format!("select carrel.delete_user('{ANN}')"));
    admin.run("select carrel.migrate()");
    assert!(name_of(&database, ANN).is_empty());
    assert_eq!(name_of(&database, BEN), ["Ben Elder"]);
    // Only where somebody means it.
    database.service().run(&format!("select carrel.create_user('{ANN}', 'Ann again')"));
    admin.run("select carrel.migrate()");
    assert_eq!(name_of(&database, ANN), ["Ann again"]);
    database.assert_sound();
}

#[test]
fn the_files_of_a_user_who_leaves_auth_users_are_listed_and_their_usage_is_archived() {
    let (database, admin) = with_auth_and_carrel();
    for user in [ANN, BEN] {
        move_in(&database, user);
        database.user(user).run(&format!(
            "insert into carrel.documents (filename, storage_path) values ('scan', 'scans/{user}')"
        ));
    }
    database.connect(&admin).run(&format!("delete from auth.users where id = '{ANN}'"));
    let mut service = database.service();
    let listed = "select storage_path from carrel.files_to_erase()";
    assert_eq!(service.column(listed), [format!("scans/{ANN}")]);
    let mut superuser = database.superuser();
    let archived = superuser.column(
        "select deleted_user_id || ' ' || event_type from carrel.usage_archive join carrel.user_pseudonyms using (pseudonym)",
    );
    assert_eq!(archived, [format!("{ANN} agent_request")]);
    service.run(&format!("select carrel.erased_files('{{scans/{ANN}}}')"));
    assert!(service.column(listed).is_empty());
    // Both go in one statement, and without the foreign key that takes profiles along.
    superuser
        .run("alter table carrel.user_profiles drop constraint user_profiles_user_id_auth_fkey");
    database.connect(&admin).run("delete from auth.users");
    assert_eq!(service.column(listed), [format!("scans/{BEN}")]);
}

#[test]
fn what_is_to_be_erased_survives_a_dump_once() {
    let (database, admin) = with_auth_and_carrel();
    move_in(&database, ANN);
    database
        .user(ANN)
        .run("insert into carrel.documents (filename, storage_path) values ('scan', 'scans/1')");
    database.connect(&admin).run(&format!("delete from auth.users where id = '{ANN}'"));
    let before = contents(&database);
    let copy = Cluster::shared().empty();
    copy.restore_plain(&database.dump_to_file(&[]));
    assert_eq!(before, contents(&copy));
    copy.superuser().run("select carrel.migrate()");
    assert!(name_of(&copy, ANN).is_empty());
    assert_eq!(
        copy.service().column("select storage_path from carrel.files_to_erase()"),
        ["scans/1"]
    );
}

#[test]
fn doctor_names_what_is_missing_of_following_and_migrate_puts_it_back() {
    let (database, admin) = with_auth_and_carrel();
    let mut superuser = database.superuser();
    for (fault, said) in [
        ("drop trigger carrel_create_profile on auth.users", "carrel_create_profile"),
        ("alter table auth.users disable trigger carrel_delete_profile", "carrel_delete_profile"),
        (
            "alter table carrel.user_profiles drop constraint user_profiles_user_id_auth_fkey",
            "foreign key",
        ),
        ("delete from carrel.user_profiles; delete from carrel.user_pseudonyms", "2 users"),
    ] {
        superuser.run(fault);
        let complaints = database.complaints();
        assert!(
            complaints.iter().any(|line| line.starts_with("auth_users: ") && line.contains(said)),
            "{fault}: {complaints:?}"
        );
        superuser.run("select carrel.migrate()");
        database.assert_sound();
    }
    database.connect(&admin).run(&format!("insert into auth.users values ('{NEW}')"));
    assert_eq!(name_of(&database, NEW), ["-"]);
}

#[test]
fn a_profile_that_cannot_be_made_keeps_nobody_from_signing_up() {
    let (database, admin) = with_auth_and_carrel();
    let mut superuser = database.superuser();
    superuser.run(
        "create function public.refuse() returns trigger language plpgsql as $$ begin raise 'no profiles today'; end $$;
        create trigger refuse before insert on carrel.user_profiles for each row execute function public.refuse()",
    );
    database.connect(&admin).run(&format!("insert into auth.users values ('{NEW}')"));
    assert_eq!(superuser.number("select count(*) from auth.users"), 3);
    assert_eq!(name_of(&database, NEW), Vec::<String>::new());
    assert!(database.complaints().iter().any(|line| line.contains("1 user of auth.users")));
    superuser.run("drop trigger refuse on carrel.user_profiles; select carrel.migrate()");
    assert_eq!(name_of(&database, NEW), ["-"]);
    database.assert_sound();
}

#[test]
fn users_who_were_deleted_past_the_triggers_are_named_with_the_statement() {
    let (database, _) = with_auth_and_carrel();
    move_in(&database, BEN);
    let mut superuser = database.superuser();
    superuser.run(&format!(
        "set session_replication_role = replica; delete from auth.users where id = '{BEN}'; reset session_replication_role"
    ));
    let complaints = database.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    let mend = format!("select carrel.delete_user('{BEN}')");
    assert!(
        complaints[0].starts_with("auth_users: ") && complaints[0].ends_with(&mend),
        "{complaints:?}"
    );
    superuser.run(&mend);
    database.assert_sound();
}

#[test]
fn a_table_that_cannot_be_followed_is_named() {
    let database = Cluster::shared().installed();
    let mut superuser = database.superuser();
    superuser.run("create table public.people (id int primary key)");
    let refusal = superuser.failure("select carrel.follow_auth_users('public.people')");
    assert_eq!(refusal.code().code(), "22023");
    assert!(refusal.message().contains("people"), "{}", refusal.message());
}
