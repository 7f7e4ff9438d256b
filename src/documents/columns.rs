//! Columns of a document that processing reads.

use crate::pg::error::Result;
use crate::pg::trigger::TriggerRow;
use carrel_core::chunking::Format;

/// The columns that a document is processed from, but for its text.
pub struct Columns {
    pub filename: String,
    pub file_type: Option<String>,
    pub language: String,
}

impl Columns {
    /// Reads the columns of a trigger's row.
    pub fn read(row: &TriggerRow) -> Result<Self> {
        Ok(Self {
            filename: row.need(c"filename")?,
            file_type: row.get(c"file_type"),
            language: row.need(c"language")?,
        })
    }

    pub fn format(&self) -> Format {
        Format::of_file(self.file_type.as_deref(), &self.filename)
    }
}
