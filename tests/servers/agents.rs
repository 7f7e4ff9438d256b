//! Agent requests that many workers do at once: each is done once, and billed once, whatever becomes of them.

use carrel_tests::{ALICE, BOB, Cluster, Database, Session, at_once};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const WORKERS: usize = 32;

fn with_users() -> Database<'static> {
    let database = Cluster::shared().installed();
    database
        .service()
        .run(&format!("select carrel.create_user('{ALICE}'), carrel.create_user('{BOB}')"));
    database
}

/// Requests that wait to be done.
fn ask(database: &Database, count: usize) {
    database.superuser().run(&format!(
        "insert into carrel.agent_requests (user_id, agent_type, content, max_attempts, reserve_tokens)
        select case n % 2 when 0 then '{ALICE}'::uuid else '{BOB}' end, 'chat', n, 1000, 5
        from generate_series(1, {count}) as n"
    ));
}

fn limit(database: &Database, measure: &str, value: i64) {
    database.superuser().run(&format!(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value)
        values ('free', 'agent_request', '{measure}', {value})
        on conflict (plan_type, event_type, measure, period) do update set limit_value = excluded.limit_value, enforcement = 'hard'"
    ));
}

fn assert_exact(database: &Database) {
    assert_eq!(
        database.superuser().column("select * from carrel.verify_usage()"),
        Vec::<String>::new()
    );
}

/// Claimed requests: their ids and tokens.
fn claim(session: &mut Session, worker: usize, count: usize, lease: &str) -> Option<Vec<String>> {
    let sql = format!(
        "select id, lease_token from carrel.claim_requests('worker {worker}', {count}, lease => '{lease}')"
    );
    let rows = session.client().simple_query(&sql).ok()?;
    let mut leases = Vec::new();
    for row in rows {
        if let postgres::SimpleQueryMessage::Row(row) = row {
            leases.push(format!("'{}', '{}'", row.get(0)?, row.get(1)?));
        }
    }
    Some(leases)
}

#[test]
fn each_of_many_requests_is_done_and_billed_once_by_workers_that_crash_and_are_slow() {
    const REQUESTS: usize = 10_000;
    let database = with_users();
    limit(&database, "tokens", 10_000_000);
    limit(&database, "events", 1_000_000);
    let mut superuser = database.superuser();
    superuser.run(
        "select count(carrel.create_user(md5(n::text)::uuid)) from generate_series(1, 50) as n",
    );
    superuser.run(&format!(
        "insert into carrel.agent_requests (user_id, agent_type, content, max_attempts, reserve_tokens)
        select md5((n % 50 + 1)::text)::uuid, 'chat', n, 1000, 5 from generate_series(1, {REQUESTS}) as n"
    ));
    let begun = Instant::now();
    let is_open =
        "select count(*) from carrel.agent_requests where status in ('pending', 'processing')";
    let is_over = AtomicBool::new(false);
    let done = at_once(
        WORKERS + 1,
        |_| database.service(),
        |number, mut session| {
            let mut done = Vec::new();
            if number == WORKERS {
                let mut superuser = database.superuser();
                while superuser.number(is_open) > 0 {
                    if begun.elapsed() > Duration::from_secs(180) {
                        is_over.store(true, Ordering::Relaxed);
                        panic!("it takes too long");
                    }
                    superuser.run(
                        "select pg_terminate_backend(pid) from pg_stat_activity
                        where datname = current_database() and pid <> pg_backend_pid()
                            and query ~ 'complete_request|claim_requests'
                        order by random() limit 1",
                    );
                    std::thread::sleep(Duration::from_millis(20));
                }
                is_over.store(true, Ordering::Relaxed);
                return done;
            }
            let is_slow = number % 8 == 0;
            let lease = if is_slow { "30 milliseconds" } else { "2 seconds" };
            while !is_over.load(Ordering::Relaxed) {
                let Some(leases) = claim(&mut session, number, 1 + number % 20, lease) else {
                    session = database.service();
                    continue;
                };
                if leases.is_empty() {
                    std::thread::sleep(Duration::from_millis(100));
                }
                for (turn, lease) in leases.iter().enumerate() {
                    if is_slow && turn == 0 {
                        std::thread::sleep(Duration::from_millis(80));
                    }
                    if turn % 7 == 6 {
                        let fail = format!(
                            "select carrel.fail_request({lease}, '{{}}', '0', tokens => 1)"
                        );
                        let _ = session.client().batch_execute(&fail);
                    } else {
                        let complete =
                            format!("select carrel.complete_request({lease}, '{{}}', tokens => 3)");
                        if session.client().batch_execute(&complete).is_ok() {
                            done.push(lease.clone());
                        }
                    }
                    if session.client().is_closed() {
                        session = database.service();
                        // What it was at lapses.
                        break;
                    }
                }
            }
            done
        },
    );
    let done: Vec<String> =
        done.into_iter().flatten().map(|lease| lease[..38].to_owned()).collect();
    let unique: BTreeSet<&String> = done.iter().collect();
    assert_eq!(unique.len(), done.len(), "a request was completed twice");
    let mut count = |sql: &str| superuser.number(sql) as usize;
    assert_eq!(
        count("select count(*) from carrel.agent_requests where status = 'completed'"),
        REQUESTS
    );
    let events = "select count(*) from carrel.usage_events where event_type = 'agent_request'";
    assert_eq!(count(events), REQUESTS);
    let billed = "select count(distinct request_id) from carrel.usage_events as e
        join carrel.agent_requests as r on r.id = e.request_id and r.lease_token = e.id
        where event_type = 'agent_request' and tokens_used = 3";
    assert_eq!(count(billed), REQUESTS);
    assert!(done.len() <= REQUESTS && done.len() > REQUESTS / 2, "{}", done.len());
    assert_exact(&database);
}

