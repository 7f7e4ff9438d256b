//! Embeddings, where the server has pgvector (15 has it nowhere here: there, that it is said).

use carrel_tests::{ALICE, BOB, Cluster, Database, assert_same, at_once, contents};
use std::collections::HashSet;

/// A database that two users live in, with pgvector. None where there is none.
fn with_pgvector() -> Option<Database<'static>> {
    let database = Cluster::shared().lived_in();
    let available = "select count(*) from pg_available_extensions where name = 'vector'";
    let mut admin = database.superuser();
    if admin.number(available) == 0 {
        return None;
    }
    admin.run("create extension vector");
    Some(database)
}

/// The same, with embeddings of three numbers.
fn embedded() -> Option<Database<'static>> {
    let database = with_pgvector()?;
    database.superuser().run("select carrel.enable_embeddings(3)");
    Some(database)
}

/// Embeds every chunk as a service's worker does: what tells of herons points north.
fn embed_all(database: &Database) -> i64 {
    database.service().number(
        "select carrel.set_embeddings(jsonb_agg(jsonb_build_object('chunk_id', chunk_id, 'embedding',
            case when content like '%heron%' then jsonb '[1, 0, 0]' else jsonb '[0, 1, 0.5]' end)))
        from carrel.chunks_to_embed(100)",
    )
}

const FOUND: &str = "select content, matched from carrel.search_chunks";

#[test]
fn without_pgvector_or_embeddings_it_is_said_what_to_do() {
    let database = Cluster::shared().lived_in();
    let failure = database.superuser().failure("select carrel.enable_embeddings(3)");
    assert_eq!(failure.code().code(), "55000");
    assert!(failure.hint().unwrap_or_default().contains("create extension vector"), "{failure:?}");
    let search = "select * from carrel.search_chunks('herons', query_embedding => '[1, 0, 0]')";
    let failure = database.user(ALICE).failure(search);
    assert_eq!(failure.code().code(), "55000");
    assert!(failure.hint().unwrap_or_default().contains("query_embedding"), "{failure:?}");
    let mut service = database.service();
    service.claim(ALICE);
    let failure = service.failure(search);
    assert!(failure.hint().unwrap_or_default().contains("enable_embeddings"), "{failure:?}");
    for call in ["select * from carrel.chunks_to_embed(1)", "select carrel.set_embeddings('[]')"] {
        assert_eq!(database.service().refused(call), "55000", "{call}");
        assert_eq!(database.user(ALICE).refused(call), "42501", "{call}");
    }
    let found = database.user(ALICE).column("select * from carrel.search_chunks('herons')");
    assert_eq!(found.len(), 1);
}

#[test]
fn nobody_waits_while_enabling_them_waits_for_a_user_who_reads() {
    let Some(database) = with_pgvector() else { return };
    let read = "select count(*) from carrel.document_chunks";
    let mut alice = database.user(ALICE);
    alice.run(&format!("begin; {read}"));
    let (mut admin, mut bob) = (database.superuser(), database.user(BOB));
    admin.run("set lock_timeout = '3s'");
    bob.run("set lock_timeout = '1s'");
    let outcome = std::thread::scope(|scope| {
        let enabling = scope.spawn(|| admin.attempt("select carrel.enable_embeddings(3)"));
        while !enabling.is_finished() {
            assert!(bob.number(read) > 0);
        }
        enabling.join().expect("no panic")
    });
    assert_eq!(outcome.err().as_deref(), Some("55P03"));
    alice.run("rollback");
    admin.run("select carrel.enable_embeddings(3)");
}

