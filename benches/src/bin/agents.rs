//! How fast workers claim and complete agent requests, beside statements written by hand on a table with the same
//! columns and indexes.
//!
//! Workers are threads with a session each, over a Unix socket, with prepared statements; the disk is waited
//! for, autovacuum is on. By hand, a claim is an UPDATE … WHERE id IN (SELECT … FOR UPDATE SKIP LOCKED), and a
//! completion an UPDATE and an INSERT into a table like usage_events in one statement, which know nothing of
//! limits, totals, counters or chains.
//!
//! - 1,000 users, 8 workers, 1 and 50 claimed at a time: both sides in turn, several times; medians.
//! - One claim with 10,000 pending requests, and with 1,000,000 finished ones beside them.
//! - DURATION seconds (600 unless it is set) of full load, while a transaction with an old snapshot is open:
//!   the rate in the last tenth beside that in the first, and what grew. By hand for a tenth of that, and for
//!   another tenth while two clients insert the requests, whose foreign keys read all versions of the profiles.
//!
//! PART=throughput, finished or reader runs one of these.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use carrel_benches::median;
use carrel_benches::report::{self, Bound, Target, number};
use carrel_benches::server;
use carrel_benches::size::{scaled, set_by};
use postgres::types::ToSql;
use postgres::{Client, Statement};

const WORKERS: usize = 8;

const TABLES: &str = "
    select count(carrel.create_user(md5('user ' || n)::uuid)) from generate_series(1, 1000) as n;
    create table public.requests (like carrel.agent_requests including all);
    create table public.events (like carrel.usage_events including all)";

/// One of the two sides.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Carrel,
    ByHand,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Carrel => "carrel",
            Side::ByHand => "by hand",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Side::Carrel => "carrel.agent_requests",
            Side::ByHand => "public.requests",
        }
    }

    fn claim(self) -> &'static str {
        match self {
            Side::Carrel => "select id, lease_token, content from carrel.claim_requests('worker', $1)",
            Side::ByHand => {
                "update public.requests set status = 'processing', attempts = attempts + 1,
                    lease_token = gen_random_uuid(), lease_owner = 'worker',
                    lease_expires_at = clock_timestamp() + interval '30 seconds', started_at = clock_timestamp()
                where id in (
                    select id from public.requests
                    where status = 'pending' and run_at <= clock_timestamp()
                    order by priority desc, run_at, id limit $1::int for update skip locked
                )
                returning id, lease_token, content"
            }
        }
    }

    fn complete(self) -> &'static str {
        match self {
            Side::Carrel => {
                r#"select event_id from carrel.complete_request($1, $2, '{"answer": "so it is"}', 10, 0.01)"#
            }
            Side::ByHand => {
                r#"with done as (
                    update public.requests set status = 'completed', progress = 1, results = '{"answer": "so it is"}',
                        token_cost = 10, completed_at = clock_timestamp(), lease_expires_at = null
                    where id = $1 and lease_token = $2 and status = 'processing'
                    returning id, user_id, lease_token
                )
                insert into public.events (id, user_id, event_type, tokens_used, cost, request_id)
                select lease_token, user_id, 'agent_request', 10, 0.01, id from done returning id"#
            }
        }
    }
}

/// Requests of all users that wait to be done.
fn fill(client: &mut Client, side: Side, count: usize) {
    let sql = format!(
        "insert into {} (id, user_id, agent_type, content)
        select carrel.uuid_v7(), md5('user ' || 1 + (random_at + n) % 1000)::uuid, 'chat', 'What is the answer?'
        from generate_series(1, {count}) as n, (select floor(random() * 1000)::int as random_at) as start",
        side.table()
    );
    client.batch_execute(&sql).expect("requests");
}

struct Worker {
    client: Client,
    claim: Statement,
    complete: Statement,
    at_once: i32,
}

impl Worker {
    fn new(side: Side, at_once: i32) -> Self {
        let mut client = server::superuser();
        let claim = client.prepare(side.claim()).expect("a claim");
        let complete = client.prepare(side.complete()).expect("a completion");
        Self { client, claim, complete, at_once }
    }

