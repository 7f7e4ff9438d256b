//! Servers that follow by logical replication. Streaming standbys: [`crate::standby`].

use carrel_tests::{ALICE, BOB, Cluster, Database, Session, TABLES, contents};
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

/// The statements of a section of docs/operating.md: those in its blocks, in order.
fn recipe(heading: &str) -> Vec<Vec<&'static str>> {
    let page = include_str!("../../docs/operating.md");
    let begin = format!("\n## {heading}\n");
    let section = page.split_once(&begin).and_then(|(_, rest)| rest.split("\n## ").next());
    let blocks = section.unwrap_or_default().split("```text\n").skip(1);
    blocks
        .map(|block| {
            let block = block.split("```").next().unwrap_or_default();
            block.split(";\n").filter(|sql| !sql.trim().is_empty()).collect()
        })
        .collect()
}

fn run_all(session: &mut Session, statements: &[&str]) {
    statements.iter().for_each(|sql| session.run(sql));
}

/// Waits until a subscription has copied all tables, and they have the same rows as the original's.
#[track_caller]
fn wait_for_copy(original: &Database, follower: &Database, is_copied: &str) {
    let patience = Instant::now() + Duration::from_secs(60);
    while follower.superuser().value(is_copied) != "0" || contents(original) != contents(follower) {
        assert!(Instant::now() < patience, "it doesn't follow");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Follows a database as docs/operating.md says, and moves there, with or without the old server.
fn moved(is_old_gone: bool) {
    let primary = primary();
    let original = primary.lived_in_anew();
    original.superuser().run(
        "insert into carrel.plans (plan_type) values ('team');
        insert into carrel.plan_limits (plan_type, event_type, measure, limit_value, enforcement)
        values ('team', 'chat', 'tokens', 100, 'hard');
        create role app_service; select carrel.grant_service('app_service')",
    );
    original.service().run(&format!(
        "select carrel.set_plan('{ALICE}', 'team');
        select carrel.consume_usage('chat', 30, user_id => '{ALICE}', idempotency_key => 'once')"
    ));
    let other = Cluster::start_with(&["wal_level=logical", "max_wal_senders=10"]);
    other.create_roles();
    let follower = other.empty();
    follower.superuser().run("create role app_service");

    let blocks = recipe("Follow with logical replication");
    let [publish, prepare, subscribe, is_copied, take_over, without_old] = blocks.as_slice() else {
        panic!("{blocks:?}");
    };
    run_all(&mut original.superuser(), publish);
    run_all(&mut follower.superuser(), &prepare[..1]);
    assert_recipe_empties_what_is_seeded(&follower, &prepare[1..]);
    let connection =
        format!("host={} dbname={} user=replicator", primary.directory().display(), original.name);
    let subscribe =
        subscribe[0].replace("host=old.example dbname=app user=replicator", &connection);
    follower.superuser().run(&subscribe);
    wait_for_copy(&original, &follower, is_copied[0]);

    // Changes of each kind.
    original.user(ALICE).run(
        "select carrel.add_document('mole.md', E'# Moles\n\nA mole digs at night.');
        update carrel.documents set content_text = 'Nothing of interest.' where filename = 'long.txt';
        delete from carrel.documents where filename = 'scan.pdf';
        delete from carrel.agent_requests where agent_type = 'writer'",
    );
    original.service().run(&format!(
        "select carrel.complete_request(id, lease_token, '{{}}', 10, 0.01) from carrel.claim_requests('w', 2);
        select carrel.consume_usage('chat', 30, user_id => '{ALICE}');
        select carrel.delete_user('{BOB}')"
    ));
    original
        .superuser()
        .run("update carrel.plan_limits set limit_value = 90 where plan_type = 'team'");
    wait_for_copy(&original, &follower, is_copied[0]);
    // The follower reads meanwhile, and is not stale.
    let mut service = follower.service();
    let left = format!("select remaining from carrel.check_quota('chat', 1, 'tokens', '{ALICE}')");
    assert_eq!(service.value(&left), "30");

    let mut superuser = follower.superuser();
    let rest = if is_old_gone {
        primary.crash();
        run_all(&mut superuser, without_old);
        &take_over[1..]
    } else {
        &take_over[..]
    };
    let (last, statements) = rest.split_last().unwrap();
    run_all(&mut superuser, statements);
    assert_eq!(superuser.column(last), [""; 0]);
    follower.assert_sound();
    assert_eq!(superuser.number("select count(*) from carrel.verify_usage()"), 0);
    let consume = |tokens: i32, key: &str| {
        format!(
            "select duplicate from carrel.consume_usage('chat', {tokens}, user_id => '{ALICE}', idempotency_key => '{key}')"
        )
    };
    assert_eq!(service.value(&consume(30, "once")), "t");
    assert_eq!(service.refused(&consume(31, "more")), "PT402");
    service.run(&consume(30, "all"));
    assert_eq!(service.refused(&consume(1, "last")), "PT402");
    let is_granted =
        "select has_function_privilege('app_service', 'carrel.next_wakeup(text[])', 'execute')";
    assert_eq!(superuser.value(is_granted), "t");
    let mut alice = follower.user(ALICE);
    assert_eq!(alice.value("select filename from carrel.search_chunks('mole digs')"), "mole.md");
    alice.run("select carrel.add_document('new.md', 'A badger sleeps.')");
    assert_eq!(alice.value("select filename from carrel.search_chunks('badger')"), "new.md");
    follower.assert_sound();
}

/// Runs what empties tables, which is all that a fresh install fills.
fn assert_recipe_empties_what_is_seeded(follower: &Database, statements: &[&str]) {
    let seeded = |session: &mut Session| {
        let tables = session.column(
            "select relname from pg_class where relnamespace = 'carrel'::regnamespace and relkind = 'r'",
        );
        let has_rows = |table: &String| {
            session.value(&format!("select exists (select from carrel.{table})")) == "t"
        };
        tables.into_iter().filter(has_rows).collect::<Vec<_>>()
    };
    let mut session = follower.superuser();
    assert!(seeded(&mut session).len() >= statements.len());
    run_all(&mut session, statements);
    assert_eq!(seeded(&mut session), [""; 0]);
}

#[test]
fn a_follower_takes_over_as_the_documentation_says() {
    moved(false);
}

#[test]
fn a_follower_takes_over_when_the_old_server_is_gone() {
    moved(true);
}

#[test]
fn old_events_are_removed_as_the_documentation_says() {
    let database = Cluster::shared().lived_in();
    let mut service = database.service();
    let at = "occurred_at => now() - interval '20 days'";
    service.run(&format!(
        "select carrel.record_usage('chat', 7, user_id => '{ALICE}', idempotency_key => 'old', {at});
        select carrel.record_usage('chat', 5, user_id => '{ALICE}')"
    ));
    let mut superuser = database.superuser();
    let blocks = recipe("Keep usage events, or remove old ones");
    let statements = blocks.concat();
    let count = "select count(*) from carrel.usage_events where event_type = 'chat'";
    assert_eq!(superuser.number(count), 2);
    for sql in &statements {
        superuser.run(&sql.replace("'2016-01-01'", "now() - interval '10 days'"));
    }
    assert_eq!(superuser.number(count), 1);
    database.assert_sound();
    assert_eq!(service.number("select count(*) from carrel.verify_usage()"), 0);
    let again = format!(
        "select duplicate from carrel.record_usage('chat', 7, user_id => '{ALICE}', idempotency_key => 'old')"
    );
    assert_eq!(service.value(&again), "f");
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
