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

/// Number of words from which on a query is prose: quotes and signs are punctuation there.
const PROSE: usize = 11;

/// Splits a query into its parts, in order. No query is an error: an unclosed quote, or a sign with
/// nothing after it, is read as a blank. `or` between two parts is ignored, since any part may
/// match.
///
/// Up to ten words are a search, in which quotes, `*`, `or` and `-word` count. A word with a dash that
/// is short or has no vowel is an option of a command (`tar -xzf file`, `psql -d app`). More words are
/// prose, and so is any query without `has_operators`.
pub fn parts(query: &str, has_operators: bool) -> Vec<QueryPart<'_>> {
    if !has_operators || query.split_whitespace().nth(PROSE - 1).is_some() {
        let is_blank = |c: char| c.is_whitespace() || QUOTES.contains(&c);
        let words = query.split(is_blank);
        let words = words.map(|word| word.trim_start_matches('-').trim_end_matches('*'));
        let words = words.filter(|word| !word.is_empty());
        let part = |text| QueryPart { text, kind: QueryPartKind::Word, is_excluded: false };
        return words.map(part).collect();
    }
    let mut parts = operator_parts(query);
    parts.iter_mut().for_each(|part| part.is_excluded &= !is_option(part));
    parts
}

/// True for a part that is written as options of commands are: `-d`, `-rf`, `-xzf`.
fn is_option(part: &QueryPart) -> bool {
    const VOWELS: [char; 12] = ['a', 'e', 'i', 'o', 'u', 'y', 'A', 'E', 'I', 'O', 'U', 'Y'];
    part.kind != QueryPartKind::Phrase
        && part.text.is_ascii()
        && (part.text.len() < 3 || !part.text.contains(VOWELS))
}

/// Splits a query into its parts, in which all operators count.
fn operator_parts(query: &str) -> Vec<QueryPart<'_>> {
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
