//! Whatever takes long stops soon when it is cancelled, or when its time is up, and the session goes on.

use super::{is_soak, rounds};
use carrel_tests::{ALICE, BOB, Cluster, Database, Session};
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

#[derive(Clone, Copy)]
enum Role {
    User,
    Service,
    Superuser,
}

fn long(role: Role, before: &str, statement: &str) -> Long {
    Long { role, before: before.to_owned(), statement: statement.to_owned() }
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
    use Role::{Service, Superuser, User};
    let add = |name: &str, text: &str| {
        long(
            User,
            "",
            &format!(
                "select carrel.add_document('{name}', content) from public.texts where name = '{text}'"
            ),
        )
    };
    let session = "(select id from carrel.agent_sessions where title = 'Birds')";
    let finish = &format!(
        "update carrel.agent_requests set status = 'cancelled', completed_at = now() - interval '1 year' where user_id = '{ALICE}' and status = 'pending'"
    );
    let deferred = "set local carrel.processing = deferred;
        insert into carrel.documents (filename, content_text) select 'p' || n, repeat('A mole digs. ', 500) from generate_series(1, 1000) as n";
    let record_all = &format!(
        "insert into carrel.usage_events (user_id, event_type, tokens_used) select '{ALICE}', 'agent_request', n from generate_series(1, 20000) as n"
    );
    vec![
        add("a.txt", "prose"),
        add("a.md", "prose"),
        add("a.html", "page"),
        add("a.json", "objects"),
        add("a.yaml", "entries"),
        add("a.txt", "letters"),
        add("a.txt", "digits"),
        add("a.md", "han"),
        long(
            User,
            "set local carrel.chunk_unit = tokens; set local carrel.chunk_size = 200; set local carrel.chunk_overlap = 50",
            "select carrel.add_document('a.md', content) from public.texts where name = 'prose'",
        ),
        long(
            User,
            "set local carrel.chunk_size = 1000000000",
            "select carrel.add_document('a.txt', left(content, 1000000)) from public.texts where name = 'prose'",
        ),
        long(
            User,
            "",
            "update carrel.documents set content_text = 'First. ' || content_text where filename = 'big.md'",
        ),
        long(User, "", "update carrel.documents set content_text = upper(content_text)"),
        long(User, "", "update carrel.documents set filename = 'renamed.md'"),
        long(User, "", "delete from carrel.documents"),
        long(
            User,
            deferred,
            "update carrel.documents set filename = filename || '.md' where filename like 'p%'",
        ),
        long(
            User,
            "",
            "select carrel.rechunk_document(id, 100, 20) from carrel.documents where filename = 'big.md'",
        ),
        long(
            User,
            "",
            "select sum(carrel.rechunk_document(id, 64, unit => 'tokens')) from carrel.documents where content_text is not null",
        ),
        long(
            Superuser,
            &deferred
                .replace("(filename", "(user_id, filename")
                .replace("select 'p'", &format!("select '{ALICE}', 'p'")),
            "select carrel.process_documents(100000)",
        ),
        long(User, "", "select count(*) from carrel.search_chunks('mole digs hole', 100)"),
        long(
            User,
            "",
            "select count(*) from carrel.search_chunks('\"mole digs\" -kettle m* d*', 100, context_chunks => 5)",
        ),
        long(
            User,
            "",
            "select count(*) from generate_series(1, 5) as n, carrel.search_chunks('mole ' || n, 100)",
        ),
        long(User, "", "select count(*) from carrel.search_chunks('kettle mole', 1000)"),
        long(User, "", "select count(*) from carrel.search_documents('mole digs kettle', 1000)"),
        long(
            User,
            "",
            "select length(context) from carrel.build_context('kettle mole', 100000000)",
        ),
        long(
            User,
            "",
            "select length(context) from carrel.build_context('hole', 100000000, encoding => 'o200k')",
        ),
        long(Service, "", "select count(*) from public.events, carrel.record_usage_batch(events)"),
        long(
            Service,
            "select count(*) from public.events, carrel.record_usage_batch(events)",
            "select count(*) from public.events, carrel.record_usage_batch(events)",
        ),
        long(Superuser, "", record_all),
        long(Superuser, record_all, "set constraints all immediate"),
        long(Superuser, record_all, "select carrel.verify_usage()"),
        long(Superuser, "", "select carrel.rebuild_usage()"),
        long(Service, "", "select count(*) from carrel.verify_usage()"),
        long(
            Service,
            "",
            "select count(*) from carrel.usage_report(now() - interval '30 days', now(), group_by => '{event_type,model,user}')",
        ),
        long(User, "", "select count(*) from carrel.current_usage()"),
        long(
            Service,
            "",
            &format!(
                "select carrel.set_plan('{ALICE}', 'pro', billing_timezone => 'Asia/Tokyo', billing_anchor => now() - interval '9 days')"
            ),
        ),
        long(
            Superuser,
            "",
            "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement) values ('free', 't1', 'tokens', 1, 'hard')",
        ),
        long(Service, "", &format!("select count(*) from carrel.delete_user('{ALICE}')")),
        long(
            Service,
            "",
            &format!("select count(*) from carrel.delete_user('{ALICE}', archive_usage => true)"),
        ),
        long(Service, "", &format!("select count(*) from carrel.export_user('{ALICE}')")),
        long(Superuser, finish, "select carrel.purge_requests(max_rows => 100000)"),
        long(Superuser, "", finish),
        long(User, "", &format!("select count(*) from carrel.session_history({session})")),
        long(
            Superuser,
            finish,
            &format!(
                "select set_config('request.jwt.claims', '{{\"sub\": \"{ALICE}\"}}', true), carrel.fork_session((select id from carrel.agent_sessions where user_id = '{ALICE}'))"
            ),
        ),
        long(
            User,
            "",
            &format!(
                "select (carrel.patch_session_state({session}, patch)).version from public.patches"
            ),
        ),
        long(
            User,
            "",
            &format!(
                "insert into carrel.agent_requests (agent_type, content, session_id) select 'a', 'b', {session} from generate_series(1, 2000)"
            ),
        ),
        long(
            User,
            "",
            &format!(
                "select count(carrel.append_to_session({session}, carrel.create_request('a', 'c'))) from generate_series(1, 200)"
            ),
        ),
        long(Service, "", "select count(*) from carrel.claim_requests('w', 1000)"),
        long(
            Service,
            "",
            "select count(*) from generate_series(1, 100), carrel.claim_requests('w', 1000, '{none}')",
        ),
        long(
            Service,
            "",
            "select count(*) from generate_series(1, 100), carrel.claim_requests('w', 3)",
        ),
        long(
            Service,
            "",
            "select count(carrel.next_wakeup('{none}')) from generate_series(1, 1000)",
        ),
        long(
            Service,
            "",
            "select count(*) from carrel.claim_requests('w', 1000) as c, carrel.complete_request(c.id, c.lease_token, '{}', tokens => 1)",
        ),
        long(Superuser, "", "select carrel.migrate()"),
        long(Superuser, "", "select count(*) from carrel.doctor()"),
        long(Superuser, "delete from carrel.search_statistics", "select carrel.migrate()"),
        long(Superuser, "", "update carrel.document_chunks set content = content || '.'"),
        long(Superuser, "", "delete from carrel.user_profiles"),
    ]
}

#[test]
fn whatever_takes_long_stops_when_it_is_cancelled_and_the_session_goes_on() {
    let database = crowded();
    let mut cancelled = 0;
    let mut too_slow = Vec::new();
    for Long { role, before, statement } in long_statements() {
        let mut session = match role {
            Role::User => database.user(ALICE),
            Role::Service => database.service(),
            Role::Superuser => database.superuser(),
        };
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
