//! chunk_text() and count_tokens(): chunking of any text, as documents are chunked.

use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::memory;
use crate::pg::values::Text;
use carrel_core::chunking::{self, Encoding, Format, Options, Unit, UnknownName};
use pgrx::prelude::*;

/// Cuts a text into chunks of at most `chunk_size`, at the best boundaries of its format that fit.
///
/// Units: characters, words or tokens of an encoding. Offsets are in characters from 0; `end_offset`
/// is exclusive. A null text has no chunks. Callable by users and services. Errors: 22023 (unknown
/// unit, format or encoding; size and overlap that do not fit).
#[pg_extern(immutable, parallel_safe)]
fn chunk_text<'a>(
    content: Option<&'a str>,
    chunk_size: default!(Option<i32>, 1600),
    chunk_overlap: default!(Option<i32>, 0),
    unit: default!(Option<&str>, "'characters'"),
    format: default!(Option<&str>, "'plain'"),
    encoding: default!(Option<&str>, "'cl100k'"),
) -> TableIterator<
    'a,
    (
        name!(chunk_index, i32),
        name!(content, Text<'a>),
        name!(section_title, Option<String>),
        name!(heading_path, Vec<String>),
        name!(start_offset, i32),
        name!(end_offset, i32),
        name!(size, i32),
    ),
> {
    let options = guard(|| {
        let encoding = encoding_named(encoding)?;
        let unit = Unit::named(required("unit", unit)?, encoding).map_err(unknown_name)?;
        let format: Format = required("format", format)?.parse().map_err(unknown_name)?;
        let size = required("chunk_size", chunk_size)?;
        let overlap = required("chunk_overlap", chunk_overlap)?;
        checked_options(size, overlap, unit, format)
    });
    let chunks = chunking::chunks(content.unwrap_or_default(), &options, interrupt);
    TableIterator::new(chunks.enumerate().map(|(index, chunk)| {
        let section_title = chunk.section_title().map(str::to_owned);
        (
            index as i32,
            Text(chunk.content),
            section_title,
            chunk.heading_path.iter().map(|title| title.to_string()).collect(),
            chunk.start as i32,
            chunk.end as i32,
            chunk.size as i32,
        )
    }))
}

/// Returns the number of tokens of a text, in the encoding cl100k (GPT-4, text-embedding-3) or o200k
/// (GPT-4o and later).
///
/// Special tokens are counted as text. Callable by users and services. Errors: 22023 (unknown
/// encoding).
#[pg_extern(immutable, strict, parallel_safe)]
fn count_tokens(content: &str, encoding: default!(&str, "'cl100k'")) -> i32 {
    let encoding = guard(|| encoding_named(Some(encoding)));
    chunking::count_tokens(content, encoding, interrupt) as i32
}

/// Raises errors by ereport: rows are computed while Postgres reads them, outside of `guard`, and only
/// pgrx's own guard catches them there.
fn interrupt() {
    if memory::is_exhausted() {
        ereport!(ERROR, PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, "out of memory");
    }
    pgrx::check_for_interrupts!();
}

/// Returns the encoding with a name. Fails with 22023, and lists the encodings.
pub fn encoding_named(name: Option<&str>) -> Result<Encoding> {
    required("encoding", name)?.parse().map_err(unknown_name)
}

/// Builds chunking options. Fails with 22023 if size and overlap do not fit.
pub fn checked_options(size: i32, overlap: i32, unit: Unit, format: Format) -> Result<Options> {
    Options::new(size, overlap, unit, format).map_err(|error| {
        Error::new(SqlState::InvalidParameterValue, error.to_string()).hint(error.hint())
    })
}

/// Error 22023: an unknown name, with the known ones as HINT.
pub fn unknown_name(error: UnknownName) -> Error {
    Error::new(SqlState::InvalidParameterValue, error.to_string()).hint(error.hint())
}

fn required<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| {
        Error::new(SqlState::InvalidParameterValue, format!("{name} must not be null"))
    })
}
