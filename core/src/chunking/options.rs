//! How to cut: the options of [`chunks`](super::chunks), checked.

use std::fmt;
use std::str::FromStr;

use super::measure::Measure;

/// In what chunks are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values, as `length()` counts in Postgres.
    Characters,
    /// Words as UAX #29 defines them; punctuation and space between them do not count.
    Words,
}

/// What a text is, as far as its structure is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Plain,
    Markdown,
}

const UNITS: [(&str, Unit); 2] = [("characters", Unit::Characters), ("words", Unit::Words)];
const FORMATS: [(&str, Format); 2] = [("plain", Format::Plain), ("markdown", Format::Markdown)];

/// The name of a unit that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseUnitError(String);

/// The name of a format that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFormatError(String);

impl FromStr for Unit {
    type Err = ParseUnitError;

    fn from_str(name: &str) -> Result<Self, ParseUnitError> {
        find(&UNITS, name).ok_or_else(|| ParseUnitError(shorten(name)))
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(name: &str) -> Result<Self, ParseFormatError> {
        find(&FORMATS, name).ok_or_else(|| ParseFormatError(shorten(name)))
    }
}

fn find<V: Copy>(names: &[(&str, V)], name: &str) -> Option<V> {
    names.iter().find(|(known, _)| *known == name).map(|&(_, value)| value)
}

fn allowed<V>(names: &[(&str, V)]) -> String {
    let names: Vec<&str> = names.iter().map(|&(name, _)| name).collect();
    format!("allowed are: {}", names.join(", "))
}

/// Enough of a name to recognise it in a message.
fn shorten(name: &str) -> String {
    name.chars().take(64).collect()
}

impl ParseUnitError {
    /// What is allowed.
    pub fn hint(&self) -> String {
        allowed(&UNITS)
    }
}

impl ParseFormatError {
    /// What is allowed.
    pub fn hint(&self) -> String {
        allowed(&FORMATS)
    }
}

impl fmt::Display for ParseUnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown unit \"{}\"", self.0)
    }
}

impl fmt::Display for ParseFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown format \"{}\"", self.0)
    }
}

impl std::error::Error for ParseUnitError {}
impl std::error::Error for ParseFormatError {}

/// How to cut. Only options that make sense together exist.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub(super) chunk_size: usize,
    pub(super) chunk_overlap: usize,
    pub(super) unit: Unit,
    pub(super) format: Format,
}

/// Why options do not make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionsError {
    /// `chunk_size` is less than 1.
    Size(i32),
    /// `chunk_overlap` is negative.
    NegativeOverlap(i32),
    /// `chunk_overlap` is not less than `chunk_size`.
    Overlap { chunk_overlap: i32, chunk_size: i32 },
}

impl Options {
    /// `chunk_size` and `chunk_overlap` are in units. A chunk repeats at most `chunk_overlap` units
    /// of the one before it, which count towards its size.
    pub fn new(
        chunk_size: i32,
        chunk_overlap: i32,
        unit: Unit,
        format: Format,
    ) -> Result<Self, OptionsError> {
        let size = usize::try_from(chunk_size).ok().filter(|&size| size > 0);
        let size = size.ok_or(OptionsError::Size(chunk_size))?;
        let overlap = usize::try_from(chunk_overlap)
            .map_err(|_| OptionsError::NegativeOverlap(chunk_overlap))?;
        if overlap >= size {
            return Err(OptionsError::Overlap { chunk_overlap, chunk_size });
        }
        Ok(Options { chunk_size: size, chunk_overlap: overlap, unit, format })
    }

    pub(super) fn measure(&self) -> Measure {
        Measure { unit: self.unit, size: self.chunk_size, overlap: self.chunk_overlap }
    }
}

impl OptionsError {
    /// What would be right.
    pub fn hint(&self) -> String {
        match self {
            OptionsError::Size(_) => "chunk_size is at least 1".into(),
            OptionsError::NegativeOverlap(_) => {
                "chunk_overlap is 0 (none) or more, and less than chunk_size".into()
            }
            OptionsError::Overlap { chunk_size, .. } => {
                format!("chunk_overlap is at most {}, one less than chunk_size", chunk_size - 1)
            }
        }
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionsError::Size(size) => write!(f, "chunk_size must be at least 1, not {size}"),
            OptionsError::NegativeOverlap(overlap) => {
                write!(f, "chunk_overlap must not be negative, but is {overlap}")
            }
            OptionsError::Overlap { chunk_overlap, chunk_size } => write!(
                f,
                "chunk_overlap must be less than chunk_size ({chunk_size}), not {chunk_overlap}"
            ),
        }
    }
}

impl std::error::Error for OptionsError {}
