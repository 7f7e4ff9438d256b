//! The service role: what it must be able to do, and that it can do no more.

use super::{id_of, lived_in, refused, rows_of, textless_document};
use carrel_tests::{ALICE, BOB, Session, TABLES, grants};

#[test]
fn the_service_acts_as_a_user_to_read_and_write_for_them() {
    let database = lived_in();
    let before = rows_of(&database, BOB);
    let mut service = database.service();
    service.run(&format!("begin; select carrel.act_as('{ALICE}')"));
    for table in TABLES {
        assert_eq!(
            service.column(&format!("select distinct user_id from carrel.{table}")),
            [ALICE],
            "{table}"
        );
    }
    service.run("select carrel.add_document('new', 'A mole digs.')");
    assert_eq!(service.number("select count(*) from carrel.search_chunks('mole')"), 1);
    service.run("update carrel.documents set processing_error = null where filename = 'new'");
    service.run("insert into carrel.agent_sessions (title) values ('Moles')");
    service.run("select carrel.create_request('a', 'c')");
    service.run("delete from carrel.documents where filename = 'new'; commit");
    assert_eq!(rows_of(&database, BOB), before);
}

#[test]
fn the_service_sees_and_writes_nothing_while_it_acts_as_nobody() {
    let database = lived_in();
    let mut service = database.service();
    for table in TABLES {
        assert_eq!(service.number(&format!("select count(*) from carrel.{table}")), 0, "{table}");
    }
    for table in ["documents", "document_chunks", "agent_sessions"] {
        assert_eq!(service.attempt(&format!("delete from carrel.{table}")), Ok(0), "{table}");
    }
    let insert =
        format!("insert into carrel.documents (user_id, filename) values ('{ALICE}', 'x')");
    assert_eq!(service.attempt(&insert), refused("28000"));
}

#[test]
fn the_service_acting_as_one_user_reaches_no_other() {
    let database = lived_in();
    let before = rows_of(&database, BOB);
    let document = textless_document(&database, BOB);
    let mut service = database.service();
    service.claim(ALICE);
    for table in ["documents", "document_chunks", "agent_sessions"] {
        let give = format!("update carrel.{table} set user_id = '{BOB}'");
        assert_eq!(service.attempt(&give), refused("42501"), "{table}");
        let take = format!("update carrel.{table} set user_id = '{ALICE}' where user_id = '{BOB}'");
        assert_eq!(service.attempt(&take), Ok(0), "{table}");
        assert_eq!(
            service.attempt(&format!("delete from carrel.{table} where user_id = '{BOB}'")),
            Ok(0)
        );
    }
    let chunk = format!(
        "insert into carrel.document_chunks (document_id, chunk_index, content) values ('{document}', 9, 'x')"
    );
    assert_eq!(service.attempt(&chunk), refused("PT404"));
    let own = id_of(&database, "document_chunks", ALICE);
    let moved =
        format!("update carrel.document_chunks set document_id = '{document}' where id = '{own}'");
    assert_eq!(service.attempt(&moved), refused("23503"));
    assert_eq!(rows_of(&database, BOB), before);
}

#[test]
fn the_service_creates_users_and_doing_so_again_changes_nothing() {
    let database = lived_in();
    let mut service = database.service();
    let new = service.value("select carrel.create_user(name => 'Carol')");
    assert_eq!(service.value(&format!("select carrel.create_user('{new}', 'Other', 'pro')")), new);
    let profile =
        format!("select name, plan_type from carrel.user_profiles where user_id = '{new}'");
    assert_eq!(database.superuser().value(&profile), "Carol|free");
    assert_eq!(service.refused("select carrel.create_user(plan_type => 'none such')"), "22023");
}

#[test]
fn the_service_deletes_a_user_with_everything_of_theirs_and_nothing_of_others() {
    let database = lived_in();
    let before = rows_of(&database, BOB);
    let mut service = database.service();
    let paths = service.column(&format!("select * from carrel.delete_user('{ALICE}')"));
    assert_eq!(paths, ["scans/Alice.pdf"]);
    let mut superuser = database.superuser();
    for table in TABLES {
        let left = format!("select count(*) from carrel.{table} where user_id = '{ALICE}'");
        assert_eq!(superuser.number(&left), 0, "{table}");
    }
    assert_eq!(rows_of(&database, BOB), before);
    assert_eq!(service.column("select storage_path from carrel.files_to_erase()"), paths);
    let again = format!("select * from carrel.delete_user('{ALICE}')");
    assert_eq!(service.refused(&again), "PT404");
    database.assert_sound();
}

#[test]
fn archived_usage_of_a_deleted_user_does_not_name_them() {
    let database = lived_in();
    database.service().run(&format!("select carrel.delete_user('{ALICE}', archive_usage => true)"));
    let mut superuser = database.superuser();
    let sums = "select count(*), sum(tokens_used), sum(cost), count(distinct pseudonym) from carrel.usage_archive";
    assert_eq!(superuser.value(sums), "3|200|0.0063|1");
    let named =
        format!("select count(*) from carrel.usage_archive as t where t::text like '%{ALICE}%'");
    assert_eq!(superuser.number(&named), 0);
}

