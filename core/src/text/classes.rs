//! Classes of bytes and characters.

use icu_properties::props::{
    DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, GeneralCategory,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_segmentation::UnicodeSegmentation;

use super::word::MAX_WORD;

pub(super) const LOWER: u8 = 1;
pub(super) const UPPER: u8 = 2;
pub(super) const DIGIT: u8 = 4;
/// ASCII sign that joins words (`a.b`), or begins or ends one (`#tag`, `c++`).
pub(super) const JOIN: u8 = 8;
/// Byte of a character that is not ASCII.
pub(super) const HIGH: u8 = 16;
pub(super) const LETTER: u8 = LOWER | UPPER;
pub(super) const ALNUM: u8 = LETTER | DIGIT;

/// Class of each byte. 0: blank or sign that always ends a word.
pub(super) const CLASS: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'.' | b'_' | b'-' | b'/' | b'\\' | b':' | b'@' | b'&' | b'#' | b'~' | b'+' | b'\'' => {
                JOIN
            }
            0x80.. => HIGH,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Class of the byte at `at`; 0 at the end.
#[inline]
pub(super) fn class_at(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).map_or(0, |&byte| CLASS[usize::from(byte)])
}

pub(super) fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..).and_then(|rest| rest.chars().next())
}

/// Class of a letter, digit or mark, by its general category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Lower,
    Upper,
    /// Letter without case.
    Letter,
    /// Letter that changes another one, as `ʻ` does.
    Modifier,
    Digit,
    Mark,
    Other,
}

/// Class of a character. The tables are ICU4X's: those of Rust change with the compiler.
pub(super) fn class(c: char) -> Class {
    use GeneralCategory::*;
    match c {
        'a'..='z' => return Class::Lower,
        'A'..='Z' => return Class::Upper,
        '0'..='9' => return Class::Digit,
        '\0'..='\u{7F}' => return Class::Other,
        _ => {}
    }
    match CodePointMapData::<GeneralCategory>::new().get(c) {
        LowercaseLetter => Class::Lower,
        UppercaseLetter | TitlecaseLetter => Class::Upper,
        OtherLetter => Class::Letter,
        ModifierLetter => Class::Modifier,
        DecimalNumber | LetterNumber | OtherNumber => Class::Digit,
        NonspacingMark | EnclosingMark | SpacingMark => Class::Mark,
        _ => Class::Other,
    }
}

pub(super) fn is_letter(c: char) -> bool {
    matches!(class(c), Class::Lower | Class::Upper | Class::Letter | Class::Modifier)
}

pub(super) fn is_digit(c: char) -> bool {
    class(c) == Class::Digit
}

pub(super) fn is_mark(c: char) -> bool {
    c >= '\u{300}' && class(c) == Class::Mark
}

/// True for a default-ignorable character. Most others are told without the table.
pub(super) fn is_ignorable(c: char) -> bool {
    match c {
        '\u{AD}' | '\u{34F}' | '\u{61C}' => true,
        ..='\u{115E}' => false,
        '\u{3165}'..='\u{FDFF}' | '\u{20000}'..='\u{DFFFF}' => false,
        _ => CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c),
    }
}

/// True for a pictograph that is looked for by itself. Signs of Latin-1 (`©`) are not.
pub(super) fn is_pictograph(c: char) -> bool {
    c > '\u{FF}' && CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

/// True for a skin tone.
pub(super) fn is_modifier(c: char) -> bool {
    c > '\u{FF}' && CodePointSetData::new::<EmojiModifier>().contains(c)
}

/// True for half of a flag.
pub(super) fn is_flag_half(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

/// True for Chinese, Japanese, Thai, Lao, Khmer and Burmese: words without blanks between them.
pub(super) fn is_unspaced(c: char) -> bool {
    match c {
        ..'\u{E00}' => false,
        // Thai and Lao; not the sign for baht.
        '\u{E3F}' => false,
        '\u{E00}'..='\u{EFF}' => true,
        // Burmese, with its extensions; Khmer.
        '\u{1000}'..='\u{109F}' | '\u{A9E0}'..='\u{A9FF}' | '\u{AA60}'..='\u{AA7F}' => true,
        '\u{1780}'..='\u{17FF}' => true,
        // Iteration marks and zero of Han; Kana, without the middle dot.
        '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303C}' => true,
        '\u{30FB}' | '\u{30A0}' => false,
        '\u{3041}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{1AFF0}'..='\u{1B16F}' => true,
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' => true,
        '\u{20000}'..='\u{3FFFF}' => true,
        _ => false,
    }
}

pub(super) fn is_hangul(c: char) -> bool {
    matches!(c, '\u{AC00}'..='\u{D7A3}')
}

/// True for a part of a Hangul syllable.
pub(super) fn is_jamo(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11FF}' | '\u{3131}'..='\u{318E}'
        | '\u{A960}'..='\u{A97C}' | '\u{D7B0}'..='\u{D7FB}')
}

/// True for a character that a word with blanks around it may begin with.
pub(super) fn begins_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    !is_unspaced(c) && !matches!(class(c), Class::Mark | Class::Other)
}

/// True for a character that a word may go on with, as far as one character tells. UAX #29 decides.
pub(super) fn continues_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    is_mid_letter(c) || is_mark(c) || begins_word(c)
}

/// True for a sign that a word has between letters: Catalan `·`, Greek ano teleia, Hebrew geresh and
/// gershayim, hyphenation point.
pub(super) fn is_mid_letter(c: char) -> bool {
    matches!(c, '\u{B7}' | '\u{387}' | '\u{5F3}' | '\u{5F4}' | '\u{2027}')
}

/// End of the letters and digits that begin at `start`: ASCII ones all, others by UAX #29. At most
/// [`MAX_WORD`] bytes.
pub(super) fn word_end(source: &str, start: usize) -> usize {
    let most = source.floor_char_boundary((start + MAX_WORD).min(source.len()));
    let rest = &source[start..most];
    let plain = rest.char_indices().find(|&(_, c)| !is_plain_letter(c));
    let length = match plain {
        Some((at, c)) if !continues_word(c) => at,
        Some(_) => {
            let length = rest.find(|c| !continues_word(c)).unwrap_or(rest.len());
            rest[..length].split_word_bounds().next().map_or(length, str::len)
        }
        None => rest.len(),
    };
    start + length
}

/// True for ASCII letters and digits, and letters between which UAX #29 has no boundary: Latin, Greek,
/// Cyrillic, Hebrew, Arabic and Hangul.
fn is_plain_letter(c: char) -> bool {
    match c {
        ..'\u{80}' => c.is_ascii_alphanumeric(),
        '\u{C0}'..='\u{52F}' | '\u{5D0}'..='\u{5EA}' | '\u{620}'..='\u{6D3}' => is_letter(c),
        '\u{1E00}'..='\u{1FFF}' | '\u{AC00}'..='\u{D7A3}' => is_letter(c),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uax_29_has_no_boundary_between_plain_letters() {
        for c in ('\u{80}'..=char::MAX).filter(|&c| is_plain_letter(c)) {
            for (before, after) in [('a', '1'), ('я', 'ש'), ('ب', '한'), (c, c)] {
                let word = String::from_iter([before, c, after]);
                assert_eq!(word.split_word_bounds().count(), 1, "{c:?}");
            }
        }
    }

    #[test]
    fn ignorable_characters_are_all_those_of_the_table() {
        let table = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        for c in '\0'..=char::MAX {
            assert_eq!(is_ignorable(c), table.contains(c), "{c:?}");
        }
    }
}
