//! Servers and their backends that are killed in the midst of everything.

use super::load::{Client, Kind};
use super::{Dice, rounds, seed, whole};
use carrel_tests::{ALICE, BOB, Cluster, Database};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How a server comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// One process of the server is killed; the others end then, and all start anew.
    Killed,
    /// All stop at once, without flushing anything.
    Stopped,
    /// The same, and again while it recovers.
    StoppedTwice,
}

#[test]
fn whatever_is_killed_when_what_was_acknowledged_is_there_and_the_rest_wholly_or_not_at_all() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let cluster =
        Cluster::start_with(&["checkpoint_timeout=30s", "max_wal_size=64MB", "min_wal_size=32MB"]);
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    database.superuser().run(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement)
        values ('free', 'agent_request', 'tokens', 100000000, 'hard'), ('free', '*', 'cost', 100000000, 'hard')",
    );
    let mut clients: Vec<Mutex<Client>> = Vec::new();
    for kind in Kind::ALL.into_iter().chain(Kind::ALL) {
        let number = clients.len();
        clients.push(Mutex::new(Client::new(kind, number, seed)));
    }
    let mut survived = BTreeMap::<End, usize>::new();
    for _ in 0..rounds(4) {
        let end =
            [End::Killed, End::Killed, End::Stopped, End::StoppedTwice][dice.below(4) as usize];
        std::thread::scope(|scope| {
            for client in &clients {
                let database = &database;
                scope.spawn(move || client.lock().unwrap().work(database));
            }
            std::thread::sleep(Duration::from_millis(100 + dice.below(1200)));
            if dice.below(3) == 0 {
                database.superuser().run("checkpoint");
                std::thread::sleep(Duration::from_millis(dice.below(200)));
            }
            bring_about(end, &database, &mut dice);
        });
        *survived.entry(end).or_default() += 1;
        let mut superuser = database.superuser();
        clients.iter().for_each(|client| client.lock().unwrap().check(&mut superuser));
        whole::assert_whole(&database);
    }
    whole::finish(&database);
    whole::assert_whole(&database);
    for user in [ALICE, BOB] {
        let mut session = database.user(user);
        assert!(session.number("select count(*) from carrel.search_chunks('mole')") > 0);
    }
    let mut acknowledged = BTreeMap::<String, usize>::new();
    for client in &clients {
        let client = client.lock().unwrap();
        *acknowledged.entry(format!("{:?}", client.kind)).or_default() += client.acknowledged;
    }
    println!(
        "survived {} crashes: {survived:?}; {} commits were acknowledged: {acknowledged:?}",
        survived.values().sum::<usize>(),
        acknowledged.values().sum::<usize>()
    );
    assert!(acknowledged.values().all(|count| *count > 0), "there was no load");
    let log = cluster.log_text();
    assert!(log.contains("automatic recovery in progress"));
    for signal in ["signal 6", "signal 11", "PANIC"] {
        assert!(!log.contains(signal), "{signal} is in the log");
    }
}

fn bring_about(end: End, database: &Database, dice: &mut Dice) {
    let cluster = database.cluster;
    match end {
        End::Killed => {
            let mut superuser = database.superuser();
            let began = superuser.value("select pg_postmaster_start_time()");
            // Backends, and now and then a process that works for all.
            let pids = superuser.column(
                "select pid from pg_stat_activity
                where pid <> pg_backend_pid() and backend_type in ('client backend', 'checkpointer', 'walwriter')",
            );
            let pid = &pids[dice.below(pids.len() as u64) as usize];
            // SAFETY: a signal to a process of this test's own server.
            assert_eq!(unsafe { libc::kill(pid.parse().expect("a pid"), libc::SIGKILL) }, 0);
            let patience = Instant::now() + Duration::from_secs(60);
            while superuser.client().simple_query("select").is_ok() {
                assert!(Instant::now() < patience, "the server goes on without {pid}");
                std::thread::sleep(Duration::from_millis(10));
            }
            cluster.wait_for_answer();
            assert_eq!(
                database.superuser().value("select pg_postmaster_start_time()"),
                began,
                "the server was started anew"
            );
        }
        End::Stopped => {
            cluster.crash();
            cluster.resume();
        }
        End::StoppedTwice => {
            cluster.crash();
            cluster.begin();
            while !cluster.directory().join("data/postmaster.pid").exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(dice.below(300)));
            cluster.crash();
            cluster.resume();
        }
    }
}
