//! Input as large as Postgres takes it, and JSON as deep: an answer or an error, of a backend that goes on. One test at a
//! time, for each takes gigabytes.

use carrel_tests::{ALICE, Cluster};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most that a backend may take of memory, in KiB: beside 1 GB of input and what Postgres copies of it.
const MEMORY: u64 = 6 << 20;

/// How long a statement may take.
const TIMEOUT: Duration = Duration::from_secs(10);

static ALONE: Mutex<()> = Mutex::new(());

/// A cluster of its own with Alice and Bob in it, whose log tells of a crash.
struct Alone {
    cluster: Cluster,
    _guard: MutexGuard<'static, ()>,
}

impl Alone {
    fn new() -> Self {
        let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = Cluster::start_with(&["restart_after_crash=off"]);
        cluster.create_roles();
        Self { cluster, _guard: guard }
    }

    /// Runs each statement as a role acting as Alice. It works, or fails with one of these SQLSTATEs or for its time; then
    /// the same session works on.
    #[track_caller]
    fn assert_survives(&self, role: &str, statements: &[String], errors: &[&str]) {
        let database = self.cluster.lived_in_anew();
        let mut session = database.connect(role);
        session.claim(ALICE);
        session.run(&format!("set statement_timeout = {}", TIMEOUT.as_millis()));
        let backend = session.value("select pg_backend_pid()");
        for statement in statements {
            let begun = Instant::now();
            let outcome = session.simple(statement).map(|_| ());
            let (ended, took) = (Instant::now(), begun.elapsed());
            let shown: String = statement.chars().take(200).collect();
            if let Err(error) = &outcome {
                let Some(error) = error.as_db_error() else { panic!("{error:?}: {shown}") };
                // The time is up; there is no more memory; Postgres' words for a row of more than 1 GB.
                let sqlstate = error.code().code();
                let expected = errors.contains(&sqlstate)
                    || ["57014", "53200"].contains(&sqlstate)
                    || error.message().starts_with("invalid memory alloc request size");
                assert!(expected, "{error:?}: {shown}");
            }
            let mut works = session.attempt("select carrel.count_tokens('A mole digs.')");
            // Where a statement's time is up while Postgres frees its memory, after it has succeeded, Postgres
            // cancels the one after it instead, at once.
            let is_cancelled_late =
                outcome.is_ok() && took >= TIMEOUT && ended.elapsed() < TIMEOUT / 10;
            if is_cancelled_late && works == Err("57014".to_owned()) {
                works = session.attempt("select carrel.count_tokens('A mole digs.')");
            }
            assert!(works.is_ok(), "{works:?} after {outcome:?} in {took:?}: {shown}");
            assert_eq!(session.value("select carrel.count_tokens('A mole digs.')"), "4", "{shown}");
            assert_eq!(session.value("select carrel.current_user_id()"), ALICE, "{shown}");
            assert_eq!(session.value("select pg_backend_pid()"), backend, "{shown}");
            let peak = peak_memory(&backend);
            assert!(peak < MEMORY, "{peak} KiB after {shown}");
        }
        drop(session);
        database.assert_sound();
        let log = self.cluster.log_text();
        for word in ["PANIC", "TRAP", "terminated by signal", "stack smashing", "panicked at"] {
            assert!(!log.contains(word), "{word} in the log");
        }
    }
}

/// The most memory that a backend has had, in KiB.
fn peak_memory(backend: &str) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{backend}/status")).expect("the backend's status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn texts_of_a_gigabyte_are_counted_and_cut_or_refused() {
    let mut statements = Vec::new();
    for (format, text) in [
        ("plain", "repeat('x', 1073741800)"),
        ("markdown", "repeat(E'# A\\n\\nb\\n\\n', 97600000)"),
        ("html", "repeat('<p>a&amp;', 119000000)"),
        ("json", "repeat('[1, ', 268000000)"),
    ] {
        statements.push(format!("select carrel.count_tokens({text})"));
        statements.push(format!(
            "select from carrel.chunk_text({text}, 100000000, format => '{format}') limit 1"
        ));
    }
    Alone::new().assert_survives("authenticated", &statements, &["22023", "54000"]);
}

#[test]
fn documents_requests_and_queries_of_a_gigabyte_are_kept_or_refused() {
    let long = "repeat('mole digs. ', 97600000)";
    let one_word = "repeat('x', 1073741800)";
    let statements = [
        format!("select carrel.add_document('a', {one_word})"),
        format!("insert into carrel.documents (filename, content_text) values ('a', {one_word})"),
        format!("insert into carrel.documents (filename) values ({long})"),
        format!(
            "update carrel.documents set content_text = {one_word} where filename = 'notes.md'"
        ),
        format!("select from carrel.search_chunks({long})"),
        format!("select from carrel.search_documents({one_word})"),
        format!("select from carrel.build_context({long})"),
        // It holds six copies at once.
        "select carrel.create_request('a', repeat('mole digs. ', 60000000))".to_owned(),
        format!("select carrel.create_session({one_word})"),
        // Postgres copies a setting's value several times.
        "select length(set_config('request.jwt.claims', repeat('x', 300000000), true)), carrel.current_user_id()"
            .to_owned(),
    ];
    Alone::new().assert_survives(
        "authenticated",
        &statements,
        &["22023", "54000", "28000", "22001"],
    );
}

