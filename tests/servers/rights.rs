//! Nobody gains rights through carrel: code that less privileged roles attach to its tables, however it got there, runs with no more
//! rights than they have, or is refused.

use carrel_tests::{ALICE, Cluster, Database, Session, TABLES, grants};

const UNGUARDED: &str = "alter event trigger carrel_refuse_added_code disable";

const NEW: &str = "c0000000-0000-4000-8000-00000000000c";

/// A plain role with every privilege on carrel's tables, routines and schema, as guides grant them.
fn with_everything(database: &Database) -> String {
    let role = database.create_role("report", "");
    database.superuser().run(&format!(
        "grant usage, create on schema carrel to {role};
        grant all on all tables in schema carrel to {role};
        grant all on all routines in schema carrel to {role};
        grant create on database {} to {role}",
        database.name
    ));
    role
}

/// A function of the role's that makes it a superuser, or shows it everything, if it runs with anybody's greater rights, and tells
/// as whom it ran.
fn trap(session: &mut Session, role: &str) {
    session.run(&format!(
        "create schema trap;
        create table trap.ran (as_role text);
        grant usage on schema trap to public;
        grant insert on trap.ran to public;
        create function trap.spring() returns void language plpgsql as $$ begin
            insert into trap.ran values (current_user);
            begin
                alter role {role} superuser;
            exception when others then null;
            end;
        exception when others then null; end $$;
        create function trap.fire() returns trigger language plpgsql as $$ begin
            perform trap.spring();
            return coalesce(new, old);
        end $$;
        create function trap.same(value anyelement) returns anyelement immutable language plpgsql as $$ begin
            perform trap.spring();
            return value;
        end $$;
        grant execute on all functions in schema trap to public"
    ));
}

/// Asserts that nothing of the role's ran with rights beyond its own, or those of a caller who ran it by a statement of their own.
#[track_caller]
fn assert_nothing_gained(database: &Database, role: &str, allowed: &[&str]) {
    let mut superuser = database.superuser();
    let gained = format!("select rolsuper from pg_roles where rolname = '{role}'");
    let ran = superuser.column("select distinct as_role from trap.ran order by 1");
    let ran: Vec<_> = ran.iter().filter(|ran| !allowed.contains(&ran.as_str())).collect();
    assert!(ran.is_empty(), "the trap ran as {ran:?}");
    assert_eq!(superuser.value(&gained), "f", "{role} is a superuser");
}

/// Everything that services and end users do, so that whatever is attached to the tables would run; errors are the caller's to judge.
fn everybody_works(database: &Database) -> Vec<String> {
    let mut refused = Vec::new();
    for statement in [
        format!("select carrel.create_user('{NEW}', 'New')"),
        format!("select carrel.record_usage('agent_request', 5, 0.1, user_id => '{NEW}')"),
        format!("select carrel.consume_usage('chat', 5, user_id => '{NEW}')"),
        format!("select carrel.reserve_usage('chat', 5, user_id => '{NEW}')"),
        "select carrel.claim_requests('w', 5)".to_owned(),
        "select carrel.process_documents()".to_owned(),
        format!("select carrel.export_user('{NEW}'::uuid)"),
        format!("select carrel.set_plan('{NEW}', 'pro')"),
        "select carrel.stats()".to_owned(),
        "select carrel.verify_usage()".to_owned(),
        format!("select carrel.delete_user('{NEW}')"),
    ] {
        refused.extend(database.service().attempt(&statement).err());
    }
    for statement in [
        "select carrel.add_document('d.md', 'A mole digs.')",
        "insert into carrel.documents (filename, content_text) values ('e.md', 'A mole digs.')",
        "select carrel.create_request('a', 'c')",
        "select carrel.create_session('s')",
        "select carrel.search_chunks('mole')",
        "select carrel.usage_report(now() - interval '1 day', now())",
        "select carrel.current_usage()",
        "update carrel.user_profiles set name = 'Alice B.'",
    ] {
        refused.extend(database.user(ALICE).attempt(statement).err());
    }
    for statement in
        ["select carrel.doctor()", "select carrel.migrate()", "select carrel.rebuild_usage()"]
    {
        refused.extend(database.superuser().attempt(statement).err());
    }
    refused
}

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
fn a_role_with_trigger_cannot_add_one() {
    let database = Cluster::shared().lived_in();
    let role = with_everything(&database);
    let mut attacker = database.connect(&role);
    trap(&mut attacker, &role);
    attacker.run("create function pg_temp.fire() returns trigger language plpgsql as 'begin perform trap.spring(); return new; end'");
    for trigger in [
        "create trigger zz before insert on carrel.user_profiles for each row execute function pg_temp.fire()",
        "create trigger zz after update on carrel.documents for each statement execute function trap.fire()",
        "create constraint trigger zz after insert on carrel.usage_events deferrable initially deferred for each row execute function trap.fire()",
        "create trigger zz before insert on carrel.documents for each row when (pg_notify('x', query_to_xml('select 1', true, true, '')::text) is null) execute function suppress_redundant_updates_trigger()",
    ] {
        let error = attacker.failure(trigger);
        assert_eq!(error.code().code(), "42501", "{trigger}: {}", error.message());
        assert!(error.message().contains("zz"), "{}", error.message());
    }
    assert_eq!(everybody_works(&database), Vec::<String>::new());
    assert_nothing_gained(&database, &role, &[]);
}

