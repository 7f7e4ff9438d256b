//! Hostile objects on the search_path: whoever may create some in a schema sets a path on which they come first, and has
//! carrel called. None of them is what carrel's own SQL means.

use super::calls::functions;
use super::{Besieged, besieged, outcome, said, without_ids, without_times};
use carrel_tests::{ALICE, Session, identity};

/// Paths that have the traps before what they stand for.
const PATHS: [&str; 3] = [
    "hostile, pg_temp, public, carrel, pg_catalog",
    "pg_temp, carrel, hostile, pg_catalog, public",
    "carrel, public, hostile, pg_temp, pg_catalog",
];

const WITHOUT_TRAPS: &str = "pg_catalog, public";

const ROLES: [&str; 3] = ["authenticated", "service_role", "postgres"];

/// What writes to tables of carrel's has triggers do. `==` is the built-in operator.
const WRITES: [&str; 24] = [
    "insert into carrel.documents (filename, content_text) values ('new.md', E'# Moles\\n\\nA mole digs.') returning *",
    "insert into carrel.documents (filename, language) values ('scan of moles.pdf', 'simple') returning *",
    "update carrel.documents set content_text = 'The mole digs.', language = 'english' where filename == 'long.txt' returning *",
    "update carrel.documents set filename = 'moles.md' where filename == 'notes.md' returning *",
    "update carrel.documents set metadata = '{}' returning *",
    "insert into carrel.document_chunks (document_id, chunk_index, content, section_title)
        select id, 7, 'A mole digs.', 'Moles' from carrel.documents where filename == 'scan.pdf' returning *",
    "update carrel.document_chunks set content = 'The mole digs.' where content == 'What Alice scanned' returning *",
    "delete from carrel.document_chunks where content == 'What Alice scanned' returning *",
    "update carrel.agent_sessions set title = 'Moles', context_state = '{\"mole\": 1}' returning *",
    "insert into carrel.agent_requests (agent_type, content, priority, session_id)
        select 'digger', 'Dig.', 5, id from carrel.agent_sessions where title == 'Birds' returning *",
    "delete from carrel.agent_requests where status == 'pending' returning *",
    "delete from carrel.agent_sessions returning *",
    "delete from carrel.documents returning *",
    "update carrel.user_profiles set name = 'A.' returning *",
    "update carrel.user_profiles set plan_type = 'pro', billing_timezone = 'Europe/Vienna' returning *",
    "insert into carrel.user_profiles (user_id) values ('00000000-0000-4000-8000-0000000000aa') returning *",
    "update carrel.agent_requests set status = 'cancelled' where status == 'pending' returning *",
    "insert into carrel.usage_events (event_type, tokens_used, cost) values ('agent_request', 5, 1) returning *",
    "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value)
        values ('free', 'agent_request', 'tokens', 1000) returning *",
    "insert into carrel.model_prices (model, token_type, price) values ('small', 'input', 1) returning *",
    "delete from carrel.plans where plan_type == 'pro' returning *",
    "delete from carrel.user_profiles returning *",
    "truncate carrel.document_chunks, carrel.agent_requests",
    "truncate carrel.documents cascade",
];

/// What the writes leave.
const LEFT: &str =
    "select pg_catalog.md5(content), search_vector, words, chunk_index from carrel.document_chunks";

fn with_traps() -> Besieged {
    let besieged = besieged();
    besieged.database.superuser().run(include_str!("path.sql"));
    besieged
}

/// Views of the session's own with the names of carrel's tables, of its transition tables and of the catalogs that it
/// reads, which are traps too. Types have their names as well.
fn lay_temporary_traps(session: &mut Session) {
    let names = session.column(
        "select relname from pg_class where relkind in ('r', 'v')
            and relnamespace in ('carrel'::regnamespace, 'pg_catalog'::regnamespace)
        union all values ('added'), ('removed'), ('inserted')",
    );
    let types = session.column(
        "select typname from pg_type where typnamespace = 'hostile'::regnamespace and typtype = 'd'",
    );
    assert!(names.len() > 80 && types.len() > 40, "{names:?} {types:?}");
    for name in names {
        session.run(&format!("create temp view {name} as select hostile.trap() as id"));
    }
    for name in types {
        session.run(&format!("create domain pg_temp.\"{name}\" as pg_catalog.text check (false)"));
    }
}

/// How each statement goes as a role acting as Alice, on a path and with settings, each in a transaction that is rolled
/// back; without what differs from one time to the next.
fn answers(session: &mut Session, role: &str, prelude: &str, statements: &[String]) -> Vec<String> {
    let answers = statements.iter().map(|statement| {
        session.run(&format!("begin; set local role {role}; {}; {prelude}", identity::act(ALICE)));
        let answer = said(&outcome(session, statement));
        let left = said(&outcome(session, LEFT));
        session.run("rollback");
        let answer = without_times(&without_ids(&format!("{answer}\n{left}")));
        // Where a row lies depends on what was rolled back before, and what rows that are gone take, on more.
        let is_lasting = |line: &&str| {
            ![".bytes|", ".dead_rows|", "_seconds|"].iter().any(|of| line.contains(of))
        };
        let mut lines: Vec<_> = answer.lines().filter(is_lasting).collect();
        lines.sort_unstable();
        lines.join("\n")
    });
    answers.collect()
}

