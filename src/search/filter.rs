//! Filters of a search: the documents that it considers.

use crate::pg::error::Result;
use crate::pg::spi::{Arg, Db};
use crate::pg::values::Jsonb;
use pgrx::datum::Uuid;
use pgrx::prelude::*;
use std::collections::HashSet;

/// Conditions on documents; a field that is None does not filter.
#[derive(Default)]
pub struct Filter {
    pub document_ids: Option<Vec<Option<Uuid>>>,
    pub file_types: Option<Vec<Option<String>>>,
    pub metadata: Option<Jsonb>,
    pub created_after: Option<TimestampWithTimeZone>,
    pub created_before: Option<TimestampWithTimeZone>,
}

impl Filter {
    /// Ids of the documents that match; None: all of them.
    pub fn documents(&self, db: &Db, user: Uuid) -> Result<Option<HashSet<[u8; 16]>>> {
        let filters = self.document_ids.is_some()
            || self.file_types.is_some()
            || self.metadata.is_some()
            || self.created_after.is_some()
            || self.created_before.is_some();
        if !filters {
            return Ok(None);
        }
        let args: [Arg; 6] = [
            user.into(),
            self.document_ids.clone().into(),
            self.file_types.clone().into(),
            self.metadata.into(),
            self.created_after.into(),
            self.created_before.into(),
        ];
        let ids = db.planned_for_values(|| {
            db.rows(
                "select id from carrel.documents
                where user_id = $1
                    and ($2::uuid[] is null or id = any ($2))
                    and ($3::text[] is null or file_type = any ($3))
                    and ($4::jsonb is null or metadata @> $4)
                    and ($5::timestamptz is null or created_at >= $5)
                    and ($6::timestamptz is null or created_at < $6)",
                &args,
                |row| Ok(*row.need::<Uuid>(1)?.as_bytes()),
            )
        })?;
        Ok(Some(ids.into_iter().collect()))
    }
}
