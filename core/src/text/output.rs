//! Output of words: forms, offsets and positions.

use super::accents::unaccent;
use super::classes::is_hangul;
use super::kind::Kind;
use super::korean::without_particles;
use super::normal::{Anchor, fold_word};
use super::word::{MAX_WORD, Role, Variant, Word};

/// Span of a word in a source: the stretch that is read, as written or normalised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
}

pub(super) struct Output<W> {
    word: W,
    /// Position of the next part.
    next: u32,
    /// Offset of the stretch in the text.
    pub base: usize,
    /// Length of the stretch in the text.
    pub length: usize,
    /// Clusters of a normalised source; empty if the source is the text as written.
    pub alignment: Vec<Anchor>,
    form: String,
    other: String,
}

impl<W: FnMut(Word)> Output<W> {
    pub fn new(word: W) -> Self {
        let (form, other, alignment) = Default::default();
        Self { word, next: 1, base: 0, length: 0, alignment, form, other }
    }

    /// Word of ASCII letters or digits in the text. Its form is what is written, in lower case.
    #[inline]
    pub fn ascii(&mut self, text: &str, span: Span, kind: Kind, is_lower: bool) {
        let written = &text[span.start..span.end];
        let form = if is_lower {
            written
        } else {
            self.form.clear();
            self.form.push_str(written);
            self.form.make_ascii_lowercase();
            &self.form
        };
        (self.word)(Word {
            form,
            kind,
            role: Role::Word,
            variant: Variant::Written,
            start: span.start,
            end: span.end,
            position: self.next,
        });
        self.next = self.next.saturating_add(1);
    }

    /// Word without parts, or part of a compound. The next one stands at the next position.
    pub fn part(&mut self, source: &str, span: Span, kind: Kind, role: Role) {
        self.write(&source[span.start..span.end], span, kind, role);
        if self.form.chars().next_back().is_some_and(is_hangul)
            && let Some(form) = without_particles(&self.form)
        {
            let variant = Variant::WithoutParticle;
            let (start, end) = offsets(self.base, self.length, &self.alignment, span);
            (self.word)(Word { form, kind, role, variant, start, end, position: self.next });
        }
        self.next = self.next.saturating_add(1);
    }

    /// Compound, before its parts. Left out if it is too long for a word.
    pub fn group(&mut self, source: &str, span: Span, kind: Kind, role: Role) {
        let written = &source[span.start..span.end];
        if written.len() <= MAX_WORD {
            self.write(written, span, kind, role);
        }
    }

    /// Writes a word and its form without accents at the next position.
    pub fn write(&mut self, raw: &str, span: Span, kind: Kind, role: Role) {
        fold_word(raw, &mut self.form);
        // Characters that fold to nothing make no word.
        if self.form.is_empty() {
            return;
        }
        let (start, end) = offsets(self.base, self.length, &self.alignment, span);
        let (position, variant) = (self.next, Variant::Written);
        let word = Word { form: &self.form, kind, role, variant, start, end, position };
        (self.word)(word);
        if unaccent(&self.form, &mut self.other) {
            (self.word)(Word { form: &self.other, variant: Variant::Unaccented, ..word });
        }
    }

    /// Writes an abbreviation without its full stops, after [`Self::group`] wrote it with them.
    pub fn without_stops(&mut self, source: &str, span: Span, role: Role) {
        self.other.clear();
        self.other.extend(source[span.start..span.end].chars().filter(|&c| c != '.'));
        fold_word(&self.other, &mut self.form);
        let (start, end) = offsets(self.base, self.length, &self.alignment, span);
        (self.word)(Word {
            form: &self.form,
            kind: if self.form.is_ascii() { Kind::Asciiword } else { Kind::Word },
            role,
            variant: Variant::WithoutStops,
            start,
            end,
            position: self.next,
        });
    }

    /// Offset in the text of an offset in the source.
    pub fn offset(&self, at: usize) -> usize {
        offsets(self.base, self.length, &self.alignment, Span { start: at, end: at }).1
    }
}

/// Offsets in the text of a span in the source. Inside a cluster there are none: a word that begins or
/// ends there has the whole cluster.
fn offsets(base: usize, length: usize, alignment: &[Anchor], span: Span) -> (usize, usize) {
    if alignment.is_empty() {
        return (base + span.start, base + span.end);
    }
    let written = |index: usize| alignment.get(index).map_or(length, |&(_, at)| at as usize);
    let first = alignment.partition_point(|&(at, _)| at as usize <= span.start).saturating_sub(1);
    let end = alignment.partition_point(|&(at, _)| (at as usize) < span.end);
    (base + written(first), base + written(end))
}
