//! Search vectors: parsing text with a text search configuration, once, and putting vectors together.

use super::lexicon;
pub use super::lexicon::Names;
use crate::pg::error::{Error, Result, SqlState, check_for_interrupts};
use crate::pg::scratch::Scratch;
use crate::pg::spi::Db;
use crate::pg::text_search;
use carrel_core::chunking::{self, Format, Options, Unit};
use carrel_core::ranking::{Highlight, Term, leading_title};
use carrel_core::tsvector::{self, Assembler, MAX_POSITION, Malformed, View, Weight};
use pgrx::pg_sys;

/// What is parsed at once. Postgres refuses vectors of 1 MB and more; no text of this many
/// characters comes near.
const WINDOW: i32 = 32_000;

fn unknown(language: &str) -> Error {
    Error::new(SqlState::InvalidParameterValue, format!("unknown language \"{language}\""))
        .detail("A language is the name of a text search configuration, with its schema where that is not pg_catalog.")
        .hint("List those that you can use: select cfgnamespace::regnamespace, cfgname from pg_ts_config where has_schema_privilege(cfgnamespace, 'usage')")
}

/// A text search configuration, with room to parse in that is emptied after each text.
pub struct Parser {
    config: pg_sys::Oid,
    scratch: Scratch,
}

impl Parser {
    /// The parser for a document's language: the name of a configuration of pg_catalog, or with its
    /// schema of any other. None where there is no such configuration.
    pub fn find(db: &Db, language: &str) -> Result<Option<Self>> {
        let config = match text_search::config_of_pg_catalog(language)? {
            Some(config) => Some(config),
            None => {
                let others = "select c.oid
                    from pg_ts_config as c join pg_namespace as n on n.oid = c.cfgnamespace
                    where format('%I.%I', n.nspname, c.cfgname) = $1 and n.nspname !~ '^pg_(toast_)?temp_'";
                db.first(others, &[language.into()], |row| row.need::<pg_sys::Oid>(1))?
            }
        };
        Ok(config.map(|config| Self { config, scratch: Scratch::new("carrel parser") }))
    }

    /// The same, where an unknown language is error 22023.
    pub fn for_language(db: &Db, language: &str) -> Result<Self> {
        Self::find(db, language)?.ok_or_else(|| unknown(language))
    }

    /// Error 22023 for a language that a role does not know: there is no such configuration, or the role lacks USAGE on the
    /// configuration's schema.
    pub fn require_usable(db: &Db, language: &str, role: pg_sys::Oid) -> Result<()> {
        if text_search::config_of_pg_catalog(language)?.is_some() {
            return Ok(());
        }
        let usable = "select exists (
            select from pg_ts_config as c join pg_namespace as n on n.oid = c.cfgnamespace
            where format('%I.%I', n.nspname, c.cfgname) = $1 and has_schema_privilege($2, n.oid, 'usage')
        )";
        if db.value::<bool>(usable, &[language.into(), role.into()])? {
            return Ok(());
        }
        Err(unknown(language))
    }

    /// Appends the vector of a text of any size.
    pub fn append(
        &mut self,
        assembler: &mut Assembler,
        text: &str,
        weight: Option<Weight>,
    ) -> Result<()> {
        if text.len() <= WINDOW as usize {
            return add(assembler, &self.parse(text, Names::Split)?, weight);
        }
        let options = Options::new(WINDOW, 0, Unit::Characters, Format::Plain)
            .map_err(|error| Error::new(SqlState::InvalidParameterValue, error.to_string()))?;
        for window in chunking::chunks(text, &options, check_for_interrupts) {
            add(assembler, &self.parse(&window.content, Names::Split)?, weight)?;
        }
        Ok(())
    }

    /// The body of the vector of a text; with [`Names::Whole`], that of to_tsvector(configuration, text).
    pub fn parse(&mut self, text: &str, names: Names) -> Result<Vec<u8>> {
        self.parse_both("", text, names)
    }

    /// Where in a text the words are that have the lexemes of any of the terms.
    pub fn marks(&mut self, text: &str, terms: &[Term]) -> Result<Vec<Highlight>> {
        let marks = lexicon::marks(self.config, &mut self.scratch, text, terms);
        self.scratch.reset();
        marks
    }

    /// The vector of a chunk: the titles it is under (weight B), then its content.
    pub fn chunk<T: AsRef<str>>(&mut self, titles: &[T], content: &str) -> Result<Vec<u8>> {
        let mut joined = String::new();
        for title in titles {
            joined.push_str(title.as_ref());
            joined.push('\n');
        }
        if joined.len() + content.len() <= WINDOW as usize {
            return self.parse_both(&joined, content, Names::Split);
        }
        let mut assembler = Assembler::new();
        self.append(&mut assembler, &joined, Some(Weight::B))?;
        self.append(&mut assembler, content, None)?;
        Ok(assembler.finish())
    }

    /// How many positions the title takes that a text without headings begins with.
    pub fn lead(&mut self, content: &str) -> Result<i32> {
        let vector = self.parse(leading_title(content), Names::Whole)?;
        let view = View::open(&vector).map_err(malformed)?;
        let last = view.iter().flat_map(|(_, positions)| positions).map(|p| p.position).max();
        Ok(last.unwrap_or(0).into())
    }

    /// The body of the vector of a title, whose words weigh B, and a text after it.
    fn parse_both(&mut self, title: &str, text: &str, names: Names) -> Result<Vec<u8>> {
        let texts = [(title, Weight::B), (text, Weight::D)];
        let texts = if title.is_empty() { &texts[1..] } else { &texts };
        let vector =
            lexicon::words(self.config, &mut self.scratch, texts, names, |words, lexemes| {
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

    /// The body of the vector of two texts, one after the other, and the last position of the first.
    fn parse_by_postgres(&mut self, first: &str, second: &str) -> Result<(Vec<u8>, u16)> {
        let (first, second) = (lexicon::folded(first), lexicon::folded(second));
        let (body, first_end) =
            text_search::vector(self.config, &mut self.scratch, &first, &second)?;
        Ok((body, u16::try_from(first_end).unwrap_or(u16::MAX).min(MAX_POSITION)))
    }
}

/// Appends a vector that is there already.
pub fn add(assembler: &mut Assembler, body: &[u8], weight: Option<Weight>) -> Result<()> {
    let view = View::parse(body).map_err(malformed)?;
    assembler.append(&view, weight);
    Ok(())
}

/// The length of a vector: how many positions its lexemes have.
pub fn words(body: &[u8]) -> Result<i32> {
    let view = View::open(body).map_err(malformed)?;
    let words: usize = view.iter().map(|(_, positions)| positions.len()).sum();
    Ok(i32::try_from(words).unwrap_or(i32::MAX))
}

/// A vector that is none: somebody else wrote it.
pub fn malformed(error: Malformed) -> Error {
    Error::new(SqlState::InvalidParameterValue, error.to_string())
}
