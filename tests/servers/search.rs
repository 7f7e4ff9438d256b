//! Search of a user with very many chunks, of which the best are found without reading all.

use carrel_tests::{ALICE, BOB, Cluster, Database};

/// A database in which Alice has more chunks than are all read, of random words of which some are
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

/// Asserts that the best are the same as those of all that are read: a filter that lets everything
/// through has them read.
#[track_caller]
fn assert_best(database: &Database, prepare: &str) {
    let mut alice = database.user(ALICE);
    alice.run(prepare);
    for query in QUERIES {
        for page in ["1", "10", "5, 40", "300"] {
            let search = |filter: &str| {
                format!(
                    "select document_id, chunk_index, score, matched
                    from carrel.search_chunks('{query}', {page}{filter})"
                )
            };
            let best = alice.column(&search(""));
            let of_all = alice.column(&search(", created_after => '-infinity'"));
            assert!(!best.is_empty());
            assert_eq!(best, of_all, "{query}, {page}");
        }
    }
}

#[test]
fn the_best_of_very_many_chunks_are_those_of_reading_all() {
    let database = crowded();
    assert_best(&database, "");
    for settings in [
        "set carrel.bm25_b = 0",
        "set carrel.bm25_b = 1; set carrel.bm25_k1 = 5",
        "set carrel.bm25_k1 = 0",
        "begin isolation level serializable read only",
    ] {
        assert_best(&database, settings);
    }
    // By the index with entries that are pending, of rows that are gone, changed or not committed yet.
    let mut admin = database.superuser();
    admin.run(
        "delete from carrel.document_chunks where chunk_index = 4;
        update carrel.document_chunks set content = 'w1 w1 w1 ' || content where chunk_index = 5;
        update carrel.document_chunks set created_at = now() where chunk_index = 6",
    );
    let mut open = database.superuser();
    open.run(
        "begin; delete from carrel.document_chunks where chunk_index = 2;
        update carrel.document_chunks set content = 'w0 w0 w0 w0 w59' where chunk_index = 3",
    );
    assert_best(&database, "");
    open.run("commit");
    assert_best(&database, "");
    admin.run("vacuum carrel.document_chunks");
    assert_best(&database, "");
}

#[test]
fn a_policy_that_hides_the_best_lets_the_next_best_come_up() {
    let database = crowded();
    database.superuser().run(
        "create policy partial on carrel.document_chunks as restrictive for select using (chunk_index in (1, 8))",
    );
    assert_best(&database, "");
    assert!(
        database.user(BOB).column("select from carrel.search_chunks('w59 w2', 300)").is_empty()
    );
    assert!(database.user(ALICE).column("select from carrel.search_chunks('w1', 0)").is_empty());
}

#[test]
fn words_that_share_a_key_and_words_that_are_too_long_for_one_are_found() {
    let database = crowded();
    database.superuser().run(
        "update carrel.document_chunks set content = content || ' ' || repeat('x', 2040) || (chunk_index % 2)
        where chunk_index in (1, 2, 4)",
    );
    let mut alice = database.user(ALICE);
    for word in
        ["repeat('x', 2040) || '1'", "repeat('x', 2034)", "repeat('x', 2046)", "repeat('é', 1023)"]
    {
        let search = |filter: &str| {
            format!(
                "select document_id, chunk_index, score, matched from carrel.search_chunks({word} || ' w55', 5{filter})"
            )
        };
        let found = alice.column(&search(""));
        assert_eq!(found, alice.column(&search(", created_after => '-infinity'")), "{word}");
        assert_eq!(found.len(), 5);
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

#[test]
fn without_its_index_a_search_finds_the_same() {
    let database = crowded();
    let top = "select document_id, chunk_index, score from carrel.search_chunks('w59 w2', 20)";
    let before = database.user(ALICE).column(top);
    database.superuser().run("drop index carrel.document_chunks_search_keys_idx");
    assert_eq!(database.user(ALICE).column(top), before);
}
