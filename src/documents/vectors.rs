//! Search vectors: parses text with a text search configuration, and assembles vectors.

use super::lexicon::{self, LexizedWord};
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts};
use crate::pg::scratch::Scratch;
use crate::pg::spi::Db;
use crate::pg::text_search;
use carrel_core::chunking::{self, Format, Options, Unit};
use carrel_core::ranking::{Highlight, Term, leading_title};
use carrel_core::tsvector::{self, Assembler, Lexemes, MAX_POSITION, View, Weight};
use pgrx::pg_sys;

/// Characters that are parsed at once. Postgres refuses vectors of 1 MB and more; the vector of this
/// many characters is far smaller.
const WINDOW: i32 = 32_000;

/// Error 22023: no such text search configuration, or no USAGE on its schema.
fn unknown_language(language: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unknown language \"{language}\""))
        .detail("A language is the name of a text search configuration, with its schema where that is not pg_catalog.")
        .hint("List those that you can use: select cfgnamespace::regnamespace, cfgname from pg_ts_config where has_schema_privilege(cfgnamespace, 'usage')")
}

/// Parser of a text search configuration.
pub struct Parser {
    config: pg_sys::Oid,
    /// Memory that is reset after each text.
    scratch: Scratch,
}

impl Parser {
    /// Returns the parser of a document's language: the name of a configuration in pg_catalog, or a
    /// name with its schema. None if there is no such configuration.
    pub fn find(db: &Db, language: &str) -> Result<Option<Self>> {
        let config = match text_search::config_of_pg_catalog(language)? {
            Some(config) => Some(config),
            None => {
                let find = include_str!("../../sql/documents/find_configuration.sql");
                db.first(find, &[language.into()], |row| row.need::<pg_sys::Oid>(1))?
            }
        };
        Ok(config.map(|config| Self { config, scratch: Scratch::new("carrel parser") }))
    }

    /// Returns the parser of a document's language. Fails with 22023 if the language is unknown.
    pub fn for_language(db: &Db, language: &str) -> Result<Self> {
        Self::find(db, language)?.ok_or_else(|| unknown_language(language))
    }

    /// Fails with 22023 if a role cannot use a language: there is no such configuration, or the role
    /// lacks USAGE on the configuration's schema.
    pub fn require_usable(db: &Db, language: &str, role: pg_sys::Oid) -> Result<()> {
        if text_search::config_of_pg_catalog(language)?.is_some() {
            return Ok(());
        }
        let is_usable = include_str!("../../sql/documents/is_usable_configuration.sql");
        if db.value::<bool>(is_usable, &[language.into(), role.into()])? {
            return Ok(());
        }
        Err(unknown_language(language))
    }

    /// Appends the vector of a text of any size.
    pub fn append(
        &mut self,
        assembler: &mut Assembler,
        text: &str,
        weight: Option<Weight>,
    ) -> Result<()> {
        if text.len() <= WINDOW as usize {
            let vector = self.parse(text)?;
            return append_vector(assembler, &vector, weight);
        }
        let options = Options::new(WINDOW, 0, Unit::Characters, Format::Plain)
            .map_err(|error| Error::new(SqlState::InvalidParameterValue, error.to_string()))?;
        for window in chunking::chunks(text, &options, check_for_interrupts) {
            let vector = self.parse(&window.content)?;
            append_vector(assembler, &vector, weight)?;
        }
        Ok(())
    }

    /// Analyzes a text. Returns the body of its vector.
    pub fn parse(&mut self, text: &str) -> Result<Vec<u8>> {
        self.parse_titled("", text)
    }

    /// Calls `each` with the words of a text and the lexemes of each. Returns false if the
    /// configuration has a dictionary that reads several words at once.
    pub fn for_each_word(
        &mut self,
        text: &str,
        each: impl FnMut(&LexizedWord, Vec<&[u8]>),
    ) -> Result<bool> {
        let is_analyzed = lexicon::for_each_word(self.config, &mut self.scratch, text, each);
        self.scratch.reset();
        is_analyzed
    }

