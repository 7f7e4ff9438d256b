//! Usage that many sessions record and consume at once is exact, whatever becomes of them.

use carrel_tests::{ALICE, BOB, Cluster, Database, Session, at_once};
use std::time::Duration;

const SESSIONS: usize = 24;

/// Of one user, at once.
const WRITERS: usize = 100;

/// A user whose plan has so many tokens a month.
fn limited(tokens: i64) -> Database<'static> {
    let database = Cluster::shared().installed();
    database
        .service()
        .run(&format!("select carrel.create_user('{ALICE}'), carrel.create_user('{BOB}')"));
    database.superuser().run(&format!(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value)
        values ('free', 'chat', 'tokens', {tokens}), ('free', '*', 'events', 1000000)"
    ));
    database
}

/// A few microseconds to some milliseconds, by a number.
fn wait(number: usize) {
    std::thread::sleep(Duration::from_micros((number * 7919 % 3000) as u64));
}

/// What was admitted, in tokens.
fn admitted(database: &Database) -> i64 {
    database.superuser().number(
        "select coalesce(sum(tokens_used), 0) from carrel.usage_events where event_type = 'chat'",
    )
}

fn assert_exact(database: &Database) {
    assert_eq!(
        database.superuser().column("select * from carrel.verify_usage()"),
        Vec::<String>::new()
    );
}

/// Consumes until there is nothing left, when nobody else does; how much that was.
fn fill(session: &mut Session) -> i64 {
    let consume = format!("select carrel.consume_usage('chat', 1, user_id => '{ALICE}')");
    let mut count = 0;
    while session.attempt(&consume).is_ok() {
        count += 1;
    }
    assert_eq!(session.refused(&consume), "PT402");
    count
}

#[test]
fn a_hard_limit_is_admitted_to_the_last_token_and_never_more() {
    for level in ["read committed", "repeatable read", "serializable"] {
        let database = limited(500);
        let outcomes = at_once(
            WRITERS,
            |_| database.service(),
            |number, mut session| {
                session.run(&format!("set default_transaction_isolation = '{level}'"));
                let mut told = 0;
                for round in 0..8 {
                    let tokens = 1 + (number + round) % 3;
                    let consume = format!(
                        "select carrel.consume_usage('chat', {tokens}, user_id => '{ALICE}')"
                    );
                    match session.attempt(&consume) {
                        Ok(_) => told += tokens as i64,
                        Err(state) => assert!(
                            state == "PT402" || state == "40001" && level != "read committed",
                            "{level}: {state}"
                        ),
                    }
                    wait(number + round);
                }
                told
            },
        );
        let told: i64 = outcomes.iter().sum();
        assert!(told <= 500, "{level}: {told}");
        assert_eq!(admitted(&database), told, "{level}");
        let mut session = database.service();
        assert_eq!(told + fill(&mut session), 500, "{level}");
        assert_eq!(admitted(&database), 500, "{level}");
        assert_exact(&database);
    }
}

#[test]
fn what_is_consumed_held_and_settled_adds_up_to_the_limit() {
    let database = limited(400);
    at_once(
        SESSIONS,
        |_| database.service(),
        |number, mut session| {
            for round in 0..12 {
                let held = session.attempt(&format!(
                    "select carrel.reserve_usage('chat', 5, idempotency_key => 'r{number}-{round}', user_id => '{ALICE}')"
                ));
                wait(number * round);
                let id = format!(
                    "(select carrel.reserve_usage('chat', 5, idempotency_key => 'r{number}-{round}', user_id => '{ALICE}'))"
                );
                let end = match (held, round % 3) {
                    (Err(state), _) => {
                        assert_eq!(state, "PT402");
                        continue;
                    }
                    (Ok(_), 0) => format!("select carrel.settle_usage({id}, 3)"),
                    (Ok(_), 1) => format!("select carrel.release_usage({id})"),
                    (Ok(_), _) => continue,
                };
                session.run(&end);
            }
        },
    );
    let held =
        "select coalesce(sum(tokens), 0) from carrel.usage_reservations where state = 'held'";
    let held = database.superuser().number(held);
    assert!(held > 0);
    let left = fill(&mut database.service());
    assert_eq!(admitted(&database) + held, 400, "{left} were left");
    assert_exact(&database);
}

