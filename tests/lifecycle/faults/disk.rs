//! Disks that are full: an error that says so, nothing half done, and all goes on when there is room again.

use super::load::{self, Client, Kind};
use super::seed;
use carrel_tests::{ALICE, Cluster, Database};
use std::time::Duration;

/// One client of each kind.
fn clients(seed: u64) -> Vec<Client> {
    let kinds = Kind::ALL.into_iter().enumerate();
    kinds.map(|(number, kind)| Client::new(kind, number, seed)).collect()
}

fn check(clients: &mut [Client], database: &Database) {
    let mut superuser = database.superuser();
    clients.iter_mut().for_each(|client| client.check(&mut superuser));
    load::assert_whole(database);
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
    let ballast = "create table public.ballast as select repeat(md5(n::text), 20) from generate_series(1, 12000) as n";
    superuser.run(ballast);

    let mut clients = clients(seed);
    for round in 0..2 {
        // Fills the disk, but for a little.
        let mut left = 0;
        while superuser.attempt("create table public.filling as select repeat(md5(n::text), 20) from generate_series(1, 12000) as n").is_ok() {
            superuser.run(&format!("alter table public.filling rename to filling_{round}_{left}"));
            left += 1;
        }
        let mut refused = Vec::new();
        // Until even what needs no page most of the time was refused one.
        for _ in 0..3 {
            for client in &mut clients {
                let time = Duration::from_millis(1500);
                if let Some(error) = client.work_until_refused(&database, time) {
                    assert!(error.starts_with("53100"), "{error}");
                    assert!(error.contains("No space left on device"), "{error}");
                    refused.push(client.kind);
                }
            }
        }
        assert!(refused.contains(&Kind::Writes), "{refused:?}");
        println!("refused: {refused:?}");
        // Reading needs none.
        check(&mut clients, &database);
        let mut alice = database.user(ALICE);
        assert!(alice.number("select count(*) from carrel.search_chunks('heron')") > 0);
        // Something is taken away; all goes on.
        superuser.run(&format!(
            "drop table {}",
            if round == 0 { "public.ballast" } else { "public.filling_0_0" }
        ));
        for client in &mut clients {
            let time = Duration::from_millis(200);
            if let Some(error) = client.work_until_refused(&database, time) {
                // It may be that the others have used all of it.
                assert!(error.starts_with("53100"), "{error}");
            }
        }
        assert!(clients.iter().all(|client| client.acknowledged > 0 || client.kind == Kind::Works));
        check(&mut clients, &database);
    }
    disk.resize(256);
    load::finish(&database);
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
    // What is written and removed again leaves its log.
    for _ in 0..1000 {
        let mut is_gone = false;
        for client in &mut clients {
            if let Some(error) = client.work_until_refused(&database, Duration::from_millis(50)) {
                assert!(error.starts_with("53100"), "{error}");
            }
        }
        for statement in [
            "create table public.filling as select repeat(md5(n::text), 20) from generate_series(1, 2000) as n",
            "create index on public.filling (left(repeat, 100))",
            "drop table public.filling",
        ] {
            is_gone |= superuser.client().simple_query(statement).is_err_and(|error| {
                error.code().is_none_or(|code| {
                    code.code() != "53100" && code.code() != "42P01" && code.code() != "42P07"
                })
            });
        }
        if is_gone {
            break;
        }
    }
    assert!(superuser.client().is_closed(), "the log had room for all");
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
    load::finish(&database);
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
