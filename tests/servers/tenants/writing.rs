//! What a user changes: by every verb, their own rows only.

use super::{id_of, lived_in, refused, rows_of, textless_document};
use carrel_tests::{ALICE, BOB, Database, TABLES};

/// The column of each table that end users may update, where there is one.
const UPDATABLE: [(&str, &str); 3] =
    [("user_profiles", "name"), ("documents", "filename"), ("agent_sessions", "title")];

/// The tables that end users may delete from.
const DELETABLE: [&str; 3] = ["documents", "agent_sessions", "agent_requests"];

/// A statement for each table that inserts a row for a user, which hangs from that user's rows.
fn inserts(database: &Database, user: &str) -> Vec<(&'static str, String)> {
    let document = textless_document(database, user);
    let session = id_of(database, "agent_sessions", user);
    vec![
        ("user_profiles", format!("(user_id, name) values ('{user}', 'x')")),
        ("documents", format!("(user_id, filename) values ('{user}', 'x')")),
        (
            "document_chunks",
            format!(
                "(user_id, document_id, chunk_index, content) values ('{user}', '{document}', 7, 'x')"
            ),
        ),
        ("agent_sessions", format!("(user_id, title) values ('{user}', 'x')")),
        (
            "agent_requests",
            format!(
                "(user_id, session_id, agent_type, content) values ('{user}', '{session}', 'x', 'x')"
            ),
        ),
        ("usage_events", format!("(user_id, event_type) values ('{user}', 'x')")),
    ]
}

/// Runs what Alice tries, and asserts that Bob's rows stay as they are.
#[track_caller]
fn leaving_bob_alone(database: &Database, attempt: impl FnOnce()) {
    let before = rows_of(database, BOB);
    attempt();
    assert_eq!(rows_of(database, BOB), before);
}

#[test]
fn updating_another_users_rows_touches_none() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for (table, column) in UPDATABLE {
            let update =
                format!("update carrel.{table} set {column} = 'x' where user_id = '{BOB}'");
            assert_eq!(alice.attempt(&update), Ok(0), "{table}");
            let id = id_of(&database, table, BOB);
            let update = format!("update carrel.{table} set {column} = 'x' where id = '{id}'");
            assert_eq!(alice.attempt(&update), Ok(0), "{table}");
        }
    });
}

#[test]
fn an_update_without_a_condition_touches_the_users_own_rows_only() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for (table, column) in UPDATABLE {
            let updated = alice
                .column(&format!("update carrel.{table} set {column} = 'x' returning user_id"));
            assert!(!updated.is_empty() && updated.iter().all(|user| user == ALICE), "{table}");
        }
    });
}

#[test]
fn tables_without_a_column_for_users_to_change_refuse_updates() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    for (table, column) in [
        ("document_chunks", "content"),
        ("agent_requests", "content"),
        ("usage_events", "event_type"),
    ] {
        let update = format!("update carrel.{table} set {column} = 'x'");
        assert_eq!(alice.attempt(&update), refused("42501"), "{table}");
    }
}

#[test]
fn a_user_gives_no_row_of_theirs_to_another() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    let before = rows_of(&database, ALICE);
    for table in TABLES {
        let give = format!("update carrel.{table} set user_id = '{BOB}'");
        assert_eq!(alice.attempt(&give), refused("42501"), "{table}");
        let take = format!("update carrel.{table} set user_id = '{ALICE}' where user_id = '{BOB}'");
        assert_eq!(alice.attempt(&take), refused("42501"), "{table}");
    }
    assert_eq!(rows_of(&database, ALICE), before);
}

#[test]
fn deleting_another_users_rows_touches_none() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for table in TABLES {
            let expected = if DELETABLE.contains(&table) { Ok(0) } else { refused("42501") };
            let delete = format!("delete from carrel.{table} where user_id = '{BOB}'");
            assert_eq!(alice.attempt(&delete), expected, "{table}");
        }
    });
}

#[test]
fn a_delete_without_a_condition_deletes_the_users_own_rows_only() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for table in DELETABLE {
            let deleted = alice.column(&format!("delete from carrel.{table} returning user_id"));
            assert!(!deleted.is_empty() && deleted.iter().all(|user| user == ALICE), "{table}");
        }
    });
}

