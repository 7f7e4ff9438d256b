//! Ownership of the schema and tables, and roles that gain or lose it.

use super::{GUARDED, UNGUARDED, assert_nothing_gained, everybody_works, trap, with_everything};
use carrel_tests::{ALICE, Cluster};

#[test]
fn the_tables_belong_to_a_role_that_is_nobody() {
    let database = Cluster::shared().installed();
    let mut superuser = database.superuser();
    let owners = "select distinct relowner::regrole from pg_class
        where relnamespace = 'carrel'::regnamespace and relkind = 'r'";
    assert_eq!(superuser.column(owners), ["carrel_owner"]);
    let attributes =
        "select rolsuper, rolcanlogin, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
        from pg_roles where rolname = 'carrel_owner'";
    assert_eq!(superuser.value(attributes), "f|f|f|f|f|f");
    let members = "select count(*) from pg_auth_members
        where 'carrel_owner'::regrole in (roleid, member)";
    assert_eq!(superuser.number(members), 0);
}

#[test]
fn tables_that_another_role_owns_are_not_used() {
    let database = Cluster::shared().lived_in();
    let role = database.create_role("grabber", "");
    database.superuser().run(&format!("alter table carrel.plans owner to {role}"));
    let error = database.service().failure("select carrel.create_user()");
    assert_eq!(error.code().code(), "42501");
    assert!(
        error.message().contains("carrel.plans") && error.message().contains(&role),
        "{}",
        error.message()
    );
    assert_eq!(database.superuser().refused("select carrel.migrate()"), "42501");
    database.superuser().run("alter table carrel.plans owner to carrel_owner");
    // Sessions that are open notice as well.
    database.service().run("select carrel.create_user(); select carrel.create_user()");
    database.superuser().run("select carrel.migrate()");
    database.assert_sound();
}

#[test]
fn tables_of_a_superuser_are_taken_over_by_migrate() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    superuser.run("alter table carrel.plans owner to postgres");
    assert!(database.complaints().iter().any(|line| line.contains("carrel.plans")));
    superuser.run("select carrel.migrate()");
    database.assert_sound();
}

#[test]
fn an_installer_that_is_demoted_or_reassigned_leaves_nothing_to_gain() {
    for is_demoted in [false, true] {
        let database = Cluster::shared().empty();
        let (installer, heir) =
            (database.create_role("installer", "superuser"), database.create_role("heir", ""));
        database.connect(&installer).run("create extension carrel");
        database.connect(&installer).run("select carrel.grant_service('service_role')");
        let mut superuser = database.superuser();
        // What it owns is the extension and the schema: functions belong to the bootstrap superuser.
        if is_demoted {
            superuser.run(&format!(
                "alter role {installer} nosuperuser; grant create on database {} to {installer}",
                database.name
            ));
        } else {
            superuser.run(&format!(
                "reassign owned by {installer} to {heir}; grant create on database {} to {heir}",
                database.name
            ));
        }
        let heir = if is_demoted { installer } else { heir };
        let mut attacker = database.connect(&heir);
        trap(&mut attacker, &heir);
        for statement in [
            "create or replace function carrel.uuid_v7() returns uuid language plpgsql as 'begin perform trap.spring(); return gen_random_uuid(); end'",
            "create or replace function carrel.refuse_added_code() returns event_trigger language plpgsql as 'begin perform trap.spring(); end'",
            "alter event trigger carrel_refuse_added_code disable",
            "create function carrel.extra() returns void language sql as ''",
        ] {
            assert_eq!(attacker.refused(statement), "42501", "{statement}");
        }
        database.service().run("select carrel.create_user()");
        superuser.run("create table public.later (i int)");
        assert_nothing_gained(&database, &heir, &[]);
        let complaints = database.complaints();
        assert!(
            complaints.iter().any(|line| line.contains("the extension belongs")),
            "{complaints:?}"
        );
    }
}

