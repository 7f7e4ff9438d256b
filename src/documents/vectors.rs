//! Search vectors: parsing text with a text search configuration, once, and putting vectors together.

use super::lexicon;
pub use super::lexicon::Names;
use crate::pg::error::{Error, Result, SqlState, catch, check_for_interrupts};
use crate::pg::spi::Db;
use carrel_core::chunking::{self, Format, Options, Unit};
use carrel_core::ranking::{Highlight, Term, leading_title};
use carrel_core::tsvector::{self, Assembler, MAX_POSITION, Malformed, View, Weight};
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys;
use std::ffi::{CString, c_char, c_int, c_void};

/// What is parsed at once. Postgres refuses vectors of 1 MB and more; no text of this many
/// characters comes near.
const WINDOW: i32 = 32_000;

/// A text search configuration, with room to parse in that is emptied after each text.
pub struct Parser {
    config: pg_sys::Oid,
    room: PgMemoryContexts,
}

impl Parser {
    /// The parser for a document's language: the name of a configuration of pg_catalog, or with its
    /// schema of any other. None where there is no such configuration.
    pub fn find(db: &Db, language: &str) -> Result<Option<Self>> {
        let config = match of_pg_catalog(language)? {
            Some(config) => Some(config),
            None => {
                let others = "select c.oid
                    from pg_ts_config as c join pg_namespace as n on n.oid = c.cfgnamespace
                    where format('%I.%I', n.nspname, c.cfgname) = $1 and n.nspname !~ '^pg_(toast_)?temp_'";
                db.first(others, &[language.into()], |row| row.need::<pg_sys::Oid>(1))?
            }
        };
        Ok(config.map(|config| Self { config, room: PgMemoryContexts::new("carrel parser") }))
    }

    /// The same, where an unknown language is error 22023.
    pub fn for_language(db: &Db, language: &str) -> Result<Self> {
        Self::find(db, language)?.ok_or_else(|| {
            Error::new(
                SqlState::InvalidParameterValue,
                format!("unknown language \"{language}\""),
            )
            .detail("A language is the name of a text search configuration, with its schema where that is not pg_catalog.")
            .hint("List them: select cfgnamespace::regnamespace, cfgname from pg_ts_config")
        })
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
        let marks = lexicon::marks(self.config, &mut self.room, text, terms);
        // SAFETY: nothing of what is in the room is used any more; an error lives elsewhere.
        unsafe { self.room.reset() };
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
        let vector = lexicon::words(self.config, &mut self.room, texts, names, |words, lexemes| {
            tsvector::of_words(words, |number| &lexemes[number as usize])
        });
        // SAFETY: nothing of what is in the room is used any more; an error lives elsewhere.
        unsafe { self.room.reset() };
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
        /// No word is shorter on average; if more come, Postgres makes room.
        const BYTES_PER_WORD: usize = 6;
        let config = self.config;
        let room = self.room.value();
        let words = ((first.len() + second.len()) / BYTES_PER_WORD).max(2);
        let (first, second) = (lexicon::folded(first), lexicon::folded(second));
        let (first, second) = ((first.as_ptr(), first.len()), (second.as_ptr(), second.len()));
        // SAFETY: what to_tsvector() does: a configuration's oid, room for words, texts that are only
        // read. All that it makes is in the room, and is copied before the room is emptied; an error
        // is not, for `catch` is entered outside of it.
        unsafe {
            let (vector, first_end) = catch(|| {
                pg_sys::CurrentMemoryContext = room;
                let mut parsed = pg_sys::ParsedText {
                    words: palloc(words * size_of::<pg_sys::ParsedWord>()).cast(),
                    lenwords: words as c_int,
                    curwords: 0,
                    pos: 0,
                };
                if first.1 > 0 {
                    parsetext(config, &mut parsed, first.0.cast(), first.1 as c_int);
                }
                let first_end = parsed.pos;
                parsetext(config, &mut parsed, second.0.cast(), second.1 as c_int);
                (make_tsvector(&mut parsed), first_end)
            })?;
            let start = pgrx::vardata_any(vector).cast::<u8>();
            let body = std::slice::from_raw_parts(start, pgrx::varsize_any_exhdr(vector)).to_vec();
            self.room.reset();
            Ok((body, u16::try_from(first_end).unwrap_or(u16::MAX).min(MAX_POSITION)))
        }
    }
}

/// The configuration of pg_catalog that has this name, from the cache of the catalog: this is asked for every
/// document and every search.
fn of_pg_catalog(name: &str) -> Result<Option<pg_sys::Oid>> {
    /// The column of pg_ts_config.
    const OID: i16 = 1;
    let Ok(name) = CString::new(name) else { return Ok(None) };
    // A longer name is none, and the cache would find what its first bytes name.
    if name.count_bytes() >= pg_sys::NAMEDATALEN as usize {
        return Ok(None);
    }
    let name = name.as_ptr();
    // SAFETY: a cache by name and namespace; the name outlives the call.
    let config = catch(|| unsafe {
        GetSysCacheOid(
            pg_sys::SysCacheIdentifier::TSCONFIGNAMENSP as c_int,
            OID,
            name.into(),
            pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE).into(),
            0.into(),
            0.into(),
        )
    })?;
    Ok((config != pg_sys::InvalidOid).then_some(config))
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

unsafe extern "C-unwind" {
    fn GetSysCacheOid(
        cache: c_int,
        column: i16,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
        fourth: pg_sys::Datum,
    ) -> pg_sys::Oid;
    fn palloc(size: usize) -> *mut c_void;
    fn parsetext(
        config: pg_sys::Oid,
        parsed: *mut pg_sys::ParsedText,
        text: *const c_char,
        length: c_int,
    );
    fn make_tsvector(parsed: *mut pg_sys::ParsedText) -> *mut pg_sys::varlena;
}
