//! Forms without accents: `zurich` of `zürich`.

use icu_normalizer::properties::{CanonicalDecompositionBorrowed, Decomposed};

use super::classes::is_mark;

/// Writes the form of a folded word without accents, points and strokes. Returns false if the word
/// has none.
pub(super) fn unaccent(word: &str, form: &mut String) -> bool {
    form.clear();
    if word.is_ascii() {
        return false;
    }
    push_unaccented(word, form);
    *form != word && !form.is_empty()
}

/// A folded word without accents, points and strokes.
pub fn unaccented(word: &str) -> String {
    let mut form = String::with_capacity(word.len());
    push_unaccented(word, &mut form);
    form
}

fn push_unaccented(word: &str, form: &mut String) {
    let mut unaccenter = Unaccenter::default();
    for c in word.chars() {
        match unaccenter.next(c) {
            Letters::None => {}
            Letters::One(letter) => form.push(letter),
            Letters::Many(letters) => form.push_str(letters),
        }
    }
}

/// Takes the accents, points and strokes from the characters of a folded word, one after the other.
///
/// Scripts whose marks are left out by many writers: Latin, Greek, Cyrillic, Hebrew, Arabic. Marks of
/// other scripts are vowels or change the consonant; they stay.
#[derive(Clone, Copy, Debug)]
pub struct Unaccenter {
    /// By the script of the last letter.
    drops_marks: bool,
    is_cyrillic: bool,
}

/// Letters left of a character.
#[derive(Clone, Copy, Debug)]
pub enum Letters {
    None,
    One(char),
    Many(&'static str),
}

impl Default for Unaccenter {
    fn default() -> Self {
        Self { drops_marks: true, is_cyrillic: false }
    }
}

impl Unaccenter {
    /// Letters that the next character of the word leaves.
    pub fn next(&mut self, c: char) -> Letters {
        if c.is_ascii_lowercase() {
            *self = Self::default();
            return Letters::One(c);
        }
        let is_dropped = match c {
            // Ukrainian and Belarusian: `п'ять`, often written without.
            '\'' => self.is_cyrillic,
            _ => self.drops_marks && (is_sign(c) || is_mark(c)),
        };
        if is_dropped {
            return Letters::None;
        }
        if !is_mark(c) {
            self.drops_marks = has_droppable_marks(c);
            self.is_cyrillic = matches!(c, '\u{400}'..='\u{52F}');
        }
        match plain(c) {
            Some(letters) => Letters::Many(letters),
            None if self.drops_marks && !c.is_ascii() => Letters::One(base(c)),
            None => Letters::One(c),
        }
    }
}

/// Letter without its marks.
fn base(c: char) -> char {
    let decomposition = CanonicalDecompositionBorrowed::new();
    let mut base = c;
    // Writers do not leave out the breve of й, which is a letter of its own.
    while base != 'й' {
        match decomposition.decompose(base) {
            Decomposed::Expansion(first, _) => base = first,
            Decomposed::Singleton(other) => base = other,
            Decomposed::Default => break,
        }
    }
    base
}

/// True for signs of transliteration (`ʾ`) and for tatweel, which only stretches a word.
fn is_sign(c: char) -> bool {
    matches!(c, '\u{2B9}'..='\u{2BF}' | '\u{640}')
}

fn has_droppable_marks(c: char) -> bool {
    matches!(c,
        'a'..='z' | '\u{C0}'..='\u{24F}' | '\u{250}'..='\u{2AF}' | '\u{1E00}'..='\u{1EFF}'
        | '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}'
        | '\u{400}'..='\u{52F}'
        | '\u{5D0}'..='\u{5F2}'
        | '\u{620}'..='\u{6D3}' | '\u{6D5}'..='\u{6FF}' | '\u{750}'..='\u{77F}')
}

/// ASCII for Latin letters that Unicode does not decompose, as Lucene's ASCIIFoldingFilter and
/// PostgreSQL's unaccent have it.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ø' | 'ǿ' | 'ɔ' => "o",
        'ł' | 'ƚ' | 'ɫ' => "l",
        'đ' | 'ð' | 'ɖ' | 'ɗ' => "d",
        'ħ' => "h",
        'ı' | 'ɨ' => "i",
        'ŧ' | 'ƭ' | 'ʈ' => "t",
        'æ' | 'ǽ' | 'ǣ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ŋ' | 'ɲ' | 'ƞ' => "n",
        'ĸ' | 'ƙ' => "k",
        'ƀ' | 'ɓ' => "b",
        'ƈ' => "c",
        'ə' | 'ɛ' | 'ǝ' => "e",
        'ƒ' => "f",
        'ɠ' | 'ǥ' => "g",
        'ɉ' => "j",
        'ɍ' => "r",
        'ʉ' => "u",
        'ʋ' => "v",
        'ƴ' | 'ɏ' => "y",
        'ƶ' => "z",
        _ => return None,
    })
}
