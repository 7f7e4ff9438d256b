//! A role that may create objects in the database puts its own where carrel's will be, before carrel is created: it is
//! refused, or of no effect.

use carrel_tests::{ALICE, Cluster, Database};

/// What a plain role leaves in schema carrel, each with a trap that says so.
const SQUATS: [&str; 21] = [
    "create function carrel.current_user_id() returns uuid stable language sql as $$ select 'b0b00000-0000-4000-8000-000000000002'::uuid $$",
    "create function carrel.current_user_id(variadic x int[]) returns uuid language plpgsql as $$ begin raise exception 'trap'; end $$",
    "create function carrel.current_user_id(x int default 1) returns uuid language plpgsql as $$ begin raise exception 'trap'; end $$",
    "create function carrel.uuid_v7(x int default 1) returns uuid language plpgsql as $$ begin raise exception 'trap'; end $$",
    "create function carrel.search_keys(uuid, text, anyelement) returns tsvector immutable language plpgsql as $$ begin raise exception 'trap'; end $$",
    "create function carrel.process_document_row(x int default 1) returns int language plpgsql as $$ begin raise exception 'trap'; end $$",
    "create function carrel.migrate() returns void language plpgsql as $$ begin end $$",
    "create procedure carrel.migrate() language plpgsql as $$ begin end $$",
    "create function carrel.version(text) returns text language sql as 'select $1'",
    "create aggregate carrel.doctor(int) (sfunc = int4pl, stype = int)",
    "create table carrel.documents (id uuid, user_id uuid)",
    "create table carrel.granted_roles (role_name text, kind text, granted boolean)",
    "create table carrel.migrations (step_name text)",
    "create view carrel.plans as select 'free'::text as plan_type",
    "create materialized view carrel.model_prices as select 1 as one",
    "create sequence carrel.usage_totals",
    "create type carrel.document_chunks as (x int)",
    "create type carrel.usage_events as enum ('x')",
    "create domain carrel.agent_requests as uuid",
    "create function carrel.f(uuid, uuid) returns boolean language sql as 'select true';
        create operator carrel.= (function = carrel.f, leftarg = uuid, rightarg = uuid)",
    "create text search configuration carrel.english (copy = pg_catalog.simple)",
];

/// The names of indexes of carrel's on a table of the role's own.
const INDEX_SQUATS: [&str; 3] = [
    "create table carrel.mine (a int); create index documents_user_id_created_at_idx on carrel.mine (a)",
    "create table carrel.mine (a int); create unique index usage_events_user_id_idempotency_key_idx on carrel.mine (a)",
    "create table carrel.mine (a int); create unique index documents_pkey on carrel.mine (a)",
];

/// An empty database in which a plain role may create schemas, with a session of that role.
fn with_squatter() -> (Database<'static>, String) {
    let database = Cluster::shared().empty();
    let squatter = database.create_role("squatter", "");
    database.superuser().run(&format!(
        "grant create on database {} to {squatter}; grant create on schema public to {squatter}",
        database.name
    ));
    (database, squatter)
}

fn assert_not_there(database: &Database, why: &str) {
    let there = "select count(*) from pg_extension where extname = 'carrel'";
    assert_eq!(database.superuser().number(there), 0, "{why}");
}

#[test]
fn a_schema_that_a_plain_role_made_stops_create_extension_whatever_is_in_it() {
    let (database, squatter) = with_squatter();
    for squat in SQUATS {
        let mut session = database.connect(&squatter);
        session.run(&format!("create schema carrel; {squat}"));
        let failure = database.superuser().failure("create extension carrel");
        assert_eq!(failure.code().code(), "42501", "{squat}: {failure:?}");
        assert!(failure.message().contains(&squatter), "{failure:?}");
        assert_not_there(&database, squat);
        session.run("drop schema carrel cascade");
    }
}

#[test]
fn a_schema_that_is_given_up_with_what_is_in_it_is_refused_or_of_no_effect() {
    let (database, squatter) = with_squatter();
    let mut superuser = database.superuser();
    for squat in SQUATS {
        database.connect(&squatter).run(&format!("create schema carrel; {squat}"));
        // What the hint says, without looking at what is there.
        superuser.run("alter schema carrel owner to postgres");
        if superuser.attempt("create extension carrel").is_err() {
            assert_not_there(&database, squat);
        } else {
            assert_works_for_alice(&database, &squatter, squat);
            superuser.run("drop extension carrel cascade");
        }
        superuser.run("drop schema carrel cascade");
    }
}