#[test]
fn a_request_that_is_being_worked_on_is_not_deleted_by_its_user() {
    let database = lived_in();
    let request = id_of(&database, "agent_requests", ALICE);
    let start =
        format!("update carrel.agent_requests set status = 'processing' where id = '{request}'");
    database.superuser().run(&start);
    let delete = format!("delete from carrel.agent_requests where id = '{request}'");
    assert_eq!(database.user(ALICE).attempt(&delete), Ok(0));
}

#[test]
fn no_end_user_truncates() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    for table in TABLES {
        assert_eq!(
            alice.attempt(&format!("truncate carrel.{table} cascade")),
            refused("42501"),
            "{table}"
        );
    }
}

#[test]
fn a_user_inserts_rows_of_their_own_and_returns_them() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    for (table, row) in inserts(&database, ALICE) {
        let insert = format!("insert into carrel.{table} {row} returning user_id");
        if ["user_profiles", "usage_events"].contains(&table) {
            assert_eq!(alice.attempt(&insert), refused("42501"), "{table}");
        } else {
            assert_eq!(alice.column(&insert), [ALICE], "{table}");
        }
    }
}

#[test]
fn inserting_rows_for_another_user_is_refused() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for (table, row) in inserts(&database, BOB) {
            // Of a chunk, the document is looked for first.
            let sqlstate = if table == "document_chunks" { "PT404" } else { "42501" };
            let insert = format!("insert into carrel.{table} {row}");
            assert_eq!(alice.attempt(&insert), refused(sqlstate), "{table}");
        }
    });
}

#[test]
fn inserting_on_conflict_with_another_users_id_changes_and_shows_nothing() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for (table, column) in [("documents", "filename"), ("agent_sessions", "title")] {
            let id = id_of(&database, table, BOB);
            let insert = format!("insert into carrel.{table} (id, {column}) values ('{id}', 'x')");
            let update =
                format!("{insert} on conflict (id) do update set {column} = 'x' returning *");
            assert_eq!(alice.attempt(&update), refused("42501"), "{table}");
            let ignore = format!("{insert} on conflict do nothing returning *");
            assert_eq!(alice.column(&ignore), Vec::<String>::new(), "{table}");
            let pair = format!("{insert} on conflict (user_id, id) do update set {column} = 'x'");
            assert_eq!(alice.attempt(&pair), refused("23505"), "{table}");
        }
    });
}

#[test]
fn inserting_on_conflict_with_ones_own_id_updates_it() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    for (table, column) in [("documents", "filename"), ("agent_sessions", "title")] {
        let id = id_of(&database, table, ALICE);
        let upsert = format!(
            "insert into carrel.{table} (id, {column}) values ('{id}', 'x')
            on conflict (id) do update set {column} = 'upserted' returning {column}"
        );
        assert_eq!(alice.column(&upsert), ["upserted"], "{table}");
    }
}

#[test]
fn inserting_on_conflict_in_tables_without_updates_is_refused() {
    let database = lived_in();
    let document = textless_document(&database, BOB);
    let request = id_of(&database, "agent_requests", BOB);
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for upsert in [
            format!(
                "insert into carrel.document_chunks (user_id, document_id, chunk_index, content)
                values ('{BOB}', '{document}', 0, 'x')
                on conflict (user_id, document_id, chunk_index) do update set content = 'x'"
            ),
            format!(
                "insert into carrel.agent_requests (id, agent_type, content) values ('{request}', 'x', 'x')
                on conflict (id) do update set content = 'x'"
            ),
        ] {
            assert_eq!(alice.attempt(&upsert), refused("42501"), "{upsert}");
        }
    });
}

#[test]
fn merge_neither_updates_nor_deletes_another_users_rows() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for (table, column) in UPDATABLE {
            let merge = format!(
                "merge into carrel.{table} as t using (values ('{BOB}'::uuid)) as v (id) on t.user_id = v.id
                when matched then update set {column} = 'x'"
            );
            assert_eq!(alice.attempt(&merge), Ok(0), "{table}");
        }
        for table in ["documents", "agent_sessions"] {
            let merge = format!(
                "merge into carrel.{table} as t using (values ('{BOB}'::uuid)) as v (id) on t.user_id = v.id
                when matched then delete"
            );
            assert_eq!(alice.attempt(&merge), Ok(0), "{table}");
        }
    });
}

