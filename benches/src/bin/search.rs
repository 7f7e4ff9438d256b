//! How fast search is for one of 1,000 users, with CHUNKS chunks together (1,000,000 unless it is set).
//!
//! Generated: users, of whom the largest has 20 % of all chunks and the median one 0.017 %; documents
//! of 4 to 16 paragraphs, some 1,600 characters each, which become a chunk each; 50,000 words of 3 to
//! 12 letters, as frequent as Zipf's law has them, in the configuration `simple`, which takes them as
//! they are. They are ingested by INSERT into carrel.documents, several users' documents in one
//! statement: first a tenth, among it all that the median user has, then the others' rest.
//!
//! Measured: 200 queries each of one to four words, of the rare ones (in one of the user's chunks, or
//! in fewer than 0.1 %), and of the common ones (in more than 10 %). An end user's session asks
//! search_chunks() for ten, in prepared statements over a Unix socket; the times are the client's, the
//! way to the server and back included. A query's time is the median of its rounds; percentiles are
//! those of queries.
//!
//! - The median user when there is a tenth of all chunks, and again when there are all.
//! - Beside it what the owner of a table can write by hand, with the user's id in the query and
//!   ts_rank: with an index on user_id, with one on search_vector too, and, where contrib's btree_gin
//!   is installed, with one index of both. The fastest counts. Its table is stored as carrel's is, and
//!   has the chunks of the two users that are measured and enough of the others' to be 300,000. It
//!   returns ids and scores; with the columns of search_chunks(), snippets included, it is there too.
//! - The largest user, beside the same.
//! - What an end user's query costs with the same table under the policy that most write: the chunk's
//!   document is the user's.
//!
//! Rivals are spared jit, and use one process as carrel does; what they take with the server's
//! defaults for parallel queries is there too. CHUNKS=1000000 wants 40 minutes and 17 GB of disk.

use std::time::Instant;

use carrel_benches::generated::Chance;
use carrel_benches::latency::{self, Latencies, Side, head};
use carrel_benches::report::{self, Bound, Target};
use carrel_benches::server;
use carrel_benches::size::{scaled, set_by};
use carrel_benches::tenants::{MEDIAN, Plan, Plans, USERS, Writer};
use postgres::Client;

/// Of documents, in one statement.
const BATCH: usize = 32;
fn queries() -> usize {
    scaled(200, 8)
}
const MOST_WORDS: usize = 4;
/// Of the queries, the first ones, for what is there for comparison only or takes long.
fn some() -> usize {
    scaled(40, 4)
}
/// Chunks in the rivals' table.
const RIVALS: i64 = 300_000;
const LARGEST: usize = 0;
/// Where there is no other side in turn.
fn rounds() -> usize {
    scaled(15, 1)
}

const INSERT: &str = "
    insert into carrel.documents (user_id, filename, file_type, language, content_text)
    select u::uuid, f, 'text/plain', 'simple', t from unnest($1::text[], $2::text[], $3::text[]) as sent (u, f, t)";

const CARREL: &str = "select count(*) from carrel.search_chunks($1, 10)";
const CARREL_ROWS: &str = "select * from carrel.search_chunks($1, 10)";

/// The rivals' tables, stored as carrel's are, unlogged to save disk: reading doesn't see it. $options: storage parameters, $two: the
/// users that are measured, $share: of the others' documents.
const TABLES: &str = "
    create schema rival;
    create unlogged table rival.documents as select id, user_id, filename from carrel.documents;
    alter table rival.documents add primary key (id);
    create index on rival.documents (user_id);
    alter table rival.documents enable row level security;
    create policy own on rival.documents for select using (user_id = carrel.current_user_id());

    create unlogged table rival.separate (like carrel.document_chunks including storage including compression) $options;
    insert into rival.separate select * from carrel.document_chunks
    where user_id in ($two) or ('x' || right(document_id::text, 6))::bit(24)::integer < $share * (1 << 24);
    create index separate_user_id_idx on rival.separate (user_id);
    create index separate_search_vector_idx on rival.separate using gin (search_vector);
    create index on rival.separate (document_id);
    alter table rival.separate enable row level security;
    create policy own on rival.separate for select using (
        exists (select from rival.documents as d where d.id = document_id and d.user_id = carrel.current_user_id())
    );
    grant usage on schema rival to authenticated;
    grant select on all tables in schema rival to authenticated";