    fn claim(&mut self) -> Vec<(uuid::Uuid, uuid::Uuid)> {
        let rows = self.client.query(&self.claim, &[&self.at_once]).expect("a claim");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Claims, and completes what it got; how many.
    fn turn(&mut self) -> usize {
        let claimed = self.claim();
        for (id, lease) in &claimed {
            let args: [&(dyn ToSql + Sync); 2] = [id, lease];
            let done = self.client.query(&self.complete, &args).expect("a completion");
            assert_eq!(done.len(), 1);
        }
        claimed.len()
    }
}

/// Has the workers do all there is; how many a second that were.
fn drain(side: Side, at_once: i32, count: usize) -> f64 {
    let barrier = std::sync::Barrier::new(WORKERS + 1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut worker = Worker::new(side, at_once);
                    barrier.wait();
                    let mut done = 0;
                    loop {
                        match worker.turn() {
                            0 => return done,
                            more => done += more,
                        }
                    }
                })
            })
            .collect();
        barrier.wait();
        let began = Instant::now();
        let done: usize = threads.into_iter().map(|thread| thread.join().expect("a worker")).sum();
        assert_eq!(done, count, "{}", side.name());
        count as f64 / began.elapsed().as_secs_f64()
    })
}

fn throughput(client: &mut Client, targets: &mut Vec<Target>) {
    println!("\n1,000 users, {WORKERS} workers: claimed and completed, a second");
    let count = scaled(20_000, 200);
    for at_once in [1, 50] {
        let (mut rates, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
        for _ in 0..scaled(5, 1) {
            for (side, rates) in [Side::ByHand, Side::Carrel].into_iter().zip(&mut rates) {
                fill(client, side, count);
                rates.push(drain(side, at_once, count));
            }
            let last = |rates: &Vec<f64>| rates.last().copied().unwrap_or(f64::NAN);
            ratios.push(last(&rates[1]) / last(&rates[0]));
        }
        let ratio = median(ratios);
        let [hand, carrel] = rates.map(median);
        println!(
            "  {at_once:>3} at a time {:>26} by hand {:>10} carrel {:>9} x",
            number(hand),
            number(carrel),
            number(ratio)
        );
        let what = format!("claimed {at_once} at a time and completed, beside by hand");
        targets.push(Target::new(what, ratio, Bound::AtLeast(0.7), "x"));
    }
}

/// How long one claim takes, in milliseconds: the 95th of a hundred.
fn claim_p95() -> f64 {
    let claims = scaled(5_000, 50);
    let mut worker = Worker::new(Side::Carrel, 1);
    let mut times: Vec<f64> = (0..claims)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(worker.claim().len(), 1);
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[claims * 95 / 100]
}

fn beside_finished(client: &mut Client, targets: &mut Vec<Target>) {
    let pending = scaled(10_000, 100);
    let finished = scaled(1_000_000, 1_000);
    let fresh = |client: &mut Client| {
        client
            .batch_execute(
                "delete from carrel.agent_requests where status in ('pending', 'processing')",
            )
            .expect("no requests");
        fill(client, Side::Carrel, pending);
        client.batch_execute("vacuum analyze carrel.agent_requests").expect("vacuum");
    };
    client.batch_execute("truncate carrel.agent_requests").expect("no requests");
    let mut none = Vec::new();
    for _ in 0..3 {
        fresh(client);
        none.push(claim_p95());
    }
    client
        .batch_execute(&format!(
            "insert into carrel.agent_requests (user_id, agent_type, content, status, progress, results, completed_at)
            select md5('user ' || 1 + n % 1000)::uuid, 'chat', 'What was it?', 'completed', 1, '{{}}', now()
            from generate_series(1, {finished}) as n"
        ))
        .expect("finished requests");
    let mut many = Vec::new();
    for _ in 0..3 {
        fresh(client);
        many.push(claim_p95());
    }
    let (none, many) = (median(none), median(many));
    println!("\nOne claim among {pending} pending requests, p95");
    println!("  {:<48} {:>8} ms", "none finished", number(none));
    println!("  {:<48} {:>8} ms", format!("{finished} finished"), number(many));
    let what = "a claim beside 1,000,000 finished requests and none";
    targets.push(Target::new(what, many / none, Bound::AtMost(1.3), "x"));
    client.batch_execute("truncate carrel.agent_requests").expect("no requests");
}

/// Full load for so long while an old snapshot is open: how many are done in each tenth, a second. Requests are
/// there before, or clients insert them meanwhile, which is part of the load then.
fn sustained(client: &mut Client, side: Side, duration: Duration, clients: usize) -> Vec<f64> {
    const TENTHS: u32 = 10;
    /// More than are done.
    const A_SECOND: usize = 4_000;
    const BACKLOG: usize = 20_000;
    // At a time, by one client: whoever inserts a request holds its user's profile until the commit.
    const FEW: usize = 20;
    let backlog = if clients > 0 { BACKLOG } else { A_SECOND * duration.as_secs() as usize };
    client.batch_execute("truncate carrel.agent_requests, public.requests").expect("no requests");
    fill(client, side, backlog);
    client.batch_execute(&format!("vacuum analyze {}", side.table())).expect("vacuum");
    let mut reader = server::superuser();
    reader
        .batch_execute(&format!(
            "begin isolation level repeatable read; select count(*) from {}",
            side.table()
        ))
        .expect("a reader");
    let (asked, done) = (AtomicUsize::new(backlog), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    let rates = std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut client = server::superuser();
                while !is_over.load(Ordering::Relaxed) {
                    if asked.load(Ordering::Relaxed) < done.load(Ordering::Relaxed) + backlog {
                        asked.fetch_add(FEW, Ordering::Relaxed);
                        fill(&mut client, side, FEW);
                    } else {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            });
        }
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut worker = Worker::new(side, 1);
                while !is_over.load(Ordering::Relaxed) {
                    match worker.turn() {
                        0 => std::thread::sleep(Duration::from_millis(10)),
                        count => _ = done.fetch_add(count, Ordering::Relaxed),
                    }
                }
            });
        }
        let mut before = 0;
        let rates = (0..TENTHS).map(|_| {
            let began = Instant::now();
            std::thread::sleep(duration / TENTHS);
            let now = done.load(Ordering::Relaxed);
            let rate = (now - before) as f64 / began.elapsed().as_secs_f64();
            before = now;
            rate
        });
        let rates = rates.collect();
        assert!(clients > 0 || before < backlog, "the workers ran out of requests");
        is_over.store(true, Ordering::Relaxed);
        rates
    });
    reader.batch_execute("rollback").expect("the reader");
    rates
}

