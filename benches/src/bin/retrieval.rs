//! How well search finds what answers a question: recall, precision and IoU of the spans that
//! search_chunks() finds, by the size of chunks, their overlap, and whether structure counts.
//!
//! BENCH_DATA is a directory; in its `chunking/` are the corpora (`<name>.md`) and `questions.jsonl`:
//! a line each with the corpus, the question, and the spans that answer it, in characters.
//!
//! Wikitext has headings, but not Markdown's: `= Title =` is written as one, with as many characters,
//! or structure could make no difference. Ranking is what it is: a better one moves all figures.

use std::fs;
use std::path::{Path, PathBuf};

use carrel_benches::server;
use carrel_benches::spans::{Score, Span, score};
use postgres::Client;
use serde_json::Value;

const TOP: usize = 5;
/// Larger chunks find more by being larger. So there is also the recall of as many of the best chunks
/// as have this many characters together, the last one cut off: some 1,500 tokens of a prompt.
const BUDGET: usize = 6_000;
/// Enough chunks for that.
const MOST: i32 = 40;
const SIZES: [(&str, i32); 8] = [
    ("tokens", 200),
    ("tokens", 300),
    ("tokens", 400),
    ("tokens", 600),
    ("tokens", 800),
    ("characters", 800),
    ("characters", 1600),
    ("characters", 2400),
];
const FILE_TYPES: [&str; 2] = ["text/plain", "text/markdown"];

/// How documents are cut; None is how carrel cuts them without being told.
#[derive(Clone, Copy)]
struct Cut {
    size: Option<(&'static str, i32, i32)>,
    file_type: &'static str,
}

struct Question {
    text: String,
    reference: Vec<Span>,
}

/// A figure over all questions.
#[derive(Clone, Copy)]
struct Summary {
    mean: f64,
    deviation: f64,
}

struct Row {
    name: String,
    chunks: i64,
    /// How many of them are under a heading.
    titled: i64,
    recall: Summary,
    precision: Summary,
    iou: Summary,
    /// The recall within the budget.
    within: Summary,
    found: f64,
}

fn main() {
    let data = PathBuf::from(std::env::var_os("BENCH_DATA").unwrap_or_default()).join("chunking");
    let Ok(lines) = fs::read_to_string(data.join("questions.jsonl")) else {
        println!(
            "No questions to measure with: set BENCH_DATA to a directory with chunking/questions.jsonl."
        );
        return;
    };
    let questions: Vec<Question> = lines.lines().map(question).collect();
    let corpora = corpora(&data);
    println!(
        "search_chunks(question), the best {TOP}, on {} questions over {} documents; mean ± standard deviation, in percent, by characters.",
        questions.len(),
        corpora.len()
    );
    let rows: Vec<Row> = cuts().iter().map(|cut| measure(*cut, &corpora, &questions)).collect();
    print(&rows);
}

fn cuts() -> Vec<Cut> {
    let mut cuts: Vec<Cut> = FILE_TYPES.map(|file_type| Cut { size: None, file_type }).into();
    if !server::has_setting(&mut server::superuser(), "carrel.chunk_unit") {
        println!(
            "This carrel has no settings for the size of chunks yet: only its defaults are measured."
        );
        return cuts;
    }
    for (unit, size) in SIZES {
        for overlap in [0, size / 5] {
            cuts.extend(
                FILE_TYPES.map(|file_type| Cut { size: Some((unit, size, overlap)), file_type }),
            );
        }
    }
    cuts
}

fn question(line: &str) -> Question {
    let value: Value = serde_json::from_str(line).expect("a question is JSON");
    let corpus = value["corpus"].as_str().expect("its corpus");
    let references = value["references"].as_array().expect("its references");
    let number = |value: &Value| value.as_u64().expect("an offset") as usize;
    let reference = references.iter().map(|span| Span {
        document: corpus.to_string(),
        start: number(&span["start"]),
        end: number(&span["end"]),
    });
    let text = value["question"].as_str().expect("its text").to_string();
    Question { text, reference: reference.collect() }
}

/// Names and texts of the documents.
fn corpora(data: &Path) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(data).expect("the corpora").flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths.sort();
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = |path: &Path| with_headings(&fs::read_to_string(path).expect("a corpus"));
    paths.iter().map(|path| (name(path), text(path))).collect()
}

