//! Normalisation: NFKC without default-ignorable characters, and case folding without a locale.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_segmentation::UnicodeSegmentation;

use super::classes::{is_ignorable, is_modifier, is_pictograph, is_unspaced};
use super::word::MAX_WORD;

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
const ZWJ: char = '\u{200D}';

/// Returns the normalised form of a text: what [`Word::form`](super::Word::form) is of a word.
///
/// NFKC_Casefold of Unicode (UAX #44), with two differences: a ZWJ between emojis is kept, and hyphens,
/// minus signs and apostrophes become ASCII. Normalising a normalised text changes nothing.
pub fn normalize(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let (mut mapped, mut alignment, mut form) = Default::default();
    map(text, &mut mapped, &mut alignment);
    fold(&mapped, usize::MAX, &mut form);
    form
}

/// Start of a cluster in the normalised text, and in the text.
pub(super) type Anchor = (u32, u32);

/// True if [`map`] would change the words of a text. Apostrophes are left to [`fold`]; signs of Chinese
/// and Japanese sentences need no change.
pub(super) fn needs_mapping(text: &str) -> bool {
    let is_mapped = |c| is_ignorable(c) || c != '\u{2019}' && ascii_sign(c).is_some();
    let is_end = |c| matches!(c, '！' | '（' | '）' | '，' | '；' | '？');
    text.chars().any(is_mapped) || !text.split(is_end).all(|part| NFKC.is_normalized(part))
}

/// ASCII sign for a hyphen, a minus sign or an apostrophe.
fn ascii_sign(c: char) -> Option<char> {
    match c {
        '\u{2010}' | '\u{2011}' | '\u{2212}' => Some('-'),
        '\u{2BC}' | '\u{2019}' => Some('\''),
        _ => None,
    }
}

/// Replaces signs from byte `start` on.
fn replace_signs(text: &mut String, start: usize) {
    if text[start..].contains(|c| ascii_sign(c).is_some()) {
        let replaced: String = text[start..].chars().map(|c| ascii_sign(c).unwrap_or(c)).collect();
        text.truncate(start);
        text.push_str(&replaced);
    }
}

/// Normalises a text, apart from case. `alignment` gets an anchor of each legacy grapheme cluster
/// (UAX #29): no character of NFKC comes from two of them, but for half-width Hangul letters, which
/// [`fold`] composes.
pub(super) fn map(text: &str, mapped: &mut String, alignment: &mut Vec<Anchor>) {
    mapped.clear();
    alignment.clear();
    let (kept, offsets) = without_ignorables(text);
    let mut offsets = offsets.into_iter().peekable();
    let mut removed = 0;
    for (start, cluster) in kept.grapheme_indices(false) {
        while let Some((_, bytes)) = offsets.next_if(|&(at, _)| at <= start) {
            removed = bytes;
        }
        let begins = mapped.len();
        alignment.push((begins as u32, (start + removed) as u32));
        if cluster.is_ascii() {
            mapped.push_str(cluster);
        } else {
            // Writing to a string does not fail.
            let _ = NFKC.normalize_to(cluster, mapped);
            replace_signs(mapped, begins);
        }
    }
}

/// True for a pictograph or a skin tone, not for a sign that NFKC makes a letter of (`㊙`).
fn is_emoji(c: char) -> bool {
    let is_normal = || NFKC.is_normalized(c.encode_utf8(&mut [0; 4]));
    is_modifier(c) || is_pictograph(c) && is_normal()
}

/// Returns a text without default-ignorable characters, and for each offset from which on bytes are
/// missing, how many are.
fn without_ignorables(text: &str) -> (String, Vec<(usize, usize)>) {
    let (mut kept, mut missing) = (String::with_capacity(text.len()), Vec::new());
    for (at, c) in text.char_indices() {
        if !is_ignorable(c) {
            kept.push(c);
            continue;
        }
        let before = kept.chars().next_back();
        let after = text[at + c.len_utf8()..].chars().next();
        // A ZWJ between pictographs makes one emoji of them.
        if c == ZWJ && before.is_some_and(is_emoji) && after.is_some_and(is_emoji) {
            kept.push(c);
            continue;
        }
        // A zero-width space is ignored in other scripts, but cuts words of Southeast Asia.
        if c == '\u{200B}' && before.is_some_and(|c| c < '\u{3000}' && is_unspaced(c)) {
            kept.push(' ');
        }
        missing.push((kept.len(), at + c.len_utf8() - kept.len()));
    }
    (kept, missing)
}

/// Case-folded form of a normalised text, at most `limit` bytes of it: some characters become
/// several, and their last ones are left out.
pub(super) fn fold(text: &str, limit: usize, form: &mut String) {
    form.clear();
    if text.is_ascii() {
        form.push_str(&text[..text.len().min(limit)]);
        form.make_ascii_lowercase();
        return;
    }
    let mapper = CaseMapper::new();
    let folded = mapper.fold_string(text);
    if NFKC.is_normalized(&folded) {
        form.push_str(&folded);
    } else {
        // Folding can make a text that is not NFKC, and NFKC one that is not folded. Twice is enough
        // (the Unicode Standard, D145 to D147).
        let _ = NFKC.normalize_to(&folded, form);
        let again = mapper.fold_string(form).into_owned();
        form.clear();
        let _ = NFKC.normalize_to(&again, form);
    }
    replace_signs(form, 0);
    form.truncate(form.floor_char_boundary(limit));
}

/// Case-folded form of a word.
pub(super) fn fold_word(text: &str, form: &mut String) {
    fold(text, MAX_WORD, form);
}

#[cfg(test)]
mod tests {
    use super::*;
    use icu_normalizer::DecomposingNormalizerBorrowed;

    #[test]
    fn no_composed_character_comes_from_two_clusters() {
        let nfd = DecomposingNormalizerBorrowed::new_nfd();
        for c in '\0'..=char::MAX {
            let composed = c.to_string();
            let decomposed = nfd.normalize(&composed);
            if NFKC.normalize(&decomposed) == composed {
                assert_eq!(decomposed.graphemes(false).count(), 1, "{c:?}");
            }
        }
    }
}
