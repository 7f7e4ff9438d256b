//! Chunking inside the server, each beside the least that it can cost there: `chunk_text` beside
//! reading the same stored text; ingestion beside storing the text and chunks that somebody else has
//! made, in tables with the same indexes; the memory of a large ingestion beside that of storing it.

use std::time::Instant;

use carrel_benches::report::{Bound, Target};
use carrel_benches::size::scaled;
use carrel_benches::{Contest, Input, Timing, large_text, median, report, server};
use postgres::Client;
use postgres::types::ToSql;

fn rounds() -> usize {
    scaled(5, 1)
}

/// How many documents the text is cut into.
fn documents() -> usize {
    scaled(1_000, 10)
}

/// Bytes of a large text.
fn large() -> usize {
    scaled(100_000_000, 1_000_000)
}

/// Two schemas of tables with the indexes of carrel's and no triggers. `floor` is what the targets
/// mean: documents without a vector, chunks that refer to nothing. `same` ends up with the same rows
/// as carrel's tables: vectors of documents, and the foreign key. What carrel takes beyond that is its
/// own. Rows are stored as carrel's are, vectors in the row as long as they fit.
const TABLES: &str = "
    create schema floor;
    create table floor.documents (like carrel.documents including all);
    create table floor.document_chunks (like carrel.document_chunks including all) with (toast_tuple_target = 8160);
    create schema same;
    create table same.documents (like carrel.documents including all);
    create table same.document_chunks (like carrel.document_chunks including all) with (toast_tuple_target = 8160);
    alter table same.document_chunks add foreign key (user_id, document_id) references same.documents (user_id, id);
    create schema ready;
    create table ready.documents (like carrel.documents);
    create table ready.document_chunks (like carrel.document_chunks)";

/// What carrel made of a workload: rows ready-made, without the texts of documents, which the client
/// sends each time, and without the vectors of chunks, which are parsed each time.
const MAKE_READY: &str = "
    truncate ready.documents, ready.document_chunks;
    insert into ready.documents select * from carrel.documents;
    update ready.documents set content_text = null;
    insert into ready.document_chunks select * from carrel.document_chunks order by document_id, chunk_index;
    update ready.document_chunks set search_vector = null;
    vacuum full analyze ready.documents;
    vacuum full analyze ready.document_chunks";

/// Of carrel, with the texts as $1. Names are unique.
const INSERT: &str = "
    insert into carrel.documents (filename, file_type, content_text)
    select 'file ' || n || '.md', 'text/markdown', t from unnest($1::text[]) with ordinality as sent (t, n)";

/// Of the other two, $2 says whether with the documents' vectors.
fn insert_documents(schema: &str) -> String {
    format!(
        "insert into {schema}.documents (id, user_id, filename, file_type, file_size, processing_status,
            content_text, search_vector)
        select id, user_id, filename, file_type, file_size, processing_status, t, case when $2 then search_vector end
        from unnest($1::text[]) with ordinality as sent (t, n)
            join ready.documents on filename = 'file ' || n || '.md'"
    )
}

fn insert_chunks(schema: &str) -> String {
    format!(
        "insert into {schema}.document_chunks (id, user_id, document_id, chunk_index, content, section_title,
            heading_path, start_offset, end_offset, size, content_hash, search_vector, language, words, title_words)
        select id, user_id, document_id, chunk_index, content, section_title,
            heading_path, start_offset, end_offset, size, content_hash, to_tsvector('english', content), language, words, title_words
        from ready.document_chunks"
    )
}

/// Cascades to whatever refers to documents.
const CLEAN: &str = "
    set client_min_messages = warning;
    truncate carrel.documents, floor.documents, floor.document_chunks, same.documents, same.document_chunks cascade;
    checkpoint";

/// A session, whose failures end the benchmark.
fn run(client: &mut Client, sql: &str) {
    for statement in sql.split(';') {
        client.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}\n{error:?}"));
    }
}

fn store(client: &mut Client, text: &str) {
    run(client, "create table stored (t text)");
    client.execute("insert into stored values ($1)", &[&text]).expect("stored");
    run(client, "vacuum analyze stored");
}

/// A session that reads the stored text, without spilling to disk.
fn reader() -> Client {
    let mut client = server::superuser();
    run(&mut client, "set work_mem = '256MB'");
    client
}