#[test]
fn who_lost_a_lease_says_and_bills_nothing_any_more() {
    let database = with_users();
    ask(&database, 1);
    let (mut slow, mut other) = (database.service(), database.service());
    let lost = claim(&mut slow, 1, 1, "1 millisecond").unwrap().remove(0);
    std::thread::sleep(Duration::from_millis(10));
    let held = claim(&mut other, 2, 1, "1 minute").unwrap().remove(0);
    for call in [
        format!("heartbeat_request({lost}, 0.5)"),
        format!("complete_request({lost}, '{{}}', tokens => 1)"),
        format!("fail_request({lost}, '{{}}', tokens => 1)"),
    ] {
        let failure = slow.failure(&format!("select carrel.{call}"));
        assert_eq!(failure.code().code(), "PT409");
        assert!(
            failure.detail().unwrap().contains("held by worker 'worker 2' since"),
            "{failure:?}"
        );
    }
    other.run(&format!("select carrel.complete_request({held}, '{{}}', tokens => 2)"));
    assert_eq!(
        slow.refused(&format!("select carrel.complete_request({lost}, '{{}}', tokens => 1)")),
        "PT409"
    );
    assert_eq!(database.superuser().column("select tokens_used from carrel.usage_events"), ["2"]);
    assert_exact(&database);
}

#[test]
fn no_more_requests_are_admitted_than_a_limit_has_and_all_of_them_are() {
    let database = with_users();
    limit(&database, "events", 60);
    let created = at_once(
        24,
        |number| database.user([ALICE, BOB][number % 2]),
        |number, mut session| {
            let create = match number % 4 {
                0 | 1 => "select carrel.create_request('chat', 'x')",
                _ => "insert into carrel.agent_requests (agent_type, content) values ('chat', 'x')",
            };
            (0..10).filter(|_| session.attempt(create).is_ok()).count()
        },
    );
    assert_eq!(created.iter().sum::<usize>(), 120);
    let mut service = database.service();
    assert_eq!(service.number("select count(*) from carrel.claim_requests('w', 1000)"), 120);
    let done = "select count(*) from carrel.agent_requests as r cross join lateral
        carrel.complete_request(r.id, r.lease_token, '{}', tokens => 1)";
    let mut superuser = database.superuser();
    assert_eq!(superuser.number(done), 120);
    assert_eq!(database.user(ALICE).refused("select carrel.create_request('chat', 'x')"), "PT402");
    assert_exact(&database);
    assert_eq!(superuser.column("select distinct usage_count from carrel.user_profiles"), ["60"]);
}

