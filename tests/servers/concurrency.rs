//! Sessions side by side: all begin at once, and what they did adds up.

use carrel_tests::{ALICE, BOB, Cluster, at_once};
use std::collections::HashSet;

#[test]
fn sixteen_sessions_append_requests_to_one_chain_and_none_is_lost() {
    let database = Cluster::shared().installed();
    database.service().run(&format!("select carrel.create_user('{ALICE}')"));
    let id =
        database.user(ALICE).value("insert into carrel.agent_sessions default values returning id");
    let created = at_once(
        16,
        |_| database.user(ALICE),
        |number, mut session| {
            let create = |round: usize| match (number + round) % 2 {
                0 => format!("select carrel.create_request('a', 'c', '{id}')"),
                _ => format!(
                    "insert into carrel.agent_requests (agent_type, content, session_id)
                    values ('a', 'c', '{id}'), ('a', 'c', '{id}') returning id"
                ),
            };
            (0..10).flat_map(|round| session.column(&create(round))).collect::<Vec<_>>()
        },
    );
    let created: Vec<String> = created.into_iter().flatten().collect();
    assert_eq!(created.len(), 240);
    let chain = database
        .superuser()
        .column("select jsonb_array_elements_text(request_chain) from carrel.agent_sessions");
    assert_eq!(chain.len(), created.len());
    assert_eq!(chain.iter().collect::<HashSet<_>>(), created.iter().collect());
}

#[test]
fn a_chain_holds_what_is_left_when_sessions_delete_while_others_create() {
    let database = Cluster::shared().installed();
    database.service().run(&format!("select carrel.create_user('{ALICE}')"));
    let id =
        database.user(ALICE).value("insert into carrel.agent_sessions default values returning id");
    at_once(
        8,
        |_| database.user(ALICE),
        |number, mut session| {
            for _ in 0..15 {
                if number % 2 == 0 {
                    session.run(&format!("select carrel.create_request('a', 'c', '{id}')"));
                } else {
                    session.run("delete from carrel.agent_requests where id = (select min(id::text)::uuid from carrel.agent_requests)");
                }
            }
        },
    );
    let difference = "select count(*) from (
            select jsonb_array_elements_text(request_chain)::uuid as id from carrel.agent_sessions
        ) as chain full join carrel.agent_requests using (id)
        where agent_requests.user_id is null or chain.id is null";
    assert_eq!(database.superuser().number(difference), 0);
}

#[test]
fn sixteen_sessions_record_usage_of_one_user_and_every_sum_is_exact() {
    let database = Cluster::shared().installed();
    database.service().run(&format!("select carrel.create_user('{ALICE}')"));
    at_once(
        16,
        |_| database.service(),
        |_, mut session| {
            for round in 0..10 {
                session.run(&format!(
                    "select carrel.record_usage('agent_request', 7, 0.001, user_id => '{ALICE}');
                    select carrel.record_usage('storage', {round}, user_id => '{ALICE}')"
                ));
            }
        },
    );
    let mut superuser = database.superuser();
    let totals = "select event_type, sum(events), sum(tokens_used), sum(cost) from carrel.usage_totals group by 1 order by 1";
    assert_eq!(superuser.column(totals), ["agent_request|160|1120|0.160", "storage|160|720|0"]);
    assert_eq!(superuser.number("select usage_count from carrel.user_profiles"), 160);
    assert_eq!(superuser.number("select count(*) from carrel.verify_usage()"), 0);
}

#[test]
fn an_idempotency_key_used_by_sixteen_sessions_at_once_is_one_event() {
    let database = Cluster::shared().installed();
    database.service().run(&format!("select carrel.create_user('{ALICE}')"));
    let first = at_once(
        16,
        |_| database.service(),
        |_, mut session| {
            let record = |key: usize| {
                let call = format!(
                    "select event_id, duplicate from carrel.record_usage('agent_request', 7, idempotency_key => 'k{key}', user_id => '{ALICE}')"
                );
                [session.value(&call), session.value(&call)]
            };
            (0..10).flat_map(record).collect::<Vec<_>>()
        },
    );
    let answers: Vec<String> = first.into_iter().flatten().collect();
    assert_eq!(answers.iter().filter(|answer| answer.ends_with("|f")).count(), 10);
    let events: HashSet<_> = answers.iter().map(|answer| &answer[..36]).collect();
    assert_eq!(events.len(), 10);
    let mut superuser = database.superuser();
    assert_eq!(superuser.number("select count(*) from carrel.usage_events"), 10);
    assert_eq!(superuser.number("select usage_count from carrel.user_profiles"), 10);
    assert_eq!(superuser.number("select count(*) from carrel.verify_usage()"), 0);
}

