//! Invariants of the words of any text.

use carrel_core::text::{Kind, MAX_WORD, Role, Variant, normalize};

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

use crate::words::{Found, moved, words};

/// Combining mark that folds to a letter.
const IOTA_BELOW: char = '\u{345}';

/// Panics with the text if an invariant fails.
pub fn check(text: &str) {
    let found = words(text);
    let mut last = 0;
    for word in &found {
        assert!(!word.form.is_empty() && word.form.len() <= MAX_WORD, "{word:?} of {text:?}");
        assert!(word.form.contains(|c: char| !c.is_whitespace()), "{word:?} of {text:?}");
        assert!(
            word.start < word.end && text.get(word.start..word.end).is_some(),
            "{word:?} of {text:?}"
        );
        // Every position from 1 to the last has words.
        assert!(word.position == last || word.position == last + 1, "{word:?} of {text:?}");
        last = word.position;
        check_written(text, word);
    }
    check_order(text, &found);
}

/// The text between the offsets gives the word, unless the word is another form of it.
fn check_written(text: &str, word: &Found) {
    let slice = &text[word.start..word.end];
    let written = normalize(slice);
    let is_grouped =
        word.form.contains(|c: char| c.is_ascii_digit()) && written.contains([',', '.', '\'', '_']);
    if word.variant != Variant::Written || is_grouped || word.form.len() + 64 > MAX_WORD {
        return;
    }
    // An emoji has parts.
    let is_emoji = !word.form.contains(char::is_alphanumeric) || slice.contains('\u{200D}');
    let fits = match is_emoji || slice.contains(shares_offsets) {
        true => written.contains(&word.form),
        // Marks after digits and signs are no part of the word, but have no offset of their own.
        false => written.trim_end_matches(is_mark) == word.form.trim_end_matches(is_mark),
    };
    assert!(fits, "{word:?}, written {written:?}, of {text:?}");
}

/// True for a character that stands for several, or is in one grapheme cluster with other words.
fn shares_offsets(c: char) -> bool {
    let is_joined = matches!(c, IOTA_BELOW | '\u{1F3FB}'..='\u{1F3FF}' | '\u{1100}'..='\u{11FF}' | '\u{FFA1}'..='\u{FFDC}');
    is_joined || normalize(c.encode_utf8(&mut [0; 4])).chars().nth(1).is_some()
}

fn is_mark(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Mark.contains(category)
}

/// Wholes come before their parts, which begin in order.
fn check_order(text: &str, found: &[Found]) {
    let parts = found.iter().filter(|word| {
        word.variant == Variant::Written && matches!(word.role, Role::Word | Role::Part)
    });
    let mut start = 0;
    for word in parts {
        assert!(word.start >= start, "{word:?} of {text:?}");
        start = word.start;
    }
    let mut whole: Option<&Found> = None;
    for word in found.iter().filter(|word| word.variant == Variant::Written) {
        match word.role {
            Role::Whole => whole = Some(word),
            Role::Word => whole = None,
            // A compound that is too long for a word has parts only.
            Role::Group | Role::Part => {
                if let Some(whole) = whole
                    && word.start < whole.end
                    && !text[word.start..whole.end].contains(shares_offsets)
                {
                    assert!(
                        whole.start <= word.start && word.end <= whole.end,
                        "{word:?} of {text:?}"
                    );
                }
            }
        }
    }
}

/// Analysing the form of a word gives the word again. Addresses without their scheme do not: their
/// query would be other words.
pub fn check_again(text: &str) {
    for word in words(text) {
        let is_address = matches!(word.kind, Kind::Url | Kind::UrlPath | Kind::Host)
            || word.form.contains("://");
        // `a+b` is a word before an `@` only.
        let is_tag = word.form.trim_end_matches('+').contains('+');
        let is_iota = text[word.start..word.end].contains(IOTA_BELOW);
        let is_cut = word.form.len() > MAX_WORD / 2;
        if is_address || is_tag || is_iota || is_cut || word.variant != Variant::Written {
            continue;
        }
        let again = words(&word.form);
        assert!(
            again.first().is_some_and(|first| first.form == word.form),
            "{word:?}: {again:?} of {text:?}"
        );
    }
}

/// Lines are analysed apart.
pub fn check_apart(text: &str) {
    let mut expected = words("word");
    let found = words(text);
    let last = found.last().map_or(0, |word| word.position);
    expected.extend(moved(&found, 5, 1));
    expected.extend(moved(&words("word"), text.len() + 6, last + 1));
    assert_eq!(words(&format!("word\n{text}\nword")), expected, "{text:?}");
}