/// The same chunks.
const COMBINED: &str = "
    create extension if not exists btree_gin;
    create unlogged table rival.combined (like carrel.document_chunks including storage including compression) $options;
    insert into rival.combined select * from rival.separate;
    create index combined_user_id_search_vector_idx on rival.combined using gin (user_id, search_vector)";

const BY_HAND: &str = "
    select id, ts_rank(search_vector, to_tsquery('simple', $1)) as score from rival.$table
    where user_id = $2::text::uuid and search_vector @@ to_tsquery('simple', $1)
    order by score desc limit 10";

/// What search_chunks() returns; its snippets' options are carrel's.
const BY_HAND_ROWS: &str = "
    select c.id, document_id, filename, chunk_index, section_title, heading_path, content,
        ts_headline('simple', content, to_tsquery('simple', $1),
            'StartSel=<mark>, StopSel=</mark>, MaxWords=35, MinWords=15, MaxFragments=2'),
        start_offset, end_offset, score
    from (
        select *, ts_rank(search_vector, to_tsquery('simple', $1)) as score from rival.$table
        where user_id = $2::text::uuid and search_vector @@ to_tsquery('simple', $1)
        order by score desc limit 10
    ) as c
    join rival.documents as d on d.id = c.document_id
    order by score desc";

const BY_POLICY: &str = "
    select id, ts_rank(search_vector, to_tsquery('simple', $1)) as score from rival.separate
    where search_vector @@ to_tsquery('simple', $1)
    order by score desc limit 10";

struct User {
    name: &'static str,
    /// By size.
    place: usize,
    id: String,
    classes: [Class; 2],
}

/// Queries of words that are about as frequent.
struct Class {
    name: &'static str,
    queries: Vec<Query>,
}

#[derive(Clone)]
struct Query {
    words: Vec<String>,
}

impl Query {
    fn text(&self) -> String {
        self.words.join(" ")
    }

    /// A tsquery that any of the words satisfies.
    fn any_word(&self) -> String {
        self.words.join(" | ")
    }
}

fn main() {
    let chunks = usize::try_from(set_by("CHUNKS", 1_000_000, 3_000)).expect("CHUNKS");
    let mut admin = server::superuser();
    let settings = admin.query(
        "select name || ' ' || current_setting(name) from unnest(array['server_version', 'shared_buffers', 'work_mem',
            'jit', 'max_parallel_workers_per_gather', 'fsync', 'autovacuum']) as name",
        &[],
    );
    let settings: Vec<String> = settings.expect("settings").iter().map(|row| row.get(0)).collect();
    println!("{chunks} chunks of {USERS} users; {}.", settings.join(", "));
    if chunks < 1_000_000 {
        println!("The targets are those of 1000000 chunks.");
    }

    let plans = Plans::new(chunks);
    let mut ingestion = Ingestion::new();
    let mut targets = Vec::new();
    ingestion.add(&plans.first);
    let median = User::find("the median user", MEDIAN, &ingestion.ids);
    let before = median.alone();
    ingestion.add(&plans.rest);
    let largest = User::find("the largest user", LARGEST, &ingestion.ids);
    growth(&median, before, &mut targets);

    prepare_rivals(&mut admin, [&median, &largest]);
    let limit = |milliseconds, ratio, with_columns| Limit { milliseconds, ratio, with_columns };
    let limits = [(); 2].map(|()| limit(5.0, Some(1.5), Some(1.5)));
    beside_by_hand(&median, limits, 5, &mut targets);
    let limits = [limit(20.0, None, None), limit(150.0, Some(1.0), None)];
    beside_by_hand(&largest, limits, 1, &mut targets);
    beside_policy(&median, &mut targets);
    forgiving(&median, &mut targets);
    forgiving(&largest, &mut targets);
    report::targets(&targets);
}