fn beside_a_reader(client: &mut Client, targets: &mut Vec<Target>) {
    let seconds = set_by("DURATION", 600, 2).unsigned_abs();
    let tenth = (seconds / 10).max(1);
    println!(
        "\nFull load, {WORKERS} workers, 1 at a time, beside an old snapshot, a second in each tenth of the time"
    );
    let runs = [
        (Side::ByHand, "by hand", tenth, 0),
        (Side::Carrel, "carrel, while clients insert requests", tenth, 2),
        (Side::Carrel, "carrel", seconds, 0),
    ];
    for (side, what, seconds, clients) in runs {
        let rates = sustained(client, side, Duration::from_secs(seconds), clients);
        let shown: Vec<String> = rates.iter().map(|rate| number(*rate)).collect();
        println!("  {what}, {seconds} s: {}", shown.join(" "));
        if side == Side::Carrel && clients == 0 {
            let ratio = rates.last().unwrap_or(&f64::NAN) / rates[0];
            let what = "the last tenth beside the first, beside an old snapshot";
            targets.push(Target::new(what, ratio, Bound::AtLeast(0.7), "x"));
        }
    }
    println!("  what grew:");
    let sizes = client
        .query(
            "select c.relname::text, pg_relation_size(c.oid) from pg_class as c
            where relnamespace = 'carrel'::regnamespace and relkind in ('r', 'i')
            order by pg_relation_size(c.oid) desc limit 8",
            &[],
        )
        .expect("sizes");
    for row in sizes {
        let (name, size): (String, i64) = (row.get(0), row.get(1));
        println!("    {name:<48} {:>8} MB", number(size as f64 / 1e6));
    }
}

fn main() {
    let mut client = server::superuser();
    client.batch_execute(TABLES).expect("users and tables");
    for sql in ["alter system set autovacuum = on", "select pg_reload_conf()"] {
        client.batch_execute(sql).expect("autovacuum");
    }
    let mut targets = Vec::new();
    let wanted = std::env::var("PART").unwrap_or_default();
    let parts: [(&str, fn(&mut Client, &mut Vec<Target>)); 3] =
        [("throughput", throughput), ("finished", beside_finished), ("reader", beside_a_reader)];
    for (name, part) in parts {
        if wanted.is_empty() || wanted == name {
            part(&mut client, &mut targets);
        }
    }
    let drift = server::number(&mut client, "select count(*) from carrel.verify_usage()");
    targets.push(Target::new("drift in the end", drift as f64, Bound::AtMost(0.0), "rows"));
    report::targets(&targets);
}
