//! Typos: a word of a query that occurs nowhere in the user's texts is taken for the nearest word that
//! does.
//!
//! Only the user's own words are read, so neither results nor times depend on texts of others.

use super::query::LanguageQuery;
use super::statistics;
use super::visibility::is_visible;
use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};
use carrel_core::ranking::TermSet;
use carrel_core::vocabulary::SimilarTo;
use pgrx::datum::Uuid;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Number of the nearest words of which one has to be visible, if policies may hide texts.
const MAX_CANDIDATES: usize = 10;

/// Words of a query that were taken for others: what was typed, and what was probably meant.
pub type Corrections = BTreeMap<String, String>;

/// Replaces the words of the queries that occur nowhere. `found` has the terms of each query that
/// occur.
pub fn correct(
    user: Uuid,
    queries: &mut [LanguageQuery],
    found: &[TermSet],
) -> Result<Corrections> {
    let unknown = unknown_words(queries, found);
    let mut corrections = Corrections::new();
    if unknown.is_empty() {
        return Ok(corrections);
    }
    let languages: Vec<&str> =
        queries.iter().map(|query| query.statistics.language.as_str()).collect();
    let nearest = spi::as_owner(Access::Read, |db| nearest_words(db, user, &languages, &unknown))?;
    for ((typed, _), words) in unknown.into_iter().zip(nearest) {
        for word in words.into_iter().take(MAX_CANDIDATES) {
            if is_visible(user, queries, &word)? {
                corrections.insert(typed, word);
                break;
            }
        }
    }
    for query in queries {
        for number in 0..query.query.typed.len() {
            if let Some(meant) = corrections.get(&*query.query.typed[number].form) {
                query.replace(number, meant)?;
            }
        }
    }
    Ok(corrections)
}

/// Words that occur in no language, of those that are long enough to tell.
fn unknown_words(queries: &[LanguageQuery], found: &[TermSet]) -> Vec<(String, SimilarTo)> {
    let (mut known, mut unknown) = (BTreeSet::new(), BTreeMap::new());
    for (query, found) in queries.iter().zip(found) {
        for typed in &query.query.typed {
            if query.query.has_typed(typed, found) {
                known.insert(&*typed.form);
            } else if let Some(comparison) = SimilarTo::new(&typed.form) {
                unknown.insert(typed.form.to_string(), comparison);
            }
        }
    }
    unknown.into_iter().filter(|(form, _)| !known.contains(form.as_str())).collect()
}

/// The user's words with the fewest edits, for each of some words: those in most texts first.
fn nearest_words(
    db: &Db,
    user: Uuid,
    languages: &[&str],
    unknown: &[(String, SimilarTo)],
) -> Result<Vec<Vec<String>>> {
    let mut similar: Vec<HashMap<String, (usize, i64)>> = vec![HashMap::new(); unknown.len()];
    for language in languages {
        for ((_, comparison), similar) in unknown.iter().zip(&mut similar) {
            statistics::find_words(db, user, language, comparison, |word, texts, edits| {
                similar.entry(word.to_owned()).or_insert((edits, 0)).1 += texts;
            })?;
        }
    }
    Ok(similar.into_iter().map(nearest).collect())
}

/// The words with the fewest edits, given the edits and the number of texts of each.
fn nearest(mut similar: HashMap<String, (usize, i64)>) -> Vec<String> {
    similar.retain(|_, (_, texts)| *texts > 0);
    let least = similar.values().map(|(edits, _)| *edits).min();
    // No edits: the word occurs as typed, though not where a search finds it.
    if least == Some(0) {
        return Vec::new();
    }
    let nearest = similar.into_iter().filter(|(_, (edits, _))| Some(*edits) == least);
    let mut nearest: Vec<(i64, String)> =
        nearest.map(|(word, (_, texts))| (-texts, word)).collect();
    nearest.sort_unstable();
    nearest.into_iter().map(|(_, word)| word).collect()
}
