//! Compounds: words joined by signs, given as a whole, in groups and in parts.

use super::classes::{CLASS, DIGIT, HIGH, LETTER, is_digit, is_hangul, is_letter};
use super::joiners::{Joiner, Prefix};
use super::kind::Kind;
use super::korean::without_particles;
use super::numbers::Style;
use super::output::{Output, Span};
use super::pieces::{pieces, without_sign};
use super::word::{Role, Word};

/// Word between the joiners of a compound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom {
    pub start: usize,
    /// End without a suffix (`++`).
    pub body: usize,
    pub end: usize,
    pub number: Option<Style>,
}

/// Atoms and the joiners between them, of one compound. A word without joiners is one atom.
#[derive(Debug, Default)]
pub(super) struct Compound {
    pub start: usize,
    pub prefix: Option<Prefix>,
    pub atoms: Vec<Atom>,
    /// Joiner after each atom but the last.
    pub joiners: Vec<Joiner>,
}

impl Compound {
    pub fn end(&self) -> usize {
        self.atoms.last().map_or(self.start, |atom| atom.end)
    }

    /// Gives the compound and its parts to the output.
    pub fn write<W: FnMut(Word)>(&self, source: &str, out: &mut Output<W>) {
        let Some(last) = self.atoms.len().checked_sub(1) else { return };
        let mut writer = Writer { source, compound: self, out };
        let loosest = self.joiners.iter().min();
        let whole = Span { start: self.start, end: self.end() };
        let mut role = Role::Whole;
        let prefixed = match self.prefix {
            Some(Prefix::Path) => Some(Kind::File),
            Some(Prefix::Name) => Some(Kind::Numword),
            Some(Prefix::Sign) => writer.signed_kind(),
            None => None,
        };
        if let Some(kind) = prefixed {
            writer.out.group(source, whole, kind, role);
            role = Role::Group;
        }
        if self.prefix == Some(Prefix::Path) && loosest == Some(&Joiner::Path) {
            writer.split(0, last, Joiner::Path);
        } else {
            writer.node(0, last, role, false);
        }
    }
}

struct Writer<'a, W> {
    source: &'a str,
    compound: &'a Compound,
    out: &'a mut Output<W>,
}

