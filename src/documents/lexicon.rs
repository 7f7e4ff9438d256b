//! From a text to its lexemes, as parsetext() does, but asking the dictionaries once for each word:
//! a text has few words that are not common, and the dictionaries are the dearest part of parsing.
//!
//! Beyond that, names of files and hosts can be split into their parts.
//!
//! What they said is kept for the backend's life, and forgotten when a configuration or a dictionary
//! changes. Dictionaries that read on (a thesaurus) don't speak for one word; configurations with
//! such a one are left to parsetext().

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

/// Words that are longer are not remembered.
const MAX_WORD: usize = 64;
/// How much is remembered, of all configurations, before it is forgotten: about so many bytes.
const MAX_MEMORY: usize = 16 << 20;

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
    static CHANGES: Changes = const { text_search::changes() };
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
    scratch: &mut Scratch,
    texts: &[(&str, Weight)],
    names: Names,
    build: impl FnOnce(Vec<Word>, &[Box<[u8]>]) -> T,
) -> Result<Option<T>> {
    with_lexicon(config, |lexicon| {
        let mut words = Vec::new();
        let mut position = 0;
        for (text, weight) in texts {
            let is_read = lexicon.read(config, scratch, text, names, |found| {
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
    scratch: &mut Scratch,
    text: &str,
    terms: &[Term],
) -> Result<Vec<Highlight>> {
    let asked = Config::find(config)?;
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
                let mut term = None;
                let bytes = word.as_bytes();
                if !lexicon.look_up(asked, scratch, kind, bytes, |known, spellings| {
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
        if Changes::take(&CHANGES) {
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

impl Lexicon {
    /// Calls `each` for the words of a text; false if that has to be left to parsetext().
    fn read(
        &mut self,
        config: pg_sys::Oid,
        scratch: &mut Scratch,
        text: &str,
        names: Names,
        mut each: impl FnMut(Found),
    ) -> Result<bool> {
        if self.reads_on {
            return Ok(false);
        }
        let asked = Config::find(config)?;
        let splits = names == Names::Split && asked.has_default_parser();
        asked.tokens(scratch, text, |scratch, kind, word| {
            // Servers differ in which words are too long for them.
            if word.len() + 1 >= MAX_LEXEME {
                return Ok(false);
            }
            if asked.dictionary_count(kind) == 0 {
                return Ok(true);
            }
            let mut is_known = false;
            if !self.look_up(asked, scratch, kind, word, |lexemes, _| {
                is_known = true;
                each(Found { lexemes, is_part: false });
            })? {
                self.reads_on = true;
                return Ok(false);
            }
            if !(splits && is_known && kinds::SPLIT.contains(&kind)) {
                return Ok(true);
            }
            for part in parts(word) {
                if !self.look_up(
                    asked,
                    scratch,
                    kinds::of(part),
                    part.as_bytes(),
                    |lexemes, _| {
                        each(Found { lexemes, is_part: true });
                    },
                )? {
                    self.reads_on = true;
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Calls `found` with the lexemes of a word, and how each number is spelt, unless no dictionary knows
    /// it; whether they speak for one word.
    fn look_up(
        &mut self,
        config: Config,
        scratch: &mut Scratch,
        kind: c_int,
        word: &[u8],
        found: impl FnOnce(&[(u32, bool)], &[Box<[u8]>]),
    ) -> Result<bool> {
        let index = usize::try_from(kind).unwrap_or(0);
        if self.words.len() <= index {
            self.words.resize_with(index + 1, HashMap::default);
        }
        if let Some(known) = self.words[index].get(word) {
            if let Some(lexemes) = known {
                found(lexemes, &self.lexemes);
            }
            return Ok(true);
        }
        let Some(lexemes) = self.ask(config, scratch, kind, word)? else { return Ok(false) };
        if let Some(lexemes) = &lexemes {
            found(lexemes, &self.lexemes);
        }
        if word.len() <= MAX_WORD {
            // With what a map takes for each.
            self.memory +=
                2 * word.len() + 96 + lexemes.as_ref().map_or(0, |lexemes| 8 * lexemes.len());
            self.words[index].insert(word.into(), lexemes);
        }
        Ok(true)
    }

    /// Asks the dictionaries about a word. None: one wants to read on; Some(None): none knows it.
    fn ask(
        &mut self,
        config: Config,
        scratch: &mut Scratch,
        kind: c_int,
        word: &[u8],
    ) -> Result<Option<Option<Lexemes>>> {
        let word = folded(std::str::from_utf8(word).unwrap_or_default());
        let mut lexemes = Lexemes::new();
        let answer = config.lexize(scratch, kind, &word, |lexeme, is_further| {
            // A longer lexeme fits in no vector.
            if lexeme.len() < MAX_LEXEME {
                lexemes.push((self.number(lexeme), is_further));
            }
        })?;
        Ok(match answer {
            Lexized::Known => Some(Some(lexemes)),
            Lexized::Unknown => Some(None),
            Lexized::ReadsOn => None,
        })
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