#[test]
fn each_chunk_is_given_to_one_worker_until_its_lease_lapses() {
    let Some(database) = embedded() else { return };
    let chunks =
        database.superuser().number("select count(*) from carrel.document_chunks") as usize;
    let given = at_once(
        4,
        |_| database.service(),
        |_, mut worker| {
            let mut mine = Vec::new();
            loop {
                let more = worker.column("select chunk_id from carrel.chunks_to_embed(2)");
                if more.is_empty() {
                    return mine;
                }
                mine.extend(more);
            }
        },
    );
    let given: Vec<String> = given.into_iter().flatten().collect();
    assert_eq!(given.len(), chunks);
    assert_eq!(given.iter().collect::<HashSet<_>>().len(), chunks);
    let mut service = database.service();
    assert_eq!(service.number("select count(*) from carrel.chunks_to_embed(100)"), 0);
    database
        .superuser()
        .run("update carrel.embedding_leases set leased_until = now() - interval '1 second'");
    assert_eq!(service.number("select count(*) from carrel.chunks_to_embed(3, '1 hour')"), 3);
    assert_eq!(
        service.number("select count(*) from carrel.chunks_to_embed(100)") as usize,
        chunks - 3
    );
    for bad in ["-1", "null", "1, '0 seconds'", "1, null", "1, '200000000 days'"] {
        assert_eq!(
            service.refused(&format!("select carrel.chunks_to_embed({bad})")),
            "22023",
            "{bad}"
        );
    }
}

#[test]
fn a_search_fuses_words_and_embeddings_of_the_users_own_chunks() {
    let Some(database) = embedded() else { return };
    let chunks = database.superuser().number("select count(*) from carrel.document_chunks");
    assert_eq!(embed_all(&database), chunks);
    assert_eq!(database.superuser().number("select count(*) from carrel.embedding_leases"), 0);
    let mut alice = database.user(ALICE);
    let own = alice.number("select count(*) from carrel.document_chunks");
    let near =
        alice.column(&format!("{FOUND}('ornithology', 100, query_embedding => '[1, 0.1, 0]')"));
    assert_eq!(near.len() as i64, own, "every own chunk that has an embedding is found");
    assert!(near[0].contains("herons of Alice") && near[0].ends_with("|embedding"), "{near:?}");
    assert!(near.iter().all(|row| !row.contains("Bob")));
    // The best by words is before one that is only somewhat nearer.
    let both = format!("{FOUND}('scanned', 2, query_embedding => '[1, 0.7, 0.35]')");
    let found = alice.column(&both);
    assert_eq!(found[0], "What Alice scanned|all");
    assert!(found[1].contains("herons") && found[1].ends_with("|embedding"), "{found:?}");
    alice.run("set carrel.words_weight = 0");
    assert!(alice.column(&both)[0].contains("herons"));
    alice.run("set carrel.words_weight = 1; set carrel.embeddings_weight = 0");
    assert_eq!(alice.column(&both)[0], "What Alice scanned|all");
    alice.run("reset carrel.embeddings_weight");
    let context = "select context from carrel.build_context('ornithology', 60, query_embedding => '[1, 0, 0]')";
    assert!(alice.value(context).contains("herons of Alice"));
    assert_eq!(
        alice.column(&format!("{FOUND}(null, query_embedding => '[1, 0, 0]')")).len() as i64,
        own
    );
}

#[test]
fn what_a_query_binds_to_and_filters_hold_for_embeddings_too() {
    let Some(database) = embedded() else { return };
    embed_all(&database);
    let mut alice = database.user(ALICE);
    let mut found = |arguments: &str| {
        alice.column(&format!(
            "{FOUND}({arguments}, query_embedding => '[1, 0, 0]', max_results => 100)"
        ))
    };
    let is_of_herons = |row: &String| row.contains("herons");
    assert!(found("'zzz'").iter().any(is_of_herons));
    assert!(!found("'zzz -nest'").iter().any(is_of_herons));
    assert!(!found("'-nest'").iter().any(is_of_herons));
    assert!(!found("'-nest'").is_empty());
    assert!(!found("'zzz -notes'").iter().any(is_of_herons), "by its file name");
    let phrase = found("'\"quick brown fox\"'");
    assert!(phrase.len() > 1 && phrase.iter().all(|row| row.contains("fox")), "{phrase:?}");
    let shelf = found("'zzz', metadata => '{\"shelf\": 1}'");
    assert!(!shelf.is_empty() && shelf.iter().all(|row| !row.contains("fox")), "{shelf:?}");
    assert!(found("'zzz', document_ids => '{}'").is_empty());
}