/// Writes documents, and measures how long that takes.
struct Ingestion {
    client: Client,
    writer: Writer,
    /// Of users, the largest first.
    ids: Vec<String>,
    documents: usize,
}

impl Ingestion {
    fn new() -> Self {
        let mut client = server::superuser();
        let users = "select carrel.create_user(md5('user ' || n)::uuid)::text from generate_series(1, $1::integer) as n";
        let count = i32::try_from(USERS).expect("users");
        let ids = client.query(users, &[&count]).expect("users");
        let ids = ids.iter().map(|row| row.get(0)).collect();
        Self { client, writer: Writer::default(), ids, documents: 0 }
    }

    fn add(&mut self, plans: &[Plan]) {
        let insert = self.client.prepare(INSERT).expect(INSERT);
        let (mut bytes, mut seconds) = (0, 0.0);
        for batch in plans.chunks(BATCH) {
            let (mut users, mut names, mut texts) = (Vec::new(), Vec::new(), Vec::new());
            for plan in batch {
                self.documents += 1;
                users.push(self.ids[plan.user].as_str());
                names.push(format!("document {}.txt", self.documents));
                texts.push(self.writer.text(plan.chunks));
            }
            bytes += texts.iter().map(String::len).sum::<usize>();
            let began = Instant::now();
            self.client.execute(&insert, &[&users, &names, &texts]).expect("documents");
            seconds += began.elapsed().as_secs_f64();
        }
        let began = Instant::now();
        self.client.batch_execute("vacuum analyze").expect("vacuum");
        // Nothing is written while queries are measured.
        self.client.batch_execute("checkpoint").expect("checkpoint");
        let vacuum = began.elapsed().as_secs_f64();
        let chunks =
            server::number(&mut self.client, "select count(*) from carrel.document_chunks");
        let size = "select pg_total_relation_size('carrel.document_chunks') / 1000000";
        println!(
            "\nIngested {} documents, {:.0} MB, in {} s ({} MB/s); vacuum, analyze, checkpoint {} s. Now {chunks} chunks, {} MB with indexes.",
            plans.len(),
            bytes as f64 / 1e6,
            report::number(seconds),
            report::number(bytes as f64 / 1e6 / seconds),
            report::number(vacuum),
            server::number(&mut self.client, size)
        );
    }
}

impl User {
    fn find(name: &'static str, place: usize, ids: &[String]) -> Self {
        let id = &ids[place];
        // In the order of a hash: any first few are a sample.
        const WORDS: &str = "select lexeme, count(*) from carrel.document_chunks, unnest(search_vector)
            where user_id = $1::text::uuid and lexeme ~ '^[a-z]{3,12}$' group by lexeme order by md5(lexeme)";
        const CHUNKS: &str = "select count(*), count(distinct document_id) from carrel.document_chunks where user_id = $1::text::uuid";
        let mut admin = server::superuser();
        let row = admin.query_one(CHUNKS, &[id]).expect(CHUNKS);
        let (chunks, documents): (i64, i64) = (row.get(0), row.get(1));
        let words = admin.query(WORDS, &[id]).expect(WORDS);
        let words: Vec<(String, f64)> =
            words.iter().map(|row| (row.get(0), row.get::<_, i64>(1) as f64)).collect();
        let few = (chunks as f64 * 0.001).ceil().max(2.0);
        let many = chunks as f64 * 0.1;
        println!("\n{name} has {documents} documents, {chunks} chunks, {} words.", words.len());
        let classes = [
            Class::new("rare words", &words, |count| count < few, chunks),
            Class::new("common words", &words, |count| count > many, chunks),
        ];
        Self { name, place, id: id.clone(), classes }
    }