#[test]
fn the_same_keys_from_several_sessions_take_the_limit_once() {
    let database = limited(100);
    let admitted_keys = at_once(
        SESSIONS,
        |_| database.service(),
        |number, mut session| {
            (0..15)
                .filter(|round| {
                    wait(number * round);
                    let consume = format!(
                        "select carrel.consume_usage('chat', 10, idempotency_key => 'k{round}', user_id => '{ALICE}')"
                    );
                    session.attempt(&consume).is_ok()
                })
                .count()
        },
    );
    assert!(admitted_keys.iter().sum::<usize>() >= 10);
    assert_eq!(admitted(&database), 100);
    assert_eq!(database.superuser().number("select count(*) from carrel.usage_events"), 10);
    assert_exact(&database);
}

#[test]
fn sessions_that_are_ended_at_random_lose_and_leave_nothing() {
    let database = limited(100_000);
    let acknowledged = at_once(
        12,
        |_| database.service(),
        |number, mut session| {
            if number == 0 {
                let mut superuser = database.superuser();
                for _ in 0..40 {
                    wait(2500);
                    superuser.run(
                        "select pg_terminate_backend(pid) from pg_stat_activity
                        where datname = current_database() and query like '%consume_usage%' and pid <> pg_backend_pid()
                        order by random() limit 1",
                    );
                }
                return 0;
            }
            let mut told = 0;
            for round in 0..60 {
                let consume =
                    format!("select carrel.consume_usage('chat', 7, user_id => '{ALICE}')");
                if session.client().batch_execute(&consume).is_ok() {
                    told += 7;
                } else if session.client().is_closed() {
                    session = database.service();
                }
                wait(round);
            }
            told
        },
    );
    assert!(admitted(&database) >= acknowledged.iter().sum::<i64>());
    assert_exact(&database);
    let left = 100_000 - admitted(&database);
    let mut session = database.service();
    let consume = |tokens: i64| {
        format!("select carrel.consume_usage('chat', {tokens}, user_id => '{ALICE}')")
    };
    assert_eq!(session.refused(&consume(left + 1)), "PT402");
    session.run(&consume(left));
    assert_exact(&database);
}