#[test]
fn of_sessions_that_use_a_key_for_different_payloads_at_once_one_wins() {
    let database = Cluster::shared().installed();
    database.service().run(&format!("select carrel.create_user('{ALICE}')"));
    let outcomes = at_once(
        8,
        |_| database.service(),
        |number, mut session| {
            session.attempt(&format!(
                "select carrel.record_usage('x', {number}, idempotency_key => 'k', user_id => '{ALICE}')"
            ))
        },
    );
    let conflicts = outcomes.iter().filter(|outcome| **outcome == Err("PT409".to_owned()));
    assert_eq!(conflicts.count(), 7, "{outcomes:?}");
    assert_eq!(database.superuser().number("select count(*) from carrel.usage_events"), 1);
}

#[test]
fn sessions_that_record_usage_of_two_users_in_opposite_order_do_not_deadlock() {
    let database = Cluster::shared().lived_in();
    at_once(
        8,
        |_| database.superuser(),
        |number, mut session| {
            let users = if number % 2 == 0 { [ALICE, BOB] } else { [BOB, ALICE] };
            let [first, second] = users;
            for _ in 0..10 {
                session.run(&format!(
                    "insert into carrel.usage_events (user_id, event_type)
                    values ('{first}', 'agent_request'), ('{second}', 'agent_request')"
                ));
            }
        },
    );
    assert_eq!(
        database.superuser().column("select usage_count from carrel.user_profiles"),
        ["82", "82"]
    );
    database.assert_sound();
}

#[test]
fn eight_sessions_process_documents_side_by_side_and_each_document_once() {
    let database = Cluster::shared().lived_in();
    for user in [ALICE, BOB] {
        database.user(user).run(
            "set carrel.processing = deferred;
            insert into carrel.documents (filename, content_text)
                select 'd' || n, repeat('Mole number ' || n || ' digs. ', 30 * n) from generate_series(1, 30) as n",
        );
    }
    let done = at_once(
        8,
        |_| database.service(),
        |_, mut service| {
            let mut done = 0;
            loop {
                match service.number("select carrel.process_documents(4)") {
                    0 => return done,
                    count => done += count,
                }
            }
        },
    );
    assert_eq!(done.iter().sum::<i64>(), 60);
    assert!(done.iter().filter(|count| **count > 0).count() > 1, "one did it all: {done:?}");
    let mut superuser = database.superuser();
    let pending = "select count(*) from carrel.documents where processing_status <> 'completed' and content_text is not null";
    assert_eq!(superuser.number(pending), 0);
    assert_eq!(superuser.number(crate::WRONGLY_CHUNKED), 0);
}

#[test]
fn documents_that_are_deleted_and_changed_while_they_are_processed_come_out_right() {
    let database = Cluster::shared().lived_in();
    database.user(ALICE).run(
        "set carrel.processing = deferred;
        insert into carrel.documents (filename, content_text)
            select 'd' || n, repeat('Mole number ' || n || ' digs. ', 300) from generate_series(1, 40) as n",
    );
    at_once(
        8,
        |number| if number < 4 { database.service() } else { database.user(ALICE) },
        |number, mut session| {
            match number {
            0..4 => while session.number("select carrel.process_documents(2)") > 0 {},
            4 | 5 => (1..20).for_each(|n| session.run(&format!("delete from carrel.documents where filename = 'd{n}'"))),
            _ => (15..40).for_each(|n| {
                session.run(&format!(
                    "update carrel.documents set content_text = content_text || ' More.' where filename = 'd{n}'"
                ));
            }),
        }
        },
    );
    database.service().run("select carrel.process_documents()");
    let mut superuser = database.superuser();
    assert_eq!(
        superuser.number("select count(*) from carrel.documents where filename ~ '^d[0-9]'"),
        21
    );
    assert_eq!(superuser.number("select count(*) from carrel.documents where processing_status <> 'completed' and content_text is not null"), 0);
    assert_eq!(superuser.number(crate::WRONGLY_CHUNKED), 0);
    let orphans = "select count(*) from carrel.document_chunks as c
        where not exists (select from carrel.documents as d where d.id = c.document_id)";
    assert_eq!(superuser.number(orphans), 0);
}

