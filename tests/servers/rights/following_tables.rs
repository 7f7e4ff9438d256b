//! Tables of less privileged roles that refer to carrel's tables by foreign keys.

use super::{UNGUARDED, assert_nothing_gained, trap};
use carrel_tests::{ALICE, Cluster, Database};

/// An operator that may refer to every table of carrel's, with a trap and a schema of its own.
fn with_references() -> (Database<'static>, String) {
    let database = Cluster::shared().lived_in();
    let role = database.create_role("keys", "");
    database.superuser().run(&format!(
        "select carrel.grant_operator('{role}');
        grant references on all tables in schema carrel to {role};
        grant create on database {} to {role}",
        database.name
    ));
    let mut attacker = database.connect(&role);
    trap(&mut attacker, &role);
    attacker.run("create schema fk; create table fk.late (i int)");
    (database, role)
}

#[test]
fn a_foreign_key_with_a_cast_is_refused() {
    let (database, role) = with_references();
    let mut attacker = database.connect(&role);
    attacker.run(
        "create type fk.odd as (u uuid);
        create function fk.c(fk.odd) returns uuid language plpgsql as $$ begin perform trap.spring(); return ($1).u; end $$;
        create cast (fk.odd as uuid) with function fk.c(fk.odd) as implicit;
        create table fk.plain (u uuid);
        create domain fk.id as uuid",
    );
    for statement in [
        "create table fk.f (u fk.odd references carrel.user_profiles (user_id))",
        "create table fk.f (u fk.odd, foreign key (u) references carrel.user_profiles (user_id)) partition by list (u)",
        "create schema more create table f (u fk.odd references carrel.user_profiles (user_id))",
        "begin; create table fk.f (u uuid references carrel.user_profiles (user_id)); alter table fk.f alter column u type fk.odd using row(u)::fk.odd",
        "rollback; alter table fk.plain alter column u type fk.odd using row(u)::fk.odd, add foreign key (u) references carrel.user_profiles (user_id)",
    ] {
        assert_eq!(attacker.refused(statement), "42501", "{statement}");
    }
    // Honest keys work, domains included.
    attacker.run(&format!(
        "create table fk.orders (u fk.id references carrel.user_profiles (user_id) on delete cascade);
        insert into fk.orders values ('{ALICE}')"
    ));
    assert_nothing_gained(&database, &role, &[]);
    database.service().run(&format!("select carrel.delete_user('{ALICE}')"));
    assert_eq!(attacker.number("select count(*) from fk.orders"), 0);
}

#[test]
fn triggers_of_a_table_that_refers_to_profiles_gain_nothing_when_a_user_is_deleted() {
    for trigger in [
        "create trigger zz after delete on fk.orders for each row execute function trap.fire()",
        "create trigger zz after delete on fk.orders for each statement execute function trap.fire()",
        "create trigger zz before delete on fk.orders for each row execute function trap.fire()",
    ] {
        let (database, role) = with_references();
        let mut attacker = database.connect(&role);
        attacker.run(&format!(
            "create table fk.orders (u uuid references carrel.user_profiles (user_id) on delete cascade);
            insert into fk.orders values ('{ALICE}')"
        ));
        assert_eq!(attacker.refused(trigger), "42501");
        let mut superuser = database.superuser();
        superuser.run(UNGUARDED);
        attacker.run(trigger);
        let _ = database.service().attempt(&format!("select carrel.delete_user('{ALICE}')"));
        let _ = database.superuser().attempt(&format!("select carrel.delete_user('{ALICE}')"));
        assert_nothing_gained(&database, &role, &[&role]);
    }
}

