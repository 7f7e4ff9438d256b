//! Words of a text, in forms that tests compare.
#![allow(dead_code, reason = "each test uses some")]

use carrel_core::text::{Kind, Role, Variant, Word, analyze};

/// Word that owns its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub form: String,
    pub kind: Kind,
    pub role: Role,
    pub variant: Variant,
    pub start: usize,
    pub end: usize,
    pub position: u32,
}

pub fn words(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let own = |word: Word| {
        let Word { form, kind, role, variant, start, end, position } = word;
        found.push(Found { form: form.into(), kind, role, variant, start, end, position });
    };
    analyze(text, || {}, own);
    found
}

/// Forms, with ` | ` between positions: `po-001 po | 001`.
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut position = 1;
    for word in words(text) {
        if !shown.is_empty() {
            shown.push_str(if word.position > position { " | " } else { " " });
        }
        position = word.position;
        shown.push_str(&word.form);
    }
    shown
}

/// Forms and kinds: `15.20:float 15:uint 20:uint`.
pub fn kinds(text: &str) -> String {
    let kinds = words(text).into_iter().map(|word| format!("{}:{}", word.form, word.kind.alias()));
    kinds.collect::<Vec<_>>().join(" ")
}

/// Text as written of the words with this form.
pub fn written<'t>(text: &'t str, form: &str) -> Vec<&'t str> {
    let words = words(text).into_iter().filter(|word| word.form == form);
    words.map(|word| &text[word.start..word.end]).collect()
}

/// True if a text has a word with each of these forms.
pub fn has(text: &str, forms: &[&str]) -> bool {
    let words = words(text);
    forms.iter().all(|form| words.iter().any(|word| word.form == *form))
}

/// Words moved by so many bytes and positions.
pub fn moved(found: &[Found], bytes: usize, positions: u32) -> Vec<Found> {
    let moved = |word: &Found| Found {
        start: word.start + bytes,
        end: word.end + bytes,
        position: word.position + positions,
        ..word.clone()
    };
    found.iter().map(moved).collect()
}