/// Headings of wikitext as those of Markdown: ` = = Title = = ` is ` ##   Title     `.
fn with_headings(text: &str) -> String {
    let line = |line: &str| {
        let start = line.find('=').unwrap_or(0);
        let (mut title, mut level) = (line.trim(), 0);
        while let Some(inner) = title.strip_prefix("= ").and_then(|rest| rest.strip_suffix(" =")) {
            (title, level) = (inner, level + 1);
        }
        if level == 0 || title.is_empty() {
            return line.to_string();
        }
        let before = format!("{}{}{}{title}", &line[..start], "#".repeat(level), " ".repeat(level));
        let after = " ".repeat(line.len() - before.len());
        before + &after
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Each way of cutting has a user of its own, who sees no other's chunks.
fn measure(cut: Cut, corpora: &[(String, String)], questions: &[Question]) -> Row {
    let mut user = server::new_user();
    let name = match cut.size {
        None => "as it is by default".to_string(),
        Some((unit, size, overlap)) => {
            let settings = format!(
                "set carrel.chunk_unit = '{unit}'; set carrel.chunk_size = {size}; set carrel.chunk_overlap = {overlap}"
            );
            user.batch_execute(&settings).expect("settings");
            format!("{size} {unit}, overlap {overlap}")
        }
    };
    for (name, text) in corpora {
        let insert =
            "insert into carrel.documents (filename, file_type, content_text) values ($1, $2, $3)";
        user.execute(insert, &[name, &cut.file_type, text]).expect("a document");
    }
    let (mut scores, mut within): (Vec<Score>, Vec<f64>) = Default::default();
    for question in questions {
        let found = search(&mut user, &question.text);
        scores.push(score(&found[..found.len().min(TOP)], &question.reference));
        within.push(score(&within_budget(found), &question.reference).recall);
    }
    let by = |figure: fn(&Score) -> f64| summary(scores.iter().map(figure).collect());
    Row {
        name: format!("{name}, {}", cut.file_type.trim_start_matches("text/")),
        chunks: server::number(&mut user, "select count(*) from carrel.document_chunks"),
        titled: server::number(
            &mut user,
            "select count(section_title) from carrel.document_chunks",
        ),
        recall: by(|score| score.recall),
        precision: by(|score| score.precision),
        iou: by(|score| score.iou),
        within: summary(within),
        found: by(|score| score.found).mean,
    }
}

fn search(user: &mut Client, question: &str) -> Vec<Span> {
    let query = "select filename, start_offset, end_offset from carrel.search_chunks($1, max_results => $2)";
    let rows = user
        .query(query, &[&question, &MOST])
        .unwrap_or_else(|error| panic!("{question}\n{error:?}"));
    let offset = |value: i32| usize::try_from(value).expect("an offset");
    rows.iter()
        .map(|row| Span {
            document: row.get(0),
            start: offset(row.get(1)),
            end: offset(row.get(2)),
        })
        .collect()
}

/// The best of these as far as the budget goes.
fn within_budget(found: Vec<Span>) -> Vec<Span> {
    let mut left = BUDGET;
    let mut taken = Vec::new();
    for mut span in found {
        span.end = span.end.min(span.start + left);
        left -= span.end - span.start;
        taken.push(span);
    }
    taken
}

fn summary(values: Vec<f64>) -> Summary {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    Summary { mean, deviation: variance.sqrt() }
}

/// The best of each column is marked.
fn print(rows: &[Row]) {
    let columns: [fn(&Row) -> Summary; 4] =
        [|row| row.recall, |row| row.precision, |row| row.iou, |row| row.within];
    let best = columns.map(|column| rows.iter().map(|row| column(row).mean).fold(0.0, f64::max));
    println!(
        "\n  {:<42} {:>6} {:>6} {:>17} {:>17} {:>17} {:>17} {:>10}",
        "", "chunks", "titled", "recall", "precision", "IoU", "recall in budget", "characters"
    );
    for row in rows {
        let cells: Vec<String> = columns
            .iter()
            .zip(best)
            .map(|(column, best)| {
                let Summary { mean, deviation } = column(row);
                let mark = if mean == best { "*" } else { " " };
                format!("{:>6.2} ± {:>5.2} {mark}", mean * 100.0, deviation * 100.0)
            })
            .collect();
        println!(
            "  {:<42} {:>6} {:>6} {:>17} {:>17} {:>17} {:>17} {:>10.0}",
            row.name, row.chunks, row.titled, cells[0], cells[1], cells[2], cells[3], row.found
        );
    }
    println!(
        "\n  * the best. characters: how many the {TOP} chunks have. titled: chunks under a heading.\n  recall in budget: of the best chunks in {BUDGET} characters."
    );
}

#[cfg(test)]
mod tests {
    use super::with_headings;

    #[test]
    fn headings_keep_every_character_in_its_place() {
        let text = " = A B = \n = = Ö = = \na = b\n= =\n";
        let markdown = with_headings(text);
        assert_eq!(markdown, " # A B   \n ##  Ö     \na = b\n= =\n");
        assert_eq!(markdown.find('Ö'), text.find('Ö'));
    }
}