#[test]
fn transactions_over_several_users_in_any_order_do_not_deadlock() {
    let database = limited(1_000_000);
    let users: Vec<String> =
        database.service().column("select carrel.create_user() from generate_series(1, 6)");
    at_once(
        12,
        |_| database.service(),
        |number, mut session| {
            for round in 0..8 {
                let mut transaction = String::from("begin;");
                for step in 0..6 {
                    let user = &users[(number * 5 + round * 7 + step * (1 + number % 5)) % 6];
                    let event_type = ["agent_request", "chat", "chat"][(number + step) % 3];
                    let record = ["record_usage", "consume_usage"][step % 2];
                    transaction +=
                        &format!("select carrel.{record}('{event_type}', 1, user_id => '{user}');");
                }
                // Never a deadlock; where others hold what is left of limits: to be tried again.
                transaction += "commit";
                while let Err(state) = session.attempt(&transaction) {
                    assert_eq!(state, "40001");
                    session.run("rollback");
                }
                let events: Vec<String> = (0..6)
                    .map(|step| {
                        let user = &users[(number + round * step) % 6];
                        format!(r#"{{"event_type": "agent_request", "user_id": "{user}"}}"#)
                    })
                    .collect();
                session.run(&format!("select carrel.record_usage_batch('[{}]')", events.join(",")));
            }
        },
    );
    let counted = "select sum(usage_count) from carrel.user_profiles";
    let requests = "select count(*) from carrel.usage_events where event_type = 'agent_request'";
    let mut superuser = database.superuser();
    assert_eq!(superuser.number(counted), superuser.number(requests));
    assert_exact(&database);
}

#[test]
fn plans_and_periods_change_while_usage_is_recorded_and_nothing_drifts() {
    let database = limited(1_000_000);
    at_once(
        10,
        |number| if number < 2 { database.superuser() } else { database.service() },
        |number, mut session| {
            for round in 0..15 {
                session.run(&match (number, round % 3) {
                    (0, 0) => format!("select carrel.set_plan('{ALICE}', 'pro')"),
                    (0, 1) => format!("update carrel.user_profiles set billing_anchor = billing_anchor - interval '1 day' where user_id = '{ALICE}'"),
                    (0, _) => format!("select carrel.set_plan('{ALICE}', 'free')"),
                    (1, 0) => "update carrel.plan_limits set limit_value = limit_value + 1 where event_type = 'chat'".to_owned(),
                    (1, _) => format!("select carrel.set_plan('{BOB}', 'free', billing_timezone => 'Europe/Berlin')"),
                    (_, 0) => format!("select carrel.record_usage('agent_request', 3, user_id => '{ALICE}')"),
                    _ => format!("select carrel.consume_usage('chat', 3, user_id => '{}')", [ALICE, BOB][number % 2]),
                });
                wait(number * round);
            }
        },
    );
    assert_exact(&database);
}

#[test]
fn a_restored_database_goes_on_where_the_limits_stood() {
    let database = limited(100);
    database.service().run(&format!(
        "select carrel.consume_usage('chat', 60, user_id => '{ALICE}');
        select carrel.reserve_usage('chat', 30, ttl => '1 day', user_id => '{ALICE}');
        select carrel.record_usage('agent_request', user_id => '{ALICE}')"
    ));
    let dump = database.dump_to_file(&["-Fc"]);
    let restored = Cluster::shared().empty();
    restored.restore(&[], &dump);
    restored.assert_sound();
    assert_exact(&restored);
    let consume = |tokens: i64| {
        format!("select carrel.consume_usage('chat', {tokens}, user_id => '{ALICE}')")
    };
    let mut service = restored.service();
    assert_eq!(service.refused(&consume(11)), "PT402");
    service.run(&consume(10));
    assert_eq!(service.refused(&consume(1)), "PT402");
    assert_exact(&restored);
}

#[test]
fn a_transaction_with_an_old_snapshot_counts_what_others_used_since() {
    for level in ["repeatable read", "serializable"] {
        let database = limited(100);
        let mut old = database.service();
        old.run(&format!(
            "begin isolation level {level}; select count(*) from carrel.user_profiles"
        ));
        let mut service = database.service();
        service.run(&format!("select carrel.consume_usage('chat', 90, user_id => '{ALICE}')"));
        let outcome =
            old.attempt(&format!("select carrel.consume_usage('chat', 11, user_id => '{ALICE}')"));
        assert!(
            matches!(outcome.as_ref().map_err(String::as_str), Err("PT402" | "40001")),
            "{outcome:?}"
        );
        old.run("rollback");

        old.run(&format!(
            "begin isolation level {level}; select count(*) from carrel.user_profiles"
        ));
        let mut superuser = database.superuser();
        superuser.run("update carrel.plan_limits set limit_value = 50 where event_type = 'chat'");
        assert!(
            old.attempt(&format!("select carrel.consume_usage('chat', 1, user_id => '{ALICE}')"))
                .is_err()
        );
        old.run("rollback");

        old.run(&format!(
            "begin isolation level {level}; select count(*) from carrel.user_profiles"
        ));
        superuser.run("update carrel.user_profiles set billing_anchor = billing_anchor - interval '3 days', billing_timezone = 'Asia/Tokyo'");
        // Refused or right, but not counted in a period that is no more.
        let _ =
            old.attempt(&format!("select carrel.record_usage('chat', 1, user_id => '{ALICE}')"));
        old.run("commit");
        assert_exact(&database);

        // What is given back goes where the limit counts now.
        superuser.run("update carrel.plan_limits set limit_value = 1000 where event_type = 'chat'");
        service.run(&format!(
            "select carrel.reserve_usage('chat', 30, idempotency_key => 'r', user_id => '{ALICE}')"
        ));
        old.run(&format!(
            "begin isolation level {level}; select count(*) from carrel.user_profiles"
        ));
        superuser.run(
            "update carrel.user_profiles set billing_anchor = billing_anchor - interval '1 day'",
        );
        service.run(&format!("select carrel.consume_usage('chat', 1, user_id => '{ALICE}')"));
        let id =
            superuser.value("select id from carrel.usage_reservations where idempotency_key = 'r'");
        let _ = old.attempt(&format!("select carrel.release_usage('{id}')"));
        old.run("commit");
        assert_exact(&database);
    }
}

#[test]
fn all_totals_are_rebuilt_while_a_plan_and_its_periods_change() {
    let database = limited(1_000);
    let mut service = database.service();
    for _ in 0..50 {
        service.run(&format!("select carrel.record_usage('chat', 1, user_id => '{ALICE}')"));
    }
    at_once(
        2,
        |_| database.superuser(),
        |number, mut session| {
            for round in 0..10 {
                session.run(&match number {
                    0 => "select carrel.rebuild_usage()".to_owned(),
                    _ => format!("select carrel.set_plan('{ALICE}', 'free', billing_anchor => now() - interval '{round} days')"),
                });
            }
        },
    );
    assert_exact(&database);
}

#[test]
fn totals_and_parts_that_outgrow_their_pages_are_found_again() {
    let database = limited(1_000_000);
    let mut service = database.service();
    service.run(&format!(
        "select carrel.consume_usage('chat', 1, user_id => '{ALICE}');
        do $$ begin
            for i in 1..3000 loop
                perform carrel.consume_usage('chat', 1, user_id => '{ALICE}');
            end loop;
        end $$"
    ));
    let used = format!(
        "select used, remaining from carrel.consume_usage('chat', 1, user_id => '{ALICE}')"
    );
    assert_eq!(service.column(&used), ["3002|996998"]);
    let mut superuser = database.superuser();
    for table in ["usage_totals", "usage_allowances"] {
        let rows = format!("select count(*) from carrel.{table} where user_id = '{ALICE}'");
        let all = superuser.number(&rows);
        superuser.run("set enable_seqscan = off");
        assert_eq!(superuser.number(&rows), all, "{table} by its index");
        superuser.run("reset enable_seqscan");
    }
    assert_exact(&database);
}

#[test]
fn a_trigger_or_a_constraint_of_the_operators_on_the_totals_is_heeded() {
    let database = limited(1_000_000);
    let mut superuser = database.superuser();
    superuser.run(
        "create table public.seen (events numeric);
        grant insert on public.seen to public;
        create function public.see() returns trigger language plpgsql as
            $$ begin insert into public.seen values (new.events); return new; end $$;
        create trigger see after update on carrel.usage_totals for each row execute function public.see()",
    );
    let mut service = database.service();
    let record = format!("select carrel.record_usage('chat', 1, user_id => '{ALICE}')");
    for _ in 0..3 {
        service.run(&record);
    }
    assert_eq!(superuser.column("select events from public.seen order by 1"), ["2", "3"]);
    superuser.run(
        "drop trigger see on carrel.usage_totals;
        alter table carrel.usage_totals add constraint few check (events <= 3)",
    );
    assert_eq!(service.refused(&record), "23514");
    assert_exact(&database);
}

#[test]
fn what_is_rolled_back_to_a_savepoint_leaves_the_totals_as_they_were() {
    let database = limited(1_000_000);
    let record = format!("select carrel.record_usage('chat', 1, user_id => '{ALICE}')");
    let mut service = database.service();
    service.run(&record);
    service
        .run(&format!("begin; {record}; savepoint a; {record}; rollback to a; {record}; commit"));
    // The same backend's own rows, changed and rolled back.
    service.run(&format!("begin; {record}; rollback"));
    service.run(&record);
    assert_eq!(
        database.superuser().number("select sum(events)::bigint from carrel.usage_totals"),
        4
    );
    assert_exact(&database);
}

#[test]
fn what_one_session_recorded_beyond_its_part_is_not_there_for_another() {
    let database = limited(1000);
    let (mut one, mut other) = (database.service(), database.service());
    let consume = |tokens: i64| {
        format!("select carrel.consume_usage('chat', {tokens}, user_id => '{ALICE}')")
    };
    one.run(&consume(1));
    other.run(&consume(1));
    one.run(&format!("select carrel.record_usage('chat', 990, user_id => '{ALICE}')"));
    assert_eq!(other.refused(&consume(20)), "PT402");
    other.run(&consume(8));
    assert_eq!(admitted(&database), 1000);
    assert_exact(&database);
}

#[test]
fn of_a_limit_of_nothing_nothing_is_admitted_whatever_was_given_back() {
    let database = limited(0);
    let mut service = database.service();
    let id = service.value(&format!(
        "select event_id from carrel.record_usage('chat', 5, user_id => '{ALICE}')"
    ));
    // What was drawn before is forgotten with the limit that it was drawn from.
    database.superuser().run("delete from carrel.plan_limits where event_type = '*'");
    service.run(&format!("select carrel.void_usage('{id}', 'wrong')"));
    let consume = format!("select carrel.consume_usage('chat', 1, user_id => '{ALICE}')");
    assert_eq!(service.refused(&consume), "PT402");
    assert_exact(&database);
}

#[test]
fn a_transaction_that_waited_for_its_part_draws_on_it_and_makes_no_more() {
    let database = limited(1_000_000);
    database.service().run(&format!(
        "begin; select carrel.consume_usage('chat', 1, user_id => '{ALICE}');
        do $$ begin
            for i in 1..50 loop perform carrel.record_usage('chat', 1, user_id => '{ALICE}'); end loop;
        end $$; commit"
    ));
    let parts = database.superuser().number(
        "select max(parts) from (
            select count(*) as parts from carrel.usage_allowances group by event_type, measure, period_start
        ) as each",
    );
    assert!(parts <= 16, "{parts}");
    assert_exact(&database);
}