#[test]
fn a_trigger_that_waits_for_the_commit_is_refused_beside_a_key_to_carrel() {
    let (database, role) = with_references();
    let mut attacker = database.connect(&role);
    attacker.run(
        "create table fk.orders (u uuid primary key references carrel.user_profiles (user_id) on delete cascade);
        create table fk.items (u uuid references fk.orders on delete cascade);
        alter table fk.late add u uuid;
        create constraint trigger zz after delete on fk.late deferrable initially deferred for each row execute function trap.fire()",
    );
    let trigger = |table: &str| {
        format!(
            "create constraint trigger zz after delete on fk.{table} deferrable initially deferred for each row execute function trap.fire()"
        )
    };
    assert_eq!(attacker.refused(&trigger("orders")), "42501");
    assert_eq!(attacker.refused(&trigger("items")), "42501");
    let key = "alter table fk.late add foreign key (u) references carrel.user_profiles (user_id) on delete cascade";
    assert_eq!(attacker.refused(key), "42501");
    // One that got there all the same stops carrel's work, and names itself.
    let mut superuser = database.superuser();
    superuser.run(UNGUARDED);
    attacker.run(&trigger("items"));
    attacker.run(&format!(
        "insert into fk.orders values ('{ALICE}'); insert into fk.items values ('{ALICE}')"
    ));
    let error = superuser.failure(&format!("select carrel.delete_user('{ALICE}')"));
    assert_eq!(error.code().code(), "42501");
    assert!(error.message().contains("fk.items"), "{}", error.message());
    assert_eq!(
        database
            .service()
            .refused(&format!("delete from carrel.documents where user_id = '{ALICE}'")),
        "42501"
    );
    assert_nothing_gained(&database, &role, &[]);
    attacker.run("drop trigger zz on fk.items");
    superuser.run(&format!("select carrel.delete_user('{ALICE}')"));
    assert_nothing_gained(&database, &role, &[]);
}

#[test]
fn a_table_that_follows_by_a_key_brings_no_code_into_the_sessions_of_others() {
    for (prepare, attack) in [
        (
            "create function fk.f() returns trigger language plpgsql as $$ begin insert into fk.late values (1); return old; end $$;
            create constraint trigger d after insert on fk.late deferrable initially deferred for each row execute function trap.fire()",
            "create trigger t before delete on fk.orders for each row execute function fk.f()",
        ),
        (
            "create function fk.f() returns trigger language plpgsql as $$ begin execute 'declare c cursor with hold for select trap.spring()'; return old; end $$",
            "create trigger t before delete on fk.orders for each row execute function fk.f()",
        ),
        (
            "create function fk.f() returns trigger language plpgsql as $$ begin perform set_config('search_path', 'fk, pg_catalog', false), set_config('row_security', 'off', false); return old; end $$",
            "create trigger t before delete on fk.orders for each row execute function fk.f()",
        ),
        ("select 1", "create rule r as on delete to fk.orders do also select trap.spring()"),
        ("select 1", "create index on fk.orders ((trap.same(1)))"),
        (
            "select 1",
            "alter table fk.orders add foreign key (u) references carrel.user_profiles (user_id) on delete set null",
        ),
    ] {
        let (database, role) = with_references();
        let mut attacker = database.connect(&role);
        attacker.run(&format!(
            "create table fk.orders (u uuid references carrel.user_profiles (user_id) on delete cascade);
            insert into fk.orders values ('{ALICE}')"
        ));
        attacker.run(prepare);
        assert_eq!(attacker.refused(attack), "42501", "{attack}");
        // One that is there all the same stops carrel's work, and is named.
        let mut superuser = database.superuser();
        superuser.run(UNGUARDED);
        attacker.run(attack);
        superuser.run("delete from trap.ran");
        superuser.run("set search_path = public");
        let error = superuser.failure(&format!("select carrel.delete_user('{ALICE}')"));
        assert_eq!(error.code().code(), "42501", "{attack}");
        assert!(error.message().contains("fk.orders"), "{attack}: {}", error.message());
        assert_eq!(superuser.value("show search_path"), "public");
        assert_nothing_gained(&database, &role, &[]);
        assert!(database.complaints().iter().any(|line| line.contains("fk.orders")), "{attack}");
    }
}

