//! A collection to measure ranking with, laid out as BEIR's are: `corpus.jsonl` (`_id`, `title`, `text`),
//! `queries.jsonl` (`_id`, `text`), `qrels/test.tsv` (`query-id`, `corpus-id`, `score`, under a header).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::relevance::Judgements;

pub struct Collection {
    pub name: String,
    pub documents: Vec<Document>,
    /// Those for which at least one document is judged relevant.
    pub queries: Vec<Query>,
}

pub struct Document {
    pub id: String,
    title: String,
    text: String,
}

/// In some collections texts begin with their titles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Titles {
    /// Such a title is not put before its text again.
    Once,
    /// Every title is put before its text, as whoever knows nothing of the collection does.
    AsGiven,
}

impl Document {
    /// The title, an empty line, the text.
    pub fn content(&self, titles: Titles) -> String {
        match titles {
            _ if self.title.is_empty() => self.text.clone(),
            _ if self.text.is_empty() => self.title.clone(),
            Titles::Once if self.repeats_title() => self.text.clone(),
            _ => format!("{}\n\n{}", self.title, self.text),
        }
    }

    pub fn repeats_title(&self) -> bool {
        !self.title.is_empty() && self.text.starts_with(&self.title)
    }
}

#[derive(Clone)]
pub struct Query {
    pub text: String,
    pub judgements: Judgements,
}

impl Collection {
    /// The one that DATA names, or BENCH_DATA; else `cranfield/` of BENCH_DATA. None if there is none.
    pub fn find() -> Option<Self> {
        let directory = |name| std::env::var_os(name).filter(|path| !path.is_empty());
        let data = PathBuf::from(directory("BENCH_DATA").unwrap_or_default());
        let candidates = match directory("DATA") {
            Some(data) => vec![PathBuf::from(data)],
            None => vec![data.clone(), data.join("cranfield")],
        };
        let found = candidates.iter().find(|path| path.join("corpus.jsonl").exists());
        found.map(|path| Self::read(path))
    }

    fn read(directory: &Path) -> Self {
        let path = directory.canonicalize().expect("the collection's directory");
        let mut judgements = judgements(&read(&path.join("qrels/test.tsv")));
        let queries = lines(&path.join("queries.jsonl")).into_iter().filter_map(|line| {
            let judgements = judgements.remove(&field(&line, "_id"))?;
            judgements
                .values()
                .any(|grade| *grade > 0)
                .then(|| Query { text: field(&line, "text"), judgements })
        });
        let documents = lines(&path.join("corpus.jsonl")).into_iter().map(|line| Document {
            id: field(&line, "_id"),
            title: field(&line, "title").trim().into(),
            text: field(&line, "text").trim().into(),
        });
        Self {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            documents: documents.collect(),
            queries: queries.collect(),
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(path: &Path) -> Vec<Value> {
    let parsed = |line| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    read(path).lines().filter(|line| !line.trim().is_empty()).map(parsed).collect()
}

/// A field as text, which Postgres can hold: empty if it is missing, an id may be a number.
fn field(line: &Value, name: &str) -> String {
    match &line[name] {
        Value::String(text) => text.replace('\0', ""),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// By query, then by document.
fn judgements(tsv: &str) -> HashMap<String, Judgements> {
    let mut judgements: HashMap<String, Judgements> = HashMap::new();
    for line in tsv.lines().skip(1) {
        let mut fields = line.split('\t').map(str::trim);
        let (Some(query), Some(document), Some(grade)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let grade: f64 = grade.parse().unwrap_or_else(|_| panic!("no grade: {line}"));
        // Below zero is as little relevant as zero.
        let grade = grade.max(0.0) as u32;
        judgements.entry(query.into()).or_default().insert(document.into(), grade);
    }
    judgements
}

#[cfg(test)]
mod tests {
    use super::{Document, Titles, judgements};

    fn content(title: &str, text: &str, titles: Titles) -> String {
        Document { id: "1".into(), title: title.into(), text: text.into() }.content(titles)
    }

    #[test]
    fn a_title_that_the_text_repeats_is_there_once_or_as_given() {
        assert_eq!(content("a b .", "a b . c", Titles::Once), "a b . c");
        assert_eq!(content("a b .", "a b . c", Titles::AsGiven), "a b .\n\na b . c");
        assert_eq!(content("a b", "c", Titles::Once), "a b\n\nc");
        assert_eq!(content("", "c", Titles::AsGiven), "c");
        assert_eq!(content("a", "", Titles::Once), "a");
    }

    #[test]
    fn grades_below_zero_count_as_zero() {
        let judgements = judgements("query-id\tcorpus-id\tscore\n1\td\t-1\n1\te\t2\n");
        assert_eq!(judgements["1"]["d"], 0);
        assert_eq!(judgements["1"]["e"], 2);
    }
}
