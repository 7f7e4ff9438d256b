//! Policies that an operator has added: they may hide a caller's own rows from the caller.

use super::candidates::{Id, read_chunks, read_names};
use super::query::LanguageQuery;
use crate::definitions::created_by_rules;
use crate::pg::cache::Changes;
use crate::pg::error::Result;
use crate::pg::spi::{self, Access, Db};
use pgrx::datum::Uuid;
use pgrx::pg_sys::Oid;
use std::cell::Cell;

thread_local! {
    static HAS_ADDED: Cell<Option<bool>> = const { Cell::new(None) };
    static CHANGES: Changes = const { Changes::of(&[]) };
}

/// True if documents or their chunks have policies that carrel does not define.
pub fn has_added_policies(db: &Db) -> Result<bool> {
    if let (false, Some(has_added)) = (Changes::take(&CHANGES), HAS_ADDED.get()) {
        return Ok(has_added);
    }
    let ours: Vec<String> = created_by_rules("create policy ")
        .map(|rule| format!("{}.{}", rule.table, rule.name))
        .collect();
    let sql = include_str!("../../sql/search/has_added_policies.sql");
    let found = db.first(sql, &[ours.into()], |row| {
        Ok((vec![row.need::<Oid>(1)?, row.need(2)?], row.need::<bool>(3)?))
    })?;
    let Some((tables, has_added)) = found else { return Ok(true) };
    CHANGES.with(|changes| changes.watch(tables));
    HAS_ADDED.set(Some(has_added));
    Ok(has_added)
}

/// True if the caller may see a text or a name with a word.
pub fn is_visible(user: Uuid, queries: &[LanguageQuery], word: &str) -> Result<bool> {
    if !spi::as_owner(Access::Read, has_added_policies)? {
        return Ok(true);
    }
    for query in queries {
        let [chunks, documents] = spi::as_owner(Access::Read, |db| {
            let Some(mut query) = query.of_word(db, user, word)? else {
                return Ok([Vec::new(), Vec::new()]);
            };
            let names = read_names(db, user, &mut query)?;
            let chunks = read_chunks(db, user, &query)?.chunks;
            let ids = |ids: &mut dyn Iterator<Item = Id>| ids.map(Uuid::from_bytes).collect();
            Ok([ids(&mut chunks.iter().map(|chunk| chunk.id)), ids(&mut names.into_keys())])
        })?;
        let is_visible = spi::as_caller(Access::Read, |db| {
            let sql = include_str!("../../sql/search/is_any_visible.sql");
            db.value::<bool>(sql, &[chunks.into(), documents.into()])
        })?;
        if is_visible {
            return Ok(true);
        }
    }
    Ok(false)
}
