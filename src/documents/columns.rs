//! Columns of a document that its chunks depend on.

use crate::pg::error::Result;
use crate::pg::trigger::TriggerRow;
use carrel_core::chunking::Format;

/// Values of these columns, except the text.
pub struct DocumentColumns {
    pub filename: String,
    pub file_type: Option<String>,
    pub language: String,
}

impl DocumentColumns {
    /// Reads the columns of a trigger's row, whose language may have been detected.
    pub fn read(row: &TriggerRow, language: String) -> Result<Self> {
        Ok(Self { filename: row.need(c"filename")?, file_type: row.get(c"file_type"), language })
    }

    pub fn format(&self) -> Format {
        Format::of_file(self.file_type.as_deref(), &self.filename)
    }
}
