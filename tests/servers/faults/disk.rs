//! Disks that are full: an error that says so, nothing half done, and all goes on when there is room again.

use super::load::{Client, Kind, Outcome};
use super::{rounds, seed, whole};
use carrel_tests::{ALICE, Cluster, Database};
use std::time::{Duration, Instant};

/// One client of each kind.
fn clients(seed: u64) -> Vec<Client> {
    let kinds = Kind::ALL.into_iter().enumerate();
    kinds.map(|(number, kind)| Client::new(kind, number, seed)).collect()
}

fn check(clients: &mut [Client], database: &Database) {
    let mut superuser = database.superuser();
    clients.iter_mut().for_each(|client| client.check(&mut superuser));
    whole::assert_whole(database);
}

#[test]
fn where_tables_have_no_room_it_is_53100_and_nothing_is_half_done() {
    let seed = seed();
    let cluster = Cluster::start();
    let Some(disk) = cluster.disk("small", 64) else { return };
    cluster.create_roles();
    let place = disk.directory().display();
    cluster
        .database("postgres")
        .superuser()
        .run(&format!("create tablespace small location '{place}'"));
    let database = cluster.lived_in_anew();
    let name = &database.name;
    cluster
        .database("postgres")
        .superuser()
        .run(&format!("alter database {name} set tablespace small"));
    let mut superuser = database.superuser();
    // What is left to process, lest it hang on chance whether that is refused: users defer few documents.
    superuser.run(&format!(
        "begin;
        set local carrel.processing = deferred;
        insert into carrel.documents (user_id, filename, content_text)
            select '{ALICE}', 'pending ' || n || '.txt', repeat('The mole of ' || n || E' digs a hole.\\n\\n', 1000)
            from generate_series(1, 20) as n;
        commit"
    ));
    // So full that nothing is left; then each time there is room for a few pages more, and what is refused
    // a page is at another place.
    let mut fill = |name: &str, rows: usize| {
        let select =
            format!("select repeat(md5(n::text), 20) from generate_series(1, {rows}) as n");
        superuser.attempt(&format!("create table public.{name} as {select}")).is_ok()
    };
    let rounds = rounds(8).min(60);
    (0..rounds).for_each(|n| assert!(fill(&format!("spare_{n}"), 60 + 30 * (n % 5))));
    let mut tables = 0;
    for rows in [12_000, 300, 10] {
        while fill(&format!("ballast_{tables}"), rows) {
            tables += 1;
        }
    }
    let mut clients = clients(seed);
    let mut refused = std::collections::BTreeMap::<String, usize>::new();
    for round in 0..rounds {
        for client in &mut clients {
            if let Outcome::Refused(error) =
                client.work_until_refused(&database, Duration::from_millis(300))
            {
                assert!(error.starts_with("53100"), "{error}");
                assert!(error.contains("No space left on device"), "{error}");
                *refused.entry(format!("{:?}", client.kind)).or_default() += 1;
            }
        }
        // Reading needs no room.
        check(&mut clients, &database);
        let mut alice = database.user(ALICE);
        assert!(alice.number("select count(*) from carrel.search_chunks('heron')") > 0);
        database.superuser().run(&format!("drop table public.spare_{round}"));
    }
    println!("refused: {refused:?}");
    assert!(refused.len() == Kind::ALL.len(), "there was room for all: {refused:?}");
    assert!(clients.iter().map(|client| client.acknowledged).sum::<usize>() > 20);
    disk.resize(256);
    whole::finish(&database);
    check(&mut clients, &database);
    let log = cluster.log_text();
    assert!(!log.contains("PANIC") && !log.contains("signal 6") && !log.contains("signal 11"));
}

#[test]
fn where_the_log_of_transactions_has_no_room_postgres_gives_up_and_recovers_what_was_acknowledged()
{
    let seed = seed();
    let settings = ["max_wal_size=1GB", "checkpoint_timeout=1h", "shared_buffers=16MB"];
    let Some(cluster) = Cluster::start_on_disk(160, &settings) else { return };
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    let mut clients = clients(seed);
    let mut superuser = database.superuser();
    // Fills the log even where tables, which are on the same disk, have no room left.
    let fill = "select pg_logical_emit_message(false, 'filling', repeat('x', 2000000))";
    let mut is_gone = false;
    for _ in 0..1000 {
        is_gone = clients.iter_mut().any(|client| {
            match client.work_until_refused(&database, Duration::from_millis(50)) {
                Outcome::Done => false,
                Outcome::Refused(error) => {
                    assert!(error.starts_with("53100"), "{error}");
                    false
                }
                Outcome::Gone => true,
            }
        }) || superuser.client().simple_query(fill).is_err();
        if is_gone {
            break;
        }
    }
    assert!(is_gone, "the log had room for all");
    // Sessions end one after the other.
    let end = Instant::now() + Duration::from_secs(60);
    while superuser.client().simple_query("select").is_ok() {
        assert!(Instant::now() < end, "the server goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
    let log = cluster.log_text();
    assert!(log.contains("PANIC") && log.contains("No space left on device"), "{log}");
    // Postgres starts anew until it can, or gives up; an operator makes room.
    cluster.own_disk().expect("a disk").resize(600);
    if cluster.is_running() {
        cluster.wait_for_answer();
    } else {
        cluster.resume();
    }
    check(&mut clients, &database);
    whole::finish(&database);
    check(&mut clients, &database);
}

#[test]
fn where_temporary_files_have_no_room_it_is_53100_and_the_session_goes_on() {
    let cluster = Cluster::start();
    let Some(disk) = cluster.disk("temporary", 4) else { return };
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    let mut superuser = database.superuser();
    let place = disk.directory().display();
    superuser.run(&format!("create tablespace temporary location '{place}'"));
    superuser.run(
        "grant create on tablespace temporary to public;
        create table public.large as
            select string_agg(md5(n::text) || case when n % 40 = 0 then E'.\n\n' else ' ' end, '' order by n) as content
            from generate_series(1, 500000) as n;
        grant select on public.large to public",
    );
    let mut alice = database.user(ALICE);
    let add = "select carrel.add_document('large.txt', content) from public.large";
    let small = "select carrel.add_document('small.txt', 'A mole digs.')";
    alice.run("set temp_tablespaces = temporary");
    assert_eq!(alice.refused(add), "53100");
    alice.run(small);
    // In a block that catches it, with others before and after in the same transaction.
    alice.run(&format!(
        "do $$ begin
            {small};
            for n in 1..3 loop
                begin
                    {add};
                    raise 'there was room' using errcode = 'T0001';
                exception when disk_full then null;
                end;
                {small};
            end loop;
        end $$",
        add = add.replace("select", "perform"),
        small = small.replace("select", "perform")
    ));
    assert_eq!(
        alice.number("select count(*) from carrel.documents where filename = 'small.txt'"),
        5
    );
    assert_eq!(
        alice.number("select count(*) from carrel.documents where filename = 'large.txt'"),
        0
    );
    assert_eq!(superuser.number("select count(*) from pg_ls_tmpdir((select oid from pg_tablespace where spcname = 'temporary'))"), 0);
    // Within one transaction that caught it, there is room then.
    alice.run("begin; savepoint before");
    assert_eq!(alice.refused(add), "53100");
    alice.run("rollback to before");
    disk.resize(256);
    alice.run(&format!("{small}; {add}; {small}; commit"));
    assert_eq!(superuser.number(crate::WRONGLY_CHUNKED), 0);
    database.assert_sound();
    assert_eq!(superuser.number("select count(*) from pg_ls_tmpdir((select oid from pg_tablespace where spcname = 'temporary'))"), 0);
}
