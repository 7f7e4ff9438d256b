//! From a text to its lexemes, as parsetext() does, but asking the dictionaries once for each word:
//! a text has few words that are not common, and the dictionaries are the dearest part of parsing.
//!
//! Beyond that, names of files and hosts can be split into their parts.
//!
//! What they said is kept for the backend's life, and forgotten when a configuration or a dictionary
//! changes. Dictionaries that read on (a thesaurus) don't speak for one word; configurations with
//! such a one are left to parsetext().

use crate::pg::error::{Result, catch, check_for_interrupts};
use carrel_core::ranking::{Highlight, Term};
use carrel_core::tsvector::{MAX_LEXEME, Position, Weight};
use pgrx::memcxt::PgMemoryContexts;
use pgrx::pg_sys;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int};

/// Words that are longer are not remembered.
const MAX_WORD: usize = 64;
/// How much is remembered, of all configurations, before it is forgotten: about so many bytes.
const MAX_MEMORY: usize = 16 << 20;
/// Tokens that are fetched from Postgres' own parser at once: they are parts of the text. Others may
/// put the next one where the last was.
const BATCH: usize = 64;
/// The oid of that parser, pg_catalog.default.
const DEFAULT_PARSER: u32 = 3722;

/// The lexemes that a configuration has shown, by number, and which of them each word has.
#[derive(Default)]
struct Lexicon {
    lexemes: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32, ahash::RandomState>,
    /// By the type of the token, and the word.
    words: Vec<HashMap<Spelling, Option<Lexemes>, ahash::RandomState>>,
    memory: usize,
    /// Whether a dictionary wanted to read on.
    reads_on: bool,
}

/// A word, where it is looked for: most are short, and looking elsewhere takes longest.
type Spelling = SmallVec<[u8; 16]>;

/// What the dictionaries make of a word: its lexemes, and for each whether it is one position further
/// on. None at all: a stop word, which takes a position too.
type Lexemes = SmallVec<[(u32, bool); 2]>;

/// A word of a text: the number of a lexeme and where it stands.
pub type Word = (u32, Position);

thread_local! {
    static LEXICONS: RefCell<HashMap<pg_sys::Oid, Lexicon>> = RefCell::default();
    static IS_STALE: Cell<bool> = const { Cell::new(true) };
    static IS_REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// Whether names of files, hosts and the like are their parts as well.
#[derive(Clone, Copy, PartialEq)]
pub enum Names {
    /// `src/lib.rs` is one word, as to_tsvector() has it.
    Whole,
    /// It is also `src`, `lib` and `rs`, where it stands: people look for these.
    Split,
}

/// Calls `build` with the words of texts, one after the other, each with its weight, and with how
/// each lexeme is spelt. None where they have to be left to parsetext().
pub fn words<T>(
    config: pg_sys::Oid,
    room: &mut PgMemoryContexts,
    texts: &[(&str, Weight)],
    names: Names,
    build: impl FnOnce(Vec<Word>, &[Box<[u8]>]) -> T,
) -> Result<Option<T>> {
    with_lexicon(config, |lexicon| {
        let mut words = Vec::new();
        let mut position = 0;
        for (text, weight) in texts {
            let is_read = lexicon.read(config, room, text, names, |found| {
                position += u32::from(!found.is_part);
                for (number, is_further) in found.lexemes {
                    position += u32::from(*is_further && !found.is_part);
                    words.push((*number, Position::at(position, *weight)));
                }
            })?;
            if !is_read {
                return Ok(None);
            }
        }
        Ok(Some(build(words, &lexicon.lexemes)))
    })
}

/// Where in a text the words are that have the lexemes of any of the terms. The words are runs of letters
/// and digits, not Postgres' tokens: to find these takes as long as to parse the text. A name of several
/// is found as a whole by what it is in lower case.
pub fn marks(
    config: pg_sys::Oid,
    room: &mut PgMemoryContexts,
    text: &str,
    terms: &[Term],
) -> Result<Vec<Highlight>> {
    let context = room.value();
    // SAFETY: the entry lives as long as the backend.
    let entry = catch(|| unsafe { lookup_ts_config_cache(config) })?;
    let spelt = |lexeme: &[u8]| terms.iter().position(|term| term.is_of(lexeme));
    let has_prefixes = terms.iter().any(|term| term.is_prefix);
    with_lexicon(config, |lexicon| {
        let mut numbers: Vec<(u32, usize)> = Vec::with_capacity(terms.len());
        for (place, term) in terms.iter().enumerate().filter(|(_, term)| !term.is_prefix) {
            numbers.push((lexicon.number(&term.lexeme), place));
        }
        numbers.sort_unstable();
        let mut marks = Vec::new();
        for name in names_of(text) {
            check_for_interrupts();
            if let [(first, _), .., (last, word)] = name[..] {
                let (start, end) = (first, last + word.len());
                if let Some(term) = spelt(text[start..end].to_lowercase().as_bytes()) {
                    marks.push(Highlight { start, end, term });
                }
            }
            for (start, word) in name {
                let kind = kinds::of(word);
                // SAFETY: the configuration's entry.
                let asked = unsafe { dictionaries(entry, kind) };
                let mut term = None;
                let bytes = word.as_bytes();
                if !lexicon.look_up(asked, context, kind as usize, bytes, |known, spellings| {
                    term = known.iter().find_map(|(number, _)| match has_prefixes {
                        true => spelt(&spellings[*number as usize]),
                        false => {
                            let at = numbers.binary_search_by_key(number, |(number, _)| *number);
                            at.ok().map(|at| numbers[at].1)
                        }
                    });
                })? {
                    term = spelt(word.to_lowercase().as_bytes());
                }
                if let Some(term) = term {
                    marks.push(Highlight { start, end: start + word.len(), term });
                }
            }
        }
        Ok(marks)
    })
}

/// The runs of letters and digits in a text, with where they begin.
fn words_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + run(&text[at..], |c| !c.is_alphanumeric());
        at = start + run(&text[start..], char::is_alphanumeric);
        (start < at).then(|| (start, &text[start..at]))
    })
}

