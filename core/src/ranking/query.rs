//! Parts of a query typed into a search box.

/// Part of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPart<'a> {
    pub text: &'a str,
    pub kind: QueryPartKind,
    /// True if texts with this part are excluded.
    pub is_excluded: bool,
}

/// Meaning of a part's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryPartKind {
    /// A word, or any text between blanks.
    Word,
    /// Text before an asterisk: the beginning of a word.
    Prefix,
    /// Text between quotes: these words, in this order.
    Phrase,
}

/// Splits a query into its parts, in order. No query is an error: an unclosed quote, or a sign with
/// nothing after it, is read as a blank. `or` between two parts is ignored, since any part may
/// match.
pub fn parts(query: &str) -> Vec<QueryPart<'_>> {
    let mut parts: Vec<QueryPart> = Vec::new();
    let mut rest = query.trim_start();
    while !rest.is_empty() {
        // Two signs are an option of a program, not an exclusion.
        let is_excluded = rest.starts_with('-') && !rest.starts_with("--");
        let start = rest.trim_start_matches('-');
        let (text, kind, after) = match start.strip_prefix(QUOTES) {
            Some(quoted) => match quoted.find(QUOTES) {
                Some(end) => {
                    let closing = quoted[end..].chars().next().map_or(0, char::len_utf8);
                    (&quoted[..end], QueryPartKind::Phrase, &quoted[end + closing..])
                }
                // An unclosed quote. No quote is left after it, so it is searched only once.
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
                let kind = if stem.len() < word.len() {
                    QueryPartKind::Prefix
                } else {
                    QueryPartKind::Word
                };
                (stem, kind, after)
            }
        };
        rest = after.trim_start();
        let is_or = kind == QueryPartKind::Word
            && text.eq_ignore_ascii_case("or")
            && !is_excluded
            && !parts.is_empty()
            && !rest.is_empty();
        if !text.trim().is_empty() && !is_or {
            parts.push(QueryPart { text, kind, is_excluded });
        }
    }
    parts
}

/// Quotes of phrases, as keyboards and word processors type them.
const QUOTES: [char; 5] = ['"', '“', '”', '„', '‟'];