#[test]
fn merge_does_not_insert_for_another_user() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for (table, column) in [("documents", "filename"), ("agent_sessions", "title")] {
            let merge = format!(
                "merge into carrel.{table} as t using (values ('new')) as v (name) on t.{column} = v.name
                when not matched then insert (user_id, {column}) values ('{BOB}', v.name)"
            );
            assert_eq!(alice.attempt(&merge), refused("42501"), "{table}");
        }
    });
}

#[test]
fn merge_updates_and_inserts_ones_own_rows() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    let merge =
        "merge into carrel.agent_sessions as t using (values ('Birds'), ('Moles')) as v (title)
        on t.title = v.title
        when matched then update set context_state = '{}'
        when not matched then insert (title) values (v.title)";
    assert_eq!(alice.attempt(merge), Ok(2));
    let sessions = "select title, user_id, context_state from carrel.agent_sessions order by title";
    assert_eq!(
        alice.column(sessions),
        [format!("Birds|{ALICE}|{{}}"), format!("Moles|{ALICE}|{{}}")]
    );
}

#[test]
fn copy_from_brings_no_row_in_past_the_policies() {
    let database = lived_in();
    leaving_bob_alone(&database, || {
        for table in TABLES {
            for role in ["authenticated", "service_role"] {
                // A session each: the client doesn't recover from a COPY that is refused.
                let mut alice = database.connect(role);
                alice.claim(ALICE);
                let copy = format!("copy carrel.{table} (user_id) from stdin");
                let outcome = alice.copy_in(&copy, &format!("{BOB}\n"));
                // 0A000: COPY FROM is not supported with row-level security.
                let refusals = [refused("0A000"), refused("42501")];
                assert!(refusals.contains(&outcome), "{role} {table}: {outcome:?}");
            }
        }
    });
}

#[test]
fn a_chunk_of_another_users_document_is_refused() {
    let database = lived_in();
    let document = textless_document(&database, BOB);
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        for user in
            ["default".to_owned(), format!("'{ALICE}'"), format!("'{BOB}'"), "null".to_owned()]
        {
            let insert = format!(
                "insert into carrel.document_chunks (user_id, document_id, chunk_index, content)
                values ({user}, '{document}', 9, 'x')"
            );
            assert_eq!(alice.attempt(&insert), refused("PT404"), "{user}");
        }
    });
}

#[test]
fn a_request_in_another_users_session_is_refused() {
    let database = lived_in();
    let session = id_of(&database, "agent_sessions", BOB);
    let mut alice = database.user(ALICE);
    leaving_bob_alone(&database, || {
        let insert = format!(
            "insert into carrel.agent_requests (session_id, agent_type, content) values ('{session}', 'x', 'x')"
        );
        assert_eq!(alice.attempt(&insert), refused("PT404"));
        let create = format!("select carrel.create_request('x', 'x', '{session}')");
        assert_eq!(alice.attempt(&create), refused("PT404"));
        let nowhere = "select carrel.create_request('x', 'x', gen_random_uuid())";
        assert_eq!(alice.attempt(nowhere), refused("PT404"));
    });
}

#[test]
fn deleting_a_document_leaves_the_chunks_of_others() {
    let database = lived_in();
    leaving_bob_alone(&database, || {
        let mut alice = database.user(ALICE);
        alice.run("delete from carrel.documents");
        assert_eq!(alice.number("select count(*) from carrel.document_chunks"), 0);
    });
}

#[test]
fn a_user_returns_nothing_of_another_users_rows() {
    let database = lived_in();
    let mut alice = database.user(ALICE);
    let stolen = alice.column(&format!(
        "update carrel.documents as mine set filename = theirs.filename
        from carrel.documents as theirs where theirs.user_id = '{BOB}' returning theirs.content_text"
    ));
    assert_eq!(stolen, Vec::<String>::new());
    let deleted =
        format!("delete from carrel.documents where user_id = '{BOB}' returning content_text");
    assert_eq!(alice.column(&deleted), Vec::<String>::new());
}