/// A database in which a role's code is attached to carrel's tables by somebody who could: the statements that refuse it are off.
fn attached(attach: &[&str]) -> (Database<'static>, String) {
    let database = Cluster::shared().lived_in();
    let role = with_everything(&database);
    let mut attacker = database.connect(&role);
    trap(&mut attacker, &role);
    let mut superuser = database.superuser();
    superuser.run(UNGUARDED);
    for statement in attach {
        superuser.run(statement);
    }
    superuser.run("alter event trigger carrel_refuse_added_code enable");
    // Attaching ran some of it, as a superuser.
    superuser.run(&format!("alter role {role} nosuperuser; delete from trap.ran"));
    (database, role)
}

#[test]
fn code_that_is_attached_to_the_tables_all_the_same_never_runs_with_greater_rights() {
    for attach in [
        "create trigger zz before insert on carrel.user_profiles for each row execute function trap.fire()",
        "create trigger zz after insert or delete or update on carrel.user_profiles for each statement execute function trap.fire()",
        "create trigger zz before insert on carrel.usage_events for each row execute function trap.fire()",
        "create constraint trigger zz after insert or delete on carrel.user_profiles deferrable initially deferred for each row execute function trap.fire()",
        "create trigger zz after insert or update on carrel.usage_totals for each row execute function trap.fire()",
        "create trigger zz before insert or update on carrel.document_chunks for each row execute function trap.fire()",
        "alter table carrel.user_profiles add column odd text default trap.same('x'::text)",
        "alter table carrel.user_profiles add column odd text; create index on carrel.user_profiles (trap.same(odd))",
        "create index on carrel.document_chunks (trap.same(content))",
        "alter table carrel.user_profiles add column odd int; alter table carrel.user_profiles add check (trap.same(odd) is null)",
        "create domain public.odd as text check (trap.same(value) is null); alter table carrel.user_profiles add column odd public.odd",
        "create policy zz on carrel.documents as restrictive using (trap.same(true))",
        "create rule zz as on insert to carrel.usage_events do also select trap.spring()",
        "create statistics carrel.zz on (trap.same(filename)) from carrel.documents",
        "create function carrel.usage_period(text, text, timestamptz, text, timestamptz) returns tstzrange language sql as 'select trap.spring(); select null::tstzrange'",
        "create type public.odd as enum ('a'); create function public.odd(public.odd) returns json language plpgsql as 'begin perform trap.spring(); return ''1''; end';
            create cast (public.odd as json) with function public.odd(public.odd); alter table carrel.user_profiles add column odd public.odd default 'a'",
    ] {
        let (database, role) = attached(&[attach]);
        // By statements of their own, services and users run what is attached to a table, as in any database.
        let refused = everybody_works(&database);
        println!("{attach}: {refused:?}");
        assert_nothing_gained(&database, &role, &["authenticated", "service_role"]);
        let complaints = database.complaints();
        assert!(!complaints.is_empty(), "doctor() has nothing to say of {attach}");
    }
}

#[test]
fn a_refusal_names_the_function_and_its_role() {
    let (database, role) = attached(&[
        "create trigger zz before insert on carrel.user_profiles for each row execute function trap.fire()",
    ]);
    let error = database.service().failure("select carrel.create_user()");
    assert_eq!(error.code().code(), "42501");
    assert!(error.message().contains("trap.fire()"), "{}", error.message());
    assert!(error.message().contains(&role), "{}", error.message());
    assert!(database.complaints().iter().any(|line| line.contains("trap.fire()")));
}

