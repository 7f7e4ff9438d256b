//! Filters of a search: conditions on documents.

use crate::pg::error::Result;
use crate::pg::spi::{Arg, Db};
use crate::pg::values::Jsonb;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::HashSet;

/// Conditions on documents. A field that is None matches all.
#[derive(Default)]
pub struct Filter {
    pub document_ids: Option<Vec<Option<Uuid>>>,
    pub file_types: Option<Vec<Option<String>>>,
    pub metadata: Option<Jsonb>,
    pub exclude_metadata: Option<Jsonb>,
    pub created_after: Option<TimestampWithTimeZone>,
    pub created_before: Option<TimestampWithTimeZone>,
}

impl Filter {
    /// Reads the ids of the matching documents. None: there is no condition.
    pub fn documents(&self, db: &Db, user: Uuid) -> Result<Option<HashSet<[u8; 16]>>> {
        let has_conditions = self.document_ids.is_some()
            || self.file_types.is_some()
            || self.metadata.is_some()
            || self.exclude_metadata.is_some()
            || self.created_after.is_some()
            || self.created_before.is_some();
        if !has_conditions {
            return Ok(None);
        }
        let args: [Arg; 7] = [
            user.into(),
            self.document_ids.clone().into(),
            self.file_types.clone().into(),
            self.metadata.into(),
            self.created_after.into(),
            self.created_before.into(),
            self.exclude_metadata.into(),
        ];
        let ids = db.planned_for_values(|| {
            db.rows(include_str!("../../sql/search/filtered_documents.sql"), &args, |row| {
                Ok(*row.need::<Uuid>(1)?.as_bytes())
            })
        })?;
        Ok(Some(ids.into_iter().collect()))
    }
}
