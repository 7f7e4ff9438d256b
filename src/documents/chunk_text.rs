//! chunk_text(): the cutting of documents, for any text.

use crate::error::{Error, Result, SqlState, guard};
use carrel_core::chunking::{self, Format, Options, Unit};
use pgrx::prelude::*;
use std::fmt::Display;

/// Cuts a text into chunks of at most chunk_size characters or words, at the best boundaries that
/// fit; offsets are in characters from 0, end exclusive. A null text has no chunks.
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
        name!(content, &'a str),
        name!(section_title, Option<&'a str>),
        name!(heading_path, Vec<&'a str>),
        name!(start_offset, i32),
        name!(end_offset, i32),
        name!(size, i32),
    ),
> {
    let options = guard(|| options(chunk_size, chunk_overlap, unit, format, encoding));
    let chunks = chunking::chunks(content.unwrap_or_default(), &options, || {
        // Not within a `contain`: pgrx's guard is the next.
        pgrx::check_for_interrupts!();
    });
    TableIterator::new(chunks.enumerate().map(|(index, chunk)| {
        (
            index as i32,
            chunk.content,
            chunk.section_title(),
            chunk.heading_path.to_vec(),
            chunk.start as i32,
            chunk.end as i32,
            chunk.size as i32,
        )
    }))
}

fn options(
    chunk_size: Option<i32>,
    chunk_overlap: Option<i32>,
    unit: Option<&str>,
    format: Option<&str>,
    encoding: Option<&str>,
) -> Result<Options> {
    let unit: Unit = given("unit", unit)?
        .parse()
        .map_err(|error: chunking::ParseUnitError| refused(&error, error.hint()))?;
    let format: Format = given("format", format)?
        .parse()
        .map_err(|error: chunking::ParseFormatError| refused(&error, error.hint()))?;
    let encoding = given("encoding", encoding)?;
    if !["cl100k", "o200k"].contains(&encoding) {
        return Err(refused(
            &format!("unknown encoding \"{encoding}\""),
            "allowed are: cl100k, o200k".to_owned(),
        ));
    }
    let size = given("chunk_size", chunk_size)?;
    let overlap = given("chunk_overlap", chunk_overlap)?;
    Options::new(size, overlap, unit, format).map_err(|error| refused(&error, error.hint()))
}

fn given<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| {
        Error::new(SqlState::InvalidParameterValue, format!("{name} must not be null"))
    })
}

fn refused(error: &dyn Display, hint: String) -> Error {
    Error::new(SqlState::InvalidParameterValue, error.to_string()).hint(hint)
}
