//! Errors that are caught: by a block of plpgsql, or by going back to a savepoint. What was done before and
//! what is done after is right, and nothing is left of what failed.

use super::calls::{self, Call};
use carrel_tests::{ALICE, BOB, Cluster, Database, Session, TABLES, contents};

/// Catches what a SELECT raises, so many times, each time in a block of its own. One that raises nothing is undone with its
/// block, or is an error itself where it should have raised.
fn caught(select: &str, times: usize, raises: bool) -> String {
    let perform = select.replacen("select ", "perform ", 1);
    let worked = if raises { "T0001" } else { "T0000" };
    format!(
        "do $test$ begin
            for n in 1..{times} loop
                begin
                    {perform};
                    raise 'it worked' using errcode = '{worked}';
                exception
                    when sqlstate 'T0001' then raise;
                    when others then null;
                end;
            end loop;
        end $test$"
    )
}

/// How many rows each table has, and what the events of each type sum up to.
fn sums(superuser: &mut Session) -> Vec<i64> {
    let mut sums: Vec<i64> = TABLES
        .iter()
        .chain(["usage_reservations", "usage_archive", "user_pseudonyms", "files_to_erase"].iter())
        .map(|table| superuser.number(&format!("select count(*) from carrel.{table}")))
        .collect();
    for sum in ["sum(tokens_used)", "sum(cost * 1000)::bigint"] {
        let sum = format!("select coalesce({sum}, 0) from carrel.usage_events");
        sums.push(superuser.number(&sum));
    }
    let counts = "select sum(usage_count) from carrel.user_profiles";
    sums.push(superuser.number(counts));
    sums
}

fn difference(before: &[i64], after: &[i64]) -> Vec<i64> {
    before.iter().zip(after).map(|(before, after)| after - before).collect()
}

fn prepared() -> Database<'static> {
    let database = Cluster::shared().lived_in();
    calls::prepare(&database, 2_000);
    database
}

/// Asserts that the session does what any other does.
#[track_caller]
fn assert_usable(call: &Call, session: &mut Session) {
    let right = session.column(
        "select chunk_index, start_offset from carrel.chunk_text('A mole digs. It rests.', 12)",
    );
    assert_eq!(right, ["0|0", "1|13"], "{}", call.function);
    assert_eq!(session.value("select current_setting('search_path')"), "\"$user\", public");
}

#[test]
fn what_fails_a_thousand_times_in_a_block_that_catches_it_leaves_no_trace() {
    let database = prepared();
    let mut superuser = database.superuser();
    for call in calls::all() {
        if call.weight >= 50 {
            continue;
        }
        let mut session = call.role.session(&database);
        let before = contents(&database);
        for bad in &call.bad {
            session.run(&caught(bad, 1_000 / call.weight.min(10), true));
            assert_usable(&call, &mut session);
        }
        if !call.good.is_empty() {
            session.run(&caught(&call.good, 50 / call.weight.min(10), false));
            assert_usable(&call, &mut session);
        }
        assert_eq!(contents(&database), before, "{}", call.function);
    }
    assert_eq!(superuser.column("select * from carrel.verify_usage()"), Vec::<String>::new());
    database.assert_sound();
}

#[test]
fn a_call_amid_calls_that_fail_does_what_it_does_alone() {
    let database = prepared();
    let mut superuser = database.superuser();
    for call in calls::all() {
        let depends_on_chance = ["set_plan", "rechunk_document"].contains(&call.function.as_str());
        if call.weight >= 50 || call.good.is_empty() || depends_on_chance {
            continue;
        }
        // What this backend remembers from the first call, the second goes by.
        let mut alone = call.role.session(&database);
        alone.run(&call.good);
        let start = sums(&mut superuser);
        alone.run(&call.good);
        let after = sums(&mut superuser);
        let expected = difference(&start, &after);

        let mut session = call.role.session(&database);
        session.run("begin");
        let fail = |session: &mut Session| {
            let bad = call.bad.iter().map(|bad| (bad, true));
            for (bad, raises) in bad.chain([(&call.good, false)]) {
                session.run(&caught(bad, 5, raises));
                session.run("savepoint before");
                session.run(&call.good);
                session.run("savepoint within");
                let _ = session.client().simple_query(bad);
                session.run("rollback to before; release before");
            }
        };
        fail(&mut session);
        session.run(&call.good);
        fail(&mut session);
        session.run("commit");
        let then = sums(&mut superuser);
        assert_eq!(difference(&after, &then), expected, "{}", call.good);
        assert_usable(&call, &mut session);
        assert_eq!(
            superuser.column("select * from carrel.verify_usage()"),
            Vec::<String>::new(),
            "{}",
            call.function
        );
    }
    assert_eq!(superuser.number(crate::WRONGLY_CHUNKED), 0);
    database.assert_sound();
}

#[test]
fn whatever_trigger_of_an_operator_fails_nothing_is_left_of_the_call() {
    let database = prepared();
    let mut superuser = database.superuser();
    superuser.run(
        "create function public.fail() returns trigger language plpgsql as $$ begin
            if current_setting('test.fail', true) = concat_ws(' ', tg_table_name, tg_when, tg_level) then
                raise 'failed' using errcode = 'T0002';
            end if;
            return case when tg_level = 'ROW' then coalesce(new, old) end;
        end $$;
        grant execute on function public.fail to public",
    );
    let tables = superuser.column(
        "select relname from pg_class where relnamespace = 'carrel'::regnamespace and relkind = 'r'
            and relname not in ('migrations', 'granted_roles', 'plans', 'plan_limits', 'model_prices')",
    );
    let mut places = Vec::new();
    for table in &tables {
        for (when, level) in [("before", "row"), ("after", "row"), ("after", "statement")] {
            superuser.run(&format!(
                "create trigger zz_{when}_{level} {when} insert or update or delete on carrel.{table} for each {level} execute function public.fail()"
            ));
            places.push(format!("{table} {} {}", when.to_uppercase(), level.to_uppercase()));
        }
    }
    let mut failed = 0;
    let before = contents(&database);
    for call in calls::all() {
        if call.weight >= 50 || call.good.is_empty() || call.function.contains("grant") {
            continue;
        }
        let mut session = call.role.session(&database);
        for place in &places {
            session.run(&format!("set test.fail = '{place}'"));
            session.run("begin; savepoint before");
            let fails = session.client().simple_query(&call.good).is_err();
            failed += usize::from(fails);
            session.run("rollback to before");
            if fails {
                session.run(&caught(&call.good, 3, false));
            }
            session.run("reset test.fail");
            session.run("savepoint before");
            session.run(&call.good);
            session.run("rollback to before; commit");
        }
        assert_usable(&call, &mut session);
    }
    assert!(failed > 100, "{failed}");
    assert_eq!(contents(&database), before);
    for user in [ALICE, BOB] {
        let verify = format!("select * from carrel.verify_usage('{user}')");
        assert_eq!(superuser.column(&verify), Vec::<String>::new());
    }
    println!("{failed} calls failed in triggers");
}