#[test]
fn an_owner_that_is_more_than_an_owner_is_refused() {
    let cluster = Cluster::start();
    let database = cluster.empty();
    let mut superuser = database.superuser();
    let member = database.create_role("member", "");
    superuser.run("create role carrel_owner");
    for (make, mend) in [
        ("alter role carrel_owner login", "alter role carrel_owner nologin"),
        ("alter role carrel_owner superuser", "alter role carrel_owner nosuperuser"),
        (&format!("grant carrel_owner to {member}"), &format!("revoke carrel_owner from {member}")),
    ] {
        superuser.run(make);
        let error = superuser.failure("create extension carrel");
        assert_eq!(error.code().code(), "42501", "{}", error.message());
        let hint = error.hint().unwrap_or_default();
        let statement = hint.strip_prefix("Run: ").unwrap_or_default();
        assert!(statement.starts_with(mend), "{hint}");
        superuser.run(statement);
    }
    // What it may do as a member of others is taken away.
    superuser.run("grant pg_read_server_files to carrel_owner");
    superuser.run("create extension carrel");
    let memberships = "select count(*) from pg_auth_members where member = 'carrel_owner'::regrole";
    assert_eq!(superuser.number(memberships), 0);
    superuser.run(&format!("grant carrel_owner to {member}"));
    assert!(database.complaints().iter().any(|line| line.contains(&member)));
}

#[test]
fn nobody_but_a_superuser_creates_in_the_schema() {
    let database = Cluster::shared().installed();
    let role = with_everything(&database);
    let mut attacker = database.connect(&role);
    for statement in [
        "create function carrel.migrate(int default 1) returns void language sql as ''",
        "create procedure carrel.doctor(int default 1) language sql as ''",
        "create function public.f() returns void language sql as ''; alter function public.f() set schema carrel",
        "create table carrel.t (i int)",
        "create type carrel.uuid as (i int)",
        "create view carrel.v as select 1",
        "create operator carrel.= (function = int4eq, leftarg = int, rightarg = int)",
    ] {
        assert_eq!(attacker.refused(statement), "42501", "{statement}");
    }
    database.superuser().run("create function carrel.extra() returns void language sql as ''");
    assert!(database.complaints().iter().any(|line| line.contains("carrel.extra()")));
}

#[test]
fn what_plain_roles_made_in_the_schema_before_is_refused_and_the_hint_mends_it() {
    for planted in [
        "function carrel.version() returns text language sql as $$select 'x'$$",
        "procedure carrel.migrate() language sql as ''",
        "aggregate carrel.sum(int) (sfunc = int4pl, stype = int)",
        "type carrel.uuid as (i int)",
        "domain carrel.text as pg_catalog.text",
        "operator carrel.= (function = int4eq, leftarg = int, rightarg = int)",
        "view carrel.plans as select 1 as i",
        "collation carrel.\"C\" from \"C\"",
    ] {
        let database = Cluster::shared().empty();
        let plain = database.create_role("plain", "");
        let mut superuser = database.superuser();
        superuser
            .run(&format!("create schema carrel; grant create, usage on schema carrel to {plain}"));
        database.connect(&plain).run(&format!("create {planted}"));
        let error = superuser.failure("create extension carrel");
        assert_eq!(error.code().code(), "42501", "{planted}: {}", error.message());
        assert!(error.message().contains(&plain), "{planted}: {}", error.message());
        let (_, drop) = error.hint().and_then(|hint| hint.split_once(": ")).expect("a statement");
        superuser.run(drop);
        superuser.run(&format!("revoke all on schema carrel from {plain}"));
        superuser.run("create extension carrel");
        database.assert_sound();
        // Afterwards doctor() names it, and its statement mends it.
        superuser.run(&format!("{UNGUARDED}; grant create, usage on schema carrel to {plain}"));
        let planted = planted.replace("version()", "version(int)");
        let planted = planted.replace("migrate()", "migrate(int)");
        let planted = planted.replace("carrel.plans", "carrel.plan_names");
        database.connect(&plain).run(&format!("create {planted}"));
        superuser.run(&format!("{GUARDED}; revoke all on schema carrel from {plain}"));
        let complaints = database.complaints();
        let [line] = complaints.as_slice() else { panic!("{planted}: {complaints:?}") };
        let (_, drop) = line.rsplit_once(": ").expect("a statement");
        superuser.run(drop);
        database.assert_sound();
    }
}

