//! How fast usage is recorded, beside a plain INSERT into a table with the same columns and indexes.
//!
//! Clients are pgbench's, with prepared statements, over a Unix socket; the disk is waited for. Both sides
//! run in turn, for SECONDS_EACH (5 unless it is set), several times: figures are medians, and ratios are
//! of what ran one after the other. The plain table has the foreign key to the user as well; what it does
//! without is there too.
//!
//! - 1,000 users, 8 clients: events without limits, under the limits that come with carrel, and agent
//!   requests, which keep usage_count as well.
//! - One user, 8 and 32 clients, two hard limits: what is recorded, and what is consumed.
//! - Batches of 1,000 events of 1,000 users beside an INSERT of 1,000 rows.
//! - How large the tables behind totals and limits are after all of it, and after the rest of EVENTS events
//!   (1,000,000 unless it is set), beside a copy of what lives in them; autovacuum is on.
//! - A user's year of the report among YEAR events (10,000,000 unless it is set), which takes some minutes and
//!   4 GB of disk.

use std::io::Write;
use std::process::Command;
use std::time::Instant;

use carrel_benches::median;
use carrel_benches::report::{self, Bound, Target, number};
use carrel_benches::server;
use carrel_benches::size::{is_smallest, scaled, set_by};
use postgres::Client;

const USERS: i64 = 1000;
const BATCH: usize = 1000;

const TABLES: &str = "
    select count(carrel.create_user(md5('user ' || n)::uuid)) from generate_series(1, 1000) as n;
    create table public.plain (
        like carrel.usage_events including all,
        foreign key (user_id) references carrel.user_profiles (user_id)
    );
    create table public.bare (like carrel.usage_events including indexes including defaults)";

const HARD_LIMITS: &str = "
    insert into carrel.plan_limits (plan_type, event_type, measure, period, limit_value, enforcement)
    values ('free', 'chat', 'tokens', 'month', 1e15, 'hard'), ('free', '*', 'events', 'day', 1e15, 'hard')";

/// A statement that clients repeat.
#[derive(Clone)]
struct Script {
    name: &'static str,
    sql: String,
}

const ANYBODY: &str = "md5('user ' || :u)::uuid";
const HOT: &str = "md5($$user 7$$)::uuid";

fn plain(name: &'static str, table: &str, user: &str) -> Script {
    let sql = format!(
        "insert into public.{table} (id, user_id, event_type, tokens_used, cost)
        values (carrel.uuid_v7(), {user}, 'chat', 10, 0.01);"
    );
    Script { name, sql }
}

fn carrel(name: &'static str, function: &str, event_type: &str, user: &str) -> Script {
    let sql =
        format!("select * from carrel.{function}('{event_type}', 10, 0.01, user_id => {user});");
    Script { name, sql }
}

/// How many transactions a second there are.
fn rate(script: &Script, clients: usize, how_long: [String; 2]) -> f64 {
    let path = std::env::temp_dir().join(format!("carrel-usage-{}.sql", std::process::id()));
    let mut file = std::fs::File::create(&path).expect("a file for pgbench");
    let sql = script.sql.split_whitespace().collect::<Vec<_>>().join(" ");
    write!(file, "\\set u random(1, {USERS})\n{sql}\n").expect("a file for pgbench");
    let url = std::env::var("CARREL_URL").expect("CARREL_URL");
    let pgbench = std::env::var("CARREL_PGBENCH").expect("CARREL_PGBENCH");
    let output = Command::new(pgbench)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={clients}"))
        .args(how_long)
        .arg(format!("--file={}", path.display()))
        .arg(url)
        .output()
        .expect("pgbench");
    std::fs::remove_file(path).expect("the file is there");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}: {}",
        script.name,
        String::from_utf8_lossy(&output.stderr)
    );
    let tps = said.split("tps = ").nth(1).and_then(|rest| rest.split(' ').next());
    tps.and_then(|tps| tps.parse().ok()).unwrap_or_else(|| panic!("no rate in {said}"))
}

fn seconds() -> [String; 2] {
    if is_smallest() {
        return ["--transactions".to_owned(), "10".to_owned()];
    }
    ["--time".to_owned(), std::env::var("SECONDS_EACH").unwrap_or_else(|_| "5".to_owned())]
}

