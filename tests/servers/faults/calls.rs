//! Every function that carrel has, as it is called: so that it works, as often as one likes, and so that it fails.

use carrel_tests::{ALICE, BOB, Case, Database, Role, identity};

pub struct Call {
    pub function: String,
    pub role: Role,
    /// A SELECT that works each time; empty where there is none.
    pub good: String,
    /// SELECTs that fail each time, each in another place.
    pub bad: Vec<String>,
    /// How many times as long it takes as others do.
    pub weight: usize,
}

/// What stands for what in calls.toml. A name within another comes after it.
const WORDS: [(&str, &str); 9] = [
    ("SESSION", "(select id from carrel.agent_sessions limit 1)"),
    ("REQUESTS", "carrel.claim_requests('w', 1, '{bulk}') as c"),
    ("REQUEST", "(select id from carrel.agent_requests where session_id is not null limit 1)"),
    ("DOCUMENTS", "carrel.claim_documents('w', 1) as c"),
    ("RESERVED", "carrel.reserve_usage('chat', 10, user_id => 'BOB')"),
    ("EVENT", "(select event_id from carrel.record_usage('chat', 3, 0.5, user_id => 'BOB'))"),
    ("NOBODY", NOBODY),
    ("ALICE", ALICE),
    ("BOB", BOB),
];

/// The id of nothing.
const NOBODY: &str = "00000000-0000-4000-8000-00000000000f";

/// What the calls need: requests to claim, documents to read, limits to keep to, prices.
pub fn prepare(database: &Database, requests: usize) {
    database.superuser().run(&identity::key());
    database.superuser().run(&format!(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement)
        values ('free', 'chat', 'tokens', 100000000, 'hard'), ('free', 'chat', 'events', 100000000, 'hard'),
            ('free', 'full', 'events', 0, 'hard'), ('free', 'agent_request', 'tokens', 100000000, 'hard');
        insert into carrel.model_prices (model, token_type, price) values ('small', 'input', 0.15);
        insert into carrel.agent_requests (user_id, agent_type, content, max_attempts)
            select '{BOB}', 'bulk', n, 1000000 from generate_series(1, {requests}) as n;
        insert into carrel.documents (user_id, filename, storage_path)
            select '{BOB}', n || '.pdf', n from generate_series(1, {requests}) as n;
        create schema old create table documents (id uuid, user_id uuid, filename text);
        insert into old.documents values (null, '{ALICE}', 'nameless.txt');
        insert into carrel.agent_requests (id, user_id, agent_type, content, run_at)
            values ('00000000-0000-4000-8000-00000000000a', '{ALICE}', 'waits', 'c', now() + interval '1 day');
        insert into carrel.documents (user_id, filename, content_text)
            select '{ALICE}', 'm' || n || '.md', repeat(E'# Part\n\nThe mole ' || n || ' digs. ', 50) from generate_series(1, 20) as n"
    ));
}

pub fn all() -> Vec<Call> {
    let token = identity::token(ALICE);
    let keys = ["function", "role", "weight", "good", "bad"];
    let cases = Case::all(include_str!("calls.toml"), "call", &keys);
    cases
        .iter()
        .map(|case| {
            let function = case.text("function");
            let fill = |arguments: &str| {
                let statement = if arguments.is_empty() || arguments.starts_with("select ") {
                    arguments.to_owned()
                } else {
                    format!("select carrel.{function}({arguments})")
                };
                let fill = |filled: String, (word, sql): &(&str, &str)| filled.replace(word, sql);
                WORDS.iter().fold(statement, fill).replace("TOKEN", &token)
            };
            Call {
                function: function.to_owned(),
                role: case.role(),
                good: fill(case.text("good")),
                bad: case.texts("bad").into_iter().map(fill).collect(),
                weight: case.number("weight").unwrap_or(1),
            }
        })
        .collect()
}

/// Asserts that every function is among the calls, but for those of triggers.
pub fn assert_complete(database: &Database) {
    let mut functions = database.superuser().column(
        "select proname from pg_proc
        where pronamespace = 'carrel'::regnamespace
            and prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)",
    );
    let calls = all();
    functions.retain(|function| calls.iter().all(|call| call.function != *function));
    assert_eq!(functions, Vec::<String>::new(), "nobody calls these");
}

#[test]
fn every_function_is_called_and_does_what_these_tests_go_by() {
    let database = carrel_tests::Cluster::shared().lived_in();
    assert_complete(&database);
    prepare(&database, 100);
    let mut wrong = Vec::new();
    for call in all() {
        let mut session = call.role.session(&database);
        let cases =
            std::iter::once((&call.good, true)).chain(call.bad.iter().map(|bad| (bad, false)));
        for (sql, works) in cases.filter(|(sql, _)| !sql.is_empty()) {
            let outcome = session.attempt(sql);
            // What fails has to fail in the function, not on the way to it.
            let is_right = match &outcome {
                Ok(_) => works,
                Err(state) => {
                    !works && (!state.starts_with("42") || state == "42501" || state == "42704")
                }
            };
            if !is_right {
                wrong.push(format!("{outcome:?}: {sql}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
