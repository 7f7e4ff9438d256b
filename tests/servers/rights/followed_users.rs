//! The table of users that carrel follows, such as auth.users, and its owner.

use super::{NEW, assert_nothing_gained, trap, with_everything};
use carrel_tests::{ALICE, Cluster};

#[test]
fn auth_users_of_a_plain_role_is_neither_read_nor_followed() {
    for when in ["before", "after"] {
        let database = Cluster::shared().empty();
        let role = database.create_role("owner", "");
        let mut superuser = database.superuser();
        superuser.run(&format!("grant create on database {} to {role}", database.name));
        let mut attacker = database.connect(&role);
        trap(&mut attacker, &role);
        if when == "after" {
            superuser.run("create extension carrel");
        }
        attacker.run(&format!(
            "create schema auth;
            create table auth.users (id uuid primary key, raw_user_meta_data jsonb);
            create index on auth.users ((trap.same(1)));
            insert into auth.users values ('{NEW}')"
        ));
        superuser.run(if when == "before" {
            "create extension carrel"
        } else {
            "select carrel.migrate()"
        });
        assert_eq!(superuser.number("select count(*) from carrel.user_profiles"), 0);
        assert_nothing_gained(&database, &role, &[&role]);
        // Told to, it follows: nothing of the owner's runs as anybody else.
        superuser.run("select carrel.follow_auth_users('auth.users')");
        assert_eq!(superuser.number("select count(*) from carrel.user_profiles"), 1);
        attacker.run("insert into auth.users values (gen_random_uuid()); delete from auth.users");
        assert_eq!(superuser.number("select count(*) from carrel.user_profiles"), 0);
        assert_nothing_gained(&database, &role, &[&role]);
        let complaints = database.complaints();
        assert!(complaints.iter().all(|line| line.contains("trap.same")), "{complaints:?}");
    }
}

#[test]
fn triggers_of_the_followed_table_do_nothing_for_others() {
    let database = Cluster::shared().lived_in();
    let role = with_everything(&database);
    let mut attacker = database.connect(&role);
    let statement = format!(
        "create schema auth; create table auth.users (id uuid);
        create trigger d after delete on auth.users referencing old table as deleted for each statement execute function carrel.delete_profile_of_deleted();
        insert into auth.users values ('{ALICE}'); delete from auth.users"
    );
    assert_eq!(attacker.refused(&statement), "42501");
    let count = format!("select count(*) from carrel.user_profiles where user_id = '{ALICE}'");
    assert_eq!(database.superuser().number(&count), 1);
}

#[test]
fn what_the_owner_of_the_followed_table_adds_leaves_nothing_behind() {
    for when in ["before", "after"] {
        let database = Cluster::shared().installed();
        let role = database.create_role("owner", "");
        let mut superuser = database.superuser();
        superuser.run(&format!("grant create on database {} to {role}", database.name));
        let mut attacker = database.connect(&role);
        trap(&mut attacker, &role);
        attacker.run(
            "create schema auth; create table auth.users (id uuid primary key);
            create function auth.hold(text) returns text language plpgsql as $$ begin
                execute format('declare c%s cursor with hold for select trap.spring()', (random() * 1e9)::int); return $1;
            end $$;
            create function auth.same(text) returns text immutable language plpgsql as $$ declare x text; begin x := auth.hold($1); return x; end $$;
            grant usage on schema auth to public",
        );
        let index = "create index on auth.users (id) where auth.same('x') = 'x'";
        if when == "before" {
            // Its own statement leaves a cursor behind, of its own.
            let _ = attacker.attempt(index);
        }
        let _ = superuser.attempt("select carrel.follow_auth_users('auth.users')");
        if when == "after" {
            let _ = attacker.attempt(index);
        }
        let _ = superuser.attempt("select carrel.migrate()");
        let _ = attacker.attempt("insert into auth.users values (gen_random_uuid())");
        let _ = database.service().attempt("select carrel.create_user()");
        assert_nothing_gained(&database, &role, &[&role]);
    }
}
