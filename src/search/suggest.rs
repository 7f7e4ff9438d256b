//! suggest(): completions from the words of the caller's own texts.

use super::not_negative;
use super::query::LanguageQuery;
use super::statistics::{self, LanguageStatistics};
use super::visibility::{has_added_policies, is_visible};
use crate::identity;
use crate::pg::error::{Result, check_for_interrupts, guard};
use crate::pg::spi::{self, Access, Db};
use carrel_core::text::normalize;
use carrel_core::vocabulary::Beginning;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::HashMap;

/// Maximum bytes of a beginning; words are shorter.
const MAX_PREFIX: usize = 64;

/// Number of words that are tried for each that is wanted, if policies may hide texts.
const TRIED: usize = 4;

/// Returns the words of the caller's texts and file names that begin with a text, those in most texts
/// first.
///
/// The last word of `prefix` is completed; words before it are left out. `texts` is the number of chunks
/// and file names with the word. Words are in lower case. Words of one letter, and words that the
/// language leaves out of search (`the`), are no suggestions. Callable by users, and by services that
/// act as a user. Errors: 28000 (no identity), 22023 (max_results is null or negative).
#[pg_extern(stable, parallel_restricted)]
fn suggest(
    prefix: Option<&str>,
    max_results: default!(Option<i32>, 10),
) -> TableIterator<'static, (name!(word, String), name!(texts, i64))> {
    let rows = guard(|| {
        let user = identity::require()?;
        let max_results = not_negative("max_results", max_results)?;
        let last = prefix.unwrap_or_default().rsplit(char::is_whitespace).next();
        let prefix = normalize(last.unwrap_or_default());
        if prefix.is_empty() || prefix.len() > MAX_PREFIX {
            return Ok(Vec::new());
        }
        let (queries, may_be_hidden, words) = spi::as_owner(Access::Read, |db| {
            let (queries, words) = words_with(db, user, &prefix)?;
            Ok((queries, has_added_policies(db)?, words))
        })?;
        let mut suggestions = Vec::new();
        let tried = if may_be_hidden { max_results.saturating_mul(TRIED) } else { usize::MAX };
        for (word, texts) in words.into_iter().take(tried) {
            check_for_interrupts();
            if suggestions.len() == max_results {
                break;
            }
            let is_shown = is_searched(user, &queries, &word)?
                && (!may_be_hidden || is_visible(user, &queries, &word)?);
            if is_shown {
                suggestions.push((word, texts));
            }
        }
        Ok(suggestions)
    });
    TableIterator::new(rows)
}

/// Words that begin with a prefix, those in most texts first; and an empty query in each language.
fn words_with(
    db: &Db,
    user: Uuid,
    prefix: &str,
) -> Result<(Vec<LanguageQuery>, Vec<(String, i64)>)> {
    let mut words: HashMap<String, i64> = HashMap::new();
    let mut queries = Vec::new();
    for statistics in statistics::of_user(db, user)? {
        let LanguageStatistics { language, .. } = &statistics;
        statistics::find_words(db, user, language, &Beginning::new(prefix), |word, texts, ()| {
            if word.chars().nth(1).is_some() {
                match words.get_mut(word) {
                    Some(sum) => *sum += texts,
                    None => drop(words.insert(word.to_owned(), texts)),
                }
            }
        })?;
        queries.extend(LanguageQuery::empty(db, user, statistics)?);
    }
    let mut words: Vec<(String, i64)> = words.into_iter().filter(|(_, texts)| *texts > 0).collect();
    words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok((queries, words))
}

/// True if a word is searched for in any language: it is no stop word.
fn is_searched(user: Uuid, queries: &[LanguageQuery], word: &str) -> Result<bool> {
    for query in queries {
        let found = spi::as_owner(Access::Read, |db| query.of_word(db, user, word))?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
