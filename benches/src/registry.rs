//! Real text that any machine has which has built this project: the documentation and the source of
//! the crates in cargo's registry; or the documents of a directory that DOCS names.

use crate::size::scaled;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Of one crate no more than this, lest a large one decide.
const SHARE: usize = 200_000;
const DOCUMENTS: [&str; 4] = ["md", "markdown", "txt", "rst"];
const MARKDOWN: [&str; 2] = ["md", "markdown"];

/// The documents: the .md, .markdown, .txt and .rst files of DOCS, else the Markdown of the registry.
pub fn documents() -> Vec<String> {
    match docs() {
        Some(directory) => texts(&directory, &DOCUMENTS, usize::MAX),
        None => of_crates(&MARKDOWN),
    }
}

/// Those that are Markdown.
pub fn markdown() -> Vec<String> {
    match docs() {
        Some(directory) => texts(&directory, &MARKDOWN, usize::MAX),
        None => of_crates(&MARKDOWN),
    }
}

/// Rust source, of the registry in any case.
pub fn code() -> Vec<String> {
    of_crates(&["rs"])
}

/// What the documentation comments of Rust source say.
pub fn comments(code: &[String]) -> String {
    let mut text = String::new();
    for file in code {
        let mut inside = false;
        for line in file.lines() {
            let line = line.trim_start();
            let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            match comment {
                Some(comment) => {
                    text.push_str(comment.strip_prefix(' ').unwrap_or(comment));
                    text.push('\n');
                }
                None if inside => text.push('\n'),
                None => {}
            }
            inside = comment.is_some();
        }
    }
    text
}

fn docs() -> Option<PathBuf> {
    let directory = std::env::var_os("DOCS").filter(|directory| !directory.is_empty())?;
    Some(directory.into())
}

fn of_crates(suffixes: &[&str]) -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = entries(&home.unwrap_or_default().join("registry/src"));
    let crates = registries.iter().flat_map(|registry| entries(registry));
    // One version of each: two would repeat each other.
    let by_name: BTreeMap<String, PathBuf> = crates.map(|path| (name_of(&path), path)).collect();
    // A few are enough to see that reading them works.
    let crates = by_name.values().take(scaled(usize::MAX, 10));
    crates.flat_map(|path| texts(path, suffixes, SHARE)).collect()
}

/// Of `…/memchr-2.7.4` it is `memchr`.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.rsplit_once('-').map_or(name.to_string(), |(name, _)| name.to_string())
}

/// The files below a directory whose suffix is one of these and that are UTF-8, in order of their
/// names, until they have `limit` bytes.
fn texts(directory: &Path, suffixes: &[&str], limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut waiting = entries(directory);
    waiting.reverse();
    while let Some(path) = waiting.pop() {
        if bytes >= limit {
            break;
        }
        if path.is_dir() && !path.is_symlink() {
            waiting.extend(entries(&path).into_iter().rev());
        } else if path.extension().is_some_and(|end| suffixes.iter().any(|known| end == *known))
            && let Ok(text) = fs::read_to_string(&path)
            && !text.contains('\0')
        {
            bytes += text.len();
            found.push(text);
        }
    }
    found
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