#[test]
fn who_changes_all_limits_waits_and_keeps_nobody_who_records_already() {
    let database = limited(1_000_000);
    let (mut recorder, mut operator) = (database.service(), database.superuser());
    // In the order that would meet the operator's, whatever that is.
    let record = |user: &str| format!("select carrel.record_usage('chat', 1, user_id => '{user}')");
    recorder.run("begin");
    recorder.run(&record(BOB));
    std::thread::scope(|scope| {
        let changing = scope.spawn(move || {
            operator.attempt("update carrel.plan_limits set limit_value = limit_value + 1")
        });
        std::thread::sleep(Duration::from_millis(300));
        recorder.run(&record(ALICE));
        recorder.run("commit");
        assert!(changing.join().is_ok_and(|changed| changed.is_ok()));
    });
    assert_exact(&database);
}

#[test]
fn what_an_operators_trigger_records_beside_is_no_way_around_a_limit() {
    let database = limited(10);
    database.superuser().run(
        "create function public.beside() returns trigger language plpgsql security definer as $$ begin
            if new.event_type = 'chat' then
                insert into carrel.usage_events (user_id, event_type) values (new.user_id, 'beside');
            end if;
            return new;
        end $$;
        create trigger beside before insert on carrel.usage_events for each row execute function public.beside()",
    );
    let mut service = database.service();
    let consume = |tokens: i64| {
        format!("select used from carrel.consume_usage('chat', {tokens}, user_id => '{ALICE}')")
    };
    assert_eq!(service.refused(&consume(11)), "PT402");
    assert_eq!(service.column(&consume(10)), ["10"]);
    assert_eq!(service.refused(&consume(1)), "PT402");
    assert_exact(&database);
}