#[test]
fn one_key_is_one_request_whoever_comes_first() {
    let database = with_users();
    let ids = at_once(
        16,
        |_| database.user(ALICE),
        |_, mut session| {
            session.value("select carrel.create_request('chat', 'x', idempotency_key => 'k')")
        },
    );
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(database.superuser().number("select count(*) from carrel.agent_requests"), 1);
}

#[test]
fn a_restored_database_goes_on_with_the_requests_in_flight() {
    let database = with_users();
    limit(&database, "events", 10);
    ask(&database, 8);
    let mut service = database.service();
    let leases = claim(&mut service, 1, 3, "1 hour").unwrap();
    service.run(&format!("select carrel.complete_request({}, '{{}}', tokens => 7)", leases[0]));
    let dump = database.dump_to_file(&["-Fc"]);
    let restored = Cluster::shared().empty();
    restored.restore(&[], &dump);
    assert_exact(&restored);
    let mut service = restored.service();
    service.run(&format!("select carrel.complete_request({}, '{{}}', tokens => 7)", leases[1]));
    assert_eq!(claim(&mut service, 2, 100, "1 hour").unwrap().len(), 5);
    let mut alice = restored.user(ALICE);
    let create = "select carrel.create_request('chat', 'x')";
    assert_eq!((0..10).filter(|_| alice.attempt(create).is_ok()).count(), 6);
    assert_exact(&restored);
    restored.assert_sound();
}

#[test]
fn a_chain_is_the_requests_of_its_session_whatever_comes_and_goes_at_once() {
    let database = with_users();
    let session = database.user(ALICE).value("select carrel.create_session('Busy')");
    at_once(
        12,
        |_| database.user(ALICE),
        |number, mut user| {
            for turn in 0..25 {
                let statement = match (number + turn) % 5 {
                    0 | 1 => {
                        format!("select carrel.create_request('chat', '{number}', '{session}')")
                    }
                    2 => format!(
                        "select carrel.append_to_session('{session}', carrel.create_request('chat', 'apart'))"
                    ),
                    3 => format!(
                        "select carrel.append_to_session('{session}', id) from carrel.agent_requests
                        order by random() limit 1"
                    ),
                    _ => "delete from carrel.agent_requests where id = (
                            select id from carrel.agent_requests order by random() limit 1
                        )"
                    .to_owned(),
                };
                if let Err(state) = user.attempt(&statement) {
                    assert_eq!(state, "PT404", "{statement}");
                }
            }
        },
    );
    let is_same = "select (
            select coalesce(array_agg(r.id order by r.id), '{}') from carrel.agent_requests as r where r.session_id = s.id
        ) = (
            select coalesce(array_agg(link.id::uuid order by link.id), '{}') from jsonb_array_elements_text(request_chain) as link (id)
        ) and version = 0
        from carrel.agent_sessions as s";
    assert_eq!(database.superuser().column(is_same), ["t"]);
    assert!(database.superuser().number("select count(*) from carrel.agent_requests") > 50);
}

