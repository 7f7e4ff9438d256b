//! A server that stops at once under load: what was committed is there, and whole.

use carrel_tests::{ALICE, BOB, Cluster, at_once};
use std::time::{Duration, Instant};

/// What a session of the load has been told is committed.
struct Acknowledged {
    keys: Vec<String>,
    documents: Vec<String>,
}

/// Writes until the server is gone.
fn load(number: usize, mut session: carrel_tests::Session, round: u32) -> Acknowledged {
    let mut acknowledged = Acknowledged { keys: Vec::new(), documents: Vec::new() };
    let user = [ALICE, BOB][number % 2];
    for turn in 0.. {
        let key = format!("{round}-{number}-{turn}");
        let format = ["md", "txt"][turn % 2];
        let statement = match number % 4 {
            0 => format!(
                "select carrel.record_usage('agent_request', 3, 0.5, idempotency_key => '{key}', user_id => '{user}')"
            ),
            1 => format!(
                "begin;
                select carrel.settle_usage(carrel.reserve_usage('agent_request', 5, user_id => '{user}'), 4);
                commit;
                select carrel.consume_usage('agent_request', 3, 0.5, idempotency_key => '{key}', user_id => '{user}')"
            ),
            2 => format!(
                "insert into carrel.documents (filename, content_text)
                values ('{key}.{format}', repeat(E'# Part\\n\\nThe mole of {key} digs. ', 200))"
            ),
            _ => format!(
                "begin;
                update carrel.documents set content_text = content_text || ' More of {key}.'
                    where filename = 'long.txt';
                insert into carrel.agent_requests (agent_type, content, session_id)
                    select 'a', '{key}', id from carrel.agent_sessions where title = 'Birds';
                commit"
            ),
        };
        if session.client().batch_execute(&statement).is_err() {
            assert!(session.client().is_closed(), "{statement}");
            break;
        }
        match number % 4 {
            0 | 1 => acknowledged.keys.push(key),
            2 => acknowledged.documents.push(format!("{key}.{format}")),
            _ => {}
        }
    }
    acknowledged
}

#[test]
fn after_a_crash_under_load_everything_that_was_committed_is_there_and_whole() {
    let cluster = Cluster::start();
    cluster.create_roles();
    let database = cluster.lived_in_anew();
    database.superuser().run(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value)
        values ('free', 'agent_request', 'tokens', 1000000)",
    );
    for round in 0..2 {
        let acknowledged = at_once(
            9,
            |number| match number {
                8 => None,
                0 | 1 | 4 | 5 => Some(database.service()),
                _ => Some(database.user([ALICE, BOB][number % 2])),
            },
            |number, session| match session {
                Some(session) => Some(load(number, session, round)),
                None => {
                    std::thread::sleep(Duration::from_millis(1500));
                    cluster.crash();
                    None
                }
            },
        );
        let began = Instant::now();
        cluster.resume();
        assert!(began.elapsed() < Duration::from_secs(30));
        assert!(cluster.log_text().contains("automatic recovery in progress"));
        let mut superuser = database.superuser();
        for Acknowledged { keys, documents } in acknowledged.into_iter().flatten() {
            let lost = format!(
                "select key from unnest('{{{}}}'::text[]) as key except select idempotency_key from carrel.usage_events",
                keys.join(",")
            );
            assert_eq!(superuser.column(&lost), Vec::<String>::new());
            let lost = format!(
                "select name from unnest('{{{}}}'::text[]) as name except
                select filename from carrel.documents where processing_status = 'completed'",
                documents.join(",")
            );
            assert_eq!(superuser.column(&lost), Vec::<String>::new());
        }
        let events = format!(
            "select count(*) from carrel.usage_events where idempotency_key like '{round}-%'"
        );
        let written =
            format!("select count(*) from carrel.documents where filename like '{round}-%'");
        assert!(
            superuser.number(&events) > 10 && superuser.number(&written) > 10,
            "there was no load"
        );
        database.assert_sound();
        assert_eq!(superuser.number("select count(*) from carrel.verify_usage()"), 0);
        assert_eq!(superuser.number(crate::WRONGLY_CHUNKED), 0);
        let astray = "select count(*) from carrel.agent_requests as r where session_id is not null and not exists (
            select from carrel.agent_sessions as s where s.id = r.session_id and s.request_chain ? r.id::text)";
        assert_eq!(superuser.number(astray), 0);
    }
}
