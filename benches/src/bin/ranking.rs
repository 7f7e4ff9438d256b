//! How well search ranks: nDCG, MRR and recall of the first ten documents that search_documents()
//! finds for the queries of a collection, beside those of what can be written by hand in SQL, and of
//! plain BM25.
//!
//! The collection is in BEIR's layout: DATA is its directory, or BENCH_DATA is, or has it as
//! `cranfield/`. Each document is added by add_document(), all of them by one user, who then asks the
//! queries for which anything is judged relevant. Carrel detects the language of each; the others rank
//! the same texts, whole, in a plain table with the vectors of the most frequent one. Carrel has them in
//! chunks: of collections with short texts, one each. The queries are asked once more with a wrong
//! letter in a word of each.
//!
//! Where texts begin with their titles, all is measured twice: with each title once, and with titles
//! put before the texts as given, which is how published figures come about.

use carrel_benches::beir::{Collection, Document, Query, Titles};
use carrel_benches::bm25::Bm25;
use carrel_benches::relevance::{DEPTH, Relevance};
use carrel_benches::report::{self, Bound, Target};
use carrel_benches::server;
use postgres::{Client, Statement};

/// Documents in one statement.
const BATCH: usize = 100;
/// Of the collection that has one.
const TARGET: (&str, f64) = ("cranfield", 0.385);

const TEXTS: &str = "
    drop table if exists texts;
    drop function if exists any_word;
    create table texts (id text primary key, vector tsvector);
    create index on texts using gin (vector);
    -- A query that any of the words satisfies, as they are in the vector of $1.
    create or replace function any_word(query text) returns tsquery language sql stable
    return (
        select string_agg('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''', ' | ')::tsquery
        from unnest(to_tsvector('{language}', query))
    )";

/// Most frequent language of the user's documents.
const LANGUAGE: &str =
    "select language from carrel.documents group by language order by count(*) desc limit 1";

/// What people write: a query, and a score.
const RIVALS: [(&str, &str, &str); 4] = [
    ("websearch_to_tsquery + ts_rank", "websearch_to_tsquery('{language}', $1)", "ts_rank(vector, q)"),
    ("any word + ts_rank", "any_word($1)", "ts_rank(vector, q)"),
    ("any word + ts_rank, normalisation 1", "any_word($1)", "ts_rank(vector, q, 1)"),
    ("any word + ts_rank_cd", "any_word($1)", "ts_rank_cd(vector, q)"),
];

/// From a query to the ids of documents, best first.
type Rank = Box<dyn FnMut(&str) -> Vec<String>>;

/// A way of ranking documents.
struct Ranker {
    name: String,
    rank: Rank,
}

impl Ranker {
    fn new(name: &str, rank: impl FnMut(&str) -> Vec<String> + 'static) -> Self {
        Self { name: name.into(), rank: Box::new(rank) }
    }

    /// Mean of the queries.
    fn measure(&mut self, queries: &[Query]) -> Relevance {
        let relevance =
            queries.iter().map(|query| Relevance::of(&(self.rank)(&query.text), &query.judgements));
        relevance.sum::<Relevance>() / queries.len() as f64
    }
}

fn main() {
    let Some(collection) = Collection::find() else {
        println!(
            "No collection to measure with: set DATA to a directory with corpus.jsonl, queries.jsonl and qrels/test.tsv."
        );
        return;
    };
    println!(
        "{}: {} documents, {} queries with relevant documents; means of the queries, by the best {DEPTH}.",
        collection.name,
        collection.documents.len(),
        collection.queries.len()
    );
    let mut targets = Vec::new();
    let repeated = collection.documents.iter().filter(|document| document.repeats_title()).count();
    if repeated == 0 {
        measure(&collection, Titles::AsGiven, "Title and text", &mut targets);
    } else {
        println!("{repeated} texts begin with their titles.");
        measure(&collection, Titles::Once, "Titles once", &mut targets);
        measure(&collection, Titles::AsGiven, "Titles as given", &mut targets);
    }
    println!("\n  ratio: of the nDCG of search_documents to this one's.");
    if !targets.is_empty() {
        report::targets(&targets);
    }
}