#[test]
fn a_policy_that_hides_documents_hides_what_is_near() {
    let Some(database) = embedded() else { return };
    embed_all(&database);
    database.superuser().run(
        "create policy hide on carrel.documents as restrictive for select using (filename <> 'notes.md')",
    );
    let found =
        database.user(ALICE).column(&format!("{FOUND}('zzz', query_embedding => '[1, 0, 0]')"));
    assert!(!found.is_empty() && found.iter().all(|row| !row.contains("heron")), "{found:?}");
}

#[test]
fn what_is_no_embedding_is_refused() {
    let Some(database) = embedded() else { return };
    let chunk = database.superuser().value("select min(id::text) from carrel.document_chunks");
    let mut service = database.service();
    let mut alice = database.user(ALICE);
    for bad in [
        "[1, 0]",
        "[1, 0, 0, 0]",
        "[0, 0, 0]",
        "[1e20, 0, 0]",
        "[1e-60, 0, 0]",
        "[1, 0, 1e39]",
        "[1, 0, null]",
        "[]",
        "{}",
    ] {
        let search = format!("select carrel.search_chunks('a', query_embedding => '{bad}')");
        assert_eq!(alice.refused(&search), "22023", "{bad}");
        let set = format!(
            r#"select carrel.set_embeddings('[{{"chunk_id": "{chunk}", "embedding": {bad}}}]')"#
        );
        assert_eq!(service.refused(&set), "22023", "{bad}");
    }
    for bad in ["", "nonsense", "[NaN, 0, 0]", "[1, 0, 0", "[[1, 0, 0]]"] {
        let search = format!("select carrel.search_chunks('a', query_embedding => '{bad}')");
        assert_eq!(alice.refused(&search), "22023", "{bad}");
    }
    for bad in
        ["null", "1", "\"a\"", "[1]", "[{}]", r#"[{"chunk_id": "x", "embedding": [1, 0, 0]}]"#]
    {
        assert_eq!(
            service.refused(&format!("select carrel.set_embeddings('{bad}')")),
            "22023",
            "{bad}"
        );
    }
    assert_eq!(service.refused("select carrel.set_embeddings(null)"), "22023");
    let long = format!("[{}1]", "1,".repeat(50_000_000));
    let failure =
        alice.failure(&format!("select carrel.search_chunks('a', query_embedding => '{long}')"));
    assert_eq!((failure.code().code(), failure.message().len() < 100), ("22023", true));
    let write =
        format!("update carrel.document_chunks set embedding = '[0, 0, 0]' where id = '{chunk}'");
    assert_eq!(database.superuser().refused(&write), "23514");
    let gone =
        r#"select carrel.set_embeddings('{"00000000-0000-0000-0000-000000000000": [1, 0, 0]}')"#;
    assert_eq!(service.number(gone), 0);
    assert_eq!(service.number("select carrel.set_embeddings('[]')"), 0);
    assert_eq!(
        database.superuser().number("select count(embedding) from carrel.document_chunks"),
        0
    );
}

#[test]
fn unchanged_chunks_keep_their_embeddings_and_changed_ones_lose_them() {
    let Some(database) = embedded() else { return };
    embed_all(&database);
    let mut alice = database.user(ALICE);
    let with = "select count(embedding), count(*) from carrel.document_chunks";
    assert_eq!(alice.column(with), ["8|8"]);
    // A section in front moves the others, and one of them changes.
    alice.run(
        "update carrel.documents set content_text = E'# Attic\n\nOwls.\n\n' || replace(content_text, 'apples', 'pears')
        where filename = 'notes.md'",
    );
    let lacking = "select content from carrel.document_chunks where embedding is null order by 1";
    let lacking = alice.column(lacking);
    assert!(lacking.iter().any(|content| content.contains("Owls")), "{lacking:?}");
    assert!(lacking.iter().all(|content| !content.contains("fox")), "{lacking:?}");
    assert_eq!(
        database.service().number("select count(*) from carrel.chunks_to_embed(100)") as usize,
        lacking.len()
    );
    // A service that writes a chunk's content itself.
    let mut service = database.service();
    service.claim(ALICE);
    let scanned = "select embedding from carrel.document_chunks where section_title = 'Page 1' and user_id = '";
    service.run(
        "update carrel.document_chunks set section_title = 'Page 1' where section_title = 'Page 1'",
    );
    assert_eq!(service.value(&format!("{scanned}{ALICE}'")), "[0,1,0.5]");
    service.run(&format!(
        "update carrel.document_chunks set content = 'another', embedding = '[0, 0, 1]'
        where section_title = 'Page 1' and user_id = '{ALICE}'"
    ));
    assert_eq!(service.value(&format!("{scanned}{ALICE}'")), "[0,0,1]");
    service.run(&format!(
        "update carrel.document_chunks set content = 'a third' where section_title = 'Page 1' and user_id = '{ALICE}'"
    ));
    assert_eq!(service.value(&format!("{scanned}{ALICE}'")), "");
    assert_eq!(database.superuser().value(&format!("{scanned}{BOB}'")), "[0,1,0.5]");
}

#[test]
fn the_embedding_of_an_older_content_is_passed_over() {
    let Some(database) = embedded() else { return };
    let mut worker = database.service();
    let chunk = worker.column("select chunk_id from carrel.chunks_to_embed(100) where content like 'What Alice scanned'").remove(0);
    let mut service = database.service();
    service.claim(ALICE);
    service.run(&format!(
        "update carrel.document_chunks set content = 'changed' where id = '{chunk}'"
    ));
    let set = format!(r#"select carrel.set_embeddings('{{"{chunk}": [1, 0, 0]}}')"#);
    assert_eq!(worker.number(&set), 0);
    assert_eq!(worker.number(&set), 0, "nor when it is sent again");
    assert!(worker.column("select content from carrel.chunks_to_embed(100)").is_empty());
    database
        .superuser()
        .run("update carrel.embedding_leases set leased_until = now() - interval '1 second'");
    let again = worker.column("select content from carrel.chunks_to_embed(100)");
    assert!(again.contains(&"changed".to_owned()));
    assert_eq!(worker.number(&set), 1);
}

#[test]
fn migrate_and_doctor_know_what_belongs_to_embeddings() {
    let Some(database) = embedded() else { return };
    let mut admin = database.superuser();
    embed_all(&database);
    let before = database.dump(&[]);
    admin.run("select carrel.enable_embeddings(3); select carrel.migrate()");
    assert_same(&before, &database.dump(&[]));
    database.assert_sound();
    assert_eq!(admin.refused("select carrel.enable_embeddings(4)"), "55000");
    assert_eq!(admin.refused("select carrel.enable_embeddings(4001)"), "22023");
    assert_eq!(admin.refused("select carrel.enable_embeddings(null)"), "22023");
    admin.run("drop index carrel.document_chunks_embedding_idx, carrel.document_chunks_without_embedding_idx");
    let complaints = database.complaints();
    assert!(
        complaints.len() == 1 && complaints[0].starts_with("embeddings: index"),
        "{complaints:?}"
    );
    admin.run("select carrel.migrate()");
    assert_same(&before, &database.dump(&[]));
    // Gone with the extension, functions and all, and back with everything.
    admin.run("drop extension carrel cascade; create extension carrel");
    database.assert_sound();
    let found =
        database.user(ALICE).column(&format!("{FOUND}('zzz', 1, query_embedding => '[1, 0, 0]')"));
    assert!(found[0].contains("herons"));
}

#[test]
fn a_column_of_this_name_that_was_there_before_is_the_operators_until_they_say_so() {
    let database = Cluster::shared().lived_in();
    let mut admin = database.superuser();
    admin.run(
        "alter table carrel.document_chunks add column embedding text;
        update carrel.document_chunks set embedding = 'mine' where content like 'What%';
        update carrel.document_chunks set content = 'changed' where content like 'What%';
        select carrel.migrate()",
    );
    database.assert_sound();
    assert_eq!(
        admin.number("select count(*) from carrel.document_chunks where embedding = 'mine'"),
        2
    );
    let Some(database) = embedded() else { return };
    let mut admin = database.superuser();
    assert_eq!(
        admin.refused(
            "alter table carrel.document_chunks drop column embedding;
            alter table carrel.document_chunks add column embedding text;
            select carrel.enable_embeddings(3)"
        ),
        "55000"
    );
    admin.run(
        "alter table carrel.document_chunks drop column embedding;
        alter table carrel.document_chunks add column embedding vector(3);
        update carrel.document_chunks set embedding = '[0, 0, 1]';
        select carrel.migrate()",
    );
    database.assert_sound();
    let search = format!("{FOUND}('zzz', query_embedding => '[1, 0, 0]')");
    assert_eq!(database.user(ALICE).refused(&search), "55000");
    admin.run("select carrel.enable_embeddings(3)");
    assert_eq!(database.user(ALICE).column(&search).len(), 8);
}

#[test]
fn leases_go_with_their_chunks() {
    let Some(database) = embedded() else { return };
    let mut service = database.service();
    assert!(service.number("select count(*) from carrel.chunks_to_embed(100)") > 0);
    let mut admin = database.superuser();
    let leases = "select count(*) from carrel.embedding_leases";
    database.user(ALICE).run("delete from carrel.documents where filename = 'notes.md'");
    let orphans = format!("{leases} where chunk_id not in (select id from carrel.document_chunks)");
    assert_eq!(admin.number(&orphans), 0);
    service.run(&format!("select carrel.delete_user('{ALICE}'), carrel.delete_user('{BOB}')"));
    assert_eq!(admin.number(leases), 0);
}

#[test]
fn a_dump_carries_embeddings() {
    let Some(database) = embedded() else { return };
    embed_all(&database);
    let restored = Cluster::shared().empty();
    restored.restore_plain(&database.dump_to_file(&[]));
    assert_same(&database.dump(&[]), &restored.dump(&[]));
    assert_eq!(contents(&database), contents(&restored));
    restored.assert_sound();
    let part = Cluster::shared().empty();
    part.restore_plain(&database.dump_to_file(&["-n", "carrel", "-e", "carrel", "-e", "vector"]));
    assert_same(&database.dump(&[]), &part.dump(&[]));
    let found =
        restored.user(BOB).column(&format!("{FOUND}('zzz', 1, query_embedding => '[1, 0, 0]')"));
    assert!(found[0].contains("herons of Bob"));
}

#[test]
fn the_documentation_shows_what_runs() {
    let Some(database) = embedded() else { return };
    database.superuser().run("drop extension vector cascade");
    let page = include_str!("../../docs/embeddings.md");
    let (_, block) = page.split_once("```sql with pgvector\n").expect("the block");
    let (block, _) = block.split_once("```").expect("its end");
    let mut admin = database.superuser();
    admin.claim(ALICE);
    let found = admin.column(block);
    assert!(found.iter().any(|row| row.ends_with("|embedding")), "{found:?}");
    assert_eq!(found.len(), 2 + 8, "two calls, and Alice's chunks: {found:?}");
}

#[test]
fn many_dimensions_are_stored_with_half_the_precision() {
    let Some(database) = embedded() else { return };
    let mut admin = database.superuser();
    admin.run("alter table carrel.document_chunks drop column embedding; select carrel.enable_embeddings(4000)");
    assert_eq!(
        admin.value("select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'carrel.document_chunks'::regclass and attname = 'embedding'"),
        "halfvec(4000)"
    );
    database.assert_sound();
    let embedding = |first: &str| format!("[{first}{}]", ", 0.25".repeat(3999));
    let mut service = database.service();
    let set = format!(
        "select carrel.set_embeddings(jsonb_object_agg(chunk_id, '{}'::jsonb)) from carrel.chunks_to_embed(100)",
        embedding("1")
    );
    assert!(service.number(&set) > 0);
    let search = |first: &str| {
        format!(
            "select count(*) from carrel.search_chunks('zzz', query_embedding => '{}')",
            embedding(first)
        )
    };
    assert_eq!(database.user(ALICE).number(&search("0.5")), 8);
    assert_eq!(database.user(ALICE).refused(&search("70000")), "22023");
}

/// An index of all users' embeddings gives the nearest of all, of which none may be the user's.
#[test]
fn a_search_comes_back_with_as_many_as_there_are_however_many_others_are_nearer() {
    let Some(database) = embedded() else { return };
    let mut admin = database.superuser();
    // Alice has so many that they are looked for by the indexes, of words as well; all of Bob's are nearer.
    admin.run(&format!(
        "drop index carrel.document_chunks_embedding_idx;
        set row_security = off;
        insert into carrel.document_chunks (user_id, document_id, chunk_index, content, language, search_vector, words, embedding)
        select user_id, id, n, 'filler', 'english', 'filler:1', 1 + n * 7919 % 200,
            case when user_id = '{ALICE}' then array[1, 1 + random(), n / 10000.0] else array[1, random() / 10, 0] end::vector
        from carrel.documents,
            generate_series(1, case when user_id = '{ALICE}' then 21000 else 25000 end) as n
        where filename = 'scan.pdf';
        set row_security = on;
        select carrel.migrate();
        analyze carrel.document_chunks"
    ));
    let mut alice = database.user(ALICE);
    let search = |depth: i32| {
        format!(
            "select count(*), count(distinct chunk_id), max(chunk_index)
            from carrel.search_chunks('zzz', {depth}, query_embedding => '[1, 0, 0]')"
        )
    };
    for depth in [10, 1000, 5000] {
        let found = alice.value(&search(depth));
        assert!(found.starts_with(&format!("{depth}|{depth}|")), "{found}");
    }
    // Every page is one of the same order, beyond what is looked for at first as well.
    let pages = "select count(*), count(distinct chunk_id), min(score) >= 0 from generate_series(1500, 2400, 100) as o,
        carrel.search_chunks('filler', 100, o, query_embedding => '[1, 1, 5]')";
    assert_eq!(alice.value(pages), "1000|1000|t");
    // Bob's are found by the index, and they are the nearest.
    let mut bob = database.user(BOB);
    let (by_index, by_reading) = (
        "select string_agg(chunk_index::text, ' ') from (
            select chunk_index from carrel.search_chunks('zzz', 20, query_embedding => '[1, 0, 0]')) as f",
        "select string_agg(chunk_index::text, ' ') from (
            select chunk_index from carrel.document_chunks where embedding is not null order by embedding <=> '[1, 0, 0]', document_id, chunk_index limit 20) as f",
    );
    bob.run("set enable_indexscan = off");
    let nearest: HashSet<String> = bob.value(by_reading).split(' ').map(str::to_owned).collect();
    let found: HashSet<String> = bob.value(by_index).split(' ').map(str::to_owned).collect();
    assert!(nearest.intersection(&found).count() >= 18, "{nearest:?} {found:?}");
    assert_eq!(bob.value(&search(2000)).split('|').next(), Some("2000"));
    let last = "select count(*) from carrel.search_chunks('zzz', 50, 24990, query_embedding => '[1, 0, 0]')";
    assert_eq!(bob.number(last), 10);
}
