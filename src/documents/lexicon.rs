//! Words of a text and their lexemes: the analyzer finds the words, the dictionaries of a
//! configuration give the lexemes of each.
//!
//! The dictionaries are asked only once for each word: most words of a text are common ones, and the
//! dictionaries are the most expensive part. The cache lives as long as the backend. It is cleared when
//! a configuration or a dictionary changes.
//!
//! A configuration with a parser of its own is used whole: its parser finds the words. A dictionary
//! that needs the following words (a thesaurus) cannot be cached: its configurations are left to
//! Postgres' parsetext().

use crate::pg::cache::Changes;
use crate::pg::error::{Result, check_for_interrupts};
use crate::pg::scratch::Scratch;
use crate::pg::text_search::{self, Config, Lexized};
use carrel_core::ranking::{Highlight, Term};
use carrel_core::text::{self, Role, Variant, Word};
use carrel_core::tsvector::{MAX_LEXEME, Position, Weight};
use carrel_core::vocabulary::Beginning;
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

/// Word of a text with the lexemes that the dictionaries give it.
pub struct LexizedWord<'a> {
    /// Numbers of the lexemes, each with true if it takes the next position. Empty: a stop word.
    numbers: &'a [(u32, bool)],
    /// Normalised form.
    pub form: &'a str,
    /// Bytes in the text, as written; None with a parser that is not Postgres' default.
    pub span: Option<(usize, usize)>,
    /// Position in the text, from 1.
    pub position: u32,
    pub role: Role,
    pub variant: Variant,
}

/// Calls `build` with the lexemes of consecutive texts, each text with its weight, and with the bytes
/// of each lexeme. Returns None if the texts have to be left to parsetext().
pub fn with_words<T>(
    config: pg_sys::Oid,
    scratch: &mut Scratch,
    texts: &[(&str, Weight)],
    build: impl FnOnce(Vec<LexemePosition>, &[Box<[u8]>]) -> T,
) -> Result<Option<T>> {
    with_lexicon(config, |lexicon| {
        let mut words = Vec::new();
        let mut last = 0;
        for (text, weight) in texts {
            let before = last;
            let is_cached = lexicon.for_each_word(config, scratch, text, |word, _| {
                let mut position = before + word.position;
                for (number, is_next) in word.numbers {
                    position += u32::from(*is_next);
                    words.push((*number, Position::at(position, *weight)));
                }
                last = last.max(position);
            })?;
            if !is_cached {
                return Ok(None);
            }
        }
        Ok(Some(build(words, &lexicon.lexemes)))
    })
}

/// Calls `each` with the words of a text that a dictionary knows, in order, and with the lexemes of
/// each: none for a stop word. Returns false if the text has to be left to parsetext().
pub fn for_each_word(
    config: pg_sys::Oid,
    scratch: &mut Scratch,
    text: &str,
    mut each: impl FnMut(&LexizedWord, Vec<&[u8]>),
) -> Result<bool> {
    with_lexicon(config, |lexicon| {
        lexicon.for_each_word(config, scratch, text, |word, lexemes| {
            let of_word = word.numbers.iter().map(|(number, _)| &*lexemes[*number as usize]);
            each(&word, of_word.collect());
        })
    })
}

/// Finds the words in a text that any of the terms matches.
pub fn highlights(
    config: pg_sys::Oid,
    scratch: &mut Scratch,
    text: &str,
    terms: &[Term],
) -> Result<Vec<Highlight>> {
    with_lexicon(config, |lexicon| {
        let mut numbers: Vec<(u32, usize)> = Vec::with_capacity(terms.len());
        let mut beginnings: Vec<(&Beginning, usize)> = Vec::new();
        for (index, term) in terms.iter().enumerate() {
            match term {
                Term::Prefix { beginning, .. } => beginnings.push((beginning, index)),
                term => numbers.extend(term.lexemes().map(|of| (lexicon.number(of), index))),
            }
        }
        numbers.sort_unstable();
        let mut highlights = Vec::new();
        lexicon.for_each_word(config, scratch, text, |word, _| {
            let Some((start, end)) = word.span else { return };
            let of_lexeme = word.numbers.iter().find_map(|(number, _)| {
                let at = numbers.binary_search_by_key(number, |(number, _)| *number).ok()?;
                Some(numbers[at].1)
            });
            let begun = || beginnings.iter().find(|(beginning, _)| beginning.is_of(word.form));
            if let Some(term) = of_lexeme.or_else(|| begun().map(|(_, term)| *term)) {
                highlights.push(Highlight { start, end, term, position: word.position });
            }
        })?;
        Ok(highlights)
    })
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

impl Lexicon {
    /// Calls `each` for the words of a text that a dictionary knows, with the bytes of all lexemes.
    /// Returns false if the text has to be left to parsetext().
    fn for_each_word(
        &mut self,
        config: pg_sys::Oid,
        scratch: &mut Scratch,
        text: &str,
        mut each: impl FnMut(LexizedWord, &[Box<[u8]>]),
    ) -> Result<bool> {
        if self.is_uncacheable {
            return Ok(false);
        }
        let configuration = Config::find(config)?;
        if !configuration.has_default_parser() {
            return self.for_each_token(configuration, scratch, text, each);
        }
        let mut outcome = Ok(true);
        text::analyze(text, check_for_interrupts, |word| {
            let token_type = word.kind as c_int;
            if !matches!(outcome, Ok(true)) || configuration.dictionary_count(token_type) == 0 {
                return;
            }
            let form = word.form.as_bytes();
            outcome = self.look_up(configuration, scratch, token_type, form, |numbers, lexemes| {
                let span = Some((word.start, word.end));
                let Word { form, position, role, variant, .. } = word;
                each(LexizedWord { numbers, form, span, position, role, variant }, lexemes);
            });
        });
        self.is_uncacheable = matches!(outcome, Ok(false));
        outcome
    }

    /// As [`Self::for_each_word`], with the configuration's own parser.
    fn for_each_token(
        &mut self,
        configuration: Config,
        scratch: &mut Scratch,
        text: &str,
        mut each: impl FnMut(LexizedWord, &[Box<[u8]>]),
    ) -> Result<bool> {
        let mut position = 0;
        configuration.tokens(scratch, text, |scratch, token_type, word| {
            // Versions of Postgres differ in the words that they refuse as too long.
            if word.len() + 1 >= MAX_LEXEME {
                return Ok(false);
            }
            if configuration.dictionary_count(token_type) == 0 {
                return Ok(true);
            }
            let is_cached =
                self.look_up(configuration, scratch, token_type, word, |numbers, lexemes| {
                    position += 1;
                    let form = std::str::from_utf8(word).unwrap_or_default();
                    let (role, variant) = (Role::Word, Variant::Written);
                    each(
                        LexizedWord { numbers, form, span: None, position, role, variant },
                        lexemes,
                    );
                    position += numbers.iter().filter(|(_, is_next)| *is_next).count() as u32;
                })?;
            self.is_uncacheable |= !is_cached;
            Ok(is_cached)
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
