//! Cache of lexemes: parses a text as Postgres' parsetext() does, but asks the dictionaries only once
//! for each word. Most words of a text are common ones, and the dictionaries are the most expensive
//! part of parsing.
//!
//! Names of files and hosts can also be split into their parts.
//!
//! The cache lives as long as the backend. It is cleared when a configuration or a dictionary changes.
//! A dictionary that needs the following words (a thesaurus) cannot be cached: its configurations are
//! left to parsetext().

use crate::pg::cache::Changes;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::scratch::Scratch;
use crate::pg::text_search::{self, Config, Lexized};
use carrel_core::ranking::{Highlight, Term};
use carrel_core::tsvector::{MAX_LEXEME, Position, Weight};
use pgrx::pg_sys;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_int;

/// Maximum bytes of a cached word.
const MAX_WORD: usize = 64;
/// Maximum estimated bytes of all lexicons; beyond, they are cleared.
const MAX_MEMORY: usize = 16 << 20;

/// Cache of one configuration: lexemes by number, and the lexemes of each word.
#[derive(Default)]
struct Lexicon {
    lexemes: Vec<Box<[u8]>>,
    numbers: HashMap<Box<[u8]>, u32, ahash::RandomState>,
    /// Lexemes by token type and word; None: no dictionary knows the word.
    words: Vec<HashMap<WordBytes, Option<WordLexemes>, ahash::RandomState>>,
    /// Estimated bytes.
    memory: usize,
    /// Set if a dictionary needs the following words: the configuration cannot be cached.
    is_uncacheable: bool,
}

/// Bytes of a word, in the map itself: most words are short, and following a pointer is the slowest
/// part of a lookup.
type WordBytes = SmallVec<[u8; 16]>;

/// Numbers of the lexemes of a word, each with true if it takes the next position. Empty: a stop word,
/// which takes a position as well.
type WordLexemes = SmallVec<[(u32, bool); 2]>;

/// Occurrence of a lexeme in a text: its number and its position.
pub type LexemePosition = (u32, Position);

thread_local! {
    static LEXICONS: RefCell<HashMap<pg_sys::Oid, Lexicon>> = RefCell::default();
    static CHANGES: Changes = const { text_search::changes() };
}

/// Treatment of names of files, hosts and the like.
#[derive(Clone, Copy, PartialEq)]
pub enum NameSplitting {
    /// `src/lib.rs` is one word, as in to_tsvector().
    Whole,
    /// `src/lib.rs` is also `src`, `lib` and `rs`, at the same position: people search for these.
    Split,
}

/// Calls `build` with the lexemes of consecutive texts, each text with its weight, and with the bytes
/// of each lexeme. Returns None if the texts have to be left to parsetext().
pub fn with_words<T>(
    config: pg_sys::Oid,
    scratch: &mut Scratch,
    texts: &[(&str, Weight)],
    names: NameSplitting,
    build: impl FnOnce(Vec<LexemePosition>, &[Box<[u8]>]) -> T,
) -> Result<Option<T>> {
    with_lexicon(config, |lexicon| {
        let mut words = Vec::new();
        let mut position = 0;
        for (text, weight) in texts {
            let is_cached = lexicon.for_each_word(config, scratch, text, names, |word| {
                position += u32::from(!word.is_part);
                for (number, is_next) in word.lexemes {
                    position += u32::from(*is_next && !word.is_part);
                    words.push((*number, Position::at(position, *weight)));
                }
            })?;
            if !is_cached {
                return Ok(None);
            }
        }
        Ok(Some(build(words, &lexicon.lexemes)))
    })
}