#[test]
fn what_runs_as_the_owner_is_refused() {
    for (make, drop) in [
        (
            "create function public.f() returns int security definer language sql as 'select 1'; alter function public.f() owner to carrel_owner",
            "drop function public.f()",
        ),
        (
            "create view public.v as select * from carrel.documents; alter view public.v owner to carrel_owner",
            "drop view public.v",
        ),
    ] {
        let database = Cluster::shared().installed();
        let mut superuser = database.superuser();
        superuser.run(make);
        let error = superuser.failure("select carrel.migrate()");
        assert_eq!(error.code().code(), "42501", "{make}");
        assert!(error.hint().is_some_and(|hint| hint.contains(drop)), "{error:?}");
        assert!(database.complaints().iter().any(|line| line.contains(drop)), "{make}");
        superuser.run(drop);
        superuser.run("select carrel.migrate()");
        database.assert_sound();
    }
}

#[test]
fn calls_of_carrels_own_are_not_taken_by_functions_that_fit_as_well() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    // For each function one beside it that takes text wherever it takes something else.
    superuser.run(
        "do $$ declare f record; begin
            for f in
                select p.proname, string_agg(case when u.kind = 'text'::regtype then 'varchar' else 'text' end, ', ' order by u.place) as kinds
                from pg_proc as p cross join unnest(p.proargtypes) with ordinality as u (kind, place)
                where p.pronamespace = 'carrel'::regnamespace and p.prorettype <> 'trigger'::regtype
                group by p.oid, p.proname
            loop
                execute format('create function carrel.%I(%s) returns void language plpgsql as $f$ begin raise exception ''a decoy'' using errcode = ''P0099''; end $f$', f.proname, f.kinds);
            end loop;
        end $$",
    );
    let refused = everybody_works(&database);
    assert!(!refused.iter().any(|code| code == "P0099"), "{refused:?}");
}

#[test]
fn a_setting_of_the_database_is_no_sign_of_a_restore() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    superuser.run(&format!("alter database {} set row_security = off", database.name));
    superuser.run("update carrel.plan_limits set limit_value = 0, enforcement = 'hard' where measure = 'documents'");
    let mut service = database.service();
    service.claim(ALICE);
    service.run("select 1");
    let before = database.superuser().number("select sum(events) from carrel.usage_totals");
    database.service().run(&format!("select carrel.record_usage('chat', user_id => '{ALICE}')"));
    assert_eq!(
        database.superuser().number("select sum(events) from carrel.usage_totals"),
        before + 1
    );
    let refused = database.superuser().refused(&format!(
        "insert into carrel.documents (user_id, filename) values ('{ALICE}', 'x')"
    ));
    assert_eq!(refused, "PT402");
    assert!(database.complaints().iter().any(|line| line.contains("row_security")));
}

#[test]
fn rows_of_a_table_that_another_role_owns_are_not_believed() {
    let database = Cluster::shared().lived_in();
    let role = with_everything(&database);
    database.superuser().run(&format!("alter table carrel.granted_roles owner to {role}"));
    let mut attacker = database.connect(&role);
    attacker.run("drop trigger granted_roles_check_privileges on carrel.granted_roles");
    attacker.run("insert into carrel.granted_roles select recorded_in, current_user::regrole, kind, current_user, true from carrel.granted_roles");
    let mut attacker = database.connect(&role);
    attacker.claim(ALICE);
    assert_eq!(attacker.refused("select count(*) from carrel.documents"), "42501");
}
