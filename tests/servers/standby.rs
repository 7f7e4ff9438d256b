//! A streaming standby: every function of carrel's, while the primary is written to and changed, and after promotion.
//!
//! The functions come from the catalog: one that has no call here fails the tests.

use carrel_tests::{ALICE, BOB, Cluster, Database, Session, at_once, contents};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The role that calls.
/// A function, its caller, and its rows or its SQLSTATE.
type Answer = (&'static str, Caller, Result<Vec<String>, String>);

#[derive(Clone, Copy, Debug, PartialEq)]

enum Caller {
    /// Alice, an end user.
    User,
    Service,
    Superuser,
}
use Caller::{Service, Superuser, User};

/// Calls of functions that only read. What they answer depends on nothing but rows and the arguments.
const READS: [(&str, &[Caller], &str); 35] = [
    ("analyze_text", &[User, Service], "select * from carrel.analyze_text('A heron digs.')"),
    (
        "billing_period",
        &[User, Service],
        "select carrel.billing_period(:alice, '2030-05-05 12:00+00')",
    ),
    (
        "billing_period_start",
        &[Superuser],
        "select carrel.billing_period_start('2024-01-31', 'Asia/Kolkata', '2024-03-01')",
    ),
    (
        "build_context",
        &[User],
        "select context, citations, tokens from carrel.build_context('heron mole badger')",
    ),
    (
        "check_quota",
        &[User, Service],
        "select * from carrel.check_quota('chat', 5, 'tokens', :alice)",
    ),
    (
        "chunk_text",
        &[User, Service],
        "select * from carrel.chunk_text(E'# A\n\nb c d', 5, format => 'markdown')",
    ),
    ("count_tokens", &[User, Service], "select carrel.count_tokens('A heron digs.')"),
    ("current_usage", &[User, Service], "select * from carrel.current_usage(:alice) order by 1, 2, 4"),
    ("current_user_id", &[User, Service], "select carrel.current_user_id()"),
    ("doctor", &[Superuser], "select check_name, ok, detail from carrel.doctor() order by 1"),
    (
        "export_user",
        &[Service],
        "select table_name, row_data from carrel.export_user(:alice) order by 1, 2",
    ),
    ("files_to_erase", &[Service], "select * from carrel.files_to_erase()"),
    ("foreign_code", &[Superuser], "select count(*) from carrel.foreign_code()"),
    ("installation_id", &[Superuser], "select carrel.installation_id()"),
    ("is_operator", &[User, Service, Superuser], "select carrel.is_operator()"),
    ("list_users", &[Service], "select * from carrel.list_users()"),
    ("next_wakeup", &[Service], "select carrel.next_wakeup()"),
    (
        "price_usage",
        &[User, Service],
        "select carrel.price_usage('small', '{\"input\": 1000}', '2030-01-01')",
    ),
    (
        "search_chunks",
        &[User],
        "select chunk_id, filename, snippet, score, matched
        from carrel.search_chunks('heron mole badger') order by score desc, 1",
    ),
    (
        "search_documents",
        &[User],
        "select document_id, filename, score, snippet, matched_chunks
        from carrel.search_documents('heron mole badger') order by score desc, 1",
    ),
    (
        "similar_documents",
        &[User],
        "select s.document_id, s.score from carrel.documents as d, carrel.similar_documents(d.id) as s
        order by d.id, s.score desc, 1",
    ),
    ("suggest", &[User], "select word, texts from carrel.suggest('m') order by word"),
    ("default_language", &[User, Service], "select carrel.default_language()"),
    (
        "search_keys",
        &[User, Service],
        "select carrel.search_keys(:alice, 'english', 'heron:2'::tsvector)",
    ),
    (
        "session_history",
        &[User],
        "select h.* from carrel.agent_sessions as s, carrel.session_history(s.id) as h order by 1",
    ),
    (
        "stats",
        &[Service],
        "select name, value from carrel.stats()
        where name ~ '\\.(rows|completed|pending|due|invalid)$' order by 1",
    ),
    ("usage_day", &[Superuser], "select carrel.usage_day('Asia/Kolkata', '2024-03-01')"),
    (
        "usage_payload_hash",
        &[Superuser],
        "select carrel.usage_payload_hash('a', 1, 2, '{}', null, 'm', null)",
    ),
    (
        "usage_period",
        &[Superuser],
        "select carrel.usage_period('month', null, '2024-01-31', 'UTC', '2024-03-01')",
    ),
    (
        "usage_report",
        &[User, Service],
        "select * from carrel.usage_report('2020-01-01', '2040-01-01', 'all', '{event_type,model}', :alice)
        order by 2, 3",
    ),
    ("usage_tokens", &[Superuser], "select carrel.usage_tokens('{\"input\": 5}')"),
    ("verify_usage", &[Service], "select * from carrel.verify_usage()"),
    ("version", &[User, Service], "select carrel.version()"),
    // Not functions: what the functions' answers are made of, under the policies.
    (
        "",
        &[User],
        "select 'd', d::text from carrel.documents as d union all select 'c', c::text from carrel.document_chunks as c
        union all select 'r', r::text from carrel.agent_requests as r
        union all select 'p', p::text from carrel.user_profiles as p order by 1, 2",
    ),
    ("", &[Superuser], "select u::text from carrel.usage_allowances as u order by 1"),
];

/// Calls of functions that write, with arguments for which each would do so.
const WRITES: [(&str, Caller, &str); 49] = [
    ("erased_files", Service, "select carrel.erased_files('{a}')"),
    ("follow_auth_users", Superuser, "select carrel.follow_auth_users('public.people')"),
    ("grant_operator", Superuser, "select carrel.grant_operator('authenticated')"),
    (
        "import_jwks",
        Superuser,
        r#"select carrel.import_jwks('{"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', 'i')"#,
    ),
    ("prepare_owner", Superuser, "select carrel.prepare_owner()"),
    ("purge_pseudonyms", Service, "select carrel.purge_pseudonyms()"),
    ("revoke_operator", Superuser, "select carrel.revoke_operator('authenticated')"),
    ("add_document", User, "select carrel.add_document('a.md', 'a')"),
    (
        "append_to_session",
        User,
        "select carrel.append_to_session((select id from carrel.agent_sessions), :loose)",
    ),
    ("cancel_request", User, "select carrel.cancel_request(:loose)"),
    ("chunks_to_embed", Service, "select * from carrel.chunks_to_embed(1)"),
    ("claim_documents", Service, "select * from carrel.claim_documents('w')"),
    ("claim_requests", Service, "select * from carrel.claim_requests('w')"),
    ("complete_request", Service, "select carrel.complete_request(:claimed, :token, '{}')"),
    ("consume_usage", Service, "select carrel.consume_usage('chat', 1, user_id => :alice)"),
    ("create_request", User, "select carrel.create_request('a', 'b')"),
    ("create_session", User, "select carrel.create_session()"),
    ("create_user", Service, "select carrel.create_user()"),
    ("create_views", Superuser, "select carrel.create_views('public')"),
    ("delete_user", Service, "select carrel.delete_user(:bob)"),
    ("enable_embeddings", Superuser, "select carrel.enable_embeddings(3)"),
    ("fail_document", Service, "select carrel.fail_document(:document, :document_token, 'x')"),
    ("fail_request", Service, "select carrel.fail_request(:claimed, :token, '{}')"),
    ("fork_session", User, "select carrel.fork_session((select id from carrel.agent_sessions))"),
    ("grant_service", Superuser, "select carrel.grant_service('authenticated')"),
    ("grant_user", Superuser, "select carrel.grant_user('service_role')"),
    ("heartbeat_request", Service, "select carrel.heartbeat_request(:claimed, :token, 0.5)"),
    ("import_from", Superuser, "select carrel.import_from('older', dry_run => false)"),
    ("load_sample_data", Service, "select carrel.load_sample_data(1, 1, beside_others => true)"),
    ("migrate", Superuser, "select carrel.migrate()"),
    (
        "patch_session_state",
        User,
        "select carrel.patch_session_state((select id from carrel.agent_sessions), '{\"a\": 1}')",
    ),
    ("process_documents", Service, "select carrel.process_documents()"),
    ("purge_requests", Service, "select carrel.purge_requests('0 s')"),
    ("rebuild_usage", Superuser, "select carrel.rebuild_usage()"),
    (
        "rechunk_document",
        User,
        "select carrel.rechunk_document(id, 20) from carrel.documents where filename = 'notes.md'",
    ),
    ("record_usage", Service, "select carrel.record_usage('chat', 1, user_id => :alice)"),
    (
        "record_usage_batch",
        Service,
        "select carrel.record_usage_batch(jsonb_build_array(jsonb_build_object('event_type', 'chat', 'user_id', :alice)))",
    ),
    ("release_usage", Service, "select carrel.release_usage(:reservation)"),
    ("reserve_usage", Service, "select carrel.reserve_usage('chat', 1, user_id => :alice)"),
    ("retry_request", User, "select carrel.retry_request(:cancelled)"),
    ("revoke_service", Superuser, "select carrel.revoke_service('service_role')"),
    ("revoke_user", Superuser, "select carrel.revoke_user('authenticated')"),
    (
        "set_document_text",
        Service,
        "select carrel.set_document_text(:document, :document_token, 'A mole.')",
    ),
    (
        "set_embeddings",
        Service,
        "select carrel.set_embeddings(jsonb_build_array(jsonb_build_object('chunk_id', :chunk, 'embedding', '[1, 2, 3]'::jsonb)))",
    ),
    ("set_plan", Service, "select carrel.set_plan(:bob, 'pro')"),
    ("settle_usage", Service, "select carrel.settle_usage(:reservation, 1)"),
    ("void_usage", Service, "select carrel.void_usage(:event, 'x')"),
    ("", User, "insert into carrel.agent_sessions (title) values ('x')"),
    ("", Service, "select carrel.act_as(:alice); delete from carrel.documents"),
];

/// Functions that are volatile, and write nothing.
const NEITHER: [&str; 4] = ["act_as", "authenticate", "lease_token", "uuid_v7"];

/// A primary and a standby of it, which waits for queries instead of cancelling them.
fn servers() -> (Cluster, Cluster, String) {
    let primary = Cluster::start_with(&[
        "wal_level=replica",
        "max_wal_senders=10",
        "hot_standby_feedback=on",
        "max_standby_streaming_delay=-1",
        "wal_receiver_status_interval=1",
    ]);
    primary.create_roles();
    let name = primary.lived_in_anew().name;
    let standby = Cluster::standby_of(&primary);
    (primary, standby, name)
}

/// A session of each caller.
struct Sessions {
    user: Session,
    service: Session,
    superuser: Session,
}

impl Sessions {
    fn open(database: &Database) -> Self {
        Self {
            user: database.user(ALICE),
            service: database.service(),
            superuser: database.superuser(),
        }
    }

    fn of(&mut self, caller: Caller) -> &mut Session {
        match caller {
            User => &mut self.user,
            Service => &mut self.service,
            Superuser => &mut self.superuser,
        }
    }

    /// The answers to all reads; an error is its SQLSTATE.
    fn answers(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for (_, callers, call) in READS {
            for caller in callers {
                let sql = with_users(call);
                let session = self.of(*caller);
                let answer = session.attempt(&sql).map(|_| session.column(&sql));
                answers.push((call, *caller, answer));
            }
        }
        answers
    }
}

fn with_users(call: &str) -> String {
    call.replace(":alice", &format!("'{ALICE}'")).replace(":bob", &format!("'{BOB}'"))
}

/// Waits until the standby has replayed all that the primary has written so far.
#[track_caller]
fn wait_for_replay(primary: &Database, standby: &Database) {
    let written = primary.superuser().value("select pg_current_wal_insert_lsn()");
    let mut superuser = standby.superuser();
    let patience = Instant::now() + Duration::from_secs(60);
    let is_there = format!("select pg_last_wal_replay_lsn() >= '{written}'");
    while superuser.value(&is_there) != "t" {
        assert!(Instant::now() < patience, "the standby doesn't follow");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn functions(database: &Database, volatile: bool) -> Vec<String> {
    database.superuser().column(&format!(
        "select proname from pg_proc
        where pronamespace = 'carrel'::regnamespace and prorettype <> all ('{{trigger,event_trigger}}'::regtype[])
            and (provolatile = 'v') = {volatile}
        order by proname collate \"C\""
    ))
}

#[track_caller]
fn assert_all_are_called(functions: &[String], called: impl Iterator<Item = &'static str>) {
    let mut called: Vec<_> = called.filter(|name| !name.is_empty()).collect();
    called.sort_unstable();
    assert_eq!(functions, called);
}

/// Changes on the primary, each of which another answer follows from.
const CHANGES: [(&str, &str); 19] = [
    ("user", "select carrel.add_document('mole.md', E'# Moles\n\nA mole digs at night.')"),
    (
        "user",
        "update carrel.documents set content_text = 'A badger sleeps.' where filename = 'long.txt'",
    ),
    ("user", "delete from carrel.documents where filename = 'scan.pdf'"),
    (
        "user",
        "select carrel.create_request('researcher', 'Which mole?', (select id from carrel.agent_sessions))",
    ),
    ("service", "select carrel.record_usage('chat', 700, 0.5, user_id => :alice)"),
    (
        "superuser",
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement)
        values ('free', 'chat', 'tokens', 1000, 'hard')",
    ),
    ("service", "select carrel.consume_usage('chat', 200, user_id => :alice)"),
    ("superuser", "update carrel.plan_limits set limit_value = 902 where event_type = 'chat'"),
    ("service", "select carrel.set_plan(:alice, 'pro')"),
    ("service", "select carrel.set_plan(:alice, 'free', billing_timezone => 'Asia/Tokyo')"),
    (
        "superuser",
        "insert into carrel.model_prices (model, token_type, price) values ('small', 'input', 3)",
    ),
    (
        "service",
        "select carrel.complete_request(id, lease_token, '{\"answer\": 1}', 10) from carrel.claim_requests('w', 9)",
    ),
    (
        "superuser",
        "alter table carrel.documents add column note text default 'none'; select carrel.migrate()",
    ),
    ("superuser", "revoke execute on function carrel.search_chunks from authenticated"),
    ("superuser", "select carrel.migrate()"),
    ("superuser", "update carrel.usage_totals set events = events + 1"),
    ("superuser", "select carrel.rebuild_usage()"),
    ("superuser", "alter table carrel.documents drop column note"),
    ("service", "select carrel.delete_user(:bob)"),
];

/// What changes where rows are, and no answer.
const MOVES: [&str; 3] = [
    "cluster carrel.usage_totals using usage_totals_pkey",
    "reindex schema carrel",
    "vacuum (full, freeze, analyze)",
];

#[test]
fn a_standby_answers_as_its_primary_whatever_changes_there() {
    let (primary, standby, name) = servers();
    let (original, follower) = (primary.database(&name), standby.database(&name));
    assert_all_are_called(&functions(&original, false), READS.iter().map(|read| read.0));
    let mut here = Sessions::open(&original);
    let mut there = Sessions::open(&follower);
    wait_for_replay(&original, &follower);
    let mut before = here.answers();
    assert!(before.iter().all(|(_, _, answer)| answer.is_ok()), "{before:#?}");
    assert_eq!(there.answers(), before);

    let moves = MOVES.iter().map(|sql| ("superuser", *sql, false));
    for (role, change, shows) in CHANGES.iter().map(|(role, sql)| (*role, *sql, true)).chain(moves)
    {
        let sql = with_users(change);
        match role {
            "user" => original.user(ALICE).run(&sql),
            "service" => original.service().run(&sql),
            _ => original.superuser().run(&sql),
        }
        wait_for_replay(&original, &follower);
        let expected = here.answers();
        assert_eq!(expected != before, shows, "{change}");
        assert_eq!(there.answers(), expected, "open sessions, after {change}");
        assert_eq!(Sessions::open(&follower).answers(), expected, "new sessions, after {change}");
        before = expected;
    }
    follower.assert_sound();
}

#[test]
fn a_standby_refuses_what_writes_and_only_that() {
    let (primary, standby, name) = servers();
    let (original, follower) = (primary.database(&name), standby.database(&name));
    let called = WRITES.iter().map(|write| write.0).chain(NEITHER);
    assert_all_are_called(&functions(&original, true), called);
    let (mut service, mut superuser) = (original.service(), original.superuser());
    let mut names = vec![(":alice", ALICE.to_owned()), (":bob", BOB.to_owned())];
    let mut add = |name, value: String| names.push((name, value));
    let [request, token] = two(&service
        .value("select id, lease_token from carrel.claim_requests('w', 1, lease => '1 hour')"));
    add(":claimed", request);
    add(":token", token);
    let [document, token] = two(&service
        .value("select document_id, lease_token from carrel.claim_documents('w', 1, '1 hour')"));
    add(":document_token", token);
    add(":document", document);
    add(
        ":reservation",
        service.value(&format!("select carrel.reserve_usage('chat', 5, user_id => '{ALICE}')")),
    );
    add(":event", superuser.value(&format!("select id from carrel.usage_events where user_id = '{ALICE}' and idempotency_key = 'first'")));
    add(":chunk", superuser.value("select id from carrel.document_chunks limit 1"));
    superuser.run(
        "create table public.people (id uuid primary key);
        insert into carrel.user_pseudonyms (pseudonym, user_hash, deleted_user_id, resolvable_until)
        values (gen_random_uuid(), 'x', gen_random_uuid(), now() - interval '1 day');
        insert into carrel.files_to_erase (id, storage_path, pseudonym)
        select gen_random_uuid(), 'a', pseudonym from carrel.user_pseudonyms",
    );
    let mut alice = original.user(ALICE);
    alice.run(
        "set carrel.processing = 'deferred'; select carrel.add_document('later.md', 'A mole.')",
    );
    add(":loose", alice.value("select carrel.create_request('a', 'b')"));
    let cancelled = alice.value("select carrel.create_request('a', 'b')");
    alice.run(&format!("select carrel.cancel_request('{cancelled}')"));
    add(":cancelled", cancelled);
    superuser.run(
        "create schema older; create table older.user_profiles (user_id uuid primary key, name text);
        insert into older.user_profiles values ('c0000000-0000-4000-8000-000000000003', 'Carol')",
    );
    wait_for_replay(&original, &follower);

    // Longer names first: one may begin with another.
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let with_values = |call: &str| {
        names
            .iter()
            .fold(call.to_owned(), |call, (name, value)| call.replace(name, &format!("'{value}'")))
    };
    let has_pgvector =
        superuser.number("select count(*) from pg_available_extensions where name = 'vector'") > 0;
    if has_pgvector {
        superuser.run("create extension vector");
        wait_for_replay(&original, &follower);
        let enable = "select carrel.enable_embeddings(3)";
        assert_eq!(follower.superuser().refused(enable), "25006");
        superuser.run(enable);
        wait_for_replay(&original, &follower);
    }
    let is_possible = |name: &str| {
        name != "enable_embeddings"
            && (has_pgvector || !["chunks_to_embed", "set_embeddings"].contains(&name))
    };
    let writes = || WRITES.into_iter().filter(|write| is_possible(write.0));
    let mut there = Sessions::open(&follower);
    let mut wrong = Vec::new();
    for (_, caller, call) in writes() {
        let outcome = there.of(caller).attempt(&with_values(call));
        if outcome != Err("25006".to_owned()) {
            wrong.push(format!("{call}: {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Each does write where it may.
    for (_, caller, call) in writes() {
        let mut here = Sessions::open(&original);
        let sql = format!(
            "begin; select pg_current_xact_id_if_assigned() is null; {}; select 1 / (pg_current_xact_id_if_assigned() is not null)::int; rollback",
            with_values(call)
        );
        if let Err(error) = here.of(caller).attempt(&sql) {
            wrong.push(format!("{call}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "on the primary: {}", wrong.join("\n"));

    let mut session = follower.connect("authenticated");
    session.run(&format!("begin; select carrel.act_as('{ALICE}')"));
    assert_eq!(session.value("select carrel.current_user_id()"), ALICE);
    assert_eq!(session.number("select count(*) from carrel.search_chunks('heron')"), 1);
    assert_eq!(session.number("select length(carrel.uuid_v7()::text)"), 36);
    session.run("commit");
    assert_eq!(there.superuser.number("select length(carrel.lease_token()::text)"), 36);
}

/// What a query answers as soon as nothing that is replayed stands in its way: locks of migrate() reach a standby one by
/// one, and Postgres cancels a query that has one of them and waits for another (40P01, 40001).
#[track_caller]
fn answer(session: &mut Session, sql: &str) -> Vec<String> {
    let in_the_way = ["40P01", "40001"];
    let mut errors = Vec::new();
    while errors.len() < 100 {
        match session
            .client()
            .simple_query(&format!("begin isolation level repeatable read; {sql}"))
        {
            Ok(_) => {
                let answer = session.column(sql);
                session.run("commit");
                return answer;
            }
            Err(error) => {
                session.run("rollback");
                let state = error.code().map(|state| state.code().to_owned()).unwrap_or_default();
                assert!(in_the_way.contains(&state.as_str()), "{sql}: {error:?}");
                errors.push(state);
            }
        }
    }
    panic!("always in the way: {sql}: {errors:?}");
}

#[track_caller]
fn number(session: &mut Session, sql: &str) -> i64 {
    answer(session, sql)[0].parse().unwrap()
}

fn two(row: &str) -> [String; 2] {
    let (first, second) = row.split_once('|').unwrap_or_else(|| panic!("{row}"));
    [first.to_owned(), second.to_owned()]
}

#[test]
fn reads_on_a_standby_agree_with_each_other_while_the_primary_is_written_to() {
    const ROUNDS: usize = 12;
    let (primary, standby, name) = servers();
    let (original, follower) = (primary.database(&name), standby.database(&name));
    original.superuser().run(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement)
        values ('free', 'chat', 'tokens', 1000000, 'hard')",
    );
    wait_for_replay(&original, &follower);
    let is_over = AtomicBool::new(false);
    let write = |number: usize| {
        let (mut user, mut service) = (original.user(ALICE), original.service());
        let mut superuser = original.superuser();
        let (mut round, mut migrated) = (0, Instant::now());
        while !is_over.load(Ordering::Relaxed) {
            round += 1;
            user.run(&format!(
                "select carrel.add_document('{number}-{round}.md', 'The mole of {number} digs {round} holes.');
                delete from carrel.documents where filename = '{number}-{}.md'",
                round - 3
            ));
            service.run(&format!(
                "select carrel.record_usage('chat', 7, user_id => '{ALICE}');
                select carrel.consume_usage('chat', 3, user_id => '{ALICE}')"
            ));
            if number == 0 && migrated.elapsed() > Duration::from_secs(2) {
                migrated = Instant::now();
                superuser.run("select carrel.migrate()");
                superuser.run("vacuum carrel.documents");
            }
        }
        round
    };
    let read = || {
        let mut there = Sessions::open(&follower);
        let mut here = original.service();
        let used = format!(
            "select coalesce(sum(tokens_used), 0)::bigint from carrel.usage_report('2020-01-01', '2040-01-01', 'all', user_id => '{ALICE}')
            where event_type = 'chat'"
        );
        let mut last = 0;
        for _ in 0..ROUNDS {
            let least = here.number(&used);
            wait_for_replay(&original, &follower);
            let found = number(&mut there.service, &used);
            assert!(found >= least && found >= last, "{found} after {least} and {last}");
            let most = here.number(&used);
            assert!(found <= most, "{found} before {most}");
            last = found;
            // Each reads several tables at one moment.
            assert_eq!(answer(&mut there.service, "select * from carrel.verify_usage()"), [""; 0]);
            let complaints = "select check_name, detail from carrel.doctor() where not ok";
            assert_eq!(answer(&mut there.superuser, complaints), [""; 0]);
            let found = "select count(*) from carrel.search_documents('mole', 100)";
            let found = number(&mut there.user, found);
            assert!((0..=8).contains(&found), "{found}");
            let of_others = "select count(*) from carrel.search_chunks('heron mole') as f
                where not exists (select from carrel.documents as d where d.id = f.document_id)";
            assert_eq!(number(&mut there.user, of_others), 0);
        }
        0
    };
    let rounds = at_once(
        3,
        |number| number,
        |number, _| match number {
            2 => {
                // Ends the writers also where it fails.
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
                is_over.store(true, Ordering::Relaxed);
                outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
            _ => write(number),
        },
    );
    assert!(rounds[0] > 5 && rounds[1] > 5, "{rounds:?}");
}

#[test]
fn sessions_that_are_open_go_on_when_their_standby_is_promoted() {
    let (primary, standby, name) = servers();
    let (original, follower) = (primary.database(&name), standby.database(&name));
    original.superuser().run(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement)
        values ('free', 'chat', 'tokens', 100, 'hard')",
    );
    original
        .service()
        .run(&format!("select carrel.consume_usage('chat', 60, user_id => '{ALICE}')"));
    let claimed = original
        .service()
        .value("select id, lease_token from carrel.claim_requests('w', 1, lease => '1 hour')");
    wait_for_replay(&original, &follower);
    let mut there = Sessions::open(&follower);
    let expected = there.answers();
    let mut within = follower.user(ALICE);
    within.run("begin; select count(*) from carrel.search_chunks('heron')");
    assert_eq!(
        there.user.refused("select carrel.add_document('mole.md', 'A mole digs.')"),
        "25006"
    );

    let everything = contents(&original);
    primary.crash();
    standby.promote();
    assert_eq!(contents(&follower), everything);
    assert_eq!(there.answers(), expected);
    // A transaction that began before goes on reading.
    assert_eq!(within.number("select count(*) from carrel.search_chunks('heron')"), 1);
    assert_eq!(within.refused("select carrel.add_document('mole.md', 'A mole digs.')"), "25006");
    within.run("rollback; select carrel.add_document('mole.md', 'A mole digs.')");
    let [request, token] = two(&claimed);
    there
        .service
        .run(&format!("select carrel.complete_request('{request}', '{token}', '{{}}', 5)"));
    there.user.run("select carrel.add_document('badger.md', 'A badger sleeps.')");
    for session in [&mut there.user, &mut within] {
        assert_eq!(session.number("select count(*) from carrel.search_chunks('mole badger')"), 2);
    }
    // The hard limit of the primary, to the last token.
    let consume = |tokens: i32| {
        format!("select carrel.consume_usage('chat', {tokens}, user_id => '{ALICE}')")
    };
    there.service.run(&consume(39));
    assert_eq!(there.service.refused(&consume(2)), "PT402");
    follower.service().run(&consume(1));
    assert_eq!(there.service.refused(&consume(1)), "PT402");
    there.superuser.run("select carrel.migrate()");
    there.superuser.run("alter table carrel.plan_limits add column note text");
    assert_eq!(there.service.number("select count(*) from carrel.verify_usage()"), 0);
    follower.assert_sound();
}
