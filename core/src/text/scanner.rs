//! Scan of a text: plain ASCII words at once, everything else stretch by stretch.

use super::classes::{ALNUM, CLASS, DIGIT, HIGH, JOIN, LETTER, LOWER, UPPER, class_at};
use super::compound::Compound;
use super::kind::Kind;
use super::lexer::Lexer;
use super::normal::{map, needs_mapping};
use super::output::{Output, Span};
use super::word::Word;
use crate::chunking::meter::{MAX_STEP, Meter};

/// Longest stretch that is read at once.
const MAX_STRETCH: usize = 4096;

pub(super) struct Scanner<'t, T, W> {
    text: &'t str,
    meter: Meter<T>,
    out: Output<W>,
    compound: Compound,
    mapped: String,
}

impl<'t, T: FnMut(), W: FnMut(Word)> Scanner<'t, T, W> {
    pub fn new(text: &'t str, tick: T, word: W) -> Self {
        let (compound, mapped) = Default::default();
        Self { text, meter: Meter::new(tick), out: Output::new(word), compound, mapped }
    }

    pub fn run(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            let class = CLASS[usize::from(bytes[at])];
            let is_sign = class == JOIN && (class_at(bytes, at + 1) == 0 || bytes[at] == b'\'');
            at = if class == 0 || is_sign {
                self.skip(at)
            } else if let Some(end) = self.plain_word(at, class) {
                end
            } else {
                self.stretch(at)
            };
            self.meter.work(at - start);
        }
    }

    /// End of signs and blanks that begin at `at`, as far as one step goes.
    fn skip(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let stop = (at + MAX_STEP).min(bytes.len());
        let mut end = at + 1;
        while end < stop && CLASS[usize::from(bytes[end])] == 0 {
            end += 1;
        }
        end
    }

    /// Gives a word of ASCII letters in one case, or of digits, that is no part of a compound.
    /// Returns its end, or None for other words.
    #[inline]
    fn plain_word(&mut self, start: usize, first: u8) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        let mut rest = 0;
        // A word longer than a stretch is cut there.
        let stop = bytes.len().min(start + super::word::MAX_WORD);
        while end < stop {
            let class = CLASS[usize::from(bytes[end])];
            if class & ALNUM == 0 {
                break;
            }
            rest |= class;
            end += 1;
        }
        let is_plain = match first {
            LOWER => rest & !LOWER == 0,
            UPPER => rest & !LOWER == 0 || rest & !UPPER == 0,
            DIGIT => rest & !DIGIT == 0,
            _ => false,
        };
        let after = bytes.get(end + 1);
        let goes_on = match class_at(bytes, end) {
            0 => {
                let is_comma = bytes.get(end) == Some(&b',');
                first == DIGIT && is_comma && class_at(bytes, end + 1) == DIGIT
            }
            // Also `C#`, `->`, `/$`.
            JOIN => {
                class_at(bytes, end + 1) != 0
                    || bytes[end] == b'#'
                    || matches!(after, Some(b'>' | b'$'))
            }
            _ => true,
        };
        if !is_plain || goes_on {
            return None;
        }
        let kind = if first & LETTER != 0 { Kind::Asciiword } else { Kind::Uint };
        let is_lower = (first | rest) & UPPER == 0;
        self.out.ascii(self.text, Span { start, end }, kind, is_lower);
        Some(end)
    }

    /// Reads a stretch without ASCII blanks that begins at `start`. Returns where to go on.
    fn stretch(&mut self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let most = self.text.floor_char_boundary((start + MAX_STRETCH).min(bytes.len()));
        let mut classes = 0;
        let mut end = start;
        while end < most && bytes[end] > b' ' {
            classes |= CLASS[usize::from(bytes[end])];
            end += 1;
        }
        let written = &self.text[start..end];
        self.out.base = start;
        self.out.length = written.len();
        self.out.alignment.clear();
        let is_mapped = classes & HIGH != 0 && needs_mapping(written);
        if is_mapped {
            map(written, &mut self.mapped, &mut self.out.alignment);
        }
        let mut lexer = Lexer {
            source: if is_mapped { &self.mapped } else { written },
            before: start.checked_sub(1).map(|before| bytes[before]),
            is_whole: end < most || end == bytes.len(),
            compound: &mut self.compound,
            out: &mut self.out,
        };
        let read = lexer.read();
        let is_end = read == lexer.source.len();
        if is_end { end } else { self.out.offset(read) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fragments of ASCII, joined in any order.
    const FRAGMENTS: &[&str] = &[
        " ", " ", "\n", "a", "bc", "Def", "GH", "12", "345", "v", ".", ",", "'", "-", "_", "/",
        "\\", ":", "@", "&", "#", "~", "+", "$", "<", ">", "(", ")", "=", "%", "1,000", "1e-9",
        "://", "\"", "*", "?",
    ];

    fn own(words: &mut Vec<String>) -> impl FnMut(Word) {
        |word| words.push(format!("{word:?}"))
    }

    #[test]
    fn plain_words_are_as_in_the_general_way() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..50_000 {
            let fragments =
                (0..random.usize(1..12)).map(|_| FRAGMENTS[random.usize(..FRAGMENTS.len())]);
            let text: String = fragments.collect();
            let (mut fast, mut general) = (Vec::new(), Vec::new());
            Scanner::new(&text, || {}, own(&mut fast)).run();
            let mut scanner = Scanner::new(&text, || {}, own(&mut general));
            let mut at = 0;
            while at < text.len() {
                at = if text.as_bytes()[at] <= b' ' { at + 1 } else { scanner.stretch(at) };
            }
            drop(scanner);
            assert_eq!(fast, general, "{text:?}");
        }
    }
}
