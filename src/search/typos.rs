//! Words of a query that occur nowhere in the user's texts: a mistyped one is taken for the nearest word that
//! occurs; for any other, words that are like it are looked for.
//!
//! Only the user's own words are read, so neither results nor times depend on texts of others.

use super::query::LanguageQuery;
use super::statistics;
use super::visibility::is_visible;
use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};
use carrel_core::ranking::TermSet;
use carrel_core::vocabulary::{LikeWord, Likeness, SimilarTo};
use pgrx::datum::Uuid;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Number of the nearest words of which one has to be visible, if policies may hide texts.
const MAX_CANDIDATES: usize = 10;

/// Words of a query that were taken for others: what was typed, and what was probably meant.
pub type Corrections = BTreeMap<String, String>;

/// Replaces the words of the queries that occur nowhere. `found` has the terms of each query that
/// occur. Returns true as well if any word was replaced.
pub fn correct(
    user: Uuid,
    queries: &mut [LanguageQuery],
    found: &[TermSet],
) -> Result<(Corrections, bool)> {
    let unknown = unknown_words(queries, found);
    let mut corrections = Corrections::new();
    if unknown.is_empty() {
        return Ok((corrections, false));
    }
    let languages: Vec<&str> =
        queries.iter().map(|query| query.statistics.language.as_str()).collect();
    let nearest = spi::as_owner(Access::Read, |db| nearest_words(db, user, &languages, &unknown))?;
    for (typed, words) in unknown.iter().zip(nearest) {
        for word in words.into_iter().take(MAX_CANDIDATES) {
            if is_visible(user, queries, &word)? {
                corrections.insert(typed.clone(), word);
                break;
            }
        }
    }
    let others: Vec<String> =
        unknown.into_iter().filter(|typed| !corrections.contains_key(typed)).collect();
    let mut is_changed = !corrections.is_empty();
    for query in queries {
        let like = match others.is_empty() {
            true => Vec::new(),
            false => spi::as_owner(Access::Read, |db| like_words(db, user, query, &others))?,
        };
        let like: HashMap<&str, Vec<LikeWord>> = others
            .iter()
            .map(String::as_str)
            .zip(like)
            .filter(|(_, like)| !like.is_empty())
            .collect();
        is_changed |= !like.is_empty();
        for number in 0..query.query.typed.len() {
            let form = query.query.typed[number].form.clone();
            if let Some(meant) = corrections.get(&*form) {
                query.replace(number, meant)?;
            } else if let Some(like) = like.get(&*form) {
                query.look_for_like(number, like.clone())?;
            }
        }
    }
    Ok((corrections, is_changed))
}

/// Words that occur in no language, as typed.
fn unknown_words(queries: &[LanguageQuery], found: &[TermSet]) -> Vec<String> {
    let (mut known, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for (query, found) in queries.iter().zip(found) {
        for typed in &query.query.typed {
            let is_known = query.query.has_typed(typed, found);
            let words = if is_known { &mut known } else { &mut unknown };
            words.insert(&*typed.form);
        }
    }
    unknown.difference(&known).map(|form| (*form).to_owned()).collect()
}

/// The user's words with the fewest edits, for each of some words: those in most texts first.
fn nearest_words(
    db: &Db,
    user: Uuid,
    languages: &[&str],
    unknown: &[String],
) -> Result<Vec<Vec<String>>> {
    let mut similar: Vec<HashMap<String, (usize, i64)>> = vec![HashMap::new(); unknown.len()];
    for (typed, similar) in unknown.iter().zip(&mut similar) {
        let Some(comparison) = SimilarTo::new(typed) else { continue };
        for language in languages {
            statistics::find_words(db, user, language, &comparison, |word, texts, edits| {
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

/// The user's words in a query's language that are like each of some words.
fn like_words(
    db: &Db,
    user: Uuid,
    query: &LanguageQuery,
    words: &[String],
) -> Result<Vec<Vec<LikeWord>>> {
    let mut likeness = Likeness::default();
    words.iter().for_each(|word| likeness.look_for(word));
    statistics::for_each_word(db, user, &query.statistics.language, |word, texts| {
        likeness.add(word, texts);
    })?;
    Ok(likeness.like(query.statistics.chunks.texts))
}