#[test]
fn patches_of_a_session_at_once_are_all_in_its_state() {
    let database = with_users();
    let session = database.user(ALICE).value("select carrel.create_session()");
    at_once(
        8,
        |_| database.user(ALICE),
        |number, mut user| {
            for turn in 0..20 {
                let patch = format!(r#"{{"{number}": {{"{turn}": 1}}}}"#);
                user.run(&format!("select carrel.patch_session_state('{session}', '{patch}')"));
                // A counter by compare and set.
                loop {
                    let version = user.value("select version from carrel.agent_sessions");
                    let count = user.number("select coalesce(context_state ->> 'count', '0')::bigint from carrel.agent_sessions");
                    let set = format!(
                        r#"select carrel.patch_session_state('{session}', '{{"count": {}}}', {version})"#,
                        count + 1
                    );
                    match user.attempt(&set) {
                        Ok(_) => break,
                        Err(state) => assert_eq!(state, "PT409"),
                    }
                }
            }
        },
    );
    let mut superuser = database.superuser();
    let keys = "select count(*) from carrel.agent_sessions cross join jsonb_each(context_state) as one (name, inner_state)
        cross join jsonb_object_keys(inner_state) where name <> 'count'";
    assert_eq!(superuser.number(keys), 160);
    assert_eq!(
        superuser.value("select context_state ->> 'count' from carrel.agent_sessions"),
        "160"
    );
    assert_eq!(superuser.number("select version from carrel.agent_sessions"), 320);
}

#[test]
fn workers_who_listen_are_told_of_requests_if_that_is_wanted() {
    let database = with_users();
    let mut listener = database.superuser();
    listener.run("listen work");
    let mut told = |expected: usize| {
        let count =
            {
                use postgres::fallible_iterator::FallibleIterator;
                let mut notifications = listener.client().notifications();
                let mut waiting = notifications
                    .timeout_iter(Duration::from_millis(if expected > 0 { 2000 } else { 200 }));
                let mut count = 0;
                while count < expected.max(1)
                    && let Some(notification) = waiting.next().unwrap()
                {
                    assert_eq!((notification.channel(), notification.payload()), ("work", ""));
                    count += 1;
                }
                count
            };
        assert_eq!(count, expected);
    };
    let mut user = database.user(ALICE);
    user.run("select carrel.create_request('chat', 'unheard')");
    told(0);
    assert_eq!(user.refused("set carrel.notify_channel = 'work'"), "42501");
    let name = database.superuser().value("select current_database()");
    database
        .superuser()
        .run(&format!("alter database \"{name}\" set carrel.notify_channel = 'work'"));
    let mut user = database.user(ALICE);
    user.run("begin; select carrel.create_request('chat', 'one'); insert into carrel.agent_requests (agent_type, content) values ('chat', 'two'); commit");
    told(1);
    let mut service = database.service();
    assert_eq!(claim(&mut service, 1, 10, "1 hour").unwrap().len(), 3);
    told(0);
}

#[test]
fn a_claim_finds_what_comes_before_the_place_where_the_last_one_ended() {
    const DONE: usize = 1_000;
    let database = with_users();
    let (mut service, mut superuser) = (database.service(), database.superuser());
    ask(&database, DONE);
    // What is done stays in the index: claims go on from where they were.
    let mut reader = database.superuser();
    reader.run("begin isolation level repeatable read; select count(*) from carrel.agent_requests");
    for _ in 0..DONE {
        service.run("select from carrel.claim_requests('w', 1)");
    }
    let mut ask = |content: &str, priority: i32, minutes_ago: i32| {
        superuser.run(&format!(
            "insert into carrel.agent_requests (user_id, agent_type, content, priority, run_at)
            values ('{ALICE}', 'chat', '{content}', {priority}, now() - interval '{minutes_ago} minutes')"
        ));
    };
    ask("first", 0, 0);
    assert_eq!(service.column("select content from carrel.claim_requests('w', 1)"), ["first"]);
    ask("earlier", 0, 9);
    ask("higher", 3, 0);
    ask("lower", -3, 5);
    ask("between", 1, 0);
    ask("next", 0, 0);
    let mut claimed = |count: i32, lease: &str| {
        service.column(&format!(
            "select content from carrel.claim_requests('w', {count}, lease => '{lease}')"
        ))
    };
    assert_eq!(claimed(2, "1 hour"), ["higher", "between"]);
    // A walk over all takes less than a hundredth of this.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(claimed(3, "1 hour"), ["earlier", "next", "lower"]);
    // A claim finds expired leases, at once.
    ask("lapsing", 0, 3);
    ask("after it", 0, 0);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(claimed(1, "1 millisecond"), ["lapsing"]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(claimed(2, "1 hour"), ["lapsing", "after it"]);
    assert_eq!(claimed(1, "1 hour"), Vec::<String>::new());
    reader.run("rollback");
}

#[test]
fn claims_beside_an_old_snapshot_walk_over_what_is_done_seldom_and_yet_miss_nothing() {
    const REQUESTS: usize = 1_000;
    let database = with_users();
    let mut superuser = database.superuser();
    ask(&database, REQUESTS);
    let mut reader = database.superuser();
    reader.run("begin isolation level repeatable read; select count(*) from carrel.agent_requests");
    let mut service = database.service();
    let mut pages = Vec::new();
    for _ in 0..REQUESTS {
        let plan = service.column(
            "explain (analyze, buffers, timing off, costs off, summary off) select * from carrel.claim_requests('w', 1)",
        );
        let hits = plan.iter().find_map(|line| line.trim().strip_prefix("Buffers: shared hit="));
        let hits = hits.and_then(|hits| hits.split(' ').next()).and_then(|hits| hits.parse().ok());
        pages.push(hits.unwrap_or_else(|| panic!("no buffers in {plan:?}")));
    }
    // One that walks from the beginning reads a page for each that was claimed.
    let mut last: Vec<usize> = pages.split_off(REQUESTS - 100);
    last.sort_unstable();
    assert!(last[50] < 200, "the median of the last hundred claims reads {} pages", last[50]);
    assert!(last[99] < 4 * REQUESTS, "a claim reads {} pages", last[99]);

    superuser.run(&format!(
        "insert into carrel.agent_requests (user_id, agent_type, content, run_at)
        values ('{ALICE}', 'chat', 'earlier', now() - interval '1 hour')"
    ));
    let started = Instant::now();
    while service.column("select content from carrel.claim_requests('w', 1)") != ["earlier"] {
        assert!(started.elapsed() < Duration::from_secs(60), "it is never found");
    }
    reader.run("rollback");
}

#[test]
fn workers_of_one_type_of_agents_do_not_walk_over_the_requests_of_others() {
    let database = with_users();
    database.superuser().run(&format!(
        "insert into carrel.agent_requests (user_id, agent_type, content, priority)
        select '{ALICE}', 'type ' || n % 50, n, n % 3 from generate_series(1, 20000) as n;
        insert into carrel.agent_requests (user_id, agent_type, content, priority)
        select '{BOB}', case n % 2 when 0 then 'chat' else 'summary' end, n, n % 3 from generate_series(1, 30) as n;
        analyze carrel.agent_requests"
    ));
    let mut service = database.service();
    let claim = "select priority, agent_type, content from carrel.claim_requests('w', 2, '{summary,chat,none,chat,null}')";
    let mut claimed = service.column(claim);
    let plan = service
        .column(&format!("explain (analyze, buffers, costs off, timing off, summary off) {claim}"));
    let hits = plan.iter().find_map(|line| line.trim().strip_prefix("Buffers: shared hit="));
    let hits: usize = hits
        .and_then(|hits| hits.split(' ').next())
        .and_then(|hits| hits.parse().ok())
        .unwrap_or_else(|| panic!("no buffers in {plan:?}"));
    assert!(hits < 500, "a claim reads {hits} pages");
    claimed.extend((0..14).flat_map(|_| service.column(claim)));
    assert_eq!(claimed.len(), 28);
    let priorities: Vec<&str> = claimed.iter().filter_map(|row| row.split('|').next()).collect();
    assert!(priorities.is_sorted_by(|one, next| one >= next), "{claimed:?}");
    assert_eq!(service.column(claim), Vec::<String>::new());
    assert_eq!(service.value("select carrel.next_wakeup('{none}')"), "");
    assert_eq!(service.value("select carrel.next_wakeup('{none,\"type 7\"}') < now()"), "t");
}

#[test]
fn a_document_without_text_is_one_workers_even_if_many_take_over_at_once() {
    let database = with_users();
    database.superuser().run(&format!(
        "insert into carrel.documents (user_id, filename) select '{ALICE}', n || '.pdf' from generate_series(1, 200) as n"
    ));
    // All were claimed before, and let lapse.
    let lapsed = "select count(*) from carrel.claim_documents('gone', 1000, '1 microsecond')";
    assert_eq!(database.service().number(lapsed), 200);
    let read = at_once(
        8,
        |_| database.service(),
        |number, mut session| {
            let mut read = Vec::new();
            loop {
                let claimed = session.column(&format!(
                    "select format('%L, %L', document_id, lease_token)
                    from carrel.claim_documents('reader {number}', 7, '1 hour')"
                ));
                if claimed.is_empty() {
                    return read;
                }
                for lease in claimed {
                    session.run(&format!(
                        "select carrel.set_document_text({lease}, 'Text of {number}.')"
                    ));
                    read.push(lease[..38].to_owned());
                }
            }
        },
    );
    let read: Vec<String> = read.into_iter().flatten().collect();
    assert_eq!((read.len(), read.iter().collect::<BTreeSet<_>>().len()), (200, 200));
    let attempts = "select count(*) from carrel.documents as d join carrel.document_leases as l on l.document_id = d.id
        where processing_status = 'completed' and attempts = 2";
    assert_eq!(database.superuser().number(attempts), 200);
}
