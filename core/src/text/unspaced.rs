//! Words of Chinese, Japanese, Thai, Lao, Khmer and Burmese, by ICU4X's dictionaries.
//!
//! The dictionaries are constants of the library: nothing is loaded or allocated. Their pages are read
//! when a script first occurs, and all processes share them: 3.4 MiB for all scripts together.
//!
//! A text is segmented from its start, each time with the longest word of the dictionary, so a window
//! gives the same words as the whole text, but for those near its end.

use std::sync::LazyLock;

use icu_segmenter::options::WordBreakInvariantOptions;
use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use smallvec::SmallVec;

use super::classes::{is_digit, is_letter, is_mark, is_unspaced};
use super::output::Span;

/// Bytes after a word that may decide about its end: more than the longest word of a dictionary.
pub(super) const LOOKAHEAD: usize = 256;

/// End of the stretch of these scripts that begins at `start`.
pub(super) fn stretch_end(source: &str, start: usize) -> usize {
    let mut chars = source[start..].char_indices();
    let end = chars.find(|&(_, c)| !is_unspaced(c) && !is_mark(c));
    end.map_or(source.len(), |(at, _)| start + at)
}

/// Calls `word` for each word of `source[stretch]`, until it returns false. Marks that the
/// dictionaries do not know belong to the word before.
pub(super) fn each_word(source: &str, stretch: Span, mut word: impl FnMut(Span) -> bool) {
    let text = &source[stretch.start..stretch.end];
    let mut gives = |span: &Span| {
        let text = &source[span.start..span.end];
        !text.contains(|c| is_letter(c) || is_digit(c)) || word(*span)
    };
    let mut before: Option<Span> = None;
    let mut start = stretch.start;
    for end in SEGMENTER.segment_str(text).filter(|&end| end > 0) {
        let span = Span { start, end: stretch.start + end };
        start = span.end;
        match &mut before {
            Some(before) if source[span.start..span.end].chars().all(is_mark) => {
                before.end = span.end;
            }
            _ => {
                if !before.replace(span).as_ref().is_none_or(&mut gives) {
                    return;
                }
            }
        }
    }
    before.as_ref().map(gives);
}

/// Shorter words that a word consists of: `新年` and `快乐` of `新年快乐`. None, unless it has four
/// ideographs or more, and each of the shorter words two.
///
/// The longest word that the dictionary has is taken first, and then not found by its parts.
pub(super) fn shorter_words(source: &str, word: Span) -> SmallVec<[Span; 4]> {
    let text = &source[word.start..word.end];
    let mut found = SmallVec::new();
    let last = text.char_indices().next_back().map_or(0, |(last, _)| last);
    if text.len() > MAX_IDEOGRAPHS || text.chars().count() < 4 || !text.chars().all(is_ideograph) {
        return found;
    }
    let Some(first) = SEGMENTER.segment_str(&text[..last]).find(|&end| end > 0) else {
        return found;
    };
    let mut start = 0;
    let rest = SEGMENTER.segment_str(&text[first..]).filter(|&end| end > 0);
    for end in [first].into_iter().chain(rest.map(|end| first + end)) {
        if text[start..end].chars().nth(1).is_none() {
            return SmallVec::new();
        }
        found.push(Span { start: word.start + start, end: word.start + end });
        start = end;
    }
    found
}

/// Bytes of the longest word that is looked at for shorter ones.
const MAX_IDEOGRAPHS: usize = 64;

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Segmenter by dictionaries. Finding its data takes longer than a short word.
static SEGMENTER: LazyLock<WordSegmenterBorrowed<'static>> =
    LazyLock::new(|| WordSegmenter::new_dictionary(WordBreakInvariantOptions::default()));