#[test]
fn the_service_exports_everything_of_one_user_and_nothing_of_others() {
    let database = lived_in();
    let mut service = database.service();
    let export = format!(
        "select table_name, count(*) from carrel.export_user('{ALICE}') group by 1 order by 1"
    );
    let exported = service.column(&export);
    let mut superuser = database.superuser();
    let mut there: Vec<_> = TABLES
        .iter()
        .map(|table| {
            let count = superuser
                .number(&format!("select count(*) from carrel.{table} where user_id = '{ALICE}'"));
            format!("{table}|{count}")
        })
        .collect();
    there.sort();
    assert_eq!(exported, there);
    let others = format!(
        "select count(*) from carrel.export_user('{ALICE}')
        where row_data ->> 'user_id' is distinct from '{ALICE}' or row_data::text ~ 'Bob|{BOB}'"
    );
    assert_eq!(service.number(&others), 0);
}

#[test]
fn the_service_records_usage_for_a_user_it_names_and_for_one_it_acts_as() {
    let database = lived_in();
    let mut service = database.service();
    let used = |service: &mut Session, user: &str| {
        let usage = format!("carrel.current_usage('{user}')");
        service.value(&format!(
            "select used from {usage} where (event_type, measure) = ('y', 'events')"
        ))
    };
    let named = format!("select carrel.record_usage('y', 1, user_id => '{BOB}')");
    service.run(&named);
    service.claim(ALICE);
    service.run("select carrel.record_usage('y', 1)");
    assert_eq!(used(&mut service, ALICE), "1");
    service.run(&named);
    assert_eq!(used(&mut service, BOB), "2");
    service.forget();
    assert_eq!(service.refused("select carrel.record_usage('y', 1)"), "28000");
    let nobody = "select carrel.record_usage('y', 1, user_id => gen_random_uuid())";
    assert_eq!(service.refused(nobody), "P0002");
    assert_eq!(service.number("select count(*) from carrel.verify_usage()"), 0);
}

#[test]
fn an_idempotency_key_of_one_user_says_nothing_of_anothers() {
    let database = lived_in();
    let mut service = database.service();
    let record = |user| {
        format!(
            "select duplicate from carrel.record_usage('y', 1, idempotency_key => 'k', user_id => '{user}')"
        )
    };
    assert_eq!(service.value(&record(ALICE)), "f");
    assert_eq!(service.value(&record(BOB)), "f");
    assert_eq!(service.value(&record(ALICE)), "t");
    assert_eq!(service.refused(&record(ALICE).replace("'y', 1", "'y', 2")), "PT409");
}

#[test]
fn the_service_processes_the_pending_documents_of_all_users() {
    let database = lived_in();
    for user in [ALICE, BOB] {
        let mut session = database.user(user);
        session.run(
            "set carrel.processing = deferred; select carrel.add_document('d', 'A mole digs.')",
        );
        assert_eq!(session.number("select count(*) from carrel.search_chunks('mole')"), 0);
    }
    assert_eq!(database.service().value("select carrel.process_documents()"), "2");
    for user in [ALICE, BOB] {
        let mut session = database.user(user);
        assert_eq!(session.number("select count(*) from carrel.search_chunks('mole')"), 1);
    }
}

#[test]
fn the_service_does_nothing_that_is_the_operators() {
    let database = lived_in();
    let mut service = database.service();
    service.claim(ALICE);
    for statement in [
        "select carrel.migrate()",
        "select * from carrel.doctor()",
        "select carrel.grant_user('service_role')",
        "select carrel.grant_service('authenticated')",
        "select carrel.revoke_user('authenticated')",
        "select carrel.revoke_service('service_role')",
        "select * from carrel.granted_roles",
        "select * from carrel.usage_totals",
        "update carrel.user_profiles set plan_type = 'pro'",
        "delete from carrel.user_profiles",
        "insert into carrel.user_profiles (user_id) values (gen_random_uuid())",
        "insert into carrel.usage_events (event_type) values ('x')",
        "update carrel.usage_events set tokens_used = 0",
        "delete from carrel.usage_events",
        "update carrel.agent_requests set status = 'completed'",
        "insert into carrel.agent_requests (agent_type, content, status) values ('a', 'c', 'completed')",
        "truncate carrel.documents cascade",
        "alter table carrel.documents disable row level security",
    ] {
        let outcome = service.attempt(statement);
        let reads = statement.starts_with("select * from");
        assert!(
            outcome == refused("42501") || reads && grants::came_to_nothing(&outcome),
            "{statement}: {outcome:?}"
        );
    }
}

#[test]
fn the_service_may_give_a_request_priority() {
    let database = lived_in();
    let mut service = database.service();
    service.claim(ALICE);
    let insert = "insert into carrel.agent_requests (agent_type, content, priority, max_attempts)
        values ('a', 'c', 10, 9) returning priority, max_attempts";
    assert_eq!(service.column(insert), ["10|9"]);
}
