//! Web addresses with a scheme: `https://example.com/pricing?x=1`.

use memchr::memmem;

use super::classes::{
    begins_word, char_at, continues_word, is_digit, is_letter, is_mid_letter, word_end,
};
use super::kind::Kind;
use super::output::{Output, Span};
use super::pieces::pieces;
use super::word::{Role, Word};

/// Longest name of a scheme.
const MAX_SCHEME: usize = 24;

/// Address in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub start: usize,
    /// End of the scheme.
    scheme: usize,
    /// First byte after `//`.
    authority: usize,
    pub end: usize,
}

/// Start of the next `://` from `at`; the source's length if there is none.
pub(super) fn next_scheme(source: &str, at: usize) -> usize {
    let found = memmem::find(&source.as_bytes()[at..], b"://");
    found.map_or(source.len(), |found| at + found)
}

impl Address {
    /// Address that begins at `start`, whose scheme ends at `scheme`.
    pub fn at(source: &str, start: usize, scheme: usize) -> Option<Self> {
        let name = source.get(start..scheme).filter(|name| name.len() <= MAX_SCHEME)?;
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !is_name || scheme == source.len() {
            return None;
        }
        let authority = scheme + "://".len();
        let end = address_end(source, authority);
        let begins = source[authority..].starts_with(|c| begins_word(c) || c == '/' || c == '[');
        let has_words = words(source, Span { start: authority, end }).next().is_some();
        (begins && has_words).then_some(Self { start, scheme, authority, end })
    }

    /// Gives the address and its parts to the output. The address is a word without its scheme, as
    /// PostgreSQL's parser has it; the schemes of the Web are no words.
    pub fn write<W: FnMut(Word)>(&self, source: &str, out: &mut Output<W>) {
        let text = &source[self.authority..self.end];
        let path = text.find(['/', '?', '#']).map_or(self.end, |at| self.authority + at);
        let user = source[self.authority..path].rfind('@').map(|at| self.authority + at + 1);
        let host_start = user.unwrap_or(self.authority);
        let host = &source[host_start..path];
        let port = host.rfind(':').filter(|&at| host[at + 1..].bytes().all(|b| b.is_ascii_digit()));
        let host_end = port.map_or(path, |at| host_start + at);
        let has_path = words(source, Span { start: path, end: self.end }).next().is_some();
        if !matches!(&source[self.start..self.scheme], "http" | "https" | "HTTP" | "HTTPS") {
            self.parts(source, Span { start: self.start, end: self.scheme }, Role::Word, out);
        }
        let host = Span { start: host_start, end: host_end };
        let whole = Span { start: self.authority, end: self.end };
        let is_named = is_host_name(&source[host.start..host.end]);
        let is_host = is_named && self.authority == host.start && host.end == self.end;
        if is_host {
            out.group(source, host, Kind::Host, Role::Whole);
        } else {
            out.group(source, whole, Kind::Url, Role::Whole);
        }
        let user = Span { start: self.authority, end: host_start };
        self.parts(source, user, Role::Part, out);
        if !is_host && is_named && source[host.start..host.end].contains('.') {
            out.group(source, host, Kind::Host, Role::Group);
        }
        self.parts(source, host, Role::Part, out);
        self.parts(source, Span { start: host_end, end: path }, Role::Part, out);
        if has_path {
            let path = Span { start: path, end: self.end };
            out.group(source, path, Kind::UrlPath, Role::Group);
            self.parts(source, path, Role::Part, out);
        }
    }

    /// Gives the words of a part of the address to the output.
    fn parts<W: FnMut(Word)>(&self, source: &str, span: Span, role: Role, out: &mut Output<W>) {
        for piece in words(source, span).flat_map(|word| pieces(source, word)) {
            let word = &source[piece.start..piece.end];
            let kind = match word {
                _ if !word.contains(is_letter) => Kind::Uint,
                _ if word.contains(is_digit) => Kind::Numword,
                _ if word.is_ascii() => Kind::Asciiword,
                _ => Kind::Word,
            };
            out.part(source, piece, kind, role);
        }
    }
}

/// Words of a part of an address, without escaped bytes (`%20`).
fn words(source: &str, span: Span) -> impl Iterator<Item = Span> {
    let source = &source[..span.end];
    let mut at = span.start;
    std::iter::from_fn(move || {
        while let Some(c) = char_at(source, at) {
            let start = at;
            let escaped = source[at..].bytes().skip(1).take(2).filter(u8::is_ascii_hexdigit);
            if c == '%' && escaped.count() == 2 {
                at += 3;
            } else if begins_word(c) {
                at = word_end(source, at);
                return Some(Span { start, end: at });
            } else {
                at += c.len_utf8();
            }
        }
        None
    })
}

/// True for labels with full stops between them.
fn is_host_name(text: &str) -> bool {
    let is_inside = |c| c == '-' || continues_word(c);
    let is_label = |label: &str| {
        label.starts_with(begins_word) && label.chars().all(is_inside) && !label.ends_with('-')
    };
    text.split('.').all(is_label)
}

/// End of the address whose authority begins at `at`: without signs that belong to the sentence, nor
/// a bracket that the address does not open.
fn address_end(source: &str, at: usize) -> usize {
    let rest = &source[at..];
    let ends = |c: char| match c {
        _ if c.is_ascii() => c <= ' ' || c == '\u{7F}' || "<>\"`{}|\\^".contains(c),
        _ => !continues_word(c),
    };
    let mut address = &rest[..rest.find(ends).unwrap_or(rest.len())];
    // Unopened brackets, counted once: an address may end with thousands of them.
    let mut unopened = [('(', ')'), ('[', ']')].map(|(open, close)| {
        let count = |sign| memchr::memchr_iter(sign as u8, address.as_bytes()).count();
        (close, count(close).saturating_sub(count(open)))
    });
    let is_host = !address.contains('/');
    while let Some(last) = address.chars().next_back() {
        let bracket = unopened.iter_mut().find(|(close, left)| *close == last && *left > 0);
        match bracket {
            Some((_, left)) => *left -= 1,
            None if ".,;:!?'*_~".contains(last) || is_mid_letter(last) => {}
            // An arrow.
            None if last == '-' && is_host => {}
            None => break,
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    at + address.len()
}
