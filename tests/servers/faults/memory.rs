//! A session that goes on for very long takes no more memory than one that has just begun to work.

use super::{calls, is_soak};
use carrel_tests::{Cluster, Session};

/// How often a function is called before and while the memory is watched, and how much that may grow, in KiB:
/// less than 2 MiB in 10,000 calls.
fn extent() -> (usize, usize, i64) {
    if is_soak() { (1_000, 10_000, 2_048) } else { (100, 200, 512) }
}

/// The memory in KiB that a backend has of its own.
fn memory(pid: i64) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("RssAnon");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Runs a statement so many times, whatever becomes of it.
fn repeat(session: &mut Session, sql: &str, times: usize, works: bool) {
    for _ in 0..times {
        let outcome = session.client().simple_query(sql);
        assert_eq!(outcome.is_ok(), works, "{sql}: {:?}", outcome.err());
    }
}

#[test]
fn no_function_takes_more_memory_the_more_often_it_is_called() {
    let (first, then, most) = extent();
    let database = Cluster::shared().lived_in();
    calls::assert_complete(&database);
    calls::prepare(&database, 12 * (first + then));
    let mut grown = Vec::new();
    for call in calls::all() {
        let cases =
            std::iter::once((&call.good, true)).chain(call.bad.iter().map(|bad| (bad, false)));
        for (sql, works) in cases.filter(|(sql, _)| !sql.is_empty()) {
            let mut session = call.role.session(&database);
            let pid = session.number("select pg_backend_pid()");
            let times = if works { call.weight } else { call.weight.min(4) };
            let began = std::time::Instant::now();
            repeat(&mut session, sql, (first / times).max(5), works);
            let before = memory(pid);
            // Caches and the allocator take more once or twice; what leaks does so each time.
            let mut growth = i64::MAX;
            for _ in 0..4 {
                let start = memory(pid);
                repeat(&mut session, sql, (then / times).max(10), works);
                growth = growth.min(memory(pid) - start);
                if growth <= most {
                    break;
                }
            }
            if growth > 200 || began.elapsed().as_secs() > 2 {
                println!("{growth:>6} KiB, {before} before, {:?}: {sql:.120}", began.elapsed());
            }
            if growth > most {
                grown.push(format!("{growth} KiB: {sql}"));
            }
        }
    }
    assert_eq!(grown, Vec::<String>::new());
    database.assert_sound();
    assert_eq!(database.superuser().number("select count(*) from carrel.verify_usage()"), 0);
}