/// The words that stand together, without a blank between them.
fn names_of(text: &str) -> impl Iterator<Item = SmallVec<[(usize, &str); 1]>> {
    let mut words = words_of(text).peekable();
    std::iter::from_fn(move || {
        let mut name = SmallVec::from([words.next()?]);
        let mut end = name[0].0 + name[0].1.len();
        while let Some(word) = words.next_if(|(start, _)| {
            let between = &text[end..*start];
            !between.contains(char::is_whitespace)
        }) {
            end = word.0 + word.1.len();
            name.push(word);
        }
        Some(name)
    })
}

/// How many bytes of a text have characters like these, from its start.
fn run(text: &str, is_like: impl Fn(char) -> bool) -> usize {
    let ascii = text.bytes().take_while(|byte| byte.is_ascii() && is_like(char::from(*byte)));
    let ascii = ascii.count();
    let rest = &text[ascii..];
    match rest.bytes().next() {
        Some(byte) if !byte.is_ascii() => ascii + rest.find(|c| !is_like(c)).unwrap_or(rest.len()),
        _ => ascii,
    }
}

fn with_lexicon<T>(config: pg_sys::Oid, work: impl FnOnce(&mut Lexicon) -> Result<T>) -> Result<T> {
    LEXICONS.with_borrow_mut(|lexicons| {
        register();
        if IS_STALE.replace(false) {
            lexicons.clear();
        }
        if lexicons.values().map(|lexicon| lexicon.memory).sum::<usize>() > MAX_MEMORY {
            lexicons.clear();
        }
        work(lexicons.entry(config).or_default())
    })
}

/// A word that the dictionaries know, or a part of it.
struct Found<'a> {
    lexemes: &'a [(u32, bool)],
    is_part: bool,
}

/// The types of Postgres' own tokens that are split, and those that their parts are.
mod kinds {
    use std::ffi::c_int;

    pub const SPLIT: [c_int; 4] = [EMAIL, HOST, URL_PATH, FILE];
    const EMAIL: c_int = 4;
    const HOST: c_int = 6;
    const URL_PATH: c_int = 18;
    const FILE: c_int = 19;

    /// That of a part.
    pub fn of(part: &str) -> c_int {
        const ASCII_WORD: c_int = 1;
        const WORD: c_int = 2;
        const NUMBER_WORD: c_int = 3;
        const UNSIGNED: c_int = 22;
        match part {
            _ if part.bytes().all(|byte| byte.is_ascii_alphabetic()) => ASCII_WORD,
            _ if part.bytes().all(|byte| byte.is_ascii_digit()) => UNSIGNED,
            _ if part.chars().all(char::is_alphabetic) => WORD,
            _ => NUMBER_WORD,
        }
    }
}

/// A token as the parser gives it, within the text or the room.
#[derive(Clone, Copy)]
struct Token {
    kind: c_int,
    start: *const c_char,
    length: c_int,
}