#[test]
fn an_index_of_another_table_is_not_taken_for_one_of_carrels() {
    let (database, squatter) = with_squatter();
    let mut superuser = database.superuser();
    for squat in INDEX_SQUATS {
        database.connect(&squatter).run(&format!("create schema carrel; {squat}"));
        superuser.run("alter schema carrel owner to postgres");
        assert_eq!(superuser.refused("create extension carrel"), "42P07", "{squat}");
        assert_not_there(&database, squat);
        superuser.run("drop schema carrel cascade");
    }
}

/// Asserts that carrel works and is the superuser's, and that the role which made something first owns nothing of it.
#[track_caller]
fn assert_works_for_alice(database: &Database, squatter: &str, squat: &str) {
    let mut superuser = database.superuser();
    // What was left in the schema is named, and nothing else is wrong.
    let mut complaints = database.complaints();
    complaints.retain(|line| !line.starts_with("added_code: function carrel."));
    assert_eq!(complaints, Vec::<String>::new(), "{squat}");
    superuser.run(&format!("select carrel.create_user('{ALICE}', 'Alice')"));
    let mut alice = database.user(ALICE);
    alice.run("select carrel.add_document('mole.md', 'A mole digs.')");
    assert_eq!(alice.value("select carrel.current_user_id()"), ALICE, "{squat}");
    assert_eq!(
        alice.column("select content from carrel.search_chunks('mole')"),
        ["A mole digs."],
        "{squat}"
    );
    let foreign = format!(
        "select relname from pg_class join pg_depend on classid = 'pg_class'::regclass and objid = pg_class.oid
        where relowner = '{squatter}'::regrole and relnamespace = 'carrel'::regnamespace
            and refclassid = 'pg_extension'::regclass
        union all select proname from pg_proc join pg_depend on classid = 'pg_proc'::regclass and objid = pg_proc.oid
        where proowner = '{squatter}'::regrole and deptype = 'e'"
    );
    assert_eq!(superuser.column(&foreign), Vec::<String>::new(), "{squat}");
}

#[test]
fn what_lies_elsewhere_on_the_path_of_create_extension_is_of_no_effect() {
    let (database, squatter) = with_squatter();
    let elsewhere = SQUATS.map(|squat| squat.replace("carrel.", "public."));
    let mut session = database.connect(&squatter);
    for squat in &elsewhere {
        // Some exclude each other.
        let _ = session.attempt(squat);
    }
    session.run(
        "create function public.lower(text) returns text language plpgsql as $$ begin raise exception 'trap'; end $$;
        create function public.format(text, text) returns text language plpgsql as $$ begin raise exception 'trap'; end $$;
        create function public.trap(name, text) returns boolean language plpgsql as $$ begin raise exception 'trap'; end $$;
        create operator public.= (function = public.trap, leftarg = name, rightarg = text);
        create function public.trap(name, name) returns boolean language plpgsql as $$ begin raise exception 'trap'; end $$;
        create operator public.<> (function = public.trap, leftarg = name, rightarg = name)",
    );
    let mut superuser = database.superuser();
    superuser.run("set search_path = public, pg_catalog; create extension carrel");
    superuser.run("select carrel.migrate()");
    assert_works_for_alice(&database, &squatter, "elsewhere");
}

#[test]
fn a_plain_role_creates_neither_the_extension_nor_anything_in_its_schema() {
    let (database, squatter) = with_squatter();
    let mut session = database.connect(&squatter);
    assert_eq!(session.refused("create extension carrel"), "42501");
    assert_not_there(&database, "a plain role");
    database.superuser().run("create extension carrel");
    for squat in SQUATS {
        // Of a name that is taken Postgres may say that first.
        let refused = session.refused(squat);
        assert!(["42501", "42P07"].contains(&refused.as_str()), "{squat}: {refused}");
    }
    for change in [
        "alter extension carrel update",
        "alter extension carrel set schema public",
        "drop extension carrel cascade",
        "alter extension carrel drop function carrel.current_user_id()",
        "alter schema carrel rename to other",
        "drop schema carrel cascade",
        "create or replace function carrel.version() returns text language sql as 'select 1::text'",
        "alter function carrel.version() owner to current_user",
    ] {
        assert_eq!(session.refused(change), "42501", "{change}");
    }
}