/// Finds the words in a text that have a lexeme of any of the terms.
///
/// Words are runs of letters and digits here, not Postgres' tokens: finding tokens would take as long
/// as parsing the text. A name of several words is compared in lower case as a whole.
pub fn highlights(
    config: pg_sys::Oid,
    scratch: &mut Scratch,
    text: &str,
    terms: &[Term],
) -> Result<Vec<Highlight>> {
    let configuration = Config::find(config)?;
    let term_of = |lexeme: &[u8]| terms.iter().position(|term| term.is_of(lexeme));
    let has_prefixes = terms.iter().any(|term| term.is_prefix);
    with_lexicon(config, |lexicon| {
        let mut numbers: Vec<(u32, usize)> = Vec::with_capacity(terms.len());
        for (index, term) in terms.iter().enumerate().filter(|(_, term)| !term.is_prefix) {
            numbers.push((lexicon.number(&term.lexeme), index));
        }
        numbers.sort_unstable();
        let mut highlights = Vec::new();
        for name in names_of(text) {
            check_for_interrupts();
            if let [(first, _), .., (last, word)] = name[..] {
                let (start, end) = (first, last + word.len());
                if let Some(term) = term_of(text[start..end].to_lowercase().as_bytes()) {
                    highlights.push(Highlight { start, end, term });
                }
            }
            for (start, word) in name {
                let token_type = token_types::of_part(word);
                let mut term = None;
                let bytes = word.as_bytes();
                if !lexicon.look_up(
                    configuration,
                    scratch,
                    token_type,
                    bytes,
                    |known, lexemes| {
                        term = known.iter().find_map(|(number, _)| match has_prefixes {
                            true => term_of(&lexemes[*number as usize]),
                            false => {
                                let at =
                                    numbers.binary_search_by_key(number, |(number, _)| *number);
                                at.ok().map(|at| numbers[at].1)
                            }
                        });
                    },
                )? {
                    term = term_of(word.to_lowercase().as_bytes());
                }
                if let Some(term) = term {
                    highlights.push(Highlight { start, end: start + word.len(), term });
                }
            }
        }
        Ok(highlights)
    })
}

/// Runs of letters and digits in a text, with their offsets.
fn words_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + run(&text[at..], |c| !c.is_alphanumeric());
        at = start + run(&text[start..], char::is_alphanumeric);
        (start < at).then(|| (start, &text[start..at]))
    })
}

/// Groups of words without white space between them.
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

/// Number of bytes at the start of a text whose characters match.
fn run(text: &str, matches: impl Fn(char) -> bool) -> usize {
    let ascii = text.bytes().take_while(|byte| byte.is_ascii() && matches(char::from(*byte)));
    let ascii = ascii.count();
    let rest = &text[ascii..];
    match rest.bytes().next() {
        Some(byte) if !byte.is_ascii() => ascii + rest.find(|c| !matches(c)).unwrap_or(rest.len()),
        _ => ascii,
    }
}

fn with_lexicon<T>(config: pg_sys::Oid, work: impl FnOnce(&mut Lexicon) -> Result<T>) -> Result<T> {
    LEXICONS.with_borrow_mut(|lexicons| {
        if Changes::take(&CHANGES) {
            lexicons.clear();
        }
        if lexicons.values().map(|lexicon| lexicon.memory).sum::<usize>() > MAX_MEMORY {
            lexicons.clear();
        }
        work(lexicons.entry(config).or_default())
    })
}

/// Word that a dictionary knows, or a part of a name.
struct KnownWord<'a> {
    lexemes: &'a [(u32, bool)],
    is_part: bool,
}

/// Token types of Postgres' default parser.
mod token_types {
    use std::ffi::c_int;

    /// Types of names that are split.
    pub const SPLIT: [c_int; 4] = [EMAIL, HOST, URL_PATH, FILE];
    const EMAIL: c_int = 4;
    const HOST: c_int = 6;
    const URL_PATH: c_int = 18;
    const FILE: c_int = 19;