#[test]
fn a_statement_of_half_a_gigabyte_is_run_or_refused() {
    let text = "mole digs. ".repeat(500_000_000 / 11);
    let statements = [
        format!("/* count */ select carrel.count_tokens('{text}')"),
        format!("/* search */ select from carrel.search_chunks('{text}')"),
    ];
    Alone::new().assert_survives("authenticated", &statements, &["22023", "54000"]);
}

/// An object in an object, so many times.
fn deep_object(depth: usize) -> String {
    let mut json = String::with_capacity(depth * 8);
    (0..depth).for_each(|_| json.push_str(r#"{"a":"#));
    json.push('1');
    json.extend(std::iter::repeat_n('}', depth));
    json
}

fn deep_array(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn json_of_any_depth_is_kept_or_refused() {
    let alone = Alone::new();
    let mut user = vec![];
    let mut service = vec![];
    // From what everybody takes to what Postgres' own stack doesn't.
    for depth in [1_000, 6_000, 10_000, 1_000_000] {
        for json in [
            deep_object(depth),
            deep_array(depth),
            deep_object(depth / 2).replace('1', &deep_array(depth / 2)),
        ] {
            let id = "(select id from carrel.agent_sessions where title = 'Birds')";
            user.extend([
                format!("select carrel.add_document('deep', 'A mole.', metadata => '{json}')"),
                format!("update carrel.agent_sessions set context_state = '{json}'"),
                format!("select from carrel.patch_session_state({id}, '{json}')"),
                format!("select from carrel.patch_session_state({id}, '{{\"b\": {json}}}')"),
                format!("select from carrel.search_chunks('mole', metadata => '{json}')"),
                format!("select from carrel.price_usage('small', '{json}')"),
                format!("select from carrel.chunk_text('{json}', 10, format => 'json')"),
                format!("select set_config('request.jwt.claims', '{json}', true), carrel.current_user_id()"),
                format!("select set_config('request.jwt.claims', '{{\"b\": {json}, \"sub\": \"{ALICE}\"}}', true),
                    carrel.current_user_id()"),
            ]);
            service.extend([
                format!("select from carrel.record_usage('x', metadata => '{json}')"),
                format!("select from carrel.record_usage('x', token_types => '{json}')"),
                format!("select from carrel.record_usage_batch('[{{\"event_type\": \"x\", \"metadata\": {json}}}]')"),
                format!("select carrel.complete_request(id, lease_token, '{json}')
                    from carrel.claim_requests('w', 1)"),
                format!("select carrel.fail_request(id, lease_token, '{json}') from carrel.claim_requests('w', 1)"),
                format!("select from carrel.export_user('{ALICE}')"),
            ]);
        }
    }
    // 54001: the stack's depth.
    let errors = ["54001", "22023", "28000", "54000", "22P02", "25P02"];
    alone.assert_survives("authenticated", &user, &errors);
    alone.assert_survives("service_role", &service, &errors);
}

#[test]
fn markup_and_lists_of_any_depth_are_cut_or_refused() {
    let mut statements = vec![];
    for depth in [1_000, 100_000, 3_000_000] {
        let mut texts = Vec::new();
        for unit in ["<div>", "> ", "- ", "[", "{", "((", "# ", "<!--", "&", "```\n", "|", "*_"] {
            texts.push(format!("repeat(E'{}', {depth})", unit.replace('\n', "\\n")));
        }
        for text in texts {
            let mut all = String::from("select ");
            for format in ["plain", "markdown", "html", "json"] {
                let _ = write!(
                    all,
                    "(select count(*) from carrel.chunk_text({text}, format => '{format}')), "
                );
            }
            statements.push(all + "carrel.count_tokens('x')");
        }
    }
    Alone::new().assert_survives("authenticated", &statements, &["22023", "54000"]);
}

#[test]
fn lists_of_a_million_are_taken_or_refused() {
    let ids = "(select array_agg(gen_random_uuid()) from generate_series(1, 1000000))";
    let names = "(select array_agg(n::text) from generate_series(1, 1000000) as n)";
    let events = "(select jsonb_agg(jsonb_build_object('event_type', 'x')) from generate_series(1, 1000000))";
    let members = "(select jsonb_object_agg(n::text, n) from generate_series(1, 1000000) as n)";
    let user = [
        format!("select from carrel.search_chunks('herons', document_ids => {ids})"),
        format!("select from carrel.search_chunks('herons', file_types => {names})"),
        format!("select from carrel.search_chunks('herons', metadata => {members})"),
        format!("select from carrel.build_context('herons', document_ids => {ids})"),
        format!(
            "select from carrel.usage_report(now() - interval '1 day', now(), group_by => {names})"
        ),
        format!("select from carrel.price_usage('small', {members})"),
        format!("select from carrel.create_session('x', {members})"),
    ];
    let service = [
        format!("select from carrel.record_usage_batch({events})"),
        format!("select from carrel.claim_requests('w', 10, {names})"),
        format!("select carrel.next_wakeup({names})"),
        format!("select from carrel.record_usage('x', token_types => {members})"),
    ];
    let alone = Alone::new();
    alone.assert_survives("authenticated", &user, &["22023", "54000"]);
    alone.assert_survives("service_role", &service, &["22023", "54000"]);
}