#[test]
fn sessions_that_rewrite_one_document_leave_the_chunks_of_its_last_text() {
    let database = Cluster::shared().lived_in();
    at_once(
        6,
        |_| database.user(ALICE),
        |number, mut session| {
            for round in 1..8 {
                session.run(&format!(
                    "update carrel.documents set content_text = repeat('Text {number} of round {round}. ', {}) where filename = 'long.txt'",
                    50 * round + number
                ));
            }
        },
    );
    let mut superuser = database.superuser();
    assert_eq!(superuser.number(crate::WRONGLY_CHUNKED), 0);
    let chunks = "select count(*) from carrel.document_chunks as c join carrel.documents as d on d.id = document_id
        where filename = 'long.txt' and c.content like 'Text%'";
    assert!(superuser.number(chunks) > 0);
}

#[test]
fn a_user_who_is_deleted_while_sessions_write_for_them_leaves_nothing() {
    let database = Cluster::shared().lived_in();
    let outcomes = at_once(
        9,
        |number| if number < 5 { database.user(ALICE) } else { database.service() },
        |number, mut session| {
            let statement = match number {
                0 | 1 => {
                    "select carrel.add_document('new', repeat('A mole digs. ', 500))".to_owned()
                }
                2 => "insert into carrel.agent_sessions default values".to_owned(),
                3 | 4 => "select carrel.create_request('a', 'c')".to_owned(),
                5..8 => {
                    format!("select carrel.record_usage('agent_request', user_id => '{ALICE}')")
                }
                _ => {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    session.run(&format!("select carrel.delete_user('{ALICE}')"));
                    return Vec::new();
                }
            };
            (0..40).map(|_| session.attempt(&statement)).collect()
        },
    );
    for outcome in outcomes.iter().flatten() {
        let expected = [Ok(1), Err("23503".to_owned()), Err("P0002".to_owned())];
        assert!(expected.contains(outcome), "{outcome:?}");
    }
    let mut superuser = database.superuser();
    for table in carrel_tests::TABLES {
        let left = format!("select count(*) from carrel.{table} where user_id = '{ALICE}'");
        assert_eq!(superuser.number(&left), 0, "{table}");
    }
    database.assert_sound();
}

#[test]
fn sessions_that_are_deleted_while_requests_come_leave_no_request_astray() {
    let database = Cluster::shared().installed();
    database.service().run(&format!("select carrel.create_user('{ALICE}')"));
    let outcomes = at_once(
        8,
        |_| database.user(ALICE),
        |number, mut session| {
            let statement = if number < 6 {
                "insert into carrel.agent_requests (agent_type, content, session_id)
                values ('a', 'c', (select max(id::text)::uuid from carrel.agent_sessions))"
            } else {
                "with gone as (delete from carrel.agent_sessions) insert into carrel.agent_sessions default values"
            };
            (0..60).map(|_| session.attempt(statement)).collect::<Vec<_>>()
        },
    );
    for outcome in outcomes.iter().flatten() {
        // 40P01, a deadlock, leaves nothing behind either.
        let expected =
            [Ok(1), Err("PT404".to_owned()), Err("23503".to_owned()), Err("40P01".to_owned())];
        assert!(expected.contains(outcome), "{outcome:?}");
    }
    let astray = "select r.id, r.session_id, s.request_chain
        from carrel.agent_requests as r left join carrel.agent_sessions as s on s.id = r.session_id
        where r.session_id is not null and (s.id is null or not s.request_chain ? r.id::text)";
    assert_eq!(database.superuser().column(astray), Vec::<String>::new());
}

#[test]
fn migrate_while_sessions_write_disturbs_none_of_them() {
    let database = Cluster::shared().lived_in();
    let outcomes = at_once(
        7,
        |number| match number {
            0 => database.superuser(),
            1..5 => database.user(ALICE),
            _ => database.service(),
        },
        |number, mut session| {
            let record = format!(
                "begin; select carrel.record_usage('chat', 1, user_id => '{ALICE}'); select pg_sleep(0.01);
                select carrel.consume_usage('chat', 1, user_id => '{ALICE}'); commit"
            );
            let (statement, times) = match number {
                0 => ("select carrel.migrate()", 6),
                5.. => (record.as_str(), 150),
                1 | 2 => {
                    ("select carrel.create_request('a', 'c', id) from carrel.agent_sessions", 150)
                }
                _ => ("select carrel.add_document('new', 'A mole digs.')", 150),
            };
            (0..times).filter_map(|_| session.attempt(statement).err()).collect::<Vec<_>>()
        },
    );
    assert_eq!(outcomes.concat(), Vec::<String>::new());
    database.assert_sound();
}
