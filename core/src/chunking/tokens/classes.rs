//! Classes of characters in the patterns of tokenizers.

use std::sync::LazyLock;

use regex_syntax::hir::{Class as Set, HirKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// All other characters: punctuation, symbols, control and unassigned characters.
    Other,
    /// `\r` and `\n`.
    Newline,
    /// Other whitespace.
    Space,
    /// Lu and Lt.
    Upper,
    /// Ll.
    Lower,
    /// Lm and Lo: letters without case.
    Caseless,
    /// M: combining characters.
    Mark,
    /// N.
    Number,
}

impl Class {
    pub(super) fn is_letter(self) -> bool {
        matches!(self, Class::Upper | Class::Lower | Class::Caseless)
    }

    pub(super) fn is_space(self) -> bool {
        matches!(self, Class::Newline | Class::Space)
    }

    /// True for characters that are neither whitespace nor letter nor number.
    pub(super) fn is_other(self) -> bool {
        matches!(self, Class::Other | Class::Mark)
    }
}

/// Class of every character, as the `regex` crate defines it: the patterns are regular expressions.
static CLASSES: LazyLock<Box<[Class]>> = LazyLock::new(|| {
    let mut classes = vec![Class::Other; char::MAX as usize + 1].into_boxed_slice();
    let sets = [
        (r"\s", Class::Space),
        (r"[\r\n]", Class::Newline),
        (r"[\p{Lu}\p{Lt}]", Class::Upper),
        (r"\p{Ll}", Class::Lower),
        (r"[\p{Lm}\p{Lo}]", Class::Caseless),
        (r"\p{M}", Class::Mark),
        (r"\p{N}", Class::Number),
    ];
    for (pattern, class) in sets {
        let kind = regex_syntax::parse(pattern).map(|set| set.into_kind());
        let Ok(HirKind::Class(Set::Unicode(set))) = kind else { continue };
        for range in set.ranges() {
            classes[range.start() as usize..=range.end() as usize].fill(class);
        }
    }
    classes
});

/// Classes of all characters, by code point.
pub(super) fn classes() -> &'static [Class] {
    &CLASSES
}
