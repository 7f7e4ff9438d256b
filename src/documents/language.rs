//! Languages of documents: given, by default, or detected.

use super::settings::{self, DETECTED};
use crate::pg::error::{Result, guard};
use crate::pg::text_search;
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
pub fn resolve(row: &mut Change) -> Result<String> {
    let given: Option<String> = row.new.get(c"language").filter(|given: &String| given != DETECTED);
    let is_update = row.old.is_some();
    let is_set = is_update && row.changes(c"language")?;
    let detected_before = row.new.get::<bool>(c"detects_language") == Some(true);
    let detects = given.is_none() || (detected_before && !is_set);
    if detects != detected_before {
        row.set(c"detects_language", detects);
    }
    let has_new_text = is_update && row.changes(c"content_text")?;
    match given {
        Some(given) if !(detects && has_new_text) => Ok(given),
        _ => {
            let language = detected(row.new.get(c"content_text"))?;
            row.set(c"language", language.as_str());
            Ok(language)
        }
    }
}

/// Language of a text, as the name of a configuration that this version of Postgres has.
fn detected(text: Option<&str>) -> Result<String> {
    let Some(language) = text.and_then(detect) else { return Ok(settings::language_if_unsure()) };
    let is_known = text_search::config_of_pg_catalog(language)?.is_some();
    Ok(if is_known { language.to_owned() } else { "simple".to_owned() })
}