    /// search_chunks(), and how often queries are run.
    fn carrel(&self) -> Side<'_, Query> {
        let mut client = server::act_as(&self.id);
        let search = client.prepare(CARREL).expect(CARREL);
        Side::new("search_chunks(query, 10)", move |query: &Query| {
            let count: i64 = client.query_one(&search, &[&query.text()]).expect(CARREL).get(0);
            count as usize
        })
    }

    fn carrel_rows(&self) -> Side<'_, Query> {
        let mut client = server::act_as(&self.id);
        let search = client.prepare(CARREL_ROWS).expect(CARREL_ROWS);
        Side::new("the same, all columns fetched", move |query: &Query| {
            client.query(&search, &[&query.text()]).expect(CARREL_ROWS).len()
        })
    }

    /// The owner's query of a table.
    fn by_hand(&self, name: &str, sql: &str, table: &str, settings: &str) -> Side<'_, Query> {
        let sql = sql.replace("$table", table);
        let mut client = server::superuser();
        client.batch_execute(settings).expect(settings);
        let search = client.prepare(&sql).expect(&sql);
        Side::new(name, move |query: &Query| {
            client.query(&search, &[&query.any_word(), &self.id]).expect(&sql).len()
        })
    }

    /// Of each class, search_chunks() by itself: the two that are compared lie minutes apart, and what
    /// disturbs one of them for a second must not count.
    fn alone(&self) -> Vec<Latencies> {
        let measure =
            |class: &Class| latency::run(vec![self.carrel()], &class.queries, rounds()).remove(0);
        self.classes.iter().map(measure).collect()
    }
}

impl Class {
    fn new(
        name: &'static str,
        words: &[(String, f64)],
        belongs: impl Fn(f64) -> bool,
        chunks: i64,
    ) -> Self {
        let words: Vec<&(String, f64)> = words.iter().filter(|word| belongs(word.1)).collect();
        assert!(!words.is_empty(), "{name}: there are none, more CHUNKS are needed");
        let counts = words.iter().map(|word| word.1);
        println!(
            "  {name}: {}, in {} to {} of the {chunks} chunks",
            words.len(),
            counts.clone().fold(f64::INFINITY, f64::min),
            counts.fold(0.0, f64::max)
        );
        let mut chance = Chance(5);
        let mut query = |number: usize| {
            let count = (1 + number % MOST_WORDS).min(words.len());
            let mut chosen: Vec<String> = Vec::new();
            while chosen.len() < count {
                let word = &words[chance.below(words.len())].0;
                if !chosen.contains(word) {
                    chosen.push(word.clone());
                }
            }
            Query { words: chosen }
        };
        Self { name, queries: (0..queries()).map(&mut query).collect() }
    }
}

fn prepare_rivals(admin: &mut Client, users: [&User; 2]) {
    let began = Instant::now();
    let two = users.map(|user| format!("'{}'", user.id)).join(", ");
    let own = format!("select count(*) from carrel.document_chunks where user_id in ({two})");
    let own = server::number(admin, &own);
    let others = server::number(admin, "select count(*) from carrel.document_chunks") - own;
    let share = ((RIVALS - own) as f64 / others as f64).clamp(0.0, 1.0);
    const OPTIONS: &str =
        "select 'with (' || array_to_string(reloptions, ', ') || ')' from pg_class
        where oid = 'carrel.document_chunks'::regclass";
    let options: Option<String> = admin.query_one(OPTIONS, &[]).expect(OPTIONS).get(0);
    let options = options.unwrap_or_default();
    let prepare = |admin: &mut Client, sql: &str| {
        let sql = sql
            .replace("$options", &options)
            .replace("$two", &two)
            .replace("$share", &share.to_string());
        admin.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
    };
    admin.batch_execute("set maintenance_work_mem = '1GB'").expect("memory");
    prepare(admin, TABLES);
    if has_btree_gin(admin) {
        prepare(admin, COMBINED);
    } else {
        println!("\nbtree_gin is not installed: an index on (user_id, search_vector) is left out.");
    }
    admin.batch_execute("vacuum analyze").expect("vacuum");
    admin.batch_execute("checkpoint").expect("checkpoint");
    println!(
        "\nThe rivals' table has {} chunks, {}; made in {} s. The database has {} MB.",
        server::number(admin, "select count(*) from rival.separate"),
        if options.is_empty() { "stored by default".into() } else { options },
        report::number(began.elapsed().as_secs_f64()),
        server::number(admin, "select pg_database_size(current_database()) / 1000000")
    );
}