/// How many rows the totals of days before today have, beside one for each.
fn apart(session: &mut Session) -> i64 {
    session.number(
        "select coalesce(sum(count - 1), 0) from (
            select count(*) from carrel.usage_totals
            where day < (now() at time zone 'UTC')::date
            group by user_id, day, period_start, event_type, model
        ) as total",
    )
}

#[test]
fn what_sessions_left_of_days_before_is_merged_and_nobody_waits_for_it() {
    let database = limited(1_000_000);
    let late = format!(
        "select carrel.record_usage('chat', 1, user_id => '{ALICE}', occurred_at => now() - interval '2 days')"
    );
    let mut sessions: Vec<Session> = (0..4).map(|_| database.service()).collect();
    // At once, so that none sees what another has to merge.
    for statement in ["begin", &late, "commit"] {
        sessions.iter_mut().for_each(|session| session.run(statement));
    }
    let mut superuser = database.superuser();
    assert_eq!(apart(&mut superuser), 3);

    // Another type's total is new, and the transaction stays open.
    let new = |event_type: &str| {
        format!("select carrel.record_usage('{event_type}', 1, user_id => '{ALICE}')")
    };
    let mut merging = database.superuser();
    merging.run("begin");
    merging.run(&new("search"));
    assert_eq!(apart(&mut merging), 0);
    for session in &mut sessions {
        session.run("set statement_timeout = '10s'");
        session.run(&late);
        session.run(&new("embedding"));
    }
    merging.run("commit");
    assert_exact(&database);
    // What could not be added to what was held.
    assert_eq!(apart(&mut superuser), 1);
    merging.run(&new("image"));
    assert_eq!(apart(&mut superuser), 0);
    assert_exact(&database);
    let tokens = "select sum(tokens_used) from carrel.usage_totals where event_type = 'chat'";
    assert_eq!(superuser.number(tokens), 8);

    // What is rolled back is as it was.
    for session in &mut sessions {
        session.run(&late);
    }
    merging.run(&format!("begin; {}; rollback", new("audio")));
    assert_exact(&database);
    assert_eq!(superuser.number(tokens), 12);
}