impl Lexicon {
    /// Calls `each` for the words of a text; false if that has to be left to parsetext().
    fn read(
        &mut self,
        config: pg_sys::Oid,
        room: &mut PgMemoryContexts,
        text: &str,
        names: Names,
        mut each: impl FnMut(Found),
    ) -> Result<bool> {
        if self.reads_on {
            return Ok(false);
        }
        let context = room.value();
        let (start, length) = (text.as_ptr(), text.len());
        // SAFETY: the entries of the caches live as long as the backend; the parser reads a text and
        // keeps its state in the room.
        let (entry, parser, state) = catch(|| unsafe {
            pg_sys::CurrentMemoryContext = context;
            let entry = lookup_ts_config_cache(config);
            let parser = lookup_ts_parser_cache((*entry).prsId);
            let state = FunctionCall2Coll(
                &raw mut (*parser).prsstart,
                pg_sys::InvalidOid,
                start.into(),
                pg_sys::Datum::from(length),
            );
            (entry, parser, state)
        })?;
        // SAFETY: the configuration's entry.
        let is_default = unsafe { (*entry).prsId } == pg_sys::Oid::from(DEFAULT_PARSER);
        let batch = if is_default { BATCH } else { 1 };
        let mut tokens = [Token { kind: 0, start: std::ptr::null(), length: 0 }; BATCH];
        loop {
            let buffer = tokens.as_mut_ptr();
            // SAFETY: the parser's state, and room for so many tokens.
            let count = catch(|| unsafe {
                pg_sys::CurrentMemoryContext = context;
                fetch(parser, state, buffer, batch)
            })?;
            for token in &tokens[..count] {
                // SAFETY: a token is a part of the text, or of what the parser keeps of it.
                let word = unsafe {
                    std::slice::from_raw_parts(token.start.cast::<u8>(), token.length as usize)
                };
                // Servers differ in which words are too long for them.
                if word.len() + 1 >= MAX_LEXEME {
                    return Ok(false);
                }
                // SAFETY: the configuration's entry, looked up above.
                let asked = unsafe { dictionaries(entry, token.kind) };
                if asked.is_empty() {
                    continue;
                }
                let mut is_known = false;
                if !self.look_up(asked, context, token.kind as usize, word, |lexemes, _| {
                    is_known = true;
                    each(Found { lexemes, is_part: false });
                })? {
                    self.reads_on = true;
                    return Ok(false);
                }
                if !(names == Names::Split
                    && is_default
                    && is_known
                    && kinds::SPLIT.contains(&token.kind))
                {
                    continue;
                }
                for part in parts(word) {
                    let kind = kinds::of(part);
                    // SAFETY: as above.
                    let asked = unsafe { dictionaries(entry, kind) };
                    if !self.look_up(
                        asked,
                        context,
                        kind as usize,
                        part.as_bytes(),
                        |lexemes, _| each(Found { lexemes, is_part: true }),
                    )? {
                        self.reads_on = true;
                        return Ok(false);
                    }
                }
            }
            if count < batch {
                break;
            }
        }
        // SAFETY: the parser's state, which is not used after that.
        catch(|| unsafe {
            FunctionCall1Coll(&raw mut (*parser).prsend, pg_sys::InvalidOid, state);
        })?;
        Ok(true)
    }

    /// Calls `found` with the lexemes of a word, and how each number is spelt, unless no dictionary knows
    /// it; whether they speak for one word.
    fn look_up(
        &mut self,
        dictionaries: &[pg_sys::Oid],
        context: pg_sys::MemoryContext,
        kind: usize,
        word: &[u8],
        found: impl FnOnce(&[(u32, bool)], &[Box<[u8]>]),
    ) -> Result<bool> {
        if self.words.len() <= kind {
            self.words.resize_with(kind + 1, HashMap::default);
        }
        if let Some(known) = self.words[kind].get(word) {
            if let Some(lexemes) = known {
                found(lexemes, &self.lexemes);
            }
            return Ok(true);
        }
        let Some(lexemes) = self.ask(dictionaries, context, word)? else { return Ok(false) };
        if let Some(lexemes) = &lexemes {
            found(lexemes, &self.lexemes);
        }
        if word.len() <= MAX_WORD {
            // With what a map takes for each.
            self.memory +=
                2 * word.len() + 96 + lexemes.as_ref().map_or(0, |lexemes| 8 * lexemes.len());
            self.words[kind].insert(word.into(), lexemes);
        }
        Ok(true)
    }