#[test]
fn a_trigger_that_comes_while_carrel_already_deletes_leaves_nothing_behind() {
    let (database, role) = with_references();
    let mut attacker = database.connect(&role);
    attacker.run(&format!(
        "create table fk.first (u uuid references carrel.user_profiles (user_id) on delete cascade);
        create table fk.orders (u uuid references carrel.user_profiles (user_id) on delete cascade);
        insert into fk.first values ('{ALICE}');
        insert into fk.orders values ('{ALICE}');
        create function fk.f() returns trigger language plpgsql as $$ begin execute 'declare c cursor with hold for select trap.spring()'; return old; end $$"
    ));
    let (mut superuser, mut holder) = (database.superuser(), database.superuser());
    superuser.run(UNGUARDED);
    // The deletion looks at the tables, and then waits for fk.first before it comes to fk.orders: cascades go by the names of
    // their triggers, which end in numbers as text, so that fk.orders may come before carrel's own tables.
    holder.run(&format!("begin; select from fk.first where u = '{ALICE}' for update"));
    let pid = superuser.value("select pg_backend_pid()");
    let outcome = std::thread::scope(|scope| {
        let deletion =
            scope.spawn(|| superuser.attempt(&format!("select carrel.delete_user('{ALICE}')")));
        let waits = format!("select count(*) from pg_locks where pid = {pid} and not granted");
        while holder.number(&waits) == 0 {
            assert!(!deletion.is_finished(), "it waits for fk.first");
        }
        attacker.run(
            "create trigger t before delete on fk.orders for each row execute function fk.f()",
        );
        holder.run("rollback");
        deletion.join().expect("no panic")
    });
    assert_eq!(outcome.err().as_deref(), Some("42501"));
    assert_nothing_gained(&database, &role, &[]);
}

#[test]
fn added_code_is_judged_by_the_catalogs_as_they_are() {
    let (database, role) = with_references();
    let (mut old, mut new) = (database.connect(&role), database.connect(&role));
    new.run(
        "create type fk.odd as (u uuid);
        create function fk.c(fk.odd) returns uuid language plpgsql immutable as $$ begin perform trap.spring(); return ($1).u; end $$;
        create cast (fk.odd as uuid) with function fk.c(fk.odd) as implicit;
        create table fk.casts (u uuid);
        create table fk.triggers (u uuid)",
    );
    old.run("begin isolation level repeatable read; select from pg_class");
    new.run(
        "alter table fk.casts alter column u type fk.odd using null;
        create constraint trigger zz after delete on fk.triggers deferrable initially deferred for each row execute function trap.fire()",
    );
    old.run("savepoint s");
    for table in ["casts", "triggers"] {
        let key = format!(
            "alter table fk.{table} add foreign key (u) references carrel.user_profiles (user_id) on delete cascade"
        );
        assert_eq!(old.refused(&key), "42501", "{table}");
        old.run("rollback to s");
    }
}

#[test]
fn tables_that_follow_in_other_ways_bring_no_code_either() {
    for attack in [
        "create type fk.odd as (u uuid);
        create function fk.c(fk.odd) returns uuid language plpgsql immutable as $$ begin perform trap.spring(); return ($1).u; end $$;
        create cast (fk.odd as uuid) with function fk.c(fk.odd) as implicit;
        create table fk.items (u fk.odd references fk.orders (u))",
        "create table fk.lists (u uuid references carrel.user_profiles (user_id) on delete cascade) partition by list (u);
        create table fk.list partition of fk.lists (check (trap.same(1) = 1)) default",
        "create table fk.late_keys (u uuid references carrel.user_profiles (user_id) deferrable initially deferred);
        create index on fk.late_keys (u) where trap.same(1) = 1",
        "create function fk.is_equal(int, int) returns bool immutable language plpgsql as $$ begin perform trap.spring(); return true; end $$;
        create operator fk.=== (leftarg = int, rightarg = int, function = fk.is_equal);
        create index on fk.orders (u) where 1 operator(fk.===) 2",
        "create function fk.attach() returns void security definer language plpgsql as $$ begin
            create trigger t before delete on fk.orders for each row execute function trap.fire();
        end $$;
        grant usage on schema fk to public;
        set role service_role; select fk.attach()",
    ] {
        let (database, role) = with_references();
        let mut superuser = database.superuser();
        superuser.run(&format!("grant service_role to {role}"));
        let mut attacker = database.connect(&role);
        attacker.run(&format!(
            "create table fk.orders (u uuid primary key references carrel.user_profiles (user_id) on delete cascade);
            insert into fk.orders values ('{ALICE}')"
        ));
        assert_eq!(attacker.refused(attack), "42501", "{attack}");
        let mut attacker = database.connect(&role);
        superuser.run(UNGUARDED);
        attacker.run(attack);
        superuser.run("delete from trap.ran");
        let _ = superuser.attempt(&format!("select carrel.delete_user('{ALICE}')"));
        let _ = database.service().attempt(&format!("delete from carrel.documents where user_id = '{ALICE}'"));
        assert_nothing_gained(&database, &role, &[&role]);
        assert!(database.complaints().iter().any(|line| line.contains("fk.")), "{attack}");
    }
}