    /// Lexemes of the words in a text whose forms are wanted, ascending. Of all words, with a
    /// configuration that reads several words at once.
    pub fn lexemes(
        &mut self,
        text: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Box<[u8]>>> {
        let mut lexemes: Vec<Box<[u8]>> = Vec::new();
        let is_analyzed = self.for_each_word(text, |word, of_word| {
            if is_wanted(word.form) {
                lexemes.extend(of_word.into_iter().map(Box::from));
            }
        })?;
        if !is_analyzed {
            let mut assembler = Assembler::new();
            self.append(&mut assembler, text, None)?;
            let vector = assembler.finish();
            let view = View::open(&vector).map_err(malformed)?;
            return Ok(view.iter().map(|(lexeme, _)| lexeme.into()).collect());
        }
        lexemes.sort_unstable();
        lexemes.dedup();
        Ok(lexemes)
    }

    /// Finds the words in a text that any of the terms matches.
    pub fn highlights(&mut self, text: &str, terms: &[Term]) -> Result<Vec<Highlight>> {
        let highlights = lexicon::highlights(self.config, &mut self.scratch, text, terms);
        self.scratch.reset();
        highlights
    }

    /// Parses a chunk: the headings above it (weight B), then its content.
    pub fn chunk_vector<T: AsRef<str>>(&mut self, titles: &[T], content: &str) -> Result<Vec<u8>> {
        let mut joined = String::new();
        for title in titles {
            joined.push_str(title.as_ref());
            joined.push('\n');
        }
        if joined.len() + content.len() <= WINDOW as usize {
            return self.parse_titled(&joined, content);
        }
        let mut assembler = Assembler::new();
        self.append(&mut assembler, &joined, Some(Weight::B))?;
        self.append(&mut assembler, content, None)?;
        Ok(assembler.finish())
    }

    /// Counts the positions of the leading title of a text without headings.
    pub fn count_title_words(&mut self, content: &str) -> Result<i32> {
        let vector = self.parse(leading_title(content))?;
        let view = View::open(&vector).map_err(malformed)?;
        let last = view.iter().flat_map(|(_, positions)| positions).map(|p| p.position).max();
        Ok(last.unwrap_or(0).into())
    }

    /// Parses a title (weight B) and a text after it. Returns the body of their vector.
    fn parse_titled(&mut self, title: &str, text: &str) -> Result<Vec<u8>> {
        let texts = [(title, Weight::B), (text, Weight::D)];
        let texts = if title.is_empty() { &texts[1..] } else { &texts };
        let vector =
            lexicon::with_words(self.config, &mut self.scratch, texts, |words, lexemes| {
                tsvector::of_words(words, |number| &lexemes[number as usize])
            });
        self.scratch.reset();
        match vector? {
            Some(Some(vector)) => Ok(vector),
            Some(None) => Err(Error::new(
                SqlState::ProgramLimitExceeded,
                "the lexemes of a chunk are too long for a tsvector",
            )),
            None => {
                let (mut vector, title_end) = self.parse_by_postgres(title, text)?;
                if title_end > 0 {
                    tsvector::set_weight_up_to(&mut vector, title_end, Weight::B)
                        .map_err(malformed)?;
                }
                Ok(vector)
            }
        }
    }

    /// Parses two texts by Postgres' parsetext(). Returns the body of their vector, and the last
    /// position of the first text.
    fn parse_by_postgres(&mut self, first: &str, second: &str) -> Result<(Vec<u8>, u16)> {
        let (first, second) = (lexicon::folded(first), lexicon::folded(second));
        let (body, first_end) =
            text_search::vector(self.config, &mut self.scratch, &first, &second)?;
        Ok((body, u16::try_from(first_end).unwrap_or(u16::MAX).min(MAX_POSITION)))
    }
}

/// Appends a parsed vector.
pub fn append_vector(assembler: &mut Assembler, body: &[u8], weight: Option<Weight>) -> Result<()> {
    let view = View::parse(body).map_err(malformed)?;
    assembler.append(&view, weight);
    Ok(())
}

/// Length of a vector: the number of positions that have a lexeme. Variants of a word and a compound's
/// first part share a position.
pub fn count_words(body: &[u8]) -> Result<i32> {
    let view = View::open(body).map_err(malformed)?;
    Ok(i32::try_from(view.count_positions()).unwrap_or(i32::MAX))
}

/// Converts the column title_words to the number that vectors are read with.
pub fn title_words_of(title_words: i32) -> u16 {
    u16::try_from(title_words.max(0)).unwrap_or(u16::MAX)
}

/// Error 22023: malformed value, not written by carrel.
pub fn malformed(error: impl std::error::Error) -> Error {
    Error::new(SqlState::InvalidParameterValue, error.to_string())
}
