//! A user may keep a transaction open for as long as they like: what it holds keeps nobody else waiting for long.

use carrel_tests::{ALICE, BOB, Cluster, Database, Session};
use std::time::{Duration, Instant};

/// Less than what a service waits for a lock.
const SOON: Duration = Duration::from_secs(8);

/// A session of Alice's that has done this in a transaction that is open.
fn holds(database: &Database, sql: &str) -> Session {
    let mut session = database.user(ALICE);
    session.run(&format!("begin; {sql}"));
    session
}

/// How long it takes.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (work(), start.elapsed())
}

#[test]
fn old_requests_of_others_are_purged_while_a_user_holds_a_session() {
    let database = Cluster::shared().lived_in();
    let mut service = database.service();
    for user in [ALICE, BOB] {
        database.user(user).run("select carrel.cancel_request(id) from carrel.agent_requests");
    }
    let mut alice = holds(&database, "select from carrel.agent_sessions for update");
    let purge = "select carrel.purge_requests('0 seconds')";
    let (purged, took) = timed(|| service.number(purge));
    // Of each three, two are in a session.
    assert_eq!(purged, 4);
    assert!(took < SOON, "{took:?}");
    alice.run("rollback");
    assert_eq!(service.number(purge), 2);
    assert_eq!(database.superuser().number("select count(*) from carrel.agent_requests"), 0);
}

#[test]
fn the_longest_finished_requests_that_a_user_holds_do_not_keep_the_next_from_being_purged() {
    let database = Cluster::shared().lived_in();
    let mut service = database.service();
    database.user(ALICE).run("delete from carrel.agent_requests where session_id is null");
    for user in [ALICE, BOB] {
        database.user(user).run("select carrel.cancel_request(id) from carrel.agent_requests");
    }
    let mut alice = holds(&database, "select from carrel.agent_sessions for update");
    let purge = "select carrel.purge_requests('0 seconds', 1)";
    let purged: Vec<i64> = (0..4).map(|_| service.number(purge)).collect();
    assert_eq!(purged, [1, 1, 1, 0]);
    alice.run("rollback");
    assert_eq!(service.number(purge), 1);
}

#[test]
fn a_user_who_is_deleted_and_holds_their_profile_keeps_nobody_else_waiting() {
    let database = Cluster::shared().lived_in();
    let mut alice = holds(&database, "update carrel.user_profiles set name = 'Alicia'");
    let mut service = database.service();
    service.run("set lock_timeout = '2s'");
    let delete = format!("select carrel.delete_user('{ALICE}')");
    let deleting = std::thread::spawn(move || timed(|| service.attempt(&delete)));
    std::thread::sleep(Duration::from_millis(300));
    let change = "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value) values ('free', 'chat', 'events', 5)";
    let (_, took) = timed(|| database.superuser().run(change));
    assert!(took < SOON, "{took:?}");
    let (outcome, took) = deleting.join().expect("no panic");
    assert_eq!(outcome.err().as_deref(), Some("55P03"));
    assert!(took < Duration::from_secs(8), "{took:?}");
    alice.run("rollback");
}

#[test]
fn a_worker_waits_ten_seconds_for_a_user_who_holds_their_request_and_then_may_try_again() {
    let database = Cluster::shared().lived_in();
    let mut service = database.service();
    let claim = "select format('%L, %L', id, lease_token) from carrel.claim_requests('w', 10)";
    let leases = service.column(claim);
    assert_eq!(leases.len(), 6);
    let mut alice = holds(&database, "update carrel.user_profiles set name = 'Alicia'");
    let mut waits = Vec::new();
    for lease in &leases {
        let complete = format!("select carrel.complete_request({lease}, null)");
        let (outcome, took) = timed(|| service.attempt(&complete));
        waits.extend(outcome.err());
        assert!(took < Duration::from_secs(15), "{took:?}");
        if !waits.is_empty() {
            break;
        }
    }
    assert_eq!(waits, ["55P03"]);
    // Who waits less as it is goes on waiting less.
    service.run("set lock_timeout = '100ms'");
    let mut later = Vec::new();
    for lease in &leases {
        let complete = format!("select carrel.complete_request({lease}, null)");
        let (outcome, took) = timed(|| service.attempt(&complete));
        assert!(took < SOON, "{took:?}");
        later.extend(outcome.err().map(|_| complete));
    }
    assert_eq!(later.len(), 3);
    alice.run("rollback");
    for complete in later {
        service.run(&complete);
    }
    let done = "select count(*) from carrel.agent_requests where status = 'completed'";
    assert_eq!(database.superuser().number(done), 6);
}

#[test]
fn others_record_usage_while_a_plan_is_changed_that_waits_for_a_user() {
    let database = Cluster::shared().lived_in();
    let waiting = [
        // The row, then what recording keeps.
        (
            "update carrel.user_profiles set name = 'Alicia'",
            format!("select carrel.set_plan('{ALICE}', 'pro')"),
        ),
        (
            "select carrel.create_request('chat', 'A question')",
            "update carrel.plan_limits set limit_value = limit_value + 1".to_owned(),
        ),
        (
            "select carrel.create_request('chat', 'A question')",
            "select carrel.migrate()".to_owned(),
        ),
    ];
    database.superuser().run(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value)
        values ('free', 'agent_request', 'events', 1000)
        on conflict (plan_type, event_type, measure, period) do update set limit_value = excluded.limit_value, enforcement = 'hard'",
    );
    for (held, changes) in waiting {
        let mut alice = holds(&database, held);
        let outcome = std::thread::scope(|scope| {
            let change = scope.spawn(|| database.superuser().attempt(&changes));
            std::thread::sleep(Duration::from_millis(500));
            let mut service = database.service();
            let record = format!("select carrel.record_usage('agent_request', user_id => '{BOB}')");
            let (_, took) = timed(|| (0..20).for_each(|_| service.run(&record)));
            assert!(took < SOON, "{changes}: {took:?}");
            change.join().expect("the change")
        });
        assert_eq!(outcome, Err("55P03".to_owned()), "{changes}");
        alice.run("rollback");
        database.superuser().run(&changes);
    }
    database.assert_sound();
}