fn has_btree_gin(admin: &mut Client) -> bool {
    let available = "select from pg_available_extensions where name = 'btree_gin'";
    admin.query_opt(available, &[]).expect(available).is_some()
}

/// Only others have grown since `before` was measured.
fn growth(user: &User, before: Vec<Latencies>, targets: &mut Vec<Target>) {
    for ((class, before), after) in user.classes.iter().zip(before).zip(user.alone()) {
        let (name, class) = (user.name, class.name);
        head(&format!(
            "Growth: {name}, {class}; ratio: of the p95 among all to that among a tenth"
        ));
        let before = before.named("search_chunks(query, 10) among a tenth of all chunks");
        let after = after.named("search_chunks(query, 10) among all");
        before.print(None);
        after.print(Some(after.ratio(&before, 95.0)));
        let what = format!("{name}, {class}: growth of p95");
        targets.push(Target::new(what, after.ratio(&before, 95.0), Bound::AtMost(1.2), "x"));
    }
}

/// What a class of queries may take.
struct Limit {
    milliseconds: f64,
    /// Beside what is written by hand, which returns ids and scores.
    ratio: Option<f64>,
    /// And which returns what carrel does.
    with_columns: Option<f64>,
}

fn beside_by_hand(user: &User, limits: [Limit; 2], rounds: usize, targets: &mut Vec<Target>) {
    const ALONE: &str = "set jit = off; set max_parallel_workers_per_gather = 0";
    // No bitmaps, no GIN.
    const PLAIN: &str =
        "set jit = off; set max_parallel_workers_per_gather = 0; set enable_bitmapscan = off";
    const USER: &str = "by hand: index on user_id";
    const TWO: &str = "by hand: indexes on user_id, on search_vector";
    const ONE: &str = "by hand: index on (user_id, search_vector)";
    const ROWS: &str = "by hand, with carrel's columns and snippets";
    let combined = has_btree_gin(&mut server::superuser());
    for (class, limit) in user.classes.iter().zip(limits) {
        let (name, class, queries) = (user.name, class.name, &class.queries);
        // What is there for comparison only: in the way that is mostly best, slow queries only some.
        let (table, settings, few) = match user.place {
            LARGEST if combined => ("combined", ALONE, some()),
            LARGEST => ("separate", ALONE, some()),
            _ if combined => ("combined", ALONE, queries.len()),
            _ => ("separate", PLAIN, queries.len()),
        };
        let parallel = format!("{settings}; reset max_parallel_workers_per_gather");
        let mut sides = vec![
            user.carrel(),
            user.by_hand(TWO, BY_HAND, "separate", ALONE),
            user.by_hand("by hand, parallel by default", BY_HAND, table, &parallel).only(few),
            user.carrel_rows().only(few),
            user.by_hand(ROWS, BY_HAND_ROWS, table, settings).only(few),
        ];
        if combined {
            sides.insert(2, user.by_hand(ONE, BY_HAND, "combined", ALONE));
        }
        // Reading all chunks of a user is an idea only where they are few.
        if user.place != LARGEST {
            sides.insert(1, user.by_hand(USER, BY_HAND, "separate", PLAIN));
        }
        let measured = latency::run(sides, queries, rounds);
        head(&format!(
            "{name}, {class} ({rounds} x); ratio: of carrel's p95 to this one's, on the queries of both"
        ));
        let carrel = &measured[0];
        carrel.print(None);
        for rival in &measured[1..] {
            rival.print(Some(carrel.ratio(rival, 95.0)));
        }
        let p95 = |side: &&Latencies| side.percentile(95.0);
        let rivals = measured.iter().filter(|side| [USER, TWO, ONE].contains(&side.name.as_str()));
        let best = rivals.min_by(|a, b| p95(a).total_cmp(&p95(b))).expect("a rival");
        targets.push(Target::new(
            format!("{name}, {class}: p95"),
            p95(&carrel) * 1e3,
            Bound::AtMost(limit.milliseconds),
            "ms",
        ));
        if let Some(ratio) = limit.ratio {
            targets.push(Target::new(
                format!("{name}, {class}: p95 beside by hand"),
                carrel.ratio(best, 95.0),
                Bound::AtMost(ratio),
                "x",
            ));
        }
        if let Some(ratio) = limit.with_columns {
            let [.., carrel, rival] = &measured[..] else { unreachable!("the last two sides") };
            targets.push(Target::new(
                format!("{name}, {class}: the same with columns"),
                carrel.ratio(rival, 95.0),
                Bound::AtMost(ratio),
                "x",
            ));
        }
    }
}

