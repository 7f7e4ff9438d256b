//! Tokenizer of HTML, for any input. It follows the standard, but skips the content of attributes,
//! comments and doctypes.
//!
//! <https://html.spec.whatwg.org/multipage/parsing.html#tokenization>

use memchr::{memchr, memchr2, memchr3};

use super::super::meter::{MAX_STEP, Meter};
use super::elements::{Element, Raw};
use super::references::{Characters, reference};

/// Bytes of text in one token, at most.
pub(in crate::chunking) const MAX_TEXT: usize = 4 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Text: this range of the source.
    Text(usize, usize),
    /// Character reference: this range of the source, and its characters.
    Reference(usize, usize, Characters),
    /// Start tag. The flag is true if it ends with `/>`.
    Start(Element, bool),
    End(Element),
}

/// Tokens of a page, in order.
pub(super) struct Markup<'t> {
    source: &'t str,
    /// Text before this position was read.
    at: usize,
    /// Element that the content belongs to, if no other tags count in it.
    raw: Option<Raw>,
}

impl<'t> Markup<'t> {
    pub(super) fn new(source: &'t str) -> Self {
        Markup { source, at: 0, raw: None }
    }

    pub(super) fn source(&self) -> &'t str {
        self.source
    }

    /// Reads the following text as the content of an element, after its start tag was returned.
    pub(super) fn enter(&mut self, raw: Raw) {
        self.raw = Some(raw);
    }

    /// Returns the next token.
    pub(super) fn next<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Token> {
        match self.raw {
            Some(Raw::Script) => self.skip_script(meter),
            Some(raw @ Raw::Dropped(_)) => {
                while let Some(found) = self.find(b"<", meter) {
                    self.at = found;
                    if self.is_tag("</", raw.name()) {
                        break;
                    }
                    self.at += 1;
                }
            }
            _ => {}
        }
        while let Some(byte) = self.peek() {
            let token = match (byte, self.raw) {
                (b'<', None) => self.markup(meter),
                (b'<', Some(raw)) if self.is_tag("</", raw.name()) && raw != Raw::PlainText => {
                    self.raw = None;
                    self.markup(meter)
                }
                (b'&', None | Some(Raw::TextArea)) => self.reference(meter),
                (0, None) => {
                    self.at += 1;
                    meter.work(1);
                    None
                }
                (0, Some(_)) => {
                    self.at += 1;
                    let replaced = Characters::One(char::REPLACEMENT_CHARACTER);
                    Some(Token::Reference(self.at - 1, self.at, replaced))
                }
                _ => self.text(0),
            };
            if let Some(token) = token {
                if let Token::Text(from, to) = token {
                    meter.work(to - from);
                }
                return Some(token);
            }
        }
        None
    }

    /// Reads text. The first `skip` bytes are text whatever they are.
    fn text(&mut self, skip: usize) -> Option<Token> {
        let from = self.at;
        let stop = self.source.floor_char_boundary((from + MAX_TEXT).min(self.source.len()));
        let rest = &self.source.as_bytes()[from + skip..stop];
        self.at = memchr3(b'<', b'&', 0, rest).map_or(stop, |found| from + skip + found);
        // A `<` or `&` without meaning.
        self.at = self.at.max(from + 1);
        Some(Token::Text(from, self.at))
    }

    fn reference<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Token> {
        let from = self.at;
        match reference(self.source, from, meter) {
            Some((end, characters)) => {
                self.at = end;
                meter.work(end - from);
                Some(Token::Reference(from, end, characters))
            }
            None => self.text(1),
        }
    }

    /// Reads markup that begins with the `<` here. None if it is no token.
    fn markup<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<Token> {
        meter.work("<!--".len());
        let from = self.at + 1;
        let bytes = self.source.as_bytes();
        let closing = bytes.get(from) == Some(&b'/');
        let from = from + usize::from(closing);
        match bytes.get(from) {
            Some(first) if first.is_ascii_alphabetic() => {
                self.at = from;
                self.skip(|b| !is_space(b) && !matches!(b, b'/' | b'>'), meter);
                let element = Element::named(&bytes[from..self.at]);
                let closed = self.rest_of_tag(meter)?;
                Some(if closing { Token::End(element) } else { Token::Start(element, closed) })
            }
            Some(b'!') if !closing && bytes[from..].starts_with(b"!--") => {
                self.at += "<!--".len();
                self.skip_comment(meter);
                None
            }
            // A doctype, or markup that counts as a comment.
            Some(&first) if closing || matches!(first, b'!' | b'?') => {
                self.skip_past(b'>', meter);
                None
            }
            _ => self.text(1),
        }
    }

    /// Reads a tag to its end, from after its name. True if it ends with `/>`; None if the source
    /// ends in it.
    fn rest_of_tag<T: FnMut()>(&mut self, meter: &mut Meter<T>) -> Option<bool> {
        loop {
            self.skip(is_space, meter);
            match self.peek()? {
                b'>' => {
                    self.at += 1;
                    return Some(false);
                }
                b'/' => {
                    self.at += 1;
                    meter.work(1);
                    if self.peek()? == b'>' {
                        self.at += 1;
                        return Some(true);
                    }
                    continue;
                }
                _ => {}
            }
            // An attribute. Its name can begin with any byte, even `=`.
            self.at += 1;
            meter.work("a=''".len());
            self.skip(|b| !is_space(b) && !matches!(b, b'/' | b'>' | b'='), meter);
            self.skip(is_space, meter);
            if self.peek()? != b'=' {
                continue;
            }
            self.at += 1;
            self.skip(is_space, meter);
            match self.peek()? {
                quote @ (b'"' | b'\'') => {
                    self.at += 1;
                    self.skip_past(quote, meter);
                }
                b'>' => {}
                _ => self.skip(|b| !is_space(b) && b != b'>', meter),
            }
        }
    }

    /// Reads a comment to its end, from after its `<!--`.
    fn skip_comment<T: FnMut()>(&mut self, meter: &mut Meter<T>) {
        let start = self.at;
        while let Some(end) = self.find(b">", meter) {
            self.at = end + 1;
            let comment = &self.source.as_bytes()[start..end];
            let ended = matches!(comment, b"" | b"-");
            if ended || comment.ends_with(b"--") || comment.ends_with(b"--!") {
                return;
            }
        }
    }

    /// Skips a script up to its end tag. In a comment that contains a script's start tag, the next
    /// end tag does not count.
    fn skip_script<T: FnMut()>(&mut self, meter: &mut Meter<T>) {
        let bytes = self.source.as_bytes();
        let mut comment = None;
        let mut nested = false;
        while let Some(found) = self.find(b"<>", meter) {
            self.at = found;
            if bytes[found] == b'>' {
                if comment.is_some_and(|start| bytes[start..found].ends_with(b"--")) {
                    (comment, nested) = (None, false);
                }
            } else if self.is_tag("</", "script") {
                if !nested {
                    return;
                }
                nested = false;
            } else if comment.is_none() && bytes[found..].starts_with(b"<!--") {
                comment = Some(found + 2);
            } else if comment.is_some() && self.is_tag("<", "script") {
                nested = true;
            }
            self.at += 1;
        }
    }

    /// True if a tag with this name begins here.
    fn is_tag(&self, open: &str, name: &str) -> bool {
        let rest = &self.source.as_bytes()[self.at..];
        let length = open.len() + name.len();
        rest.starts_with(open.as_bytes())
            && rest.get(open.len()..length).is_some_and(|s| s.eq_ignore_ascii_case(name.as_bytes()))
            && rest.get(length).is_some_and(|&b| is_space(b) || matches!(b, b'/' | b'>'))
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    /// Skips to the first byte that is not `skipped`.
    fn skip<T: FnMut()>(&mut self, skipped: impl Fn(u8) -> bool, meter: &mut Meter<T>) {
        let bytes = self.source.as_bytes();
        while self.at < bytes.len() {
            let stop = (self.at + MAX_STEP).min(bytes.len());
            let rest = &bytes[self.at..stop];
            let found = rest.iter().position(|&b| !skipped(b));
            let length = found.unwrap_or(rest.len());
            self.at += length;
            meter.work(length);
            if found.is_some() {
                break;
            }
        }
    }

    /// Skips past the next such byte.
    fn skip_past<T: FnMut()>(&mut self, byte: u8, meter: &mut Meter<T>) {
        if let Some(found) = self.find(&[byte], meter) {
            self.at = found + 1;
        }
    }

    /// Finds the first of one or two bytes. Moves to the end of the source if there is none.
    fn find<T: FnMut()>(&mut self, bytes: &[u8], meter: &mut Meter<T>) -> Option<usize> {
        let source = self.source.as_bytes();
        while self.at < source.len() {
            let stop = (self.at + MAX_STEP).min(source.len());
            let rest = &source[self.at..stop];
            let found = match *bytes {
                [one] => memchr(one, rest),
                [one, two, ..] => memchr2(one, two, rest),
                [] => None,
            };
            meter.work(found.map_or(rest.len(), |found| found + 1));
            if let Some(found) = found {
                return Some(self.at + found);
            }
            self.at = stop;
        }
        None
    }
}

/// White space in tags, and white space that is collapsed in text.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0C')
}