/// Runs the scripts in turn; the rates' medians, and those of what each is of the first.
fn compare(title: &str, clients: usize, scripts: &[Script]) -> Vec<f64> {
    println!("\n{title}, {clients} clients");
    let mut rates = vec![Vec::new(); scripts.len()];
    let mut ratios = vec![Vec::new(); scripts.len()];
    for _ in 0..scaled(5, 1) {
        for (i, script) in scripts.iter().enumerate() {
            rates[i].push(rate(script, clients, seconds()));
        }
        for i in 0..scripts.len() {
            let of = |i: usize| rates[i].last().copied().unwrap_or(f64::NAN);
            ratios[i].push(of(i) / of(0));
        }
    }
    let ratios: Vec<f64> = ratios.into_iter().map(median).collect();
    for (script, (rates, ratio)) in scripts.iter().zip(rates.into_iter().zip(&ratios)) {
        println!("  {:<48} {:>8}/s {:>8} x", script.name, number(median(rates)), number(*ratio));
    }
    ratios
}

fn main() {
    let mut client = server::superuser();
    client.batch_execute(TABLES).expect("users and tables");
    for sql in ["alter system set autovacuum = on", "select pg_reload_conf()"] {
        client.batch_execute(sql).expect("autovacuum");
    }
    let mut targets = Vec::new();
    many_users(&mut client, &mut targets);
    batches(&mut client, &mut targets);
    one_user(&mut client, &mut targets);
    bloat(&mut client, &mut targets);
    year(&mut client, &mut targets);
    let drift = server::number(&mut client, "select count(*) from carrel.verify_usage()");
    targets.push(Target::new("drift in the end", drift as f64, Bound::AtMost(0.0), "rows"));
    report::targets(&targets);
}

fn many_users(client: &mut Client, targets: &mut Vec<Target>) {
    let sides = [
        plain("INSERT, with its foreign key", "plain", ANYBODY),
        plain("INSERT, without foreign key and constraints", "bare", ANYBODY),
        carrel("record_usage(), an ordinary event", "record_usage", "chat", ANYBODY),
        carrel("record_usage(), an agent request", "record_usage", "agent_request", ANYBODY),
    ];
    compare("1,000 users, the limits that come with carrel", 8, &sides);
    client.batch_execute("delete from carrel.plan_limits").expect("no limits");
    let ratios = compare("1,000 users, no limits", 8, &sides);
    let at_least = |what: &str, ratio, least| Target::new(what, ratio, Bound::AtLeast(least), "x");
    targets.push(at_least("an ordinary event beside an INSERT", ratios[2], 0.8));
    targets.push(at_least("an agent request beside an INSERT", ratios[3], 0.65));
}

fn one_user(client: &mut Client, targets: &mut Vec<Target>) {
    client.batch_execute(HARD_LIMITS).expect("limits");
    for (clients, least) in [(8, 0.6), (32, 0.4)] {
        let sides = [
            plain("INSERT, with its foreign key", "plain", HOT),
            carrel("record_usage()", "record_usage", "chat", HOT),
            carrel("consume_usage()", "consume_usage", "chat", HOT),
        ];
        let ratios = compare("One user, two hard limits", clients, &sides);
        for (side, ratio) in ["recorded", "consumed"].iter().zip(&ratios[1..]) {
            let what = format!("one user's event, {clients} clients, {side}");
            targets.push(Target::new(what, *ratio, Bound::AtLeast(least), "x"));
        }
    }
    client.batch_execute("delete from carrel.plan_limits").expect("no limits");
}