#[test]
fn keys_to_what_is_carrels_alone_are_refused() {
    let (database, role) = with_references();
    let mut attacker = database.connect(&role);
    for key in [
        "create table fk.t (user_id uuid, day date, period_start timestamptz, event_type text collate \"C\", model text collate \"C\", slot int,
            foreign key (user_id, day, period_start, event_type, model, slot) references carrel.usage_totals on delete cascade)",
        "create table fk.t (step_name text references carrel.migrations on delete cascade)",
    ] {
        assert_eq!(attacker.refused(key), "42501", "{key}");
    }
}

#[test]
fn an_honest_table_follows_with_triggers_of_its_own() {
    let (database, role) = with_references();
    let mut app = database.connect(&role);
    app.run(&format!(
        "create function fk.touch() returns trigger language plpgsql as $$ begin new.at := now(); return new; end $$;
        create function fk.number() returns int language sql as 'select 7';
        create table fk.orders (u uuid references carrel.user_profiles (user_id) on delete cascade, n int default fk.number() check (n > fk.number() - 1), at timestamptz);
        create trigger touch before insert or update on fk.orders for each row execute function fk.touch();
        create table fk.notes (u uuid references carrel.user_profiles (user_id));
        create trigger gone after delete on fk.notes for each row execute function trap.fire();
        insert into fk.orders (u) values ('{ALICE}')"
    ));
    database.service().run(&format!("select carrel.delete_user('{ALICE}')"));
    assert_eq!(app.number("select count(*) from fk.orders"), 0);
    // What it was granted is too much, and all that is.
    let complaints = database.complaints();
    assert!(complaints.iter().all(|line| line.starts_with("privileges: ")), "{complaints:?}");
}

#[test]
fn only_operators_and_superusers_add_keys_to_carrels_tables() {
    let database = Cluster::shared().lived_in();
    let role = database.create_role("app", "");
    database.superuser().run(&format!(
        "grant usage on schema carrel to {role};
        grant references on all tables in schema carrel to {role};
        grant create on database {} to {role}",
        database.name
    ));
    let mut app = database.connect(&role);
    app.run("create schema app; create table app.old (u uuid)");
    for key in [
        "create table app.orders (u uuid references carrel.user_profiles (user_id))",
        "alter table app.old add foreign key (u) references carrel.user_profiles (user_id) on delete cascade",
        "create table app.lists (u uuid references carrel.documents (id)) partition by list (u)",
    ] {
        let error = app.failure(key);
        assert_eq!(error.code().code(), "42501", "{key}");
        assert!(error.message().contains(&role), "{}", error.message());
        let (_, grant) = error.hint().and_then(|hint| hint.split_once(": ")).expect("a statement");
        assert_eq!(grant, format!("select carrel.grant_operator('{role}')"));
    }
    database.superuser().run(&format!("select carrel.grant_operator('{role}')"));
    app.run("create table app.orders (u uuid references carrel.user_profiles (user_id) on delete cascade)");
    // Once it is no operator any more, its table may change, but gets no more keys.
    database.superuser().run(&format!("select carrel.revoke_operator('{role}')"));
    app.run("alter table app.orders add column n int");
    database.superuser().run(&format!(
        "grant usage on schema carrel to {role}; grant references on carrel.documents to {role}"
    ));
    assert_eq!(
        app.refused("alter table app.orders add d uuid references carrel.documents (id)"),
        "42501"
    );
}

