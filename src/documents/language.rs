//! Languages of documents: given, by default, or detected.

use super::Parser;
use super::settings::{self, DETECTED};
use crate::pg::error::{Result, guard};
use crate::pg::spi::Db;
use crate::pg::trigger::Change;
use carrel_core::language::detect;
use pgrx::prelude::*;

/// Returns the language of documents for which none is given: the setting carrel.language.
///
/// The default of documents.language. Callable by users and services.
#[pg_extern(stable, parallel_safe)]
fn default_language() -> String {
    guard(|| Ok(settings::language()))
}

/// Sets the language of a document's row, if it is to be detected: it is null or `auto`, or it was when
/// the row was written before and the text is new. Returns the language.
pub fn resolve(db: &Db, row: &mut Change) -> Result<String> {
    let given: Option<String> = row.new.get(c"language");
    let is_given = given.as_deref().is_some_and(|language| language != DETECTED);
    let is_changed = row.old.is_none() || row.changes(c"language")?;
    let detects = if is_given && is_changed {
        // A restore or an import gives the language and the column.
        row.old.is_none() && row.new.get::<bool>(c"detects_language") == Some(true)
    } else {
        !is_given || row.new.get::<bool>(c"detects_language") == Some(true)
    };
    if row.new.get::<bool>(c"detects_language") != Some(detects) {
        row.set(c"detects_language", detects);
    }
    match given {
        Some(language) if is_given => {
            let has_new_text = row.old.is_some() && row.changes(c"content_text")?;
            if !(detects && has_new_text) {
                return Ok(language);
            }
        }
        _ => {}
    }
    let text: Option<&str> = row.new.get(c"content_text");
    let detected = match text.and_then(detect) {
        // Versions of Postgres differ in their configurations.
        Some(language) if Parser::find(db, language)?.is_some() => language.to_owned(),
        Some(_) => "simple".to_owned(),
        None => settings::language_if_unsure(),
    };
    row.set(c"language", detected.as_str());
    Ok(detected)
}
