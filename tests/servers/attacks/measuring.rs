//! What EXPLAIN ANALYZE of a user's own queries shows of others' rows. Postgres counts rows that a policy removes and shows
//! estimates made from everybody's; where an index begins with the user, no row of others is looked at, so none counts.

use super::besieged;
use carrel_tests::{ALICE, Database, Session};

/// What applications ask most, as the README and the comments of indexes say.
const QUERIES: [&str; 11] = [
    "select id, filename from carrel.documents order by created_at desc limit 20",
    "select id, filename from carrel.documents where created_at > '2026-01-01' order by created_at desc limit 20",
    "select count(*) from carrel.documents where id = '{document}'",
    "select content from carrel.document_chunks where document_id = '{document}' order by chunk_index",
    "select content from carrel.agent_requests order by created_at desc limit 20",
    "select content from carrel.agent_requests where session_id = '{session}' order by id",
    "select sum(tokens_used) from carrel.usage_events where occurred_at > '2026-01-01'",
    "select * from carrel.search_chunks('herons')",
    "select * from carrel.search_documents('herons')",
    "select * from carrel.build_context('herons')",
    "select * from carrel.session_history('{session}')",
];

/// Adds so many rows of each of so many other users' to the tables, past every trigger.
fn add_others(superuser: &mut Session, users: u32, rows: u32) {
    superuser.run(&format!(
        "set row_security = off;
        create temp table others on commit drop as select gen_random_uuid() as user_id from generate_series(1, {users});
        insert into carrel.user_profiles (user_id) select user_id from others;
        insert into carrel.documents (user_id, filename, content_text, processing_status, created_at, search_vector)
            select user_id, 'herons.md', 'herons', 'completed', now() - n * interval '1 hour', 'heron:1A'
            from others, generate_series(1, {rows}) as n;
        insert into carrel.document_chunks (user_id, document_id, chunk_index, content, search_vector, language, words)
            select user_id, id, 0, 'herons', 'heron:1', 'english', 1 from carrel.documents where filename = 'herons.md'
            on conflict do nothing;
        insert into carrel.agent_sessions (user_id, title) select user_id, 'Birds' from others;
        insert into carrel.agent_requests (user_id, agent_type, content, created_at, session_id)
            select user_id, 'a', 'c', now() - n * interval '1 hour', id
            from carrel.agent_sessions join others using (user_id), generate_series(1, {rows}) as n;
        insert into carrel.usage_events (user_id, event_type, tokens_used, occurred_at)
            select user_id, 'agent_request', 1, now() - n * interval '1 hour' from others, generate_series(1, {rows}) as n;
        reset row_security"
    ));
}

/// The plans without what says where rows lie and how much memory was there, which is no count of rows.
fn plans(database: &Database, queries: &[String]) -> Vec<String> {
    let mut alice = database.user(ALICE);
    let explain = |query: &String| {
        let plan = alice.column(&format!(
            "explain (analyze, buffers off, costs off, timing off, summary off) {query}"
        ));
        let lines =
            plan.iter().filter(|line| !line.contains("Memory: ") && !line.contains("Heap Blocks"));
        lines.cloned().collect::<Vec<_>>().join("\n")
    };
    queries.iter().map(explain).collect()
}

#[test]
fn counts_of_rows_in_plans_of_own_queries_are_the_same_however_many_others_have() {
    let besieged = besieged();
    let database = &besieged.database;
    let mut superuser = database.superuser();
    let queries: Vec<_> = QUERIES
        .iter()
        .map(|query| {
            query
                .replace("{document}", &besieged.alice.document)
                .replace("{session}", &besieged.alice.session)
        })
        .collect();
    // With a few rows a table is read whole, and Postgres says how many it dropped.
    add_others(&mut superuser, 40, 100);
    superuser.run("analyze");
    let few = plans(database, &queries);
    for plan in &few {
        assert!(!plan.contains("Rows Removed") && !plan.contains("Seq Scan"), "{plan}");
    }
    add_others(&mut superuser, 40, 100);
    let many = plans(database, &queries);
    assert_eq!(few, many);
    // That counts do show others where a table is read whole.
    let mut alice = database.user(ALICE);
    alice.run(
        "set enable_indexscan = off; set enable_bitmapscan = off; set enable_indexonlyscan = off",
    );
    let whole = alice.column(
        "explain (analyze, buffers off, costs off, timing off, summary off) select from carrel.agent_requests",
    );
    assert!(whole.iter().any(|line| line.contains("Rows Removed by Filter: 80")), "{whole:?}");
}
