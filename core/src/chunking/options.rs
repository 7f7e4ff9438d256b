//! Options of [`chunks`](super::chunks), checked.

use std::fmt;
use std::str::FromStr;

/// Unit of a chunk's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values, as `length()` counts in Postgres.
    Characters,
    /// Words as UAX #29 defines them, without punctuation and space.
    Words,
    /// Tokens of a language model: the chunk's content as its tokenizer counts it by itself.
    Tokens(Encoding),
}

/// Vocabulary of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// cl100k_base, of GPT-4 and text-embedding-3.
    Cl100k,
    /// o200k_base, of GPT-4o and later models.
    O200k,
}

/// Format of a text: decides about its boundaries and headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Plain,
    Markdown,
    /// Page: its text is cut, under its headings.
    Html,
    /// One value or several, cut between members.
    Json,
    /// One document or several, cut between entries.
    Yaml,
}

/// Error: unknown name of a unit, format or encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    what: &'static str,
    name: String,
    allowed: String,
}

type UnitOf = fn(Encoding) -> Unit;

const UNITS: [(&str, UnitOf); 3] =
    [("characters", |_| Unit::Characters), ("words", |_| Unit::Words), ("tokens", Unit::Tokens)];
const FORMATS: [(&str, Format); 5] = [
    ("plain", Format::Plain),
    ("markdown", Format::Markdown),
    ("html", Format::Html),
    ("json", Format::Json),
    ("yaml", Format::Yaml),
];
const ENCODINGS: [(&str, Encoding); 2] = [("cl100k", Encoding::Cl100k), ("o200k", Encoding::O200k)];

impl Unit {
    /// Unit of this name. `encoding` is used for tokens.
    pub fn named(name: &str, encoding: Encoding) -> Result<Self, UnknownName> {
        find("unit", &UNITS, name).map(|unit| unit(encoding))
    }
}

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        find("format", &FORMATS, name)
    }
}

impl FromStr for Encoding {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        find("encoding", &ENCODINGS, name)
    }
}

fn find<V: Copy>(what: &'static str, known: &[(&str, V)], name: &str) -> Result<V, UnknownName> {
    let found = known.iter().find(|(known, _)| *known == name);
    found.map(|&(_, value)| value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|&(name, _)| name).collect();
        // Enough of the name to recognise it in a message.
        let name = name.chars().take(64).collect();
        UnknownName { what, name, allowed: names.join(", ") }
    })
}

impl UnknownName {
    /// Names that exist, for a HINT.
    pub fn hint(&self) -> String {
        format!("allowed are: {}", self.allowed)
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} \"{}\"", self.what, self.name)
    }
}

impl std::error::Error for UnknownName {}

/// Tokens that one character can have, at most.
const MIN_TOKENS: i32 = 4;

/// Size, overlap, unit and format of chunks. Values that make no sense together are rejected.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub(super) chunk_size: usize,
    pub(super) chunk_overlap: usize,
    pub(super) unit: Unit,
    pub(super) format: Format,
}

/// Error: options that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionsError {
    /// `chunk_size` is less than 1.
    Size(i32),
    /// `chunk_size` is less than the tokens that one character can have.
    Tokens(i32),
    /// `chunk_overlap` is negative.
    NegativeOverlap(i32),
    /// `chunk_overlap` is not less than `chunk_size`.
    Overlap { chunk_overlap: i32, chunk_size: i32 },
}

impl Options {
    /// Checks the options. `chunk_size` and `chunk_overlap` are in units. A chunk repeats at most
    /// `chunk_overlap` units of the chunk before it; they count towards its size.
    pub fn new(
        chunk_size: i32,
        chunk_overlap: i32,
        unit: Unit,
        format: Format,
    ) -> Result<Self, OptionsError> {
        let size = usize::try_from(chunk_size).ok().filter(|&size| size > 0);
        let size = size.ok_or(OptionsError::Size(chunk_size))?;
        if matches!(unit, Unit::Tokens(_)) && chunk_size < MIN_TOKENS {
            return Err(OptionsError::Tokens(chunk_size));
        }
        let overlap = usize::try_from(chunk_overlap)
            .map_err(|_| OptionsError::NegativeOverlap(chunk_overlap))?;
        if overlap >= size {
            return Err(OptionsError::Overlap { chunk_overlap, chunk_size });
        }
        Ok(Options { chunk_size: size, chunk_overlap: overlap, unit, format })
    }

    /// Format of the text.
    pub fn format(&self) -> Format {
        self.format
    }
}

impl OptionsError {
    /// Values that are allowed, for a HINT.
    pub fn hint(&self) -> String {
        match self {
            OptionsError::Size(_) => "chunk_size is at least 1".into(),
            OptionsError::Tokens(_) => {
                format!("chunk_size is at least {MIN_TOKENS} tokens: one character can be as many")
            }
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
            OptionsError::Tokens(size) => {
                write!(f, "chunk_size must be at least {MIN_TOKENS} tokens, not {size}")
            }
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
