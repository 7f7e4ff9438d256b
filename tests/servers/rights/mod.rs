//! Nobody gains rights through carrel: code that less privileged roles attach to its tables, however it got there, runs with no more
//! rights than they have, or is refused.

mod followed_users;
mod following_tables;
mod granted;
mod owner;
mod triggers;

use carrel_tests::{ALICE, Database, Session};

const UNGUARDED: &str = "alter event trigger carrel_refuse_added_code disable";

const GUARDED: &str = "alter event trigger carrel_refuse_added_code enable always";

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