    /// Type of a part of a name.
    pub fn of_part(part: &str) -> c_int {
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

impl Lexicon {
    /// Calls `each` for the known words of a text. Returns false if the text has to be left to
    /// parsetext().
    fn for_each_word(
        &mut self,
        config: pg_sys::Oid,
        scratch: &mut Scratch,
        text: &str,
        names: NameSplitting,
        mut each: impl FnMut(KnownWord),
    ) -> Result<bool> {
        if self.is_uncacheable {
            return Ok(false);
        }
        let configuration = Config::find(config)?;
        let splits = names == NameSplitting::Split && configuration.has_default_parser();
        configuration.tokens(scratch, text, |scratch, token_type, word| {
            // Versions of Postgres differ in the words that they refuse as too long.
            if word.len() + 1 >= MAX_LEXEME {
                return Ok(false);
            }
            if configuration.dictionary_count(token_type) == 0 {
                return Ok(true);
            }
            let mut is_known = false;
            if !self.look_up(configuration, scratch, token_type, word, |lexemes, _| {
                is_known = true;
                each(KnownWord { lexemes, is_part: false });
            })? {
                self.is_uncacheable = true;
                return Ok(false);
            }
            if !(splits && is_known && token_types::SPLIT.contains(&token_type)) {
                return Ok(true);
            }
            for part in parts(word) {
                if !self.look_up(
                    configuration,
                    scratch,
                    token_types::of_part(part),
                    part.as_bytes(),
                    |lexemes, _| {
                        each(KnownWord { lexemes, is_part: true });
                    },
                )? {
                    self.is_uncacheable = true;
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Calls `found` with the lexemes of a word, and the bytes of each lexeme, if a dictionary knows the
    /// word. Returns false if a dictionary needs the following words.
    fn look_up(
        &mut self,
        config: Config,
        scratch: &mut Scratch,
        token_type: c_int,
        word: &[u8],
        found: impl FnOnce(&[(u32, bool)], &[Box<[u8]>]),
    ) -> Result<bool> {
        let index = usize::try_from(token_type).unwrap_or(0);
        if self.words.len() <= index {
            self.words.resize_with(index + 1, HashMap::default);
        }
        if let Some(known) = self.words[index].get(word) {
            if let Some(lexemes) = known {
                found(lexemes, &self.lexemes);
            }
            return Ok(true);
        }
        let Some(lexemes) = self.lexize(config, scratch, token_type, word)? else {
            return Ok(false);
        };
        if let Some(lexemes) = &lexemes {
            found(lexemes, &self.lexemes);
        }
        if word.len() <= MAX_WORD {
            // 96 bytes: overhead of a map entry.
            self.memory +=
                2 * word.len() + 96 + lexemes.as_ref().map_or(0, |lexemes| 8 * lexemes.len());
            self.words[index].insert(word.into(), lexemes);
        }
        Ok(true)
    }

    /// Asks the dictionaries for the lexemes of a word. Some(None): no dictionary knows it. None: a
    /// dictionary needs the following words.
    fn lexize(
        &mut self,
        config: Config,
        scratch: &mut Scratch,
        token_type: c_int,
        word: &[u8],
    ) -> Result<Option<Option<WordLexemes>>> {
        let word = folded(std::str::from_utf8(word).unwrap_or_default());
        let mut lexemes = WordLexemes::new();
        let answer = config.lexize(scratch, token_type, &word, |lexeme, is_next| {
            // A tsvector cannot hold longer lexemes.
            if lexeme.len() < MAX_LEXEME {
                lexemes.push((self.number(lexeme), is_next));
            }
        })?;
        Ok(match answer {
            Lexized::Known => Some(Some(lexemes)),
            Lexized::Unknown => Some(None),
            Lexized::ReadsOn => None,
        })
    }

    /// Number of a lexeme; a new lexeme gets the next one.
    fn number(&mut self, lexeme: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(lexeme) {
            return *number;
        }
        let number = self.lexemes.len() as u32;
        self.memory += 3 * lexeme.len() + 128;
        self.lexemes.push(lexeme.into());
        self.numbers.insert(lexeme.into(), number);
        number
    }
}

/// Folds letters beyond ASCII to lower case.
///
/// Dictionaries fold by the database's locale; with LC_CTYPE C they fold only ASCII. ASCII is left to
/// them: a dictionary may distinguish `US` from `us`.
pub fn folded(text: &str) -> Cow<'_, str> {
    match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().map(folded_letter).collect()),
    }
}

/// Folds a letter by Unicode's simple mapping, which gives one letter: `İ` becomes `i`.
fn folded_letter(c: char) -> char {
    if c.is_ascii() { c } else { c.to_lowercase().next().unwrap_or(c) }
}

/// Words of a name, if it has more than one.
fn parts(name: &[u8]) -> impl Iterator<Item = &str> {
    let name = std::str::from_utf8(name).unwrap_or_default();
    let is_one = words_of(name).nth(1).is_none();
    words_of(name).map(|(_, part)| part).filter(move |_| !is_one)
}
