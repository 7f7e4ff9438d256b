//! analyze_text(): the words of any text, as documents and queries are analyzed.

use super::vectors::Parser;
use crate::pg::error::{Error, Result, SqlState, guard};
use crate::pg::roles;
use crate::pg::spi::{self, Access};
use pgrx::prelude::*;

/// Maximum bytes of a text: its rows take a hundred times as much.
const MAX_TEXT: usize = 1 << 20;

/// Row of analyze_text().
type AnalyzedWord = (String, Vec<String>, i32, i32);

/// Returns the words of a text as search finds them, in order, with the lexemes that the dictionaries
/// of a language give each.
///
/// A compound (`PO-001`, `src/lib.rs`) comes before its parts, a word with accents before its form
/// without them. Stop words have no lexemes. Words that no dictionary knows are left out. Offsets are
/// in characters from 0; `end_offset` is exclusive. `language` is the name of a text search
/// configuration. Callable by users and services. Errors: 22023 (unknown language, or one that the
/// caller cannot use), 54000 (more than 1 MiB), 55000 (the language has a parser of its own, or a
/// dictionary that reads several words at once).
#[pg_extern(stable, parallel_restricted)]
fn analyze_text(
    content: Option<&str>,
    language: default!(Option<&str>, "'english'"),
) -> TableIterator<
    'static,
    (
        name!(word, String),
        name!(lexemes, Vec<String>),
        name!(start_offset, i32),
        name!(end_offset, i32),
    ),
> {
    let rows = guard(|| {
        let text = content.unwrap_or_default();
        if text.len() > MAX_TEXT {
            return Err(Error::new(
                SqlState::ProgramLimitExceeded,
                format!("content has {} bytes: it may have {MAX_TEXT}", text.len()),
            )
            .hint("Analyze a part of it: substr(content, 1, 100000)."));
        }
        let language = language.ok_or_else(|| {
            Error::new(SqlState::InvalidParameterValue, "language must not be null")
        })?;
        let mut parser = spi::as_caller(Access::Read, |db| {
            Parser::require_usable(db, language, roles::current())?;
            Parser::for_language(db, language)
        })?;
        analyze(&mut parser, text, language)
    });
    TableIterator::new(rows)
}

fn analyze(parser: &mut Parser, text: &str, language: &str) -> Result<Vec<AnalyzedWord>> {
    let mut rows: Vec<AnalyzedWord> = Vec::new();
    let mut characters = Characters { text, bytes: 0, count: 0 };
    let mut has_spans = true;
    let is_analyzed = parser.for_each_word(text, |word, lexemes| {
        let Some((start, end)) = word.span else {
            has_spans = false;
            return;
        };
        let lexeme = |lexeme: &[u8]| String::from_utf8_lossy(lexeme).into_owned();
        let lexemes = lexemes.into_iter().map(lexeme).collect();
        let (start, end) = characters.before(start, end);
        rows.push((word.form.to_owned(), lexemes, start, end));
    })?;
    if is_analyzed && has_spans {
        return Ok(rows);
    }
    Err(Error::new(
        SqlState::ObjectNotInPrerequisiteState,
        format!("the words of language \"{language}\" cannot be shown"),
    )
    .detail("Its parser is not Postgres' default, or it has a dictionary that reads several words at once.")
    .hint("Ask the configuration itself: select * from ts_debug(configuration, text)."))
}

/// Counts the characters before offsets that come in order.
struct Characters<'a> {
    text: &'a str,
    bytes: usize,
    count: usize,
}

impl Characters<'_> {
    /// Converts the offsets of a word from bytes to characters.
    fn before(&mut self, start: usize, end: usize) -> (i32, i32) {
        // Parts begin at or after their compound; the next word may begin before a part's end.
        if start < self.bytes {
            self.count -= self.text[start..self.bytes].chars().count();
        } else {
            self.count += self.text[self.bytes..start].chars().count();
        }
        self.bytes = start;
        let length = self.text[start..end].chars().count();
        let offset = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        (offset(self.count), offset(self.count + length))
    }
}
