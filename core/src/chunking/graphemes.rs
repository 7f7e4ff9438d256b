//! Grapheme clusters near a position, without segmenting the text before it.
//!
//! Two characters nearly always decide whether there is a boundary between them. The exceptions
//! (flags, emoji joined by ZWJ, Indic conjuncts) look back, without limit in a hostile text: then
//! the cursor of unicode-segmentation runs from the nearest certain boundary.

use unicode_segmentation::{GraphemeCursor, GraphemeIncomplete, UnicodeSegmentation};

use super::chars::{char_at, char_before};
use super::meter::{MAX_STEP, Meter};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// The two are always in one cluster.
    Joined,
    /// The two are never in one cluster.
    Apart,
    /// The characters before the two decide.
    Depends,
}

/// Tells whether two neighbouring characters are in one cluster, as far as they alone decide.
pub(super) fn join(a: char, b: char) -> Join {
    if a.is_ascii() && b.is_ascii() {
        return if a == '\r' && b == '\n' { Join::Joined } else { Join::Apart };
    }
    // Blocks without characters that join with another of these blocks: CJK ideographs and their
    // punctuation, kana without the combining voice characters.
    let plain = |c: char| {
        matches!(c, ' '..='~' | '\u{3001}'..='\u{3029}' | '\u{3041}'..='\u{3096}'
            | '\u{30A1}'..='\u{30FF}' | '\u{4E00}'..='\u{9FFF}' | '\u{FF01}'..='\u{FF9D}')
    };
    if plain(a) && plain(b) {
        return Join::Apart;
    }
    if is_flag_half(a) && is_flag_half(b) {
        return Join::Depends;
    }
    if clusters_as_pair(a, b) {
        return Join::Joined;
    }
    // Characters before a combining character matter to a pictograph (if it is ZWJ) and to an Indic
    // consonant. Neither is ASCII.
    let follows = |before: &str| {
        let mut probe = String::from(before);
        probe.push(b);
        probe.graphemes(true).nth(1).is_none()
    };
    let depends = !b.is_ascii()
        && is_mark(a)
        && (a == ZWJ && follows("\u{1F600}\u{200D}") || follows("\u{915}\u{94D}"));
    if depends { Join::Depends } else { Join::Apart }
}

/// True if there is a cluster boundary at `at`, as far as the nearest 64 characters decide.
pub(super) fn is_boundary(text: &str, at: usize) -> bool {
    let (Some(a), Some(b)) = (char_before(text, at), char_at(text, at)) else { return true };
    match join(a, b) {
        Join::Joined => false,
        Join::Apart => true,
        Join::Depends => {
            // Flags pair up from the first of their row; other characters look back past combining
            // characters only.
            let flags = is_flag_half(a);
            let goes_on = |c: char| if flags { is_flag_half(c) } else { is_mark(c) };
            let mut start = at;
            for _ in 0..64 {
                let Some(before) = char_before(text, start) else { break };
                if flags && !goes_on(before) {
                    break;
                }
                start -= before.len_utf8();
                if !goes_on(before) {
                    break;
                }
            }
            let decided = char_before(text, start).is_none_or(|c| !flags || !is_flag_half(c));
            let near = &text[start..at + b.len_utf8()];
            decided && near.grapheme_indices(true).any(|(found, _)| start + found == at)
        }
    }
}

const ZWJ: char = '\u{200D}';

pub(super) fn is_flag_half(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

fn clusters_as_pair(a: char, b: char) -> bool {
    let mut buffer = [0; 8];
    let first = a.encode_utf8(&mut buffer).len();
    let both = first + b.encode_utf8(&mut buffer[first..]).len();
    let pair = std::str::from_utf8(&buffer[..both]).unwrap_or_default();
    pair.graphemes(true).next().is_some_and(|cluster| cluster.len() == both)
}

/// True if a character always continues the cluster before it (combining characters, joiners).
pub(super) fn is_mark(c: char) -> bool {
    match c {
        // Shortcuts for characters that come in long rows.
        ..'\u{300}' => false,
        '\u{300}'..='\u{36F}' | ZWJ | '\u{FE0F}' => true,
        '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FF}' | '\u{4E00}'..='\u{9FFF}' => false,
        '\u{1F1E6}'..='\u{1F3FA}' | '\u{1F400}'..='\u{1FAFF}' => false,
        _ => clusters_as_pair('a', c),
    }
}

/// Last cluster boundary in `(origin, to]`. `origin` is taken for a boundary.
pub(super) fn last_boundary<T: FnMut()>(
    text: &str,
    origin: usize,
    to: usize,
    meter: &mut Meter<T>,
) -> Option<usize> {
    // Scans back to a certain start of a cluster.
    let mut start = to;
    loop {
        if start <= origin {
            start = origin;
            break;
        }
        let (Some(a), b) = (char_before(text, start), char_at(text, start)) else {
            break;
        };
        if b.is_none_or(|b| join(a, b) == Join::Apart) {
            break;
        }
        start -= a.len_utf8();
        meter.work(a.len_utf8() * 8);
    }
    if start == to && start > origin {
        return Some(start);
    }
    // Scans forward to the last boundary up to `to`. The cursor sees the text from `start` on, and
    // no more of it than the one character after `to` that it needs.
    let rest = &text[start..];
    let to = to - start;
    let seen = char_at(rest, to).map_or(rest.len(), |c| to + c.len_utf8());
    let mut cursor = GraphemeCursor::new(0, rest.len(), true);
    let mut chunk_start = 0;
    let mut last = (start > origin).then_some(start);
    loop {
        let stop = rest.floor_char_boundary((chunk_start + MAX_STEP).min(seen));
        match cursor.next_boundary(&rest[chunk_start..stop], chunk_start) {
            Ok(Some(found)) if found <= to => {
                meter.work((start + found).saturating_sub(last.unwrap_or(start)));
                last = Some(start + found);
            }
            Ok(_) => return last,
            Err(GraphemeIncomplete::NextChunk) if stop < seen => {
                meter.work(stop - chunk_start);
                chunk_start = stop;
            }
            Err(GraphemeIncomplete::PreContext(at)) => {
                let from = rest.floor_char_boundary(at.saturating_sub(MAX_STEP));
                meter.work(at - from);
                cursor.provide_context(&rest[from..at], from);
            }
            Err(_) => return last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortcuts_agree_with_the_tables() {
        for c in '\0'..=char::MAX {
            assert_eq!(is_mark(c), clusters_as_pair('a', c), "{c:?}");
            for other in ['x', '漢', '\u{600}'] {
                for (a, b) in [(c, other), (other, c)] {
                    let pair = clusters_as_pair(a, b);
                    assert_eq!(join(a, b) == Join::Joined, pair, "{a:?} {b:?}");
                }
            }
        }
    }
}