fn batches(client: &mut Client, targets: &mut Vec<Target>) {
    let users: Vec<String> = client
        .query("select user_id::text from carrel.user_profiles order by 1", &[])
        .expect("users")
        .iter()
        .map(|row| row.get(0))
        .collect();
    let each = |row: &dyn Fn(&str) -> String| -> String {
        let rows: Vec<String> = (0..BATCH).map(|i| row(&users[i % users.len()])).collect();
        rows.join(", ")
    };
    let insert = format!(
        "insert into public.plain (id, user_id, event_type, tokens_used, cost) values {}",
        each(&|user| format!("(carrel.uuid_v7(), '{user}', 'chat', 10, 0.01)"))
    );
    let batch = format!(
        "select count(*) from carrel.record_usage_batch('[{}]')",
        each(&|user| format!(
            r#"{{"user_id": "{user}", "event_type": "chat", "tokens_used": 10, "cost": 0.01}}"#
        ))
    );
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..scaled(33, 4) {
        for (sql, times) in [&insert, &batch].into_iter().zip(&mut times) {
            let began = Instant::now();
            client.simple_query(sql).expect("a batch");
            if round >= 3 {
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let ratio =
        median(times[0].iter().zip(&times[1]).map(|(plain, batch)| plain / batch).collect());
    println!("\nBatches of {BATCH} events of {USERS} users");
    let [plain, batch] = times.map(median);
    println!("  {:<48} {:>8} ms", "INSERT of many rows, with its foreign key", number(plain));
    println!("  {:<48} {:>8} ms {:>7} x", "record_usage_batch()", number(batch), number(ratio));
    targets.push(Target::new(
        "a batch beside an INSERT of many rows",
        ratio,
        Bound::AtLeast(0.8),
        "x",
    ));
}

fn bloat(client: &mut Client, targets: &mut Vec<Target>) {
    let events = set_by("EVENTS", 1_000_000, 10_000);
    client.batch_execute(HARD_LIMITS).expect("limits");
    let so_far = server::number(client, "select count(*) from carrel.usage_events");
    let each = (events - so_far).max(0) / 8;
    if each > 0 {
        let script = carrel("record_usage()", "record_usage", "chat", ANYBODY);
        rate(&script, 8, ["--transactions".to_owned(), each.to_string()]);
    }
    let events = server::number(client, "select count(*) from carrel.usage_events");
    println!("\nAfter {events} events");
    let (mut sizes, mut lives) = (0.0, 0.0);
    for table in ["usage_totals", "usage_allowances"] {
        let sql = format!(
            "create temp table copy (like carrel.{table} including indexes);
            insert into copy select * from carrel.{table}"
        );
        client.batch_execute(&sql).expect("a copy");
        let size = format!("select pg_total_relation_size('carrel.{table}')");
        let size = server::number(client, &size) as f64 / 1e6;
        let live = server::number(client, "select pg_total_relation_size('copy')") as f64 / 1e6;
        client.batch_execute("drop table copy").expect("the copy is there");
        println!("  {table:<48} {:>8} MB, live {} MB", number(size), number(live));
        (sizes, lives) = (sizes + size, lives + live);
    }
    let what = "the tables behind totals beside what lives in them";
    targets.push(Target::new(what, sizes / lives, Bound::AtMost(10.0), "x"));
    client.batch_execute("delete from carrel.plan_limits").expect("no limits");
}

fn year(client: &mut Client, targets: &mut Vec<Target>) {
    let events = set_by("YEAR", 10_000_000, 1_000);
    let at_once = events.clamp(1, 100_000);
    let began = Instant::now();
    for _ in 0..events / at_once {
        client
            .batch_execute(&format!(
                "insert into carrel.usage_events (id, user_id, event_type, tokens_used, cost, model, occurred_at)
                select carrel.uuid_v7(), md5('user ' || 1 + n % 1000)::uuid,
                    (array['chat', 'embedding', 'search'])[1 + n % 3], 10, 0.01,
                    (array['small', 'large'])[1 + n / 3 % 2], now() - random() * interval '365 days'
                from generate_series(1, {at_once}) as n",
            ))
            .expect("events");
    }
    let took = began.elapsed().as_secs_f64();
    client.batch_execute("analyze").expect("statistics");
    println!(
        "\n{events} events of a year inserted: {} µs each",
        number(took * 1e6 / events as f64)
    );
    let user: String =
        client.query_one("select md5('user 7')::uuid::text", &[]).expect("a user").get(0);
    let mut user = server::act_as(&user);
    let mut worst: f64 = 0.0;
    for (bucket, groups) in [
        ("day", "{event_type,model}"),
        ("month", "{event_type,model}"),
        ("period", "{event_type}"),
        ("all", "{}"),
    ] {
        let sql = format!(
            "select count(*) from carrel.usage_report(now() - interval '1 year', now(), '{bucket}', '{groups}')"
        );
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..scaled(20, 1) {
            let began = Instant::now();
            rows = server::number(&mut user, &sql);
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let took = median(times);
        worst = worst.max(took);
        println!(
            "  {:<48} {:>8} ms, {rows} rows",
            format!("a user's year by {bucket} {groups}"),
            number(took)
        );
    }
    targets.push(Target::new("a user's year of the report", worst, Bound::AtMost(50.0), "ms"));
}