/// Whether a line begins as an error does, with its SQLSTATE.
fn is_an_error(line: &str) -> bool {
    line.as_bytes().get(5..7) == Some(b": ")
}

/// Asserts that statements answer the same on every path, and that nothing fell into a trap.
fn assert_no_trap_is_sprung(besieged: &Besieged, statements: &[String], works_at_least: usize) {
    let database = &besieged.database;
    let on = |path: &str| format!("set local search_path = {path}");
    for role in ROLES {
        let expected = answers(&mut database.superuser(), role, &on(WITHOUT_TRAPS), statements);
        // Else nothing of carrel's SQL is reached.
        let failures = expected.iter().filter(|answer| answer.lines().any(is_an_error));
        assert!(statements.len() - failures.count() >= works_at_least, "{expected:#?}");
        for path in PATHS {
            // A backend of its own for each path: plans are kept.
            let mut session = database.superuser();
            lay_temporary_traps(&mut session);
            let given = answers(&mut session, role, &on(path), statements);
            for ((statement, given), expected) in statements.iter().zip(&given).zip(&expected) {
                assert_eq!(given, expected, "{statement} as {role} on {path}");
            }
        }
    }
    let sprung = database.superuser().value("select is_called from hostile.calls");
    assert_eq!(sprung, "f");
}

#[test]
fn no_function_runs_what_lies_on_its_callers_path() {
    let besieged = with_traps();
    let functions = functions(&mut besieged.database.superuser());
    let calls: Vec<_> = functions
        .iter()
        .map(|function| function.call(&function.sensible(&besieged.alice)))
        .collect();
    assert_no_trap_is_sprung(&besieged, &calls, 20);
}

#[test]
fn no_trigger_runs_what_lies_on_the_path_of_who_writes() {
    let besieged = with_traps();
    let writes = WRITES.map(|write| write.replace("==", "operator(pg_catalog.=)"));
    assert_no_trap_is_sprung(&besieged, &writes, 8);
}

#[test]
fn the_traps_would_be_sprung_by_sql_that_does_not_pin_its_path() {
    let besieged = with_traps();
    let mut session = besieged.database.user(ALICE);
    lay_temporary_traps(&mut session);
    for path in PATHS {
        session.run(&format!("set search_path = {path}"));
        for naive in [
            "select 1 = 1",
            "select lower('A')",
            "select now()",
            "select count(*) from (values (1)) as v",
            "select coalesce(sum(1), 0)",
            "select jsonb_agg('a'::pg_catalog.text)",
            "select to_tsvector('a')",
            "select array['a'] || 'b'::pg_catalog.text",
            "select hashtextextended('a', 0)",
            "select octet_length('a'::pg_catalog.text)",
        ] {
            assert_eq!(session.refused(naive), "P0001", "{naive} on {path}");
        }
        assert_eq!(
            session.value("select pg_catalog.to_tsvector('english', 'Herons.')"),
            "",
            "{path}"
        );
        assert_eq!(session.refused("select 'a'::uuid"), "23514", "{path}");
    }
    assert_eq!(besieged.database.superuser().value("select is_called from hostile.calls"), "t");
    session.run("set search_path = pg_temp, pg_catalog");
    assert_eq!(session.refused("select id from documents"), "P0001");
    assert_eq!(session.refused("select id from pg_class"), "P0001");
}

#[test]
fn no_setting_that_a_session_may_choose_changes_an_answer() {
    let besieged = with_traps();
    let database = &besieged.database;
    let functions = functions(&mut database.superuser());
    let calls = functions.iter().map(|function| function.call(&function.sensible(&besieged.alice)));
    let writes = WRITES.iter().map(|write| write.replace("==", "operator(pg_catalog.=)"));
    let statements: Vec<_> = calls.chain(writes).collect();
    for role in ["authenticated", "service_role"] {
        let expected = answers(&mut database.superuser(), role, "", &statements);
        for settings in [
            "set local standard_conforming_strings = off; set local escape_string_warning = off;
                set local backslash_quote = off; set local transform_null_equals = on;
                set local array_nulls = off; set local quote_all_identifiers = on",
            "set local default_text_search_config = 'hostile.english'; set local gin_fuzzy_search_limit = 1;
                set local enable_indexscan = off; set local enable_seqscan = off; set local enable_sort = off;
                set local work_mem = '64kB'; set local constraint_exclusion = on; set local from_collapse_limit = 1",
            "set local plan_cache_mode = force_generic_plan; set local jit = on; set local jit_above_cost = 0;
                set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0;
                set local min_parallel_table_scan_size = 0",
        ] {
            let given = answers(&mut database.superuser(), role, settings, &statements);
            for ((statement, given), expected) in statements.iter().zip(&given).zip(&expected) {
                assert_eq!(given, expected, "{statement} as {role} with {settings}");
            }
        }
    }
}