#[test]
fn a_security_definer_trigger_runs_as_its_own_role() {
    let (database, role) = attached(&[
        "alter function trap.fire() security definer",
        "create trigger zz before insert on carrel.user_profiles for each row execute function trap.fire()",
    ]);
    database.service().run("select carrel.create_user()");
    assert_nothing_gained(&database, &role, &[&role]);
    assert_eq!(database.superuser().column("select distinct as_role from trap.ran"), [role]);
}

#[test]
fn an_operators_trigger_runs_alike_by_function_and_by_statement() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    superuser.run(
        "create schema audit;
        create table audit.seen (what text, as_role text, path text);
        grant usage on schema audit to public;
        grant insert on audit.seen to public;
        create function audit.note() returns trigger language plpgsql as $$ begin
            insert into audit.seen values (tg_table_name, current_user, current_setting('search_path'));
            return new;
        end $$;
        create function audit.note_with_path() returns trigger language plpgsql set search_path = audit as $$ begin
            insert into seen values (tg_table_name || ' own path', current_user, current_setting('search_path'));
            return new;
        end $$;
        create trigger note after insert on carrel.documents for each row execute function audit.note();
        create trigger note_with_path after insert on carrel.documents for each row execute function audit.note_with_path();
        create trigger note after insert on carrel.usage_events for each row execute function audit.note();
        create trigger note after insert on carrel.user_profiles for each statement execute function audit.note();
        select carrel.grant_user('authenticated', self_metering => true)",
    );
    let mut user = database.user(ALICE);
    user.run("set search_path = audit, public");
    let mut seen = |statement: &str| {
        user.run(statement);
        let seen = superuser.column("select * from audit.seen order by what collate \"C\" desc");
        superuser.run("delete from audit.seen");
        seen
    };
    let both = ["documents own path|authenticated|audit", "documents|authenticated|audit, public"];
    assert_eq!(seen("select carrel.add_document('d.md', 'A mole digs.')"), both);
    assert_eq!(
        seen(
            "insert into carrel.documents (filename, content_text) values ('e.md', 'A mole digs.')"
        ),
        both
    );
    let event = ["usage_events|authenticated|audit, public"];
    assert_eq!(seen("select carrel.record_usage('chat', 5)"), event);
    assert_eq!(
        seen("insert into carrel.usage_events (event_type, tokens_used) values ('chat', 5)"),
        event
    );
    // Afterwards the session is as it was.
    assert_eq!(
        user.value("select current_user || ' ' || current_setting('search_path')"),
        "authenticated audit, public"
    );
    database.service().run("select carrel.create_user()");
    assert_eq!(
        superuser.column("select what, as_role from audit.seen"),
        ["user_profiles|service_role"]
    );
}

#[test]
fn an_operators_trigger_that_fails_leaves_the_session_as_it_was() {
    let database = Cluster::shared().lived_in();
    database.superuser().run(
        "create function public.refuse() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = 'P0077'; end $$;
        create trigger refuse before insert on carrel.usage_events for each row when (new.event_type = 'bad') execute function public.refuse()",
    );
    let mut service = database.service();
    service.run("set search_path = public");
    let bad = format!("select carrel.record_usage('bad', user_id => '{ALICE}')");
    assert_eq!(service.refused(&bad), "P0077");
    service.run(&format!(
        "begin; do $$ begin perform carrel.record_usage('bad', user_id => '{ALICE}'); exception when sqlstate 'P0077' then null; end $$;
        select carrel.record_usage('good', user_id => '{ALICE}'); commit"
    ));
    assert_eq!(
        service.value("select current_user || ' ' || current_setting('search_path')"),
        "service_role public"
    );
    database.assert_sound();
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
        (
            &format!("grant carrel_owner to {member}"),
            &format!("revoke carrel_owner from {member} cascade"),
        ),
        (
            "grant pg_read_server_files to carrel_owner",
            "revoke pg_read_server_files from carrel_owner",
        ),
    ] {
        superuser.run(make);
        let error = superuser.failure("create extension carrel");
        assert_eq!(error.code().code(), "42501", "{}", error.message());
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains(mend), "{hint}");
        superuser.run(mend);
    }
    superuser.run("create extension carrel");
    superuser.run(&format!("grant carrel_owner to {member}"));
    assert!(database.complaints().iter().any(|line| line.contains(&member)));
}

