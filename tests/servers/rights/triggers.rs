//! Code of less privileged roles that is attached to the tables: triggers, defaults, checks and the like.

use super::{GUARDED, UNGUARDED, assert_nothing_gained, everybody_works, trap, with_everything};
use carrel_tests::{ALICE, Cluster, Database};

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
    superuser.run(GUARDED);
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

#[test]
fn built_in_functions_that_run_sql_are_refused_in_conditions_and_named_in_expressions() {
    let call = "set_config('carrel_tests.any', 'x', true)";
    for (attach, is_refused) in [
        (
            "create policy zz on carrel.user_profiles as restrictive using ({call} is not null)",
            false,
        ),
        (
            "create policy zz on carrel.user_profiles as restrictive for insert with check ({call} is not null)",
            false,
        ),
        (
            "alter table carrel.user_profiles add column odd text; alter table carrel.user_profiles alter odd set default {call}",
            false,
        ),
        (
            "alter table carrel.user_profiles add column odd int; alter table carrel.user_profiles add check (odd is null or {call} is not null)",
            false,
        ),
        (
            "create trigger zz before insert on carrel.user_profiles for each row when ({call} is not null) execute function suppress_redundant_updates_trigger()",
            true,
        ),
    ] {
        let database = Cluster::shared().lived_in();
        database.superuser().run(&attach.replace("{call}", call));
        let outcome = database.service().attempt("select carrel.create_user()");
        assert_eq!(outcome.is_err(), is_refused, "{attach}: {outcome:?}");
        let complaints = database.complaints();
        assert!(
            complaints.iter().any(|line| line.contains("calls functions with side effects")),
            "{attach}: {complaints:?}"
        );
    }
}