#[test]
fn triggers_of_plain_roles_on_a_superusers_table_that_follows_gain_nothing() {
    for (function, trigger) in [
        ("trap.fire()", "before delete on app.orders for each row"),
        ("trap.fire()", "after delete on app.orders for each statement"),
        ("trap.fire()", "before truncate on app.orders for each statement"),
        ("trap.fire()", "before update on app.orders for each row"),
        (
            "suppress_redundant_updates_trigger()",
            "before update on app.orders for each row when (query_to_xml('select trap.spring()', true, true, '') is not null)",
        ),
    ] {
        let (database, role) = with_references();
        let mut superuser = database.superuser();
        superuser.run(&format!(
            "create schema app; grant usage on schema app to {role};
            create table app.orders (u uuid references carrel.user_profiles (user_id) on delete cascade on update cascade);
            insert into app.orders values ('{ALICE}');
            grant trigger on app.orders to {role}"
        ));
        let mut attacker = database.connect(&role);
        let create = format!("create trigger zz {trigger} execute function {function}");
        assert_eq!(attacker.refused(&create), "42501", "{trigger}");
        superuser.run(UNGUARDED);
        attacker.run(&create);
        let error = superuser.failure(&format!("select carrel.delete_user('{ALICE}')"));
        assert_eq!(error.code().code(), "42501", "{trigger}");
        assert!(error.message().contains("app.orders"), "{trigger}: {}", error.message());
        assert_nothing_gained(&database, &role, &[]);
        assert!(database.complaints().iter().any(|line| line.contains("app.orders")), "{trigger}");
        superuser.run("drop trigger zz on app.orders");
        superuser.run(&format!("select carrel.delete_user('{ALICE}')"));
    }
}

#[test]
fn trusted_functions_keep_no_user_from_being_deleted() {
    let (database, role) = with_references();
    let mut attacker = database.connect(&role);
    attacker.run(&format!(
        "create table fk.orders (u uuid references carrel.user_profiles (user_id) on delete cascade);
        insert into fk.orders values ('{ALICE}')"
    ));
    for trigger in [
        "create trigger zz before delete on fk.orders for each row execute function tsvector_update_trigger('u', 'pg_catalog.english', 'u')",
        "create trigger zz before truncate on fk.orders for each statement execute function suppress_redundant_updates_trigger()",
    ] {
        assert_eq!(attacker.refused(trigger), "42501", "{trigger}");
    }
    database.service().run(&format!("select carrel.delete_user('{ALICE}')"));
    assert_eq!(attacker.number("select count(*) from fk.orders"), 0);
}

#[test]
fn a_key_and_a_trigger_added_side_by_side_are_refused() {
    let (database, role) = with_references();
    let mut first = database.connect(&role);
    first.run(
        "create table fk.orders (u uuid primary key);
        create table fk.items (u uuid primary key references fk.orders on delete cascade);
        create table fk.parts (u uuid references fk.items on delete cascade)",
    );
    let mut second = database.connect(&role);
    let pid = second.value("select pg_backend_pid()");
    // Neither sees the other's, and no table is in both.
    first.run("begin; create trigger zz before delete on fk.parts for each row execute function trap.fire()");
    let outcome = std::thread::scope(|scope| {
        let key = scope.spawn(|| {
            second.attempt("alter table fk.orders add foreign key (u) references carrel.user_profiles (user_id) on delete cascade")
        });
        let waits = format!("select count(*) from pg_locks where pid = {pid} and not granted");
        let mut superuser = database.superuser();
        while superuser.number(&waits) == 0 && !key.is_finished() {}
        first.run("commit");
        key.join().expect("no panic")
    });
    assert_eq!(outcome, Err("42501".to_owned()));
}

#[test]
fn what_doctor_only_names_keeps_nobody_from_adding_keys() {
    let (database, role) = with_references();
    database
        .superuser()
        .run("alter table carrel.documents add column n int default (pg_sleep(0) is null)::int");
    assert!(!database.complaints().is_empty());
    database.connect(&role).run(
        "create table fk.orders (u uuid references carrel.user_profiles (user_id) on delete cascade)",
    );
}
