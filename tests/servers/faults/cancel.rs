//! Whatever takes long stops soon when it is cancelled, or when its time is up, and the session goes on.

use super::{is_soak, rounds};
use carrel_tests::{ALICE, BOB, Case, Cluster, Database, Role, Session};
use std::time::{Duration, Instant};

/// What a statement may go on for at most. A tenth of a second is what is meant, and what is there as a rule; with
/// ten times as much to do, what Postgres itself does without a look takes longer.
fn patience() -> Duration {
    Duration::from_millis(if is_soak() { 1_000 } else { 150 })
}

/// Gives a statement so much time, within a transaction that goes back to a savepoint; returns whether it was
/// cancelled, and how long it went on after that time. The shortest of several times, where it is long: a busy
/// machine keeps a statement from running now and then, a loop that does not look keeps on each time.
#[track_caller]
fn overtime(session: &mut Session, sql: &str, time: Duration) -> (bool, Duration) {
    let mut shortest = (false, Duration::MAX);
    for _ in 0..5 {
        session.run(&format!(
            "savepoint before; set local statement_timeout = {}",
            time.as_millis().max(20)
        ));
        let began = Instant::now();
        let outcome = session.client().simple_query(sql);
        let over = began.elapsed().saturating_sub(time);
        if let Err(error) = &outcome {
            assert_eq!(error.code().map(|code| code.code()), Some("57014"), "{sql}: {error:?}");
        }
        // Time may be up before this begins, where the statement was done.
        let back = "rollback to before; release before; set local statement_timeout = 0";
        if session.client().batch_execute(back).is_err() {
            session.run(back);
        }
        if over < shortest.1 {
            shortest = (outcome.is_err(), over);
        }
        if over < patience() {
            break;
        }
    }
    shortest
}

