//! Other servers that follow: a physical standby, and a second database by logical replication.

use carrel_tests::{ALICE, BOB, Cluster, Database, TABLES, contents};
use std::time::{Duration, Instant};

/// A primary that two users live in.
fn primary() -> Cluster {
    let primary = Cluster::start_with(&["wal_level=logical", "max_wal_senders=10"]);
    primary.create_roles();
    primary
}

/// Waits until the two databases have the same rows in these tables.
#[track_caller]
fn wait_for_same(original: &Database, follower: &Database, tables: &[&str]) {
    let rows = |database: &Database| -> Vec<String> {
        let mut session = database.superuser();
        let of = |table: &&str| {
            session.column(&format!("select t::text from carrel.{table} as t order by 1"))
        };
        tables.iter().flat_map(of).collect()
    };
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let (here, there) = (rows(original), rows(follower));
        if here == there {
            assert!(here.len() > tables.len());
            return;
        }
        let behind = here.iter().find(|row| !there.contains(row));
        assert!(Instant::now() < patience, "it doesn't follow: {behind:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_standby_answers_what_reads_refuses_what_writes_and_has_everything_when_it_is_promoted() {
    let primary = primary();
    let original = primary.lived_in_anew();
    let standby = Cluster::standby_of(&primary);
    let follower = standby.database(&original.name);
    original
        .service()
        .run(&format!("select carrel.record_usage('chat', 7, 0.5, user_id => '{ALICE}')"));
    wait_for_same(&original, &follower, &TABLES);

    let mut alice = follower.user(ALICE);
    for (read, answer) in [
        ("select count(*) from carrel.search_chunks('heron nest')", "1"),
        ("select count(*) from carrel.search_documents('herons')", "1"),
        ("select tokens > 0 from carrel.build_context('herons')", "t"),
        (
            "select count(*) from carrel.session_history((select id from carrel.agent_sessions))",
            "2",
        ),
        ("select count(*) from carrel.agent_requests", "3"),
        ("select count(*) > 2 from carrel.current_usage()", "t"),
        ("select count(*) from carrel.check_quota('agent_request')", "1"),
        (
            "select count(*) > 0 from carrel.usage_report(now() - interval '1 day', now() + interval '1 day')",
            "t",
        ),
        ("select upper(carrel.billing_period(carrel.current_user_id())) > now()", "t"),
    ] {
        assert_eq!(alice.value(read), answer, "{read}");
    }
    let mut service = follower.service();
    assert_eq!(service.number("select count(*) from carrel.verify_usage()"), 0);
    assert_eq!(service.value("select carrel.next_wakeup() <= now()"), "t");
    for write in [
        "select carrel.add_document('a.md', 'a')",
        "select carrel.create_request('a', 'b')",
        "insert into carrel.agent_sessions (title) values ('x')",
    ] {
        assert_eq!(alice.failure(write).code().code(), "25006", "{write}");
    }
    for write in [
        "select * from carrel.claim_requests('w')".to_owned(),
        format!("select carrel.record_usage('chat', user_id => '{ALICE}')"),
        "select carrel.process_documents()".to_owned(),
    ] {
        assert_eq!(service.failure(&write).code().code(), "25006", "{write}");
    }
    drop((alice, service));

    let before = contents(&original);
    primary.crash();
    standby.promote();
    assert_eq!(contents(&follower), before);
    follower.assert_sound();
    let mut alice = follower.user(ALICE);
    alice.run("select carrel.add_document('new.md', 'A mole digs at night.')");
    assert_eq!(alice.value("select filename from carrel.search_chunks('mole')"), "new.md");
    let mut service = follower.service();
    assert_eq!(service.touched("select id from carrel.claim_requests('w', 10)"), 6);
    service.run(&format!("select carrel.record_usage('chat', user_id => '{BOB}')"));
    assert_eq!(service.number("select count(*) from carrel.verify_usage()"), 0);
}

#[test]
fn a_second_database_that_follows_the_six_tables_takes_over_after_the_derived_ones_are_made_anew() {
    let primary = primary();
    let original = primary.lived_in_anew();
    let other = Cluster::start_with(&["wal_level=logical", "max_wal_senders=10"]);
    other.create_roles();
    let follower = other.empty();
    follower.superuser().run("create extension carrel");
    let tables = TABLES.map(|table| format!("carrel.{table}")).join(", ");
    original.superuser().run(&format!("create publication everything for table {tables}"));
    follower.superuser().run(&format!(
        "create subscription everything connection 'host={} dbname={} user=postgres' publication everything",
        primary.directory().display(),
        original.name
    ));
    wait_for_same(&original, &follower, &TABLES);

    // Changes of each kind.
    original.user(ALICE).run(
        "select carrel.add_document('mole.md', E'# Moles\\n\\nA mole digs at night.');
        update carrel.documents set content_text = 'Nothing of interest.' where filename = 'long.txt';
        delete from carrel.documents where filename = 'scan.pdf';
        delete from carrel.agent_requests where agent_type = 'writer'",
    );
    original.service().run(&format!(
        "select carrel.complete_request(id, lease_token, '{{}}', 10, 0.01) from carrel.claim_requests('w', 2);
        select carrel.record_usage('chat', 7, user_id => '{BOB}')"
    ));
    original.service().run(&format!("select carrel.delete_user('{BOB}')"));
    wait_for_same(&original, &follower, &TABLES);

    for sql in
        ["drop subscription everything", "select carrel.migrate()", "select carrel.rebuild_usage()"]
    {
        follower.superuser().run(sql);
    }
    follower.assert_sound();
    assert_eq!(follower.superuser().number("select count(*) from carrel.verify_usage()"), 0);
    let mut alice = follower.user(ALICE);
    assert_eq!(alice.value("select filename from carrel.search_chunks('mole digs')"), "mole.md");
    assert_eq!(
        alice.number(
            "select count(*) from carrel.documents where user_id <> carrel.current_user_id()"
        ),
        0
    );
    alice.run("select carrel.add_document('new.md', 'A badger sleeps.')");
    assert_eq!(alice.value("select filename from carrel.search_chunks('badger')"), "new.md");
}