fn reading(text: &str, targets: &mut Vec<Target>) {
    const FLOOR: &str = "floor: length(t)";
    const PLAIN: &str = "chunk_text(t, 2000)";
    const LANGCHAIN: &str = "LangChain in plpython3u";
    let mut queries = vec![
        (FLOOR, "select length(t)::bigint from stored"),
        (PLAIN, "select count(*) from stored, carrel.chunk_text(t, 2000)"),
        (
            "chunk_text(t, 2000, format => 'markdown')",
            "select count(*) from stored, carrel.chunk_text(t, 2000, format => 'markdown')",
        ),
    ];
    let missing = langchain();
    if missing.is_none() {
        queries.push((LANGCHAIN, "select count(*) from stored, langchain(t, 2000)"));
    }
    let mut contest = Contest::default();
    for (name, query) in &queries {
        let mut client = reader();
        let query = client.prepare(query).expect(query);
        contest.add(name, text.len(), move || {
            let count: i64 = client.query_one(&query, &[]).expect("a count").get(0);
            count as usize
        });
    }
    let timings = contest.run();
    let seconds = |name: &str| timings.iter().find(|t| t.name == name).map(|t| t.seconds);
    let plain = seconds(PLAIN).unwrap_or(f64::NAN);
    report::head(
        "Reading a stored text of 7 MB (pglz, work_mem 256 MB); ratio: how much faster carrel's plain chunk_text is",
    );
    for timing in &timings {
        let pieces = if timing.name == FLOOR { 1 } else { timing.pieces };
        report::timing(
            &Timing { pieces, ..timing.clone() },
            Some(timing.seconds / plain),
            &milliseconds(timing.seconds),
        );
    }
    let floor = seconds(FLOOR).unwrap_or(f64::NAN);
    targets.push(Target::new("chunk_text beside length()", plain / floor, Bound::AtMost(2.0), "x"));
    match missing {
        None => {
            let faster = seconds(LANGCHAIN).unwrap_or(f64::NAN) / plain;
            targets.push(Target::new(
                "LangChain's time beside chunk_text's",
                faster,
                Bound::AtLeast(4.0),
                "x",
            ));
        }
        Some(why) => println!("  {LANGCHAIN}: skipped, {why}"),
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{} ms", report::number(seconds * 1e3))
}

/// Makes the function langchain(), or says why not.
fn langchain() -> Option<String> {
    let mut client = server::superuser();
    let made = client.batch_execute(
        "create extension if not exists plpython3u;
        create or replace function langchain(content text, chunk_size int) returns setof text language plpython3u as $$
            if 'splitter' not in SD:
                from langchain_text_splitters import RecursiveCharacterTextSplitter
                SD['splitter'] = RecursiveCharacterTextSplitter(chunk_size=chunk_size, chunk_overlap=0)
            return SD['splitter'].split_text(content)
        $$;
        select langchain('a', 1)",
    );
    let error = made.err()?;
    Some(error.as_db_error().map_or(error.to_string(), |error| error.message().to_string()))
}

/// The seconds that storing the texts takes in one of the schemas without triggers.
fn store_ready(client: &mut Client, schema: &str, texts: &[&str]) -> f64 {
    let documents = client.prepare(&insert_documents(schema)).expect("documents");
    let chunks = client.prepare(&insert_chunks(schema)).expect("chunks");
    let began = Instant::now();
    let mut transaction = client.transaction().expect("a transaction");
    transaction.execute(&documents, &[&texts, &(schema == "same")]).expect("documents");
    transaction.execute(&chunks, &[]).expect("chunks");
    transaction.commit().expect("a commit");
    began.elapsed().as_secs_f64()
}

/// All ways of ingesting the same texts, in turn, from the same clean state.
fn ingestion(texts: &[&str], targets: &mut Vec<Target>) {
    let what = match texts.len() {
        1 => "one document".to_string(),
        count => format!("{count} documents"),
    };
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let mut admin = server::superuser();
    let mut user = server::new_user();
    let into_carrel = user.prepare(INSERT).expect("insert");
    let parameters: [&(dyn ToSql + Sync); 1] = [&texts];

    run(&mut admin, CLEAN);
    user.execute(&into_carrel, &parameters).expect("warm");
    run(&mut admin, MAKE_READY);
    let chunks = server::number(&mut admin, "select count(*) from ready.document_chunks");
    let completed = "select count(*) from ready.documents where processing_status = 'completed'";
    let completed = server::number(&mut admin, completed);
    let mut times = [const { Vec::new() }; 3];
    // The first round is warm-up.
    for round in 0..=rounds() {
        run(&mut admin, CLEAN);
        let began = Instant::now();
        user.execute(&into_carrel, &parameters).expect("carrel's side");
        let carrel = began.elapsed().as_secs_f64();
        run(&mut admin, CLEAN);
        let floor = store_ready(&mut admin, "floor", texts);
        run(&mut admin, CLEAN);
        let same = store_ready(&mut admin, "same", texts);
        if round > 0 {
            for (times, seconds) in times.iter_mut().zip([carrel, floor, same]) {
                times.push(seconds);
            }
        }
    }

    println!(
        "\nIngesting {what}, {:.1} MB, {chunks} chunks, {completed} completed",
        bytes as f64 / 1e6
    );
    let [carrel, floor, same] = &times;
    line("insert into carrel.documents, by an end user", carrel, bytes, None);
    line("floor: the rows, ready-made chunks, to_tsvector", floor, bytes, Some(carrel));
    line("limit: that and documents' vectors, foreign key", same, bytes, Some(carrel));
    let what = format!("ingesting {what} beside the floor");
    targets.push(Target::new(what, ratio(carrel, floor), Bound::AtMost(1.15), "x"));
}

/// The median of the rounds' ratios: what slows the machine down for a while slows both sides.
fn ratio(times: &[f64], others: &[f64]) -> f64 {
    median(times.iter().zip(others).map(|(time, other)| time / other).collect())
}

/// The median of the times, the shortest and the longest; `carrel` is what they are compared with.
fn line(name: &str, times: &[f64], bytes: usize, carrel: Option<&Vec<f64>>) {
    let seconds = median(times.to_vec());
    let shortest = times.iter().copied().fold(f64::INFINITY, f64::min);
    let longest = times.iter().copied().fold(0.0, f64::max);
    println!(
        "  {name:<52} {:>7.0} ms ({:.0} to {:.0}) {:>6} MB/s {:>8}",
        seconds * 1e3,
        shortest * 1e3,
        longest * 1e3,
        report::number(bytes as f64 / 1e6 / seconds),
        carrel.map_or(String::new(), |carrel| format!("{:.3} x", ratio(carrel, times)))
    );
}

/// The peak of a fresh backend that stores a large text, and of one that ingests it.
fn memory(text: &str, targets: &mut Vec<Target>) {
    let peak = |client: &mut Client, table: &str| {
        let before = server::peak_memory(client);
        let insert = format!(
            "insert into {table} (user_id, filename, content_text) values (coalesce(carrel.current_user_id(), carrel.uuid_v7()), 'large.txt', $1)"
        );
        let began = Instant::now();
        client.execute(&insert, &[&text]).expect(table);
        let seconds = began.elapsed().as_secs_f64();
        (before, server::peak_memory(client), seconds)
    };
    let mut admin = server::superuser();
    run(&mut admin, CLEAN);
    let bare = peak(&mut server::superuser(), "floor.documents");
    run(&mut admin, CLEAN);
    let carrel = peak(&mut server::new_user(), "carrel.documents");
    println!(
        "\nMemory of a backend (VmHWM) for a text of {:.0} MB, bound to $1",
        text.len() as f64 / 1e6
    );
    for (name, (before, peak, seconds)) in
        [("insert into carrel.documents", carrel), ("floor: into a table without triggers", bare)]
    {
        println!(
            "  {name:<52} {:>9} MB, before {:>5} MB {:>8} s",
            report::number(peak / 1e6),
            report::number(before / 1e6),
            report::number(seconds)
        );
    }
    let state = admin.query_one(
        "select processing_status || coalesce(': ' || processing_error, '') || ', ' || (select count(*) from carrel.document_chunks) || ' chunks' from carrel.documents",
        &[],
    );
    println!("  the document is {}", state.expect("the document").get::<_, String>(0));
    run(&mut admin, CLEAN);
    targets.push(Target::new(
        "peak memory above the bare insert's",
        (carrel.1 - bare.1) / 1048576.0,
        Bound::AtMost(64.0),
        "MiB",
    ));
}

/// As many pieces of about the same size, cut at lines.
fn pieces(text: &str, count: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let size = rest.len() / (count - pieces.len().min(count - 1));
        let size = rest.floor_char_boundary(size);
        let end = rest[size..].find('\n').map_or(rest.len(), |line| size + line + 1);
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces
}

fn main() {
    let mut targets = Vec::new();
    let mut admin = server::superuser();
    let settings = admin.query(
        "select name || ' ' || current_setting(name) from unnest(array['server_version', 'fsync', 'synchronous_commit',
            'shared_buffers', 'max_wal_size', 'autovacuum', 'default_toast_compression', 'jit']) as name",
        &[],
    );
    let settings: Vec<String> = settings.expect("settings").iter().map(|row| row.get(0)).collect();
    println!("In the server: median of {}, both sides in turn; {}.", rounds(), settings.join(", "));
    run(&mut admin, TABLES);
    let english = Input::english();
    println!("The text: {}.", english.origin);
    store(&mut admin, &english.text);
    reading(&english.text, &mut targets);
    ingestion(&[&english.text], &mut targets);
    ingestion(&pieces(&english.text, documents()), &mut targets);
    memory(&large_text(large()), &mut targets);
    report::targets(&targets);
}