/// Texts that are hard on one or the other loop, of this many bytes each, in a table.
fn with_texts(database: &Database, bytes: usize, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut superuser = database.superuser();
    superuser.run(
        "create table public.texts (name text, content text);
        alter table public.texts alter content set storage external;
        grant select on public.texts to public",
    );
    for (name, piece) in [
        (
            "prose",
            r"# Part\n\nThe mole digs; it isn''t seen. **Bold** `code`, [a link](there).\n\n- one\n- two\n\n",
        ),
        (
            "page",
            r"<h1>Part</h1>\n<p>The mole <b>digs</b> &amp; rests.<br>\n<ul><li>one<li>two</ul>\n",
        ),
        ("objects", r#"{"mole": {"digs": [1, 2, {"deep": true}]}, "text": "A mole."}\n"#),
        ("entries", r"mole:\n  digs:\n    - one\n    - deep: true\n"),
        ("letters", "x"),
        ("digits", "7"),
        ("blanks", " "),
        ("lines", r"\n"),
        ("joiners", r"\u200d"),
        ("accents", r"e\u0301"),
        ("flags", r"\U0001F1E9"),
        ("families", r"\U0001F469\u200d\U0001F467\u200d"),
        ("han", r"\u6f22"),
        ("punctuation", "!"),
        ("quotes", "\""),
        ("backslashes", r"\\"),
        ("backticks", "`"),
        ("ticked lines", r"```\n"),
        ("stars", "*"),
        ("quoted", "> "),
        ("headings", r"# a\n"),
        ("underlined", r"a\n=\n"),
        ("cells", "|a"),
        ("rows", r"|a|\n|-|\n"),
        ("items", r"- "),
        ("numbered", r"1. a\n"),
        ("indented", r"    a\n"),
        ("brackets", "["),
        ("braces", r#"{"a":"#),
        ("array", "1,"),
        ("tags", "<p>"),
        ("comments", "<!--"),
        ("opened", "<"),
        ("attributes", "<a b=c "),
        ("references", "&amp;"),
        ("ampersands", "&"),
        ("scripts", "<script>"),
        ("tables", "<table><tr><td>"),
        ("keys", r"a:\n "),
        ("blocks", r"a: |\n  b\n"),
        ("documents", r"---\n"),
        ("anchors", "&a *a "),
    ] {
        if !wanted(name) {
            continue;
        }
        superuser.run(&format!(
            "insert into public.texts select '{name}', repeat(piece, {bytes} / octet_length(piece)) from (values (E'{piece}')) as t (piece)"
        ));
    }
    superuser.column("select name from public.texts")
}

#[test]
fn cutting_and_counting_any_text_stops_when_its_time_is_up() {
    let database = Cluster::shared().lived_in();
    let names = with_texts(&database, if is_soak() { 100_000_000 } else { 8_000_000 }, |_| true);
    let mut session = database.user(ALICE);
    // The first call of a session loads the vocabularies.
    session
        .run("select carrel.count_tokens('a', 'cl100k'), carrel.count_tokens('a', 'o200k'); begin");
    let mut slowest = (Duration::ZERO, String::new());
    let (mut cancelled, mut done) = (0, 0);
    let times: &[u64] = if is_soak() { &[20, 150, 700, 2500] } else { &[20] };
    // In a short run each text meets each format in one unit, not in all.
    let is_chosen = |number: usize| is_soak() || number.is_multiple_of(3);
    for (number, name) in names.iter().enumerate() {
        let mut statements = Vec::new();
        for (turn, format) in ["plain", "markdown", "html", "json", "yaml"].iter().enumerate() {
            for (unit_turn, unit) in ["characters", "words", "tokens"].iter().enumerate() {
                if is_chosen(number + turn + unit_turn) {
                    statements.push(format!(
                        "select count(*) from public.texts, carrel.chunk_text(content, unit => '{unit}', format => '{format}') where name = '{name}'"
                    ));
                }
            }
            // One chunk, as large as the text.
            if is_chosen(number + turn) {
                statements.push(format!(
                    "select count(*) from public.texts, carrel.chunk_text(content, 2000000000, 0, 'tokens', '{format}') where name = '{name}'"
                ));
            }
        }
        statements.push(format!(
            "select carrel.count_tokens(content) from public.texts where name = '{name}'"
        ));
        if is_chosen(number) {
            statements.push(format!("select carrel.count_tokens(content, 'o200k') from public.texts where name = '{name}'"));
        }
        for (statement, time) in statements.iter().flat_map(|s| times.iter().map(move |t| (s, t))) {
            let (is_cancelled, over) =
                overtime(&mut session, statement, Duration::from_millis(*time));
            cancelled += usize::from(is_cancelled);
            done += usize::from(!is_cancelled);
            if over > slowest.0 {
                slowest = (over, statement.clone());
            }
        }
    }
    println!(
        "{cancelled} cancelled, {done} done before; the slowest went on for {:?}: {}",
        slowest.0, slowest.1
    );
    assert!(cancelled > 200, "they were too fast to be cancelled");
    assert!(slowest.0 < patience(), "{slowest:?}");
    let count = session.number(
        "set local statement_timeout = 0; select count(*) from carrel.chunk_text('A mole.')",
    );
    assert_eq!(count, 1);
}

/// A statement that takes long.
struct Long {
    role: Role,
    /// What comes before it in its transaction, and has all the time.
    before: String,
    statement: String,
}

/// A database with a lot of everything of Alice's.
fn crowded() -> Database<'static> {
    let many = if is_soak() { 10 } else { 1 };
    let database = Cluster::shared().lived_in();
    let wanted = ["prose", "page", "objects", "entries", "letters", "digits", "han"];
    with_texts(&database, 3_000_000 * many, |name| wanted.contains(&name));
    let mut superuser = database.superuser();
    superuser.run(&format!(
        r#"
        insert into carrel.documents (user_id, filename, content_text)
            select '{ALICE}', 'd' || n || '.txt', repeat('mole ' || n || ' digs a hole. ', 20 + n % 50) from generate_series(1, {documents}) as n;
        insert into carrel.documents (user_id, filename, content_text)
            select '{ALICE}', 'big.md', content from public.texts where name = 'prose';
        select count(*) from carrel.record_usage_batch((
            select jsonb_agg(jsonb_build_object('event_type', 't' || n % 7, 'tokens_used', n, 'user_id', '{ALICE}',
                'occurred_at', now() - n % 25 * interval '1 day', 'model', 'm' || n % 5))
            from generate_series(1, {events}) as n));
        insert into carrel.agent_requests (user_id, session_id, agent_type, content, priority)
            select '{ALICE}', id, 'a', repeat('word ' || n || ' ', 300), n % 90 - 90
            from generate_series(1, {requests}) as n, carrel.agent_sessions where user_id = '{ALICE}';
        update carrel.agent_sessions set context_state = (
            select jsonb_object_agg('key ' || n, jsonb_build_object('text', repeat('x', 50))) from generate_series(1, {requests} * 5) as n
        ) where user_id = '{ALICE}';
        create table public.events as
            select jsonb_agg(jsonb_build_object('event_type', 'chat', 'tokens_used', n, 'idempotency_key', n::text, 'user_id', '{BOB}')) as events
            from generate_series(1, {events}) as n;
        create table public.patches as
            select jsonb_object_agg('key ' || n, jsonb_build_object('more', n)) as patch from generate_series(1, {requests} * 5) as n;
        grant select on public.events, public.patches to public;
        analyze"#,
        documents = 1500 * many,
        events = 10_000 * many,
        requests = 1_000 * many,
    ));
    superuser.run("set carrel.chunk_size = 1000000000");
    superuser.run(&format!(
        "insert into carrel.documents (user_id, filename, content_text)
            select '{ALICE}', 'one.txt', left(repeat('mole ' || n || ' kettle ', 300000), 900000) from generate_series(1, 3) as n"
    ));
    database
}

fn long_statements() -> Vec<Long> {
    let fill = |sql: &str| {
        let session = "(select id from carrel.agent_sessions where title = 'Birds')";
        sql.replace("SESSION", session).replace("ALICE", ALICE)
    };
    let cases = Case::all(include_str!("long.toml"), "statement", &["role", "before", "sql"]);
    let long = |case: &Case| Long {
        role: case.role(),
        before: fill(case.text("before")),
        statement: fill(case.text("sql")),
    };
    cases.iter().map(long).collect()
}

#[test]
fn whatever_takes_long_stops_when_it_is_cancelled_and_the_session_goes_on() {
    let database = crowded();
    let mut cancelled = 0;
    let mut too_slow = Vec::new();
    for Long { role, before, statement } in long_statements() {
        let mut session = role.session(&database);
        session.run(&format!("begin; set local max_parallel_workers_per_gather = 0; {before}"));
        session.run("savepoint begun");
        let began = Instant::now();
        session.run(&statement);
        let whole = began.elapsed();
        session.run("rollback to begun");
        if whole < Duration::from_millis(50) {
            println!("  not long: {whole:>10.1?}: {statement:.110}");
            session.run("rollback");
            continue;
        }
        let moments = rounds(2).min(40);
        let mut slowest = Duration::ZERO;
        for moment in 0..moments {
            let part = whole.mul_f64((moment as f64 + 0.4) / moments as f64);
            let (is_cancelled, over) = overtime(&mut session, &statement, part);
            cancelled += usize::from(is_cancelled);
            slowest = slowest.max(over);
        }
        session.run("rollback");
        // As autovacuum does elsewhere: what was given up thousands of times, all that follows would have to walk over.
        if is_soak() {
            database.superuser().run("vacuum");
        }
        println!("{slowest:>10.1?} of {whole:>10.1?}: {:.110}", statement.replace('\n', " "));
        if slowest > patience() {
            too_slow.push(format!("{slowest:?}: {statement}"));
        }
    }
    assert_eq!(too_slow, Vec::<String>::new());
    assert!(cancelled > 50, "{cancelled}");
    database.assert_sound();
    assert_eq!(database.superuser().number("select count(*) from carrel.verify_usage()"), 0);
    let wrongly = "select count(*) from carrel.documents where processing_status <> 'completed' and content_text is not null";
    assert_eq!(database.superuser().number(wrongly), 0);
}

#[test]
fn a_large_batch_stops_at_any_moment() {
    let database = Cluster::shared().lived_in();
    database.superuser().run(&format!(
        "create table public.events as
            select jsonb_agg(jsonb_build_object('event_type', 'chat', 'tokens_used', n, 'user_id', '{BOB}')) as events
            from generate_series(1, 400000) as n;
        grant select on public.events to public"
    ));
    let record = "select count(*) from public.events, carrel.record_usage_batch(events)";
    let mut session = database.service();
    session.run("begin; savepoint begun");
    let began = Instant::now();
    session.run(record);
    let whole = began.elapsed();
    session.run("rollback to begun");
    // To let go of what was read takes a fortieth of the whole; each pass over all of it that does not look, more.
    let patience = whole / 14;
    for part in [0.2, 0.5, 0.7, 0.8, 0.85, 0.9] {
        let (is_cancelled, over) = overtime(&mut session, record, whole.mul_f64(part));
        assert!(over < patience, "{over:?} after {part} of {whole:?}; cancelled: {is_cancelled}");
    }
}