#[test]
fn a_foreign_key_with_a_cast_is_refused() {
    let database = Cluster::shared().lived_in();
    let role = database.create_role("keys", "");
    database.superuser().run(&format!(
        "grant usage on schema carrel to {role};
        grant references on all tables in schema carrel to {role};
        grant create on database {} to {role}",
        database.name
    ));
    let mut attacker = database.connect(&role);
    trap(&mut attacker, &role);
    attacker.run(
        "create schema fk;
        create type fk.odd as (u uuid);
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
        let database = Cluster::shared().lived_in();
        let role = database.create_role("keys", "");
        database.superuser().run(&format!(
            "grant usage on schema carrel to {role};
            grant references on all tables in schema carrel to {role};
            grant create on database {} to {role}",
            database.name
        ));
        let mut attacker = database.connect(&role);
        trap(&mut attacker, &role);
        attacker.run(&format!(
            "create schema fk;
            create table fk.orders (u uuid references carrel.user_profiles (user_id) on delete cascade);
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
fn a_role_of_a_known_name_that_is_made_later_gets_nothing() {
    let cluster = Cluster::start();
    let database = cluster.database("postgres");
    let mut superuser = database.superuser();
    superuser.run("drop role if exists service_role; drop role if exists authenticated");
    superuser
        .run("create extension carrel; create role service_role login; select carrel.migrate()");
    assert_eq!(database.service().refused("select carrel.create_user()"), "42501");
    superuser.run("select carrel.grant_service('service_role')");
    database.service().run("select carrel.create_user()");
    // Renamed, it is still the service; another of its name is not.
    superuser.run("alter role service_role rename to worker; create role service_role login");
    database.connect("worker").run("select carrel.create_user()");
    assert!(database.complaints().iter().any(|line| line.contains("renamed to worker")));
    superuser.run("select carrel.migrate()");
    assert_eq!(database.service().refused("select carrel.create_user()"), "42501");
    database.connect("worker").run("select carrel.create_user()");
    database.assert_sound();
    superuser.run("select carrel.revoke_service('worker')");
    assert_eq!(database.connect("worker").refused("select carrel.create_user()"), "42501");
    // Dropped and made again, it is another one.
    superuser.run("select carrel.grant_service('worker'); drop owned by worker; drop role worker; create role worker login");
    superuser.run("grant usage on schema carrel to worker; grant execute on all functions in schema carrel to worker");
    assert_eq!(database.connect("worker").refused("select carrel.create_user()"), "42501");
    superuser.run("select carrel.migrate()");
    assert_eq!(database.connect("worker").refused("select carrel.create_user()"), "42501");
}

#[test]
fn a_trigger_that_waits_for_the_commit_is_refused_beside_a_key_to_carrel() {
    let database = Cluster::shared().lived_in();
    let role = database.create_role("keys", "");
    database.superuser().run(&format!(
        "grant usage on schema carrel to {role};
        grant references on all tables in schema carrel to {role};
        grant create on database {} to {role}",
        database.name
    ));
    let mut attacker = database.connect(&role);
    trap(&mut attacker, &role);
    attacker.run(
        "create schema fk;
        create table fk.orders (u uuid primary key references carrel.user_profiles (user_id) on delete cascade);
        create table fk.items (u uuid references fk.orders on delete cascade);
        create table fk.late (u uuid);
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

/// A database as Supabase's guide to custom schemas leaves it.
fn as_guided() -> Database<'static> {
    let database = Cluster::shared().empty();
    let mut superuser = database.superuser();
    superuser.run(
        "do $$ begin create role anon login; exception when duplicate_object then null; end $$",
    );
    superuser.run(grants::BEFORE.split_once("login;").expect("the role").1);
    superuser.run("create extension carrel");
    database
}

#[test]
fn default_privileges_open_nothing() {
    let database = as_guided();
    let mut superuser = database.superuser();
    let granted = "select count(*) from pg_class as c cross join aclexplode(relacl) as a
        where relnamespace = 'carrel'::regnamespace and relkind = 'r' and a.grantee = 'anon'::regrole";
    assert_eq!(superuser.number(granted), 0);
    let granted = "select count(*) from pg_proc as p cross join aclexplode(proacl) as a
        where pronamespace = 'carrel'::regnamespace and a.grantee = 'anon'::regrole";
    assert_eq!(superuser.number(granted), 0);
    let complaints = database.complaints().join(" ");
    assert!(
        complaints.contains("alter default privileges for role postgres in schema carrel revoke"),
        "{complaints}"
    );
    // Each line has the statement that mends it.
    for line in complaints.trim_start_matches("privileges: ").lines() {
        let (_, statement) = line.split_once(": ").expect("a statement");
        superuser.run(statement);
    }
    database.assert_sound();
}

#[test]
fn doctor_names_every_excess_privilege_with_the_statement_that_ends_it() {
    let database = Cluster::shared().lived_in();
    let role = with_everything(&database);
    let mut superuser = database.superuser();
    superuser.run(&format!(
        "grant all on all tables in schema carrel to authenticated;
        grant all on all routines in schema carrel to authenticated;
        grant update (plan_type) on carrel.user_profiles to {role};
        grant select on carrel.plans to {role} with grant option"
    ));
    let count = "select count(*) from (
            select a.grantee from pg_class cross join aclexplode(relacl) as a where relnamespace = 'carrel'::regnamespace
            union all
            select a.grantee from pg_proc cross join aclexplode(proacl) as a where pronamespace = 'carrel'::regnamespace
            union all
            select a.grantee from pg_attribute join pg_class as c on attrelid = c.oid cross join aclexplode(attacl) as a where relnamespace = 'carrel'::regnamespace
        ) as g";
    let of_role = format!("{count} where grantee = '{role}'::regrole");
    assert!(superuser.number(&of_role) > 200);
    let complaints = database.complaints();
    let [complaint] = complaints.as_slice() else { panic!("{complaints:?}") };
    for line in complaint.trim_start_matches("privileges: ").lines() {
        let (_, statement) = line.split_once(": ").expect("a statement");
        superuser.run(statement);
    }
    assert_eq!(superuser.number(&of_role), 0);
    database.assert_sound();
}

#[test]
fn granting_again_takes_away_what_is_too_much() {
    for again in ["select carrel.migrate()", "select carrel.grant_user('authenticated')"] {
        let database = Cluster::shared().lived_in();
        let mut superuser = database.superuser();
        superuser.run(
            "grant all on all tables in schema carrel to authenticated, public;
            grant all on all routines in schema carrel to authenticated, public",
        );
        assert!(!database.complaints().is_empty());
        superuser.run(again);
        database.assert_sound();
    }
}

#[test]
fn with_everything_granted_a_stranger_reads_and_erases_nothing() {
    let database = Cluster::shared().lived_in();
    let role = with_everything(&database);
    let mut stranger = database.connect(&role);
    stranger.claim(ALICE);
    for table in TABLES {
        assert_eq!(stranger.number(&format!("select count(*) from carrel.{table}")), 0, "{table}");
    }
    for statement in [
        format!("select carrel.export_user('{ALICE}')"),
        format!("select carrel.delete_user('{ALICE}')"),
        "select carrel.create_user()".to_owned(),
        "select carrel.claim_requests('w')".to_owned(),
        format!("select carrel.record_usage('chat', user_id => '{ALICE}')"),
        "select carrel.search_chunks('heron')".to_owned(),
        "select carrel.add_document('d.md', 'x')".to_owned(),
        "select carrel.grant_service(current_user::name)".to_owned(),
        "truncate carrel.documents cascade".to_owned(),
        "truncate carrel.user_profiles cascade".to_owned(),
        "insert into carrel.granted_roles values ('x', 0, 'service', 'x', true)".to_owned(),
        format!("insert into carrel.documents (user_id, filename) values ('{ALICE}', 'x')"),
        format!("insert into carrel.user_profiles (user_id) values ('{NEW}')"),
        "delete from carrel.usage_events".to_owned(),
        "update carrel.user_profiles set plan_type = 'pro'".to_owned(),
        "insert into carrel.jwt_keys (issuer, algorithm, key) values ('i', 'HS256', 'k')"
            .to_owned(),
    ] {
        let outcome = stranger.attempt(&statement);
        assert_eq!(outcome, Err("42501".to_owned()), "{statement}");
    }
}

#[test]
fn with_everything_granted_users_write_only_what_is_theirs() {
    let database = Cluster::shared().lived_in();
    database.superuser().run(
        "grant all on all tables in schema carrel to authenticated;
        grant all on all routines in schema carrel to authenticated",
    );
    let mut user = database.user(ALICE);
    for statement in [
        "update carrel.user_profiles set plan_type = 'enterprise'",
        "update carrel.user_profiles set usage_count = 0",
        "update carrel.user_profiles set billing_anchor = now()",
        "update carrel.documents set processing_status = 'completed'",
        "update carrel.agent_sessions set request_chain = '[]'",
        "update carrel.agent_requests set status = 'completed'",
        "update carrel.document_chunks set content = 'x'",
        "delete from carrel.document_chunks",
        "insert into carrel.usage_events (event_type) values ('chat')",
        "delete from carrel.user_profiles",
        "truncate carrel.documents cascade",
        "insert into carrel.plan_limits (plan_type, measure, limit_value) values ('free', 'tokens', 1)",
        "delete from carrel.plan_limits",
        "update carrel.model_prices set price = 0",
        "select carrel.record_usage('chat')",
        "select carrel.set_plan(carrel.current_user_id(), 'pro')",
        "select carrel.delete_user(carrel.current_user_id())",
    ] {
        assert_eq!(user.attempt(statement), Err("42501".to_owned()), "{statement}");
    }
    user.run("update carrel.user_profiles set name = 'A'; update carrel.documents set filename = filename; delete from carrel.agent_sessions");
}

#[test]
fn an_operator_administers_without_reading_texts() {
    let database = Cluster::shared().lived_in();
    let (operator, other) =
        (database.create_role("operator", ""), database.create_role("other", ""));
    database.superuser().run(&format!("select carrel.grant_operator('{operator}')"));
    let mut session = database.connect(&operator);
    for statement in [
        "insert into carrel.plans (plan_type) values ('team')",
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('team', 'chat', 'tokens', 5)",
        "update carrel.plan_limits set limit_value = 6 where plan_type = 'team'",
        "insert into carrel.model_prices (model, token_type, price) values ('m', 'input', 1)",
        "delete from carrel.model_prices",
        "insert into carrel.jwt_keys (issuer, algorithm, key) values ('i', 'HS256', 'a secret that is long enough, at last')",
        "delete from carrel.jwt_keys",
        &format!("select carrel.grant_service('{other}')"),
        &format!("select carrel.revoke_service('{other}')"),
        &format!("select carrel.grant_user('{other}')"),
        &format!("select carrel.set_plan('{ALICE}', 'team')"),
        "select carrel.stats()",
    ] {
        session.run(statement);
    }
    assert_eq!(session.number("select count(*) from carrel.list_users()"), 2);
    assert_eq!(session.number("select count(*) from carrel.doctor() where not ok"), 0);
    session.claim(ALICE);
    for table in [
        "documents",
        "document_chunks",
        "agent_requests",
        "agent_sessions",
        "usage_events",
        "user_profiles",
    ] {
        assert_eq!(session.refused(&format!("select * from carrel.{table}")), "42501", "{table}");
    }
    for statement in [
        format!("select carrel.grant_service('{operator}')"),
        format!("select carrel.grant_user('{operator}')"),
        format!("select carrel.grant_operator('{other}')"),
        format!("select carrel.export_user('{ALICE}')"),
        "select carrel.migrate()".to_owned(),
        "create trigger t before insert on carrel.plans for each row execute function suppress_redundant_updates_trigger()".to_owned(),
    ] {
        assert_eq!(session.refused(&statement), "42501", "{statement}");
    }
    // Also with everything granted besides.
    database.superuser().run(&format!("grant all on all tables in schema carrel to {operator}"));
    for table in ["documents", "document_chunks", "agent_requests", "user_profiles"] {
        assert_eq!(session.number(&format!("select count(*) from carrel.{table}")), 0, "{table}");
    }
    database.superuser().run(&format!("grant create on database {} to {operator}", database.name));
    session.run("create schema app; create table app.orders (u uuid references carrel.user_profiles (user_id) on delete cascade)");
}

/// A role that may refer to profiles, and has a schema of its own; its trap is set.
fn with_references() -> (Database<'static>, String) {
    let database = Cluster::shared().lived_in();
    let role = database.create_role("keys", "");
    database.superuser().run(&format!(
        "grant usage on schema carrel to {role};
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

#[test]
fn code_of_an_end_user_in_other_sessions_is_nobody() {
    for source in [
        "alter role {role} set carrel.identity_source = 'token'",
        "alter database {database} set carrel.identity_source = 'token'",
    ] {
        let database = Cluster::shared().lived_in();
        let role = database.create_role("app", "");
        let mut superuser = database.superuser();
        superuser.run(&format!(
            "select carrel.grant_user('{role}'); grant create on database {} to {role}",
            database.name
        ));
        superuser.run(&source.replace("{role}", &role).replace("{database}", &database.name));
        let mut app = database.connect(&role);
        app.run(&format!(
            "create schema app; create table app.loot (filename text); create table app.t (i int); insert into app.t values (1), (2);
            create function app.act() returns void language plpgsql as $$ begin
                perform set_config('request.jwt.claims', '{{\"sub\": \"{ALICE}\"}}', true);
                insert into app.loot select filename from carrel.documents;
            end $$;
            create function app.same(int) returns int immutable language plpgsql as $$ begin perform app.act(); return $1; end $$;
            create function app.steal() returns void security definer language sql as 'select app.act()';
            create index on app.t (app.same(i));
            create materialized view app.v as select app.same(i) as i from app.t;
            grant usage on schema app to public",
        ));
        let mut superuser = database.superuser();
        superuser.run("analyze app.t; refresh materialized view app.v; select app.steal()");
        database.service().run("select app.steal()");
        assert_eq!(superuser.number("select count(*) from app.loot"), 0, "{source}");
    }
}

#[test]
fn statistics_tell_nothing_of_the_texts_of_others() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    superuser.run("analyze carrel.documents, carrel.document_chunks, carrel.user_profiles, carrel.agent_sessions, carrel.agent_requests");
    let shown = superuser.column(
        "select tablename || '.' || attname from pg_stats where schemaname = 'carrel'
        and attname in ('filename', 'storage_path', 'content_text', 'content', 'section_title', 'name', 'title') order by 1",
    );
    assert_eq!(shown, Vec::<String>::new());
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
fn checks_that_need_no_function_of_their_own_do_not_run() {
    let database = Cluster::shared().lived_in();
    let role = with_everything(&database);
    let mut attacker = database.connect(&role);
    attacker.run("create schema odd; create domain odd.d as text");
    let mut superuser = database.superuser();
    superuser.run("alter table carrel.user_profiles add column team odd.d");
    attacker.run(&format!(
        "alter domain odd.d add constraint c check (query_to_xml('select carrel.grant_service(''{role}'')', true, true, '') is not null) not valid"
    ));
    let error = database.service().failure("select carrel.create_user()");
    assert_eq!(error.code().code(), "42501");
    assert!(error.message().contains("odd.d"), "{}", error.message());
    let service = format!("select count(*) from carrel.granted_roles where role_name = '{role}'");
    assert_eq!(superuser.number(&service), 0);
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

#[test]
fn a_security_definer_trigger_leaves_nothing_behind() {
    let (database, role) =
        attached(&["create schema left_behind; create table left_behind.t (i int);
        grant all on schema left_behind to public; grant all on left_behind.t to public"]);
    let mut attacker = database.connect(&role);
    let mut superuser = database.superuser();
    superuser.run(UNGUARDED);
    for (body, sqlstate) in [
        (
            "perform set_config('search_path', 'left_behind', false), set_config('request.jwt.claims', '{}', false)",
            None,
        ),
        ("execute 'declare c cursor with hold for select trap.spring()'", Some("42501")),
    ] {
        attacker.run(&format!(
            "create or replace function trap.leave() returns trigger language plpgsql security definer as $$ begin {body}; return new; end $$"
        ));
        superuser.run(
            "drop trigger if exists zz on carrel.user_profiles;
            create trigger zz before insert on carrel.user_profiles for each row execute function trap.leave()",
        );
        let mut service = database.service();
        service.run("set search_path = public; set request.jwt.claims = '{\"a\": 1}'");
        let outcome = service.attempt("select carrel.create_user()");
        assert_eq!(outcome.err(), sqlstate.map(str::to_owned), "{body}");
        assert_eq!(service.value("show search_path"), "public");
        assert_eq!(service.value("show request.jwt.claims"), "{\"a\": 1}");
    }
    assert_nothing_gained(&database, &role, &[]);
}
