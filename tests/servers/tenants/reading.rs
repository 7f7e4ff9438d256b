//! What a user reads: their own rows, by whichever way they ask.

use super::{id_of, lived_in};
use carrel_tests::{ALICE, BOB, TABLES, grants};

#[test]
fn a_user_reads_their_own_rows_of_every_table_and_nobody_elses() {
    let database = lived_in();
    for (user, other) in [(ALICE, BOB), (BOB, ALICE)] {
        let mut session = database.user(user);
        for table in TABLES {
            let owners = session.column(&format!("select distinct user_id from carrel.{table}"));
            assert_eq!(owners, [user], "{table}");
            let others = format!("select from carrel.{table} where user_id = '{other}'");
            assert_eq!(session.touched(&others), 0, "{table}");
            let by_id = id_of(&database, table, other);
            assert_eq!(
                session.touched(&format!("select from carrel.{table} where id = '{by_id}'")),
                0
            );
        }
    }
}

#[test]
fn copy_to_gives_a_user_their_own_rows_only() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    for table in TABLES {
        for copy in [
            format!("copy carrel.{table} (user_id) to stdout"),
            format!("copy (select user_id from carrel.{table}) to stdout"),
        ] {
            let text = session.copy_out(&copy);
            assert!(!text.is_empty() && text.lines().all(|line| line == ALICE), "{copy}: {text}");
        }
    }
}

#[test]
fn a_locking_read_gives_a_user_their_own_rows_only() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    for table in ["user_profiles", "documents", "agent_sessions"] {
        let locked = session.column(&format!("select user_id from carrel.{table} for update"));
        assert!(
            !locked.is_empty() && locked.iter().all(|user| user == ALICE),
            "{table}: {locked:?}"
        );
    }
}

#[test]
fn search_finds_a_user_their_own_documents_only() {
    let database = lived_in();
    for (user, name) in [(ALICE, "Alice"), (BOB, "Bob")] {
        let mut session = database.user(user);
        let chunks =
            session.column("select content from carrel.search_chunks('herons Alice Bob', 100)");
        assert!(
            !chunks.is_empty() && chunks.iter().any(|chunk| chunk.contains(name)),
            "{chunks:?}"
        );
        let other = if name == "Alice" { "Bob" } else { "Alice" };
        assert!(!chunks.iter().any(|chunk| chunk.contains(other)), "{chunks:?}");
        let found = session.column(
            "select distinct d.user_id from carrel.search_documents('herons Alice Bob', 100) as s
            left join carrel.documents as d on d.id = s.document_id",
        );
        assert_eq!(found, [user]);
    }
}

#[test]
fn search_within_documents_of_another_user_finds_nothing() {
    let database = lived_in();
    let theirs = database
        .superuser()
        .value(&format!("select array_agg(id) from carrel.documents where user_id = '{BOB}'"));
    let search =
        format!("select from carrel.search_chunks('herons fox', document_ids => '{theirs}')");
    assert_eq!(database.user(ALICE).touched(&search), 0);
    assert!(database.user(BOB).touched(&search) > 0);
}

#[test]
fn search_as_a_user_by_a_role_past_all_policies_finds_only_that_users() {
    let database = lived_in();
    let mut superuser = database.superuser();
    for user in [ALICE, BOB] {
        superuser.claim(user);
        for (search, table) in [
            ("select document_id from carrel.search_chunks('herons fox')", "documents"),
            ("select document_id from carrel.search_documents('herons fox')", "documents"),
            ("select chunk_id from carrel.search_chunks('herons fox')", "document_chunks"),
        ] {
            let owners =
                format!("select distinct user_id from carrel.{table} where id in ({search})");
            assert_eq!(superuser.column(&owners), [user], "{search}");
        }
    }
}

#[test]
fn search_obeys_a_policy_that_the_operator_added() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    let search = "select from carrel.search_chunks('herons')";
    assert_eq!(session.touched(search), 1);
    database.superuser().run(
        "create policy documents_hide_notes on carrel.documents as restrictive
            for select to authenticated using (filename <> 'notes.md');
        create policy document_chunks_hide_notes on carrel.document_chunks as restrictive
            for select to authenticated
            using (exists (select from carrel.documents as d where d.id = document_id))",
    );
    assert_eq!(session.touched(search), 0);
    assert_eq!(session.touched("select from carrel.search_documents('herons')"), 0);
}

#[test]
fn an_end_user_reads_none_of_the_supporting_tables() {
    let database = lived_in();
    let mut session = database.user(ALICE);
    let supporting = database.superuser().column(&format!(
        "select relname from pg_class where relnamespace = 'carrel'::regnamespace and relkind = 'r'
            and relname <> all ('{{{}}}')",
        TABLES.join(",")
    ));
    assert!(supporting.contains(&"usage_totals".to_owned()), "{supporting:?}");
    for table in supporting {
        let outcome = session.attempt(&format!("select from carrel.{table}"));
        assert!(grants::came_to_nothing(&outcome), "{table}: {outcome:?}");
    }
}

#[test]
fn a_role_that_was_not_granted_anything_reads_and_calls_nothing() {
    let database = lived_in();
    let role = database.create_role("stranger", "");
    let mut session = database.connect(&role);
    session.claim(ALICE);
    for table in TABLES {
        assert_eq!(session.refused(&format!("select from carrel.{table}")), "42501", "{table}");
    }
    assert_eq!(session.refused("select carrel.version()"), "42501");
}
