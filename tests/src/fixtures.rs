//! Two users with rows in every table, made as applications make them.

use crate::database::Database;
use std::sync::Barrier;

pub const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";
pub const BOB: &str = "b0b00000-0000-4000-8000-000000000002";

/// The six tables whose rows belong to users.
pub const TABLES: [&str; 6] = [
    "user_profiles",
    "documents",
    "document_chunks",
    "agent_sessions",
    "agent_requests",
    "usage_events",
];

/// Alice and Bob move in: the service creates them, they write, the service bills.
pub(crate) fn live_in(database: &Database) {
    for (user, name) in [(ALICE, "Alice"), (BOB, "Bob")] {
        let mut service = database.service();
        service.run(&format!("select carrel.create_user('{user}', '{name}')"));
        let mut session = database.user(user);
        session.run(&format!(
            r#"
            select carrel.add_document('notes.md', E'# Garden\n\nThe herons of {name} nest by the water.\n\n'
                || E'# Cellar\n\nWine, apples and a barrel of herrings.\n', metadata => '{{"shelf": 1}}');
            select carrel.add_document('long.txt', repeat('The quick brown fox of {name}. ', 300));
            insert into carrel.documents (filename, storage_path) values ('scan.pdf', 'scans/{name}.pdf');
            insert into carrel.document_chunks (document_id, chunk_index, content, section_title)
                select id, 0, 'What {name} scanned', 'Page 1' from carrel.documents where filename = 'scan.pdf';
            insert into carrel.agent_sessions (title, context_state) values ('Birds', '{{"bird": "heron"}}');
            select carrel.create_request('researcher', 'Where do herons nest?', id) from carrel.agent_sessions;
            select carrel.create_request('researcher', 'And when?', id) from carrel.agent_sessions;
            select carrel.create_request('writer', 'A poem about herons')"#
        ));
        service.run(&format!(
            "select carrel.record_usage('agent_request', 120, 0.0042, idempotency_key => 'first', user_id => '{user}');
            select carrel.record_usage('agent_request', 80, 0.0021, model => 'small', user_id => '{user}');
            select carrel.record_usage('storage', metadata => '{{\"bytes\": 9000}}', user_id => '{user}')"
        ));
    }
}

/// Every row of a database's tables as text, to be compared with another database's.
pub fn contents(database: &Database) -> Vec<String> {
    let mut session = database.superuser();
    let tables = session.column(
        "select relname from pg_class
        where relnamespace = 'carrel'::regnamespace and relkind = 'r' order by 1",
    );
    assert!(tables.len() > TABLES.len());
    let rows = tables.iter().flat_map(|table| {
        // Where a role was granted belongs to the database.
        let row = match table.as_str() {
            "granted_roles" => "(role_name, kind, granted, changed_at)::text",
            _ => "t::text",
        };
        session.column(&format!("select '{table}', {row} from carrel.{table} as t order by 2"))
    });
    rows.collect()
}

/// Runs `work` in this many threads, each with its own session, that all begin at once: `prepare`
/// opens the session, then all wait for each other.
pub fn at_once<S, T: Send>(
    count: usize,
    prepare: impl Fn(usize) -> S + Sync,
    work: impl Fn(usize, S) -> T + Sync,
) -> Vec<T> {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| {
                let (barrier, prepare, work) = (&barrier, &prepare, &work);
                scope.spawn(move || {
                    let prepared =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| prepare(number)));
                    barrier.wait();
                    match prepared {
                        Ok(session) => work(number, session),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a session's thread")).collect()
    })
}
