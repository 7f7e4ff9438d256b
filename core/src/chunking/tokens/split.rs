//! Cuts a text into pretokens, as the patterns of cl100k_base and o200k_base do, in one pass from
//! left to right. No regular expression is used, because a pretoken may be as long as the text. The
//! patterns are in tiktoken
//! (<https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py>).

use super::super::meter::MAX_STEP;
use super::super::options::Encoding;
use super::classes::{Class, classes};

/// End of the pretoken that starts at `at`. Only the text up to `stop` is looked at; if it does not
/// decide, Err has the least end. Long pretokens report their `work`.
pub(super) fn pretoken_end(
    encoding: Encoding,
    text: &str,
    at: usize,
    stop: usize,
    work: &mut dyn FnMut(usize),
) -> Result<usize, usize> {
    let text_seen = &text[..stop];
    let mut seen = PartialText {
        text: text_seen,
        classes: classes(),
        to_the_end: false,
        at_least: stop,
        work,
    };
    let end = match encoding {
        Encoding::Cl100k => cl100k(&mut seen, at),
        Encoding::O200k => o200k(&mut seen, at),
    };
    if stop == text.len() || !seen.to_the_end { Ok(end) } else { Err(seen.at_least) }
}

/// Text that may continue after its end.
struct PartialText<'t> {
    text: &'t str,
    classes: &'static [Class],
    /// True if the pretoken depends on the text after the end.
    to_the_end: bool,
    /// Least end of the pretoken, if it depends on that text.
    at_least: usize,
    work: &'t mut dyn FnMut(usize),
}

impl PartialText<'_> {
    /// Reports the work of a step from one position to another, once per [`MAX_STEP`].
    #[inline]
    fn went(&mut self, from: usize, to: usize) {
        if from / MAX_STEP != to / MAX_STEP {
            (self.work)(MAX_STEP);
        }
    }

    /// Class of the character at a position, and its end.
    #[inline]
    fn at(&mut self, at: usize) -> Option<(Class, usize)> {
        match self.text.as_bytes().get(at) {
            Some(&byte) if byte < 0x80 => Some((self.classes[byte as usize], at + 1)),
            Some(_) => {
                let c = self.text[at..].chars().next()?;
                Some((self.classes[c as usize], at + c.len_utf8()))
            }
            None => {
                self.to_the_end = true;
                None
            }
        }
    }

    /// End of the run of characters from `at` on that are of these classes.
    #[inline]
    fn run(&mut self, at: usize, is_in: impl Fn(Class) -> bool) -> usize {
        let mut end = at;
        while let Some((class, next)) = self.at(end)
            && is_in(class)
        {
            self.went(end, next);
            end = next;
        }
        end
    }

    fn byte(&mut self, at: usize) -> u8 {
        self.to_the_end |= at >= self.text.len();
        self.text.as_bytes().get(at).copied().unwrap_or_default()
    }

    /// End of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at a position.
    fn contraction(&mut self, at: usize) -> Option<usize> {
        if self.byte(at) != b'\'' {
            return None;
        }
        let first = self.byte(at + 1).to_ascii_lowercase();
        match first {
            b's' | b't' | b'm' | b'd' => Some(at + 2),
            b'r' | b'v' | b'l' => {
                let second = if first == b'l' { b'l' } else { b'e' };
                (self.byte(at + 2).to_ascii_lowercase() == second).then_some(at + 3)
            }
            // The long s is an s when case is ignored.
            _ if self.text[at + 1..].starts_with('ſ') => Some(at + 1 + 'ſ'.len_utf8()),
            _ => None,
        }
    }

    /// End of `\p{N}{1,3}`.
    fn number(&mut self, at: usize) -> usize {
        let mut end = at;
        for _ in 0..3 {
            match self.at(end) {
                Some((Class::Number, next)) => end = next,
                _ => break,
            }
        }
        end
    }

    /// End of ` ?[^\s\p{L}\p{N}]+[\r\n]*`. `tail` says which bytes the last part of the pattern
    /// matches.
    fn punctuation(&mut self, at: usize, tail: impl Fn(u8) -> bool) -> Option<usize> {
        let from = if self.byte(at) == b' ' { at + 1 } else { at };
        let mut end = self.run(from, Class::is_other);
        if end == from {
            return None;
        }
        while tail(self.byte(end)) {
            end += 1;
        }
        Some(end)
    }

    /// End of `\s*[\r\n]+|\s+(?!\S)|\s+`.
    fn space(&mut self, at: usize) -> usize {
        let (mut end, mut last, mut newline) = (at, at, None);
        while let Some((class, next)) = self.at(end)
            && class.is_space()
        {
            if class == Class::Newline {
                newline = Some(next);
            }
            self.went(end, next);
            (last, end) = (end, next);
        }
        self.at_least = newline.unwrap_or(last);
        match newline {
            Some(newline) => newline,
            None if end == self.text.len() || last == at => end,
            None => last,
        }
    }
}