impl<W: FnMut(Word)> Writer<'_, W> {
    /// Atoms from `first` to `last`. Recurs once for each joiner that is tighter, nine times at most.
    fn node(&mut self, first: usize, last: usize, role: Role, is_hyphenated: bool) {
        let Some(&joiner) = self.compound.joiners[first..last].iter().min() else {
            return self.atom(self.compound.atoms[first], role, is_hyphenated);
        };
        let atoms = &self.compound.atoms[first..=last];
        let span = Span { start: atoms[0].start, end: atoms[atoms.len() - 1].end };
        self.out.group(self.source, span, self.kind(joiner, first, last), role);
        if joiner == Joiner::Dot && atoms.iter().all(|atom| atom.end == atom.start + 1) {
            self.out.without_stops(self.source, span, role);
        }
        match joiner {
            Joiner::Point => self.point(first, last),
            _ => self.split(first, last, joiner),
        }
    }

    fn split(&mut self, first: usize, last: usize, joiner: Joiner) {
        let mut start = first;
        for index in first..=last {
            if index == last || self.compound.joiners[index] == joiner {
                self.node(start, index, Role::Group, joiner == Joiner::Hyphen);
                start = index + 1;
            }
        }
    }

    fn atom(&mut self, atom: Atom, mut role: Role, is_hyphenated: bool) {
        let mut body = Span { start: atom.start, end: atom.body };
        if let Some(style) = atom.number {
            return self.number(body, style, role);
        }
        if atom.end > atom.body {
            self.out.group(self.source, Span { end: atom.end, ..body }, Kind::Numword, role);
            role = Role::Group;
        }
        // A particle after other letters: `PostgreSQL을`.
        if let Some(rest) = without_particles(&self.source[body.start..body.end])
            && !rest.ends_with(is_hangul)
        {
            self.out.group(self.source, body, self.word_kind(body, is_hyphenated), role);
            role = Role::Group;
            body.end = body.start + without_sign(rest).len();
        }
        let pieces = pieces(self.source, body);
        if pieces.len() == 1 {
            return self.leaf(body, role, is_hyphenated);
        }
        self.out.group(self.source, body, self.word_kind(body, is_hyphenated), role);
        let is_version = pieces.len() == 2 && self.is_version_sign(pieces[0]);
        for &piece in &pieces[usize::from(is_version)..] {
            self.leaf(piece, Role::Group, false);
        }
    }

    /// Word without parts.
    fn leaf(&mut self, span: Span, role: Role, is_hyphenated: bool) {
        let role = if role == Role::Whole { Role::Word } else { Role::Part };
        self.out.part(self.source, span, self.word_kind(span, is_hyphenated), role);
    }

    /// Digits joined by points, maybe with letters at the ends: `3.5GB`, `v6.2.8`, `python3.11`.
    fn point(&mut self, first: usize, last: usize) {
        let compound = self.compound;
        let atoms = &compound.atoms[first..=last];
        let body = |atom: &Atom| Span { start: atom.start, end: atom.body };
        let head = pieces(self.source, body(&atoms[0]));
        let tail = pieces(self.source, body(&atoms[atoms.len() - 1]));
        let (Some((&core, prefix)), Some((&end, suffix))) = (head.split_last(), tail.split_first())
        else {
            return;
        };
        let core = Span { start: core.start, end: end.end };
        match prefix {
            [sign] if self.is_version_sign(*sign) => {}
            [] => {}
            _ => {
                self.out.group(self.source, body(&atoms[0]), Kind::Numword, Role::Group);
                prefix.iter().for_each(|&piece| self.leaf(piece, Role::Group, false));
            }
        }
        if !prefix.is_empty() || !suffix.is_empty() {
            self.out.group(self.source, core, point_kind(atoms.len()), Role::Group);
        }
        self.leaf(Span { end: atoms[0].body, ..core }, Role::Group, false);
        for atom in &atoms[1..atoms.len() - 1] {
            self.atom(*atom, Role::Group, false);
        }
        self.leaf(end, Role::Group, false);
        suffix.iter().for_each(|&piece| self.leaf(piece, Role::Group, false));
    }

    /// Number with separators or an exponent.
    fn number(&mut self, span: Span, style: Style, role: Role) {
        let point = match style {
            Style::Grouped { point } => point,
            Style::Comma => {
                self.out.group(self.source, span, Kind::Float, role);
                return self.digits(span);
            }
            Style::Exponent => {
                let role = if role == Role::Whole { Role::Word } else { Role::Part };
                return self.out.part(self.source, span, Kind::Sfloat, role);
            }
        };
        let integer = Span { end: point.unwrap_or(span.end), ..span };
        let plain = digits_of(&self.source[integer.start..integer.end]);
        if let Some(point) = point {
            let mut whole = plain.clone();
            whole.push('.');
            whole.push_str(&self.source[point + 1..span.end]);
            self.out.write(&whole, span, Kind::Float, role);
            self.out.write(&plain, integer, Kind::Uint, Role::Group);
        } else {
            self.out.write(&plain, span, Kind::Uint, role);
        }
        self.digits(span);
    }

    /// Digits between the separators of a number.
    fn digits(&mut self, span: Span) {
        let is_digit = |at: usize| self.source.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        let mut start = span.start;
        for end in span.start..=span.end {
            if end == span.end || !is_digit(end) {
                self.out.part(self.source, Span { start, end }, Kind::Uint, Role::Part);
                start = end + 1;
            }
        }
    }

    /// True for the `v` before the digits of a version, which is no word.
    fn is_version_sign(&self, span: Span) -> bool {
        matches!(&self.source[span.start..span.end], "v" | "V")
    }

    /// Kind of a number after a minus sign; None if what follows is more than a number.
    fn signed_kind(&self) -> Option<Kind> {
        let atoms = &self.compound.atoms;
        let is_number = |atom: &Atom| {
            atom.number.is_some()
                || self.source[atom.start..atom.end].bytes().all(|byte| byte.is_ascii_digit())
        };
        match (atoms.as_slice(), self.compound.joiners.as_slice()) {
            ([atom], []) if is_number(atom) => Some(match atom.number {
                Some(Style::Exponent) => Kind::Sfloat,
                Some(Style::Grouped { point: Some(_) } | Style::Comma) => Kind::Float,
                _ => Kind::Int,
            }),
            ([a, b], [Joiner::Point]) if is_number(a) && is_number(b) => Some(Kind::Float),
            _ => None,
        }
    }

    fn kind(&self, joiner: Joiner, first: usize, last: usize) -> Kind {
        let atoms = &self.compound.atoms[first..=last];
        let joiners = &self.compound.joiners[first..last];
        let classes = |atom: &Atom| self.classes(Span { start: atom.start, end: atom.end });
        let classes = atoms.iter().fold(0, |all, atom| all | classes(atom));
        match joiner {
            Joiner::At => Kind::Email,
            Joiner::Path => {
                let name = joiners.iter().position(|other| *other == joiner);
                match name.is_some_and(|name| self.is_host(first, first + name)) {
                    true => Kind::Url,
                    false => Kind::File,
                }
            }
            Joiner::Dot if self.is_host(first, last) => Kind::Host,
            Joiner::Dot => Kind::File,
            Joiner::Hyphen => {
                let is_plain = atoms.iter().all(|atom| atom.end == atom.body)
                    && joiners.iter().all(|j| matches!(j, Joiner::Hyphen | Joiner::Apostrophe));
                match is_plain && classes & DIGIT == 0 {
                    true if classes & HIGH != 0 => Kind::Hword,
                    true => Kind::Asciihword,
                    false => Kind::Numhword,
                }
            }
            Joiner::Apostrophe if classes & DIGIT != 0 => Kind::Numword,
            Joiner::Apostrophe if classes & HIGH != 0 => Kind::Word,
            Joiner::Apostrophe => Kind::Asciiword,
            Joiner::Point if classes & (LETTER | HIGH) == 0 => point_kind(atoms.len()),
            Joiner::Point => Kind::File,
            Joiner::Plus | Joiner::Scope | Joiner::And | Joiner::Underscore => Kind::Numword,
        }
    }

    /// True for labels of ASCII joined by full stops, the last of which are letters.
    fn is_host(&self, first: usize, last: usize) -> bool {
        let compound = self.compound;
        let text = |atom: &Atom| &self.source.as_bytes()[atom.start..atom.end];
        let joiners = &compound.joiners[first..last];
        let domain = text(&compound.atoms[last]);
        joiners.last() == Some(&Joiner::Dot)
            && joiners.iter().all(|j| matches!(j, Joiner::Dot | Joiner::Hyphen | Joiner::Point))
            && domain.len() >= 2
            && domain.iter().all(u8::is_ascii_alphabetic)
            && compound.atoms[first..last]
                .iter()
                .all(|atom| text(atom).iter().all(u8::is_ascii_alphanumeric))
    }

    fn word_kind(&self, span: Span, is_hyphenated: bool) -> Kind {
        let classes = self.classes(span);
        let is_ascii = classes & HIGH == 0;
        let has = |class: u8, test: fn(char) -> bool| {
            let word = &self.source[span.start..span.end];
            classes & class != 0 || !is_ascii && word.contains(test)
        };
        match (has(LETTER, is_letter), has(DIGIT, is_digit)) {
            (false, _) => Kind::Uint,
            (true, true) if is_hyphenated => Kind::HwordNumpart,
            (true, true) => Kind::Numword,
            (true, false) if is_ascii && is_hyphenated => Kind::HwordAsciipart,
            (true, false) if is_ascii => Kind::Asciiword,
            (true, false) if is_hyphenated => Kind::HwordPart,
            (true, false) => Kind::Word,
        }
    }

    /// Classes of all bytes of a span.
    fn classes(&self, span: Span) -> u8 {
        let bytes = self.source[span.start..span.end].bytes();
        bytes.fold(0, |classes, byte| classes | CLASS[usize::from(byte)])
    }
}

/// Kind of so many numbers with points between them.
fn point_kind(numbers: usize) -> Kind {
    if numbers == 2 { Kind::Float } else { Kind::Version }
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}