/// All rankers, on texts with such titles.
fn measure(collection: &Collection, titles: Titles, title: &str, targets: &mut Vec<Target>) {
    let mut admin = server::superuser();
    let user = add_documents(&collection.documents, titles);
    let mut session = server::act_as(&user);
    let language: String = session.query_one(LANGUAGE, &[]).expect("its language").get(0);
    store_texts(&mut admin, &collection.documents, titles, &language);
    let mut rankers = carrel(&user);
    rankers.extend(by_hand(&language));
    rankers.push(plain_bm25(&mut admin, &language));
    let mut rows: Vec<(String, Relevance)> = rankers
        .into_iter()
        .map(|mut ranker| {
            let relevance = ranker.measure(&collection.queries);
            (ranker.name, relevance)
        })
        .collect();
    let carrel_rankers = carrel(&user);
    let mistyped: Vec<Query> = collection.queries.iter().map(mistyped).collect();
    for mut ranker in carrel_rankers.into_iter().take(1) {
        let relevance = ranker.measure(&mistyped);
        rows.push((format!("{}, a wrong letter in each query", ranker.name), relevance));
        let kept = relevance.ndcg / rows[0].1.ndcg;
        let what = format!("nDCG@10 with a wrong letter beside that without, {}", title.to_lowercase());
        targets.push(Target::new(what, kept, Bound::AtLeast(0.97), "x"));
    }
    let carrel = rows[0].1;
    let chunks = server::number(&mut session, "select count(*) from carrel.document_chunks");
    println!(
        "\n  {:<48} {:>8} {:>8} {:>10} {:>10}",
        format!("{title}, {chunks} chunks, {language}"),
        "nDCG@10",
        "MRR@10",
        "recall@10",
        "ratio"
    );
    for (name, relevance) in &rows {
        println!(
            "  {:<48} {:>8.4} {:>8.4} {:>10.4} {:>10}",
            name,
            relevance.ndcg,
            relevance.mrr,
            relevance.recall,
            format!("{} x", report::number(carrel.ndcg / relevance.ndcg))
        );
    }
    let (name, least) = TARGET;
    if collection.name == name {
        let what = format!("nDCG@10 of search_documents, {}", title.to_lowercase());
        targets.push(Target::new(what, carrel.ndcg, Bound::AtLeast(least), ""));
    }
}

/// As a new user, whose id it returns.
fn add_documents(documents: &[Document], titles: Titles) -> String {
    let mut user = server::new_user();
    const ADD: &str = "select count(carrel.add_document(filename, content, language => 'auto'))
        from unnest($1::text[], $2::text[]) as sent (filename, content)";
    for batch in documents.chunks(BATCH) {
        let names: Vec<String> = batch.iter().map(|document| file_name(&document.id)).collect();
        let contents: Vec<String> = batch.iter().map(|document| document.content(titles)).collect();
        user.execute(ADD, &[&names, &contents]).expect("documents");
    }
    server::superuser().batch_execute("vacuum analyze").expect("vacuum");
    user.query_one("select carrel.current_user_id()::text", &[]).expect("its id").get(0)
}

fn file_name(id: &str) -> String {
    format!("{id}.txt")
}

fn store_texts(admin: &mut Client, documents: &[Document], titles: Titles, language: &str) {
    admin.batch_execute(&TEXTS.replace("{language}", language)).expect("texts");
    let insert = format!("insert into texts values ($1, to_tsvector('{language}', $2))");
    let insert = admin.prepare(&insert).expect("the texts");
    for document in documents {
        admin.execute(&insert, &[&document.id, &document.content(titles)]).expect("a text");
    }
    admin.batch_execute("vacuum analyze texts").expect("vacuum");
}

/// search_documents(), and search_chunks() with the best chunk of each document, as the user.
fn carrel(user: &str) -> Vec<Ranker> {
    let mut client = server::act_as(user);
    let documents = "select filename from carrel.search_documents($1, $2)";
    let documents = client.prepare(documents).expect(documents);
    let by_documents = Ranker::new("search_documents", move |query| {
        found(&mut client, &documents, query, DEPTH).0
    });
    let mut client = server::act_as(user);
    let chunks = "select filename from carrel.search_chunks($1, $2)";
    let chunks = client.prepare(chunks).expect(chunks);
    let by_chunks = Ranker::new("search_chunks, the best chunk of each document", move |query| {
        let mut count = 4 * DEPTH;
        loop {
            let (documents, rows) = found(&mut client, &chunks, query, count);
            if documents.len() >= DEPTH || rows < count {
                return documents;
            }
            count *= 4;
        }
    });
    vec![by_documents, by_chunks]
}