/// The same queries with a wrong letter, and with the beginning of a word, beside those as they are.
fn forgiving(user: &User, targets: &mut Vec<Target>) {
    let as_typed = |query: &Query, change: &dyn Fn(&str) -> String| {
        let mut words = query.words.clone();
        let long = words.iter().position(|word| word.len() >= 5)?;
        words[long] = change(&words[long]);
        Some(Query { words })
    };
    let mistyped = |word: &str| format!("{}q{}", &word[..2], &word[3..]);
    let beginning = |word: &str| format!("{}*", &word[..4]);
    for class in &user.classes {
        let some = &class.queries[..some().min(class.queries.len())];
        let plain: Vec<Query> =
            some.iter().filter(|query| as_typed(query, &mistyped).is_some()).cloned().collect();
        let changed = |change: &dyn Fn(&str) -> String| -> Vec<Query> {
            plain.iter().filter_map(|query| as_typed(query, change)).collect()
        };
        let side = |name: &str, queries: &[Query]| {
            latency::run(vec![user.carrel()], queries, rounds()).remove(0).named(name)
        };
        head(&format!("{}, {}; ratio: of this one's p50 to the plain one's", user.name, class.name));
        let as_written = side("search_chunks(query, 10)", &plain);
        as_written.print(None);
        let kinds = [("a wrong letter", changed(&mistyped)), ("a beginning", changed(&beginning))];
        for (name, queries) in kinds {
            let measured = side(&format!("the same with {name}"), &queries);
            let ratio = measured.ratio(&as_written, 50.0);
            measured.print(Some(ratio));
            let what = format!("{}, {}: {name} beside none", user.name, class.name);
            targets.push(Target::new(what, ratio, Bound::AtMost(3.0), "x"));
        }
    }
}

/// Of both classes, some queries.
fn beside_policy(user: &User, targets: &mut Vec<Target>) {
    let [rare, common] = &user.classes;
    let half = some() / 2;
    let queries: Vec<Query> =
        rare.queries[..half].iter().chain(&common.queries[..half]).cloned().collect();
    let by_policy = {
        let mut client = server::act_as(&user.id);
        client.batch_execute("set jit = off").expect("jit");
        let search = client.prepare(BY_POLICY).expect(BY_POLICY);
        Side::new("under the usual policy", move |query: &Query| {
            client.query(&search, &[&query.any_word()]).expect(BY_POLICY).len()
        })
    };
    let measured = latency::run(vec![user.carrel(), by_policy], &queries, 1);
    head(&format!("{}, rare and common words; ratio: of this one's p95 to carrel's", user.name));
    let [carrel, policy] = &measured[..] else { unreachable!("two sides") };
    carrel.print(None);
    policy.print(Some(policy.ratio(carrel, 95.0)));
    targets.push(Target::new(
        "the usual policy's p50 beside carrel's",
        policy.ratio(carrel, 50.0),
        Bound::AtLeast(50.0),
        "x",
    ));
}
