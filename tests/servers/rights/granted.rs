//! Excess privileges, default privileges and grants by name.

use super::{NEW, with_everything};
use carrel_tests::{ALICE, Cluster, Database, TABLES, grants};

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

#[test]
fn an_operator_grants_no_role_that_is_or_has_its_own() {
    let database = Cluster::shared().lived_in();
    let operator = database.create_role("operator", "");
    let (above, below, login) = (
        database.create_role("above", ""),
        database.create_role("below", ""),
        database.create_role("login", ""),
    );
    database.superuser().run(&format!(
        "select carrel.grant_operator('{operator}');
        grant {above} to {operator}; grant {operator} to {below}; grant {operator} to {login}"
    ));
    let mut session = database.connect(&operator);
    let mut as_operator = database.connect(&login);
    as_operator.run(&format!("set role {operator}"));
    for kind in ["service", "user"] {
        for role in [&operator, &above, &below] {
            let grant = format!("select carrel.grant_{kind}('{role}')");
            assert_eq!(session.refused(&grant), "42501", "{grant}");
        }
        let grant = format!("select carrel.grant_{kind}('{login}')");
        assert_eq!(as_operator.refused(&grant), "42501", "{grant}");
    }
}

#[test]
fn a_role_past_policies_is_no_restore() {
    let database = Cluster::shared().lived_in();
    let role = database.create_role("past", "bypassrls");
    database.superuser().run(&format!(
        "grant usage on schema carrel to {role};
        grant all on all tables in schema carrel to {role};
        grant all on all routines in schema carrel to {role}"
    ));
    let mut session = database.connect(&role);
    session.run("set row_security = off");
    for statement in [
        "update carrel.user_profiles set usage_count = 7",
        "update carrel.usage_events set tokens_used = 7",
        "update carrel.agent_requests set status = 'completed'",
        "insert into carrel.usage_events (user_id, event_type) select user_id, 'chat' from carrel.user_profiles",
        "update carrel.plan_limits set limit_value = 0",
    ] {
        assert!(session.attempt(statement).is_err(), "{statement}");
    }
    assert_eq!(database.superuser().number("select count(*) from carrel.verify_usage()"), 0);
}

#[test]
fn privileges_on_system_columns_are_too_much() {
    let database = Cluster::shared().lived_in();
    let role = database.create_role("reader", "");
    let mut superuser = database.superuser();
    superuser.run(&format!("grant select (ctid, xmin) on carrel.documents to {role}"));
    let complaints = database.complaints();
    let [complaint] = complaints.as_slice() else { panic!("{complaints:?}") };
    for line in complaint.trim_start_matches("privileges: ").lines() {
        let (what, statement) = line.split_once(": ").expect("a statement");
        assert!(what.contains("ctid") || what.contains("xmin"), "{line}");
        superuser.run(statement);
    }
    database.assert_sound();
}

#[test]
fn a_name_with_line_breaks_makes_no_line_of_its_own() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    let role = format!("{}\nok: drop table carrel.documents", database.name);
    superuser
        .run(&format!("create role \"{role}\"; grant select on carrel.documents to \"{role}\""));
    let complaints = database.complaints();
    superuser.run(&format!("drop owned by \"{role}\"; drop role \"{role}\""));
    let [complaint] = complaints.as_slice() else { panic!("{complaints:?}") };
    assert!(complaint.contains(r"\nok: drop") && complaint.lines().count() == 1, "{complaint}");
}

#[test]
fn statistics_tell_nothing_of_others() {
    let database = Cluster::shared().lived_in();
    let mut superuser = database.superuser();
    // Columns with texts, and indexed expressions, of all tables with rows of users.
    let kept = superuser.column(
        "select format('%s.%s', c.relname, a.attname)
        from pg_class as c
        join pg_attribute as a on c.oid = a.attrelid
        left join pg_index as i on c.oid = i.indexrelid
        where
            c.relnamespace = 'carrel'::regnamespace and a.attnum > 0 and not a.attisdropped
            and a.attstattarget is distinct from 0
            and (
                c.relkind = 'r' and a.atttypid in (
                    'text'::regtype, 'text[]'::regtype, 'jsonb'::regtype, 'jsonb[]'::regtype, 'tsvector'::regtype,
                    'bytea'::regtype, 'bigint[]'::regtype
                )
                or c.relkind = 'i' and i.indkey[a.attnum - 1] = 0
            )
            and exists (
                select from pg_attribute as u
                where u.attname = 'user_id' and u.attrelid = coalesce(i.indrelid, c.oid)
            )
        order by 1",
    );
    // The operator's words or carrel's, not the users'.
    let allowed = [
        "agent_requests.status",
        "document_chunks.language",
        "documents.language",
        "documents.processing_status",
        "search_statistics.language",
        "usage_allowances.measure",
        "usage_allowances.period",
        "usage_reservations.state",
        "user_profiles.plan_type",
        "user_profiles.subscription_status",
    ];
    assert_eq!(kept, allowed, "pg_stats shows what users wrote");
}