/// A query with a wrong letter in one of its words that have five letters or more: which word, which
/// letter and what it becomes follow from the query.
fn mistyped(query: &Query) -> Query {
    let mut seed = query.text.bytes().fold(7_usize, |seed, byte| seed.wrapping_mul(31) + usize::from(byte));
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let is_long = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() >= 5;
    let long: Vec<&str> = query.text.split_whitespace().filter(is_long).collect();
    if long.is_empty() {
        return query.clone();
    }
    let word = long[next(long.len())];
    let start = word.as_ptr() as usize - query.text.as_ptr() as usize;
    let letters: Vec<(usize, char)> =
        word.char_indices().filter(|(_, c)| c.is_alphabetic()).collect();
    let (at, letter) = letters[next(letters.len())];
    // Another letter of the same script: one of the word, or x.
    let others: Vec<char> =
        letters.iter().map(|(_, other)| *other).filter(|other| *other != letter).collect();
    let other = if others.is_empty() { 'x' } else { others[next(others.len())] };
    let (before, after) = query.text.split_at(start + at);
    let text = format!("{before}{other}{}", &after[letter.len_utf8()..]);
    Query { text, ..query.clone() }
}

/// The ids of the documents that a search finds, each once, and the number of its rows.
fn found(
    client: &mut Client,
    search: &Statement,
    query: &str,
    count: usize,
) -> (Vec<String>, usize) {
    let limit = i32::try_from(count).expect("a limit");
    let rows = client
        .query(search, &[&query, &limit])
        .unwrap_or_else(|error| panic!("{query}\n{error:?}"));
    let mut documents: Vec<String> = Vec::new();
    for row in &rows {
        let name: &str = row.get(0);
        let id = name.strip_suffix(".txt").unwrap_or(name);
        if !documents.iter().any(|other| other == id) {
            documents.push(id.into());
        }
    }
    (documents, rows.len())
}

fn by_hand(language: &str) -> Vec<Ranker> {
    let ranker = |(name, query, score): (&str, &str, &str)| {
        let mut client = server::superuser();
        let query = query.replace("{language}", language);
        let search = format!(
            "select id from texts, {query} as q where vector @@ q order by {score} desc, id limit {DEPTH}"
        );
        let search = client.prepare(&search).expect(&search);
        Ranker::new(name, move |query| {
            let rows = client.query(&search, &[&query]).expect(query);
            rows.iter().map(|row| row.get(0)).collect()
        })
    };
    RIVALS.map(ranker).into()
}

/// Computed here, from the same lexemes.
fn plain_bm25(admin: &mut Client, language: &str) -> Ranker {
    const LEXEMES: &str = "select id, array_agg(lexeme), array_agg(cardinality(positions)::float8)
        from texts left join lateral unnest(vector) on true group by id order by id";
    let mut index = Bm25::default();
    let mut ids: Vec<String> = Vec::new();
    for row in admin.query(LEXEMES, &[]).expect("lexemes") {
        let lexemes: Vec<Option<String>> = row.get(1);
        let frequencies: Vec<Option<f64>> = row.get(2);
        let pairs = lexemes.into_iter().zip(frequencies);
        index.add(pairs.filter_map(|(lexeme, frequency)| Some((lexeme?, frequency?))));
        ids.push(row.get(0));
    }
    let mut client = server::superuser();
    let words = format!("select tsvector_to_array(to_tsvector('{language}', $1))");
    let words = client.prepare(&words).expect("the words of a query");
    Ranker::new("plain BM25 of the whole texts", move |query| {
        let lexemes: Vec<String> = client.query_one(&words, &[&query]).expect(query).get(0);
        let best = index.search(lexemes.iter().map(String::as_str), DEPTH);
        best.into_iter().map(|text| ids[text].clone()).collect()
    })
}