    /// Asks the dictionaries in order, as LexizeExec() in ts_parse.c does for one word. None: one
    /// wants to read on; Some(None): none knows the word.
    fn ask(
        &mut self,
        dictionaries: &[pg_sys::Oid],
        context: pg_sys::MemoryContext,
        word: &[u8],
    ) -> Result<Option<Option<Lexemes>>> {
        let word = folded(std::str::from_utf8(word).unwrap_or_default());
        let (mut start, mut length) = (word.as_ptr().cast::<c_char>(), word.len() as c_int);
        for dictionary in dictionaries {
            let dictionary = *dictionary;
            // SAFETY: a dictionary of the configuration, and a word, which it only reads.
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
                return Ok(None);
            }
            if lexemes.is_null() {
                continue;
            }
            // SAFETY: an array that ends with one that has no lexeme; C strings.
            unsafe {
                if (*lexemes).flags & pg_sys::TSL_FILTER as u16 != 0 {
                    start = (*lexemes).lexeme;
                    length = CStr::from_ptr(start).count_bytes() as c_int;
                    continue;
                }
                let mut taken = Lexemes::new();
                let mut lexeme = lexemes;
                while !(*lexeme).lexeme.is_null() {
                    let spelt = CStr::from_ptr((*lexeme).lexeme).to_bytes();
                    let is_further = (*lexeme).flags & pg_sys::TSL_ADDPOS as u16 != 0;
                    // No vector has room for it.
                    if spelt.len() < MAX_LEXEME {
                        taken.push((self.number(spelt), is_further));
                    }
                    lexeme = lexeme.add(1);
                }
                return Ok(Some(Some(taken)));
            }
        }
        Ok(Some(None))
    }

    fn number(&mut self, spelt: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(spelt) {
            return *number;
        }
        let number = self.lexemes.len() as u32;
        self.memory += 3 * spelt.len() + 128;
        self.lexemes.push(spelt.into());
        self.numbers.insert(spelt.into(), number);
        number
    }
}

/// A text in which letters beyond ASCII are in lower case.
///
/// Dictionaries fold by the database's locale, and with LC_CTYPE C only ASCII. ASCII is left to them: a dictionary may
/// tell `US` from `us`.
pub fn folded(text: &str) -> Cow<'_, str> {
    match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().map(folded_letter).collect()),
    }
}

/// Unicode's simple mapping, which has one letter for each: `İ` is `i` alone.
fn folded_letter(c: char) -> char {
    if c.is_ascii() { c } else { c.to_lowercase().next().unwrap_or(c) }
}

/// The parts of a name, if there are more than one.
fn parts(name: &[u8]) -> impl Iterator<Item = &str> {
    let name = std::str::from_utf8(name).unwrap_or_default();
    let is_one = words_of(name).nth(1).is_none();
    words_of(name).map(|(_, part)| part).filter(move |_| !is_one)
}

/// Fetches so many tokens, or until there are no more; how many.
unsafe fn fetch(
    parser: *mut pg_sys::TSParserCacheEntry,
    state: pg_sys::Datum,
    tokens: *mut Token,
    batch: usize,
) -> usize {
    for count in 0..batch {
        let mut token = Token { kind: 0, start: std::ptr::null(), length: 0 };
        // SAFETY: the caller's parser and its state.
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

/// The dictionaries that a configuration asks about tokens of a kind.
unsafe fn dictionaries<'a>(
    config: *mut pg_sys::TSConfigCacheEntry,
    kind: c_int,
) -> &'a [pg_sys::Oid] {
    // SAFETY: the map has so many kinds, and each list so many dictionaries.
    unsafe {
        if kind >= (*config).lenmap {
            return &[];
        }
        let list = *(*config).map.add(kind as usize);
        if list.len == 0 {
            &[]
        } else {
            std::slice::from_raw_parts(list.dictIds, list.len as usize)
        }
    }
}

/// Has Postgres say when a configuration or a dictionary changes.
fn register() {
    use pg_sys::SysCacheIdentifier::{TSCONFIGMAP, TSCONFIGOID, TSDICTOID, TSPARSEROID};
    if IS_REGISTERED.replace(true) {
        return;
    }
    for cache in [TSCONFIGMAP, TSCONFIGOID, TSDICTOID, TSPARSEROID] {
        // SAFETY: a cache's number, and a function that sets a flag.
        unsafe {
            pg_sys::CacheRegisterSyscacheCallback(cache as c_int, Some(forget), 0.into());
        }
    }
}

unsafe extern "C-unwind" fn forget(_: pg_sys::Datum, _: c_int, _: u32) {
    IS_STALE.set(true);
}

unsafe extern "C-unwind" {
    fn lookup_ts_config_cache(config: pg_sys::Oid) -> *mut pg_sys::TSConfigCacheEntry;
    fn lookup_ts_parser_cache(parser: pg_sys::Oid) -> *mut pg_sys::TSParserCacheEntry;
    fn lookup_ts_dictionary_cache(dictionary: pg_sys::Oid) -> *mut pg_sys::TSDictionaryCacheEntry;
    fn FunctionCall1Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
    ) -> pg_sys::Datum;
    fn FunctionCall2Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
    ) -> pg_sys::Datum;
    fn FunctionCall3Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
    ) -> pg_sys::Datum;
    fn FunctionCall4Coll(
        function: *mut pg_sys::FmgrInfo,
        collation: pg_sys::Oid,
        first: pg_sys::Datum,
        second: pg_sys::Datum,
        third: pg_sys::Datum,
        fourth: pg_sys::Datum,
    ) -> pg_sys::Datum;
}
