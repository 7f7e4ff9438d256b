//! Search of a user with very many chunks, by postings that many statements have written.

use carrel_tests::{ALICE, BOB, Cluster, Database, Session};

/// A database in which Alice has very many chunks, of random words of which some are
/// frequent and others rare, in texts of different lengths, titles among them; and Bob a few.
fn crowded() -> Database<'static> {
    let database = Cluster::shared().installed();
    let mut admin = database.superuser();
    admin.run(&format!(
        "select carrel.create_user('{ALICE}'), carrel.create_user('{BOB}'), setseed(0.5);
        insert into carrel.documents (user_id, filename, language)
        select '{ALICE}', case n when 7 then 'w1 w3.txt' else 'd' || n || '.txt' end, 'simple' from generate_series(1, 2300) as n;
        set row_security = off;
        insert into carrel.document_chunks (user_id, document_id, chunk_index, content, language, search_vector, words, title_words)
        select user_id, id, n, text, 'simple', to_tsvector('simple', text), array_length(string_to_array(text, ' '), 1),
            case when random() < 0.2 then 2 end
        from carrel.documents, generate_series(0, 9) as n,
            lateral (
                -- Names n and filename, so that each row has a text of its own.
                select string_agg('w' || floor(power(random(), 3) * 60), ' ')
                from generate_series(1, (5 + random() * 60)::integer + n * 0 + length(filename) * 0)
            ) as t (text);
        set row_security = on;
        select carrel.migrate();
        analyze carrel.document_chunks"
    ));
    database
}

const QUERIES: [&str; 9] = [
    "w0",
    "w1 w3",
    "w0 w1 w2 w3 w4",
    "w17 w40",
    "w55",
    "w59 w0",
    "nothing w2",
    "w3 nothing",
    "w2 w2",
];

/// Asserts that searches find what they find once all statistics and postings are made anew of the chunks.
#[track_caller]
fn assert_as_if_new(database: &Database, prepare: &str) {
    let search = |query: &str, page: &str| {
        format!(
            "select document_id, chunk_index, score, matched, total from carrel.search_chunks('{query}', {page})"
        )
    };
    let mut alice = database.user(ALICE);
    alice.run(prepare);
    let searches: Vec<String> = QUERIES
        .iter()
        .flat_map(|query| ["1", "10", "5, 40", "300"].map(|page| search(query, page)))
        .collect();
    let found: Vec<Vec<String>> = searches.iter().map(|search| alice.column(search)).collect();
    drop(alice);
    // migrate() locks the tables until the end.
    let mut anew = database.superuser();
    anew.run("begin; delete from carrel.search_statistics; select carrel.migrate()");
    anew.run(&prepare.replace("begin isolation level serializable read only", ""));
    anew.run(&format!("select carrel.act_as('{ALICE}')"));
    for (search, found) in searches.iter().zip(found) {
        assert!(!found.is_empty());
        assert_eq!(found, anew.column(search), "{search}");
    }
    anew.run("rollback");
}

#[test]
fn changes_leave_what_an_index_made_anew_has() {
    let database = crowded();
    for settings in [
        "",
        "set carrel.bm25_b = 1; set carrel.bm25_k1 = 5",
        "begin isolation level serializable read only",
    ] {
        assert_as_if_new(&database, settings);
    }
    // Rows that are gone, changed, touched or not committed yet.
    let mut admin = database.superuser();
    admin.run(
        "delete from carrel.document_chunks where chunk_index = 4;
        update carrel.document_chunks set content = 'w1 w1 w1 ' || content where chunk_index = 5;
        update carrel.document_chunks set content = substr(content, 10) where chunk_index = 5;
        update carrel.document_chunks set created_at = now() where chunk_index = 6",
    );
    let mut open = database.superuser();
    open.run(
        "begin; delete from carrel.document_chunks where chunk_index = 2;
        update carrel.document_chunks set content = 'w0 w0 w0 w0 w59' where chunk_index = 3",
    );
    // In the transaction that changes them, too.
    let of_open = |session: &mut Session| {
        session.column(&format!(
            "select count(*) from carrel.act_as('{ALICE}'), carrel.search_chunks('w59', 100000)"
        ))
    };
    let (inside, outside) = (
        of_open(&mut open),
        database.user(ALICE).column("select count(*) from carrel.search_chunks('w59', 100000)"),
    );
    assert_ne!(inside, outside);
    open.run("commit");
    assert_as_if_new(&database, "");
    assert_eq!(
        database.user(ALICE).column("select count(*) from carrel.search_chunks('w59', 100000)"),
        inside
    );
}