#[test]
fn a_session_that_remembers_limits_hears_of_every_way_to_change_them() {
    let database = limited(1000);
    let mut operator = database.superuser();
    operator.run("delete from carrel.plan_limits where event_type <> 'chat'");
    let mut session = database.service();
    let limit =
        format!("select (carrel.record_usage('chat', 0, user_id => '{ALICE}')).limit_value");
    let mut heard = |is: &str| assert_eq!(session.value(&limit), is);
    heard("1000");
    let change = |to: u32| {
        format!("update carrel.plan_limits set limit_value = {to} where event_type = 'chat'")
    };
    operator.run(&change(1));
    heard("1");
    operator.run(&format!("begin; {}; rollback", change(2)));
    heard("1");
    operator.run(&format!("begin; savepoint s; {}; rollback to s; commit", change(3)));
    heard("1");
    operator.run(&format!(
        "set session_replication_role = replica; {}; reset session_replication_role",
        change(4)
    ));
    heard("4");
    operator.run(&format!(
        "alter table carrel.plan_limits disable trigger user; {};
        alter table carrel.plan_limits enable trigger user",
        change(5)
    ));
    heard("5");
    operator.run("truncate carrel.plan_limits");
    assert_eq!(session.column(&format!("select 1 where ({limit}) is null")), ["1"]);
    operator.run(
        "insert into carrel.plan_limits (plan_type, event_type, measure, limit_value)
        values ('free', 'chat', 'tokens', 6)",
    );
    assert_eq!(session.value(&limit), "6");
    operator.run(&format!("begin; {}", change(7)));
    assert_eq!(operator.value(&limit), "7");
    operator.run("rollback");
    assert_eq!(operator.value(&limit), "6");
}
