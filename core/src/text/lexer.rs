//! Words of a stretch without blanks.

use super::addresses::{Address, next_scheme};
use super::classes::{
    begins_word, char_at, is_flag_half, is_modifier, is_pictograph, is_unspaced, word_end,
};
use super::compound::{Atom, Compound};
use super::joiners::{Joiner, joiner, prefix, suffix};
use super::kind::Kind;
use super::numbers::number;
use super::output::{Output, Span};
use super::unspaced::{LOOKAHEAD, each_word, shorter_words, stretch_end};
use super::word::{MAX_WORD, Role, Word};

const ZWJ: char = '\u{200D}';

/// Reads the words of a source, the text of a stretch as written or normalised.
pub(super) struct Lexer<'a, W> {
    pub source: &'a str,
    /// Byte of the text before the source.
    pub before: Option<u8>,
    /// True if the stretch ends where the source does. Otherwise words near the end are left, for
    /// they may be longer.
    pub is_whole: bool,
    pub compound: &'a mut Compound,
    pub out: &'a mut Output<W>,
}

impl<W: FnMut(Word)> Lexer<'_, W> {
    /// Gives words to the output. Returns where the next source has to begin: the end, or the start
    /// of a word that is left. Never 0, so that a word longer than a source is cut.
    pub fn read(&mut self) -> usize {
        let mut scheme = next_scheme(self.source, 0);
        let mut at = 0;
        while let Some(c) = char_at(self.source, at) {
            if scheme < at {
                scheme = next_scheme(self.source, at);
            }
            let end = if c.is_ascii_alphabetic()
                && let Some(address) = Address::at(self.source, at, scheme)
            {
                if self.is_left(at, address.end) {
                    return at;
                }
                address.write(self.source, self.out);
                address.end
            } else if self.read_compound(at, scheme) {
                if self.is_left(at, self.compound.end()) {
                    return at;
                }
                self.compound.write(self.source, self.out);
                self.compound.end()
            } else if is_unspaced(c) {
                let end = stretch_end(self.source, at);
                let read = self.read_unspaced(Span { start: at, end });
                if read < end {
                    return read;
                }
                end
            } else if is_pictograph(c) || is_flag_half(c) {
                self.read_emoji(at)
            } else {
                at + c.len_utf8()
            };
            at = end;
        }
        self.source.len()
    }

    /// True if a word has to be left for the next source.
    fn is_left(&self, start: usize, end: usize) -> bool {
        !self.is_whole && start > 0 && end + LOOKAHEAD > self.source.len()
    }

    /// Reads the atoms of a compound that begins at `at`. Returns false if none does.
    fn read_compound(&mut self, at: usize, scheme: usize) -> bool {
        let before = match at.checked_sub(1) {
            Some(before) => self.source.as_bytes().get(before).copied(),
            None => self.before,
        };
        let found = prefix(self.source, at, before);
        let mut start = at + found.map_or(0, |(_, length)| length);
        let begins = char_at(self.source, start).is_some_and(begins_word);
        let is_before_address = start > at && Address::at(self.source, start, scheme).is_some();
        if !begins || is_before_address {
            return false;
        }
        self.compound.start = at;
        self.compound.prefix = found.map(|(prefix, _)| prefix);
        self.compound.atoms.clear();
        self.compound.joiners.clear();
        let mut may_be_number = true;
        loop {
            let atom = self.read_atom(start, may_be_number);
            self.compound.atoms.push(atom);
            let Some((mut joiner, length)) = joiner(self.source, start, atom.end) else { break };
            let next = atom.end + length;
            // An address begins here.
            if next < scheme && Address::at(self.source, next, scheme).is_some() {
                break;
            }
            if atom.number.is_some() && joiner == Joiner::Point {
                joiner = Joiner::Dot;
            }
            may_be_number = joiner != Joiner::Point;
            self.compound.joiners.push(joiner);
            start = next;
        }
        // The source may cut the last atoms of a compound that begins it.
        while !self.is_whole
            && self.compound.atoms.len() > 1
            && self.compound.end() + LOOKAHEAD > self.source.len()
            && at == 0
        {
            self.compound.atoms.pop();
            self.compound.joiners.pop();
        }
        true
    }

    /// Word between joiners.
    fn read_atom(&self, start: usize, may_be_number: bool) -> Atom {
        let bytes = self.source.as_bytes();
        if may_be_number
            && bytes[start].is_ascii_digit()
            && let Some(number) = number(bytes, start)
        {
            let end = number.end;
            return Atom { start, body: end, end, number: Some(number.style) };
        }
        let body = word_end(self.source, start);
        let suffix = if body - start <= MAX_WORD / 2 { suffix(self.source, body) } else { 0 };
        Atom { start, body, end: body + suffix, number: None }
    }

    /// Words of scripts without blanks. Returns the end of the last one that is not left.
    fn read_unspaced(&mut self, stretch: Span) -> usize {
        let Self { source, is_whole, out, .. } = self;
        let reach = if *is_whole || stretch.end < source.len() {
            stretch.end
        } else {
            source.len().saturating_sub(LOOKAHEAD)
        };
        let mut left = stretch.end;
        each_word(source, stretch, |word| {
            if word.end > reach && word.start > 0 {
                left = word.start;
                return false;
            }
            let end = source.floor_char_boundary(word.end.min(word.start + MAX_WORD));
            let word = Span { end, ..word };
            let shorter = shorter_words(source, word);
            if shorter.is_empty() {
                out.part(source, word, Kind::Word, Role::Word);
            } else {
                out.group(source, word, Kind::Word, Role::Whole);
                shorter.iter().for_each(|&part| out.part(source, part, Kind::Word, Role::Part));
            }
            true
        });
        left
    }

    /// Emoji that begins at `start`, whole and without skin tones and joiners. Returns its end.
    fn read_emoji(&mut self, start: usize) -> usize {
        let mut end = start;
        let mut parts = 0;
        let mut is_joined = true;
        for c in self.source[start..].chars() {
            let goes_on = if is_flag_half(c) {
                parts == 0 || parts == 1 && self.source[start..].starts_with(is_flag_half)
            } else {
                is_pictograph(c) && is_joined || is_modifier(c) && parts > 0 || c == ZWJ
            };
            if !goes_on || end + c.len_utf8() > start + MAX_WORD {
                break;
            }
            is_joined = c == ZWJ;
            parts += 1;
            end += c.len_utf8();
        }
        let emoji = self.source[start..end].trim_end_matches(ZWJ);
        let whole = Span { start, end: start + emoji.len() };
        if parts == 1 || emoji.chars().all(is_flag_half) {
            self.out.part(self.source, whole, Kind::Word, Role::Word);
            return end;
        }
        self.out.group(self.source, whole, Kind::Word, Role::Whole);
        for (at, c) in emoji.char_indices() {
            if c != ZWJ && (at == 0 || !is_modifier(c)) {
                let span = Span { start: start + at, end: start + at + c.len_utf8() };
                self.out.part(self.source, span, Kind::Word, Role::Part);
            }
        }
        end
    }
}
