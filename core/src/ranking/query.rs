//! What a person typed into a search box, taken apart.

/// A part of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub text: &'a str,
    pub kind: PartKind,
    /// Whether texts with this part are not wanted.
    pub is_excluded: bool,
}

/// How the text of a part is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A word, or whatever stands between blanks.
    Word,
    /// What stood before an asterisk: the beginning of a word.
    Prefix,
    /// What stood between quotes: these words, in this order.
    Phrase,
}

/// The parts of a query, in order. Nothing is an error: a quote that is never closed, or a sign with
/// nothing behind it, is read as a blank. `or` between two parts means what is meant anyway.
pub fn parts(query: &str) -> Vec<Part<'_>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = query.trim_start();
    while !rest.is_empty() {
        // Two signs are an option of a program, not a wish.
        let is_excluded = rest.starts_with('-') && !rest.starts_with("--");
        let start = rest.trim_start_matches('-');
        let (text, kind, after) = match start.strip_prefix(QUOTES) {
            Some(quoted) => match quoted.find(QUOTES) {
                Some(end) => {
                    let closing = quoted[end..].chars().next().map_or(0, char::len_utf8);
                    (&quoted[..end], PartKind::Phrase, &quoted[end + closing..])
                }
                // The last of the quotes: nothing is looked for twice.
                None => {
                    rest = quoted.trim_start();
                    continue;
                }
            },
            None => {
                let end = start
                    .find(|c: char| c.is_whitespace() || QUOTES.contains(&c))
                    .unwrap_or(start.len());
                let (word, after) = start.split_at(end);
                let stem = word.trim_end_matches('*');
                let kind = if stem.len() < word.len() { PartKind::Prefix } else { PartKind::Word };
                (stem, kind, after)
            }
        };
        rest = after.trim_start();
        let is_or = kind == PartKind::Word
            && text.eq_ignore_ascii_case("or")
            && !is_excluded
            && !parts.is_empty()
            && !rest.is_empty();
        if !text.trim().is_empty() && !is_or {
            parts.push(Part { text, kind, is_excluded });
        }
    }
    parts
}

/// What opens and closes a phrase, as keyboards and word processors have it.
const QUOTES: [char; 5] = ['"', '“', '”', '„', '‟'];
