//! Postgres's text search: parsers, dictionaries and configurations, called as to_tsvector() does.

use super::cache::Changes;
use super::error::{Result, catch};
use super::ffi::{
    FunctionCall1Coll, FunctionCall2Coll, FunctionCall3Coll, FunctionCall4Coll, GetSysCacheOid,
    lookup_ts_config_cache, lookup_ts_dictionary_cache, lookup_ts_parser_cache, make_tsvector,
    palloc, parsetext,
};
use super::scratch::Scratch;
use pgrx::pg_sys;
use std::ffi::{CStr, CString, c_char, c_int};

/// Tokens fetched at once from the default parser, whose tokens are slices of the text. Other parsers may
/// reuse the memory of a token for the next one.
const BATCH: usize = 64;
/// Oid of the default parser, pg_catalog.default.
const DEFAULT_PARSER: u32 = 3722;

/// Changes of configurations, their mappings, dictionaries and parsers.
pub const fn changes() -> Changes {
    use pg_sys::SysCacheIdentifier::{TSCONFIGMAP, TSCONFIGOID, TSDICTOID, TSPARSEROID};
    Changes::of(&[TSCONFIGMAP, TSCONFIGOID, TSDICTOID, TSPARSEROID])
}

/// Configuration of pg_catalog with this name, from the catalog cache.
pub fn config_of_pg_catalog(name: &str) -> Result<Option<pg_sys::Oid>> {
    /// Number of the column in pg_ts_config.
    const OID: i16 = 1;
    let Ok(name) = CString::new(name) else { return Ok(None) };
    // The cache would truncate a longer name.
    if name.count_bytes() >= pg_sys::NAMEDATALEN as usize {
        return Ok(None);
    }
    let name = name.as_ptr();
    // SAFETY: the cache's keys are name and namespace; the name outlives the call.
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

/// Text search configuration in the backend's cache, whose entries never move.
#[derive(Clone, Copy)]
pub struct Config(*mut pg_sys::TSConfigCacheEntry);

/// Token inside the text, or inside memory of the parser.
#[derive(Clone, Copy)]
struct Token {
    kind: c_int,
    start: *const c_char,
    length: c_int,
}

impl Config {
    pub fn find(config: pg_sys::Oid) -> Result<Self> {
        // SAFETY: fails if the oid is not a configuration's.
        catch(|| unsafe { lookup_ts_config_cache(config) }).map(Self)
    }

    /// Returns true if the configuration uses Postgres's default parser.
    pub fn has_default_parser(&self) -> bool {
        // SAFETY: an entry of the cache.
        unsafe { (*self.0).prsId == pg_sys::Oid::from(DEFAULT_PARSER) }
    }

    /// Number of dictionaries for tokens of a type.
    pub fn dictionary_count(&self, kind: c_int) -> usize {
        // SAFETY: the map has `lenmap` token types.
        unsafe {
            if kind < 0 || kind >= (*self.0).lenmap {
                return 0;
            }
            (*(*self.0).map.add(kind as usize)).len.max(0) as usize
        }
    }

    /// Dictionary at an index below [`dictionary_count`](Self::dictionary_count).
    fn dictionary(&self, kind: c_int, index: usize) -> pg_sys::Oid {
        // SAFETY: guaranteed by the caller.
        unsafe { *(*(*self.0).map.add(kind as usize)).dictIds.add(index) }
    }

    /// Parses a text. Calls `each` with the type and the bytes of each token until it returns false. Returns
    /// false in that case.
    pub fn tokens(
        &self,
        scratch: &mut Scratch,
        text: &str,
        mut each: impl FnMut(&mut Scratch, c_int, &[u8]) -> Result<bool>,
    ) -> Result<bool> {
        let context = scratch.context();
        let (start, length, config) = (text.as_ptr(), text.len(), self.0);
        // SAFETY: the parser reads the text and keeps its state in the context.
        let (parser, state) = catch(|| unsafe {
            pg_sys::CurrentMemoryContext = context;
            let parser = lookup_ts_parser_cache((*config).prsId);
            let start_function = &raw mut (*parser).prsstart;
            let length = pg_sys::Datum::from(length);
            (parser, FunctionCall2Coll(start_function, pg_sys::InvalidOid, start.into(), length))
        })?;
        let batch = if self.has_default_parser() { BATCH } else { 1 };
        let mut tokens = [Token { kind: 0, start: std::ptr::null(), length: 0 }; BATCH];
        loop {
            let buffer = tokens.as_mut_ptr();
            // SAFETY: the parser's state, and an array of at least `batch` tokens.
            let count = catch(|| unsafe {
                pg_sys::CurrentMemoryContext = context;
                fetch(parser, state, buffer, batch)
            })?;
            for token in &tokens[..count] {
                // SAFETY: a slice of the text or of the parser's memory, used before the next fetch.
                let word = unsafe {
                    std::slice::from_raw_parts(token.start.cast::<u8>(), token.length as usize)
                };
                if !each(scratch, token.kind, word)? {
                    return Ok(false);
                }
            }
            if count < batch {
                break;
            }
        }
        // SAFETY: the parser's state is not used afterwards.
        catch(|| unsafe {
            FunctionCall1Coll(&raw mut (*parser).prsend, pg_sys::InvalidOid, state);
        })?;
        Ok(true)
    }

    /// Looks up a word in the dictionaries for its token type, in order, as LexizeExec() in ts_parse.c does
    /// for one word. Calls `each` with each lexeme, and true if its position is one after the previous
    /// lexeme.
    pub fn lexize(
        &self,
        scratch: &mut Scratch,
        kind: c_int,
        word: &str,
        mut each: impl FnMut(&[u8], bool),
    ) -> Result<Lexized> {
        let context = scratch.context();
        let (mut start, mut length) = (word.as_ptr().cast::<c_char>(), word.len() as c_int);
        for index in 0..self.dictionary_count(kind) {
            let dictionary = self.dictionary(kind, index);
            // SAFETY: a dictionary of the configuration, which only reads the word.
            let (lexemes, reads_on) = catch(|| unsafe {
                pg_sys::CurrentMemoryContext = context;
                let dictionary = lookup_ts_dictionary_cache(dictionary);
                let mut state = pg_sys::DictSubState::default();
                let lexemes = FunctionCall4Coll(
                    &raw mut (*dictionary).lexize,
                    pg_sys::InvalidOid,
                    (*dictionary).dictData.into(),
                    start.into(),
                    length.into(),
                    (&raw mut state).into(),
                );
                (lexemes.cast_mut_ptr::<pg_sys::TSLexeme>(), state.getnext)
            })?;
            if reads_on {
                return Ok(Lexized::ReadsOn);
            }
            if lexemes.is_null() {
                continue;
            }
            // SAFETY: the array ends with a null lexeme; lexemes are C strings.
            unsafe {
                if (*lexemes).flags & pg_sys::TSL_FILTER as u16 != 0 {
                    start = (*lexemes).lexeme;
                    length = CStr::from_ptr(start).count_bytes() as c_int;
                    continue;
                }
                let mut lexeme = lexemes;
                while !(*lexeme).lexeme.is_null() {
                    let is_further = (*lexeme).flags & pg_sys::TSL_ADDPOS as u16 != 0;
                    each(CStr::from_ptr((*lexeme).lexeme).to_bytes(), is_further);
                    lexeme = lexeme.add(1);
                }
                return Ok(Lexized::Known);
            }
        }
        Ok(Lexized::Unknown)
    }
}

/// Result of a look-up in a configuration's dictionaries.
#[derive(Clone, Copy, PartialEq)]
pub enum Lexized {
    /// A dictionary knows the word. No lexemes: a stop word.
    Known,
    /// No dictionary knows the word.
    Unknown,
    /// A dictionary, such as a thesaurus, needs the next word.
    ReadsOn,
}

/// Fetches up to `batch` tokens. Returns their number.
///
/// # Safety
/// `tokens` holds `batch` tokens; `state` belongs to the parser. Call within [`catch`].
unsafe fn fetch(
    parser: *mut pg_sys::TSParserCacheEntry,
    state: pg_sys::Datum,
    tokens: *mut Token,
    batch: usize,
) -> usize {
    for count in 0..batch {
        let mut token = Token { kind: 0, start: std::ptr::null(), length: 0 };
        // SAFETY: guaranteed by the caller.
        unsafe {
            let kind = FunctionCall3Coll(
                &raw mut (*parser).prstoken,
                pg_sys::InvalidOid,
                state,
                (&raw mut token.start).into(),
                (&raw mut token.length).into(),
            );
            token.kind = kind.value() as c_int;
            if token.kind <= 0 {
                return count;
            }
            tokens.add(count).write(token);
        }
    }
    batch
}

/// Builds the tsvector of two consecutive texts with parsetext(). Returns its body and the last position of
/// the first text.
pub fn vector(
    config: pg_sys::Oid,
    scratch: &mut Scratch,
    first: &str,
    second: &str,
) -> Result<(Vec<u8>, i32)> {
    /// Lower bound of the average word length. Postgres enlarges the array if there are more words.
    const BYTES_PER_WORD: usize = 6;
    let context = scratch.context();
    let words = ((first.len() + second.len()) / BYTES_PER_WORD).max(2);
    let (first, second) = ((first.as_ptr(), first.len()), (second.as_ptr(), second.len()));
    // SAFETY: as to_tsvector() does. The vector is copied before the context is reset. An error is not in the
    // context, because `catch` starts outside of it.
    unsafe {
        let (vector, first_end) = catch(|| {
            pg_sys::CurrentMemoryContext = context;
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
        scratch.reset();
        Ok((body, first_end))
    }
}