fn cl100k(seen: &mut PartialText<'_>, at: usize) -> usize {
    let Some((class, next)) = seen.at(at) else { return at };
    if let Some(end) = seen.contraction(at) {
        return end;
    }
    // [^\r\n\p{L}\p{N}]?\p{L}+
    if class.is_letter() {
        return seen.run(next, Class::is_letter);
    }
    if class == Class::Number {
        return seen.number(at);
    }
    if class != Class::Newline && seen.at(next).is_some_and(|(class, _)| class.is_letter()) {
        return seen.run(next, Class::is_letter);
    }
    match seen.punctuation(at, |byte| matches!(byte, b'\r' | b'\n')) {
        Some(end) => end,
        None => seen.space(at),
    }
}

fn o200k(seen: &mut PartialText, at: usize) -> usize {
    let Some((class, next)) = seen.at(at) else { return at };
    if class == Class::Number {
        return seen.number(at);
    }
    // The pattern has two alternatives for words, each with an optional prefix.
    let prefixed = match class {
        Class::Newline => None,
        _ if class.is_letter() => None,
        _ => cased_word(seen, next),
    };
    let word = match prefixed {
        Some(Word { is_lower: true, .. }) => prefixed,
        // Whitespace and punctuation are in a word only as its prefix.
        _ if !class.is_letter() && class != Class::Mark => prefixed,
        _ => cased_word(seen, at).filter(|word| word.is_lower || prefixed.is_none()).or(prefixed),
    };
    if class == Class::Mark && !prefixed.is_some_and(|word| word.is_lower) {
        // A word by itself, unless the capitals after it end in small letters.
        seen.at_least = next;
    }
    if let Some(word) = word {
        return seen.contraction(word.end).unwrap_or(word.end);
    }
    seen.at_least = seen.text.len();
    match seen.punctuation(at, |byte| matches!(byte, b'\r' | b'\n' | b'/')) {
        Some(end) => end,
        None => seen.space(at),
    }
}

#[derive(Clone, Copy)]
struct Word {
    end: usize,
    /// True if the first alternative matched, which does not match capitals alone.
    is_lower: bool,
}

/// End of `U*W+` from `from` on, else of `U+W*`, where `U` is `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]` and
/// `W` is `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`.
fn cased_word(seen: &mut PartialText, from: usize) -> Option<Word> {
    let mut end = from;
    // End of the last character that is in both classes.
    let mut caseless = None;
    loop {
        match seen.at(end) {
            Some((Class::Upper, next)) => {
                seen.went(end, next);
                end = next;
            }
            Some((Class::Caseless | Class::Mark, next)) => {
                seen.went(end, next);
                end = next;
                caseless = Some(next);
            }
            Some((Class::Lower, next)) => {
                let is_in = |class| matches!(class, Class::Lower | Class::Caseless | Class::Mark);
                return Some(Word { end: seen.run(next, is_in), is_lower: true });
            }
            _ => break,
        }
    }
    seen.at_least = caseless.unwrap_or(end);
    match caseless {
        Some(end) => Some(Word { end, is_lower: true }),
        None => (end > from).then_some(Word { end, is_lower: false }),
    }
}