#[test]
fn postings_of_many_statements_are_merged_and_what_is_gone_goes() {
    let database = crowded();
    let mut admin = database.superuser();
    // More than is merged at once.
    admin.run(
        "insert into carrel.document_chunks (user_id, document_id, chunk_index, content)
        select user_id, document_id, chunk_index + n * 10, content || ' w' || chunk_index
        from carrel.document_chunks, generate_series(1, 4) as n",
    );
    let bytes =
        "select sum(length(vocabulary) + length(postings))::bigint from carrel.search_statistics";
    let full = admin.number(bytes);
    assert!(full > 9 << 20, "{full}");
    // Each in a transaction of its own: one in 32 merges.
    for document in 1..=2_000 {
        admin.run(&format!("delete from carrel.documents where filename = 'd{document}.txt'"));
    }
    let rows = admin.number("select count(*) from carrel.search_statistics");
    assert!(rows < 300, "{rows}");
    let left = admin.number(bytes);
    // 300 of 2,300 documents are left. What is gone is at most an eighth of what large rows have.
    assert!(left < full / 3, "{left} of {full}");
    assert_as_if_new(&database, "");
}

#[test]
fn a_policy_that_hides_the_best_lets_the_next_best_come_up() {
    let database = crowded();
    let mut admin = database.superuser();
    admin.run(
        "create policy partial on carrel.document_chunks as restrictive for select using (chunk_index in (1, 8))",
    );
    let mut alice = database.user(ALICE);
    for word in ["w0", "w17", "w55"] {
        let there = admin.number(&format!(
            "select count(*) from carrel.document_chunks where search_vector @@ '{word}' and chunk_index in (1, 8)"
        ));
        let found = alice
            .column(&format!("select chunk_index from carrel.search_chunks('{word}', 100000)"));
        assert_eq!(found.len() as i64, there);
        assert!(found.iter().all(|index| ["1", "8"].contains(&index.as_str())));
        let first =
            alice.column(&format!("select chunk_index from carrel.search_chunks('{word}', 40)"));
        assert_eq!(first, found[..40.min(found.len())]);
    }
    assert!(
        database.user(BOB).column("select from carrel.search_chunks('w59 w2', 300)").is_empty()
    );
    assert!(alice.column("select from carrel.search_chunks('w1', 0)").is_empty());
}

#[test]
fn words_that_are_as_long_as_can_be_are_found() {
    let database = crowded();
    let mut admin = database.superuser();
    admin.run(
        "update carrel.document_chunks set content = content || ' ' || repeat('x', 2040) || (chunk_index % 2)
        where chunk_index in (1, 2, 4)",
    );
    let mut alice = database.user(ALICE);
    for (word, index) in [("repeat('x', 2040) || '1'", "1"), ("repeat('x', 2040) || '0'", "2, 4")] {
        let there = admin.number(&format!(
            "select count(*) from carrel.document_chunks where chunk_index in ({index})"
        ));
        let found = alice.column(&format!(
            "select from carrel.search_chunks({word}, 100000, operators => false)"
        ));
        assert_eq!(found.len() as i64, there);
    }
    for word in ["repeat('x', 2034)", "repeat('x', 2046)", "repeat('é', 1023)"] {
        let search = format!("select from carrel.search_chunks('-w0 ' || {word} || ' w55', 5)");
        assert_eq!(alice.column(&search).len(), 5);
    }
}

#[test]
fn no_session_can_have_a_search_planned_badly_for_those_after_it() {
    let database = crowded();
    let mut session = database.user(ALICE);
    session.run(
        "begin;
        set local cpu_index_tuple_cost = 1e100; set local random_page_cost = 1e100;
        set local enable_bitmapscan = off; set local enable_indexscan = off;
        select from carrel.search_chunks('w59*'); select from carrel.search_chunks('w59');
        select from carrel.search_documents('w59');
        commit",
    );
    session.run("begin; select from carrel.search_chunks('w59*'); select from carrel.search_documents('w59')");
    let scanned = "select coalesce(sum(seq_scan), 0) from pg_stat_xact_user_tables
        where schemaname = 'carrel' and relname in ('documents', 'document_chunks')";
    assert_eq!(session.number(scanned), 0);
}
