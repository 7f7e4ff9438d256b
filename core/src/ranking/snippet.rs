//! Snippet: the passage of a text that shows the terms it was found by.

use super::terms::{Query, Term};

/// Word of a text that matches a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// Start in the text, in bytes.
    pub start: usize,
    /// End, exclusive, in bytes.
    pub end: usize,
    /// Index of the term.
    pub term: usize,
    /// Position of the word in the text.
    pub position: u32,
}

const OPEN: &str = "<mark>";
const CLOSE: &str = "</mark>";
const CUT: &str = "…";

/// Finds the first required phrase among highlights: its span, in bytes. Calls `tick` for each highlight with
/// which one may begin.
pub fn phrase_shown(
    highlights: &[Highlight],
    query: &Query,
    mut tick: impl FnMut(),
) -> Option<(usize, usize)> {
    let number = |term: &Term| query.number(term).map(usize::from);
    query.required.iter().find_map(|phrase| {
        let terms: Vec<Vec<usize>> = phrase
            .iter()
            .map(|position| position.terms.iter().filter_map(number).collect())
            .collect();
        let begins =
            |first: &&Highlight| terms.first().is_some_and(|terms| terms.contains(&first.term));
        highlights.iter().filter(begins).find_map(|first| {
            tick();
            let mut end = first.end;
            for (position, terms) in phrase.iter().zip(&terms) {
                let at = first.position.saturating_add(position.offset.into());
                let from = highlights.partition_point(|highlight| highlight.position < at);
                let here = highlights[from..].iter().take_while(|here| here.position == at);
                end = here.filter(|here| terms.contains(&here.term)).last()?.end;
            }
            Some((first.start, end))
        })
    })
}

/// Returns the passage of at most `max_characters` whose distinct terms have the greatest `worth`,
/// the first of several, with `<mark>` around them. The passage is around `focus`, if given.
///
/// Without highlights, and without the ellipses where it was cut, the passage is a slice of the
/// text. `highlights` are ordered by start. Those outside the text, or not at its characters, are
/// ignored.
pub fn snippet(
    content: &str,
    highlights: &[Highlight],
    worth: impl Fn(usize) -> f64,
    focus: Option<(usize, usize)>,
    max_characters: usize,
) -> String {
    let mut highlights: Vec<Highlight> = highlights.to_vec();
    highlights.retain(|highlight| {
        content.get(highlight.start..highlight.end).is_some_and(|word| !word.is_empty())
    });
    let best = densest(&highlights, worth, max_characters)
        .map(|(first, last)| (highlights[first].start, highlights[last].end));
    let focus = focus.filter(|(from, to)| content.get(*from..*to).is_some());
    let (from, to) = focus.or(best).unwrap_or((0, 0));
    let (start, end) = widen(content, from, to, max_characters);
    let mut snippet = String::with_capacity(end - start + 64);
    if start > 0 {
        snippet.push_str(CUT);
    }
    let mut at = start;
    for highlight in highlights {
        // A compound and its parts are highlighted as one.
        if highlight.end <= at || highlight.end > end {
            continue;
        }
        let from = highlight.start.max(at);
        if from == at && snippet.ends_with(CLOSE) {
            snippet.truncate(snippet.len() - CLOSE.len());
        } else {
            snippet.push_str(&content[at..from]);
            snippet.push_str(OPEN);
        }
        snippet.push_str(&content[from..highlight.end]);
        snippet.push_str(CLOSE);
        at = highlight.end;
    }
    snippet.push_str(&content[at..end]);
    if end < content.len() {
        snippet.push_str(CUT);
    }
    snippet
}

/// First and last of the highlights worth most within `max_bytes`.
fn densest(
    highlights: &[Highlight],
    worth: impl Fn(usize) -> f64,
    max_bytes: usize,
) -> Option<(usize, usize)> {
    let terms = highlights.iter().map(|highlight| highlight.term + 1).max().unwrap_or(0);
    let mut within = vec![0_u32; terms];
    let (mut sum, mut first) = (0.0, 0);
    let mut best: Option<(f64, usize, usize)> = None;
    for (last, highlight) in highlights.iter().enumerate() {
        within[highlight.term] += 1;
        if within[highlight.term] == 1 {
            sum += worth(highlight.term);
        }
        while first < last && highlight.end > highlights[first].start + max_bytes {
            let left = highlights[first].term;
            within[left] -= 1;
            if within[left] == 0 {
                sum -= worth(left);
            }
            first += 1;
        }
        // Sums of the same terms differ by the order of additions.
        if best.is_none_or(|(most, ..)| sum > most + 1e-9) {
            best = Some((sum, first, last));
        }
    }
    best.map(|(_, first, last)| (first, last))
}

/// Widens a range to `max_characters`, if the text has as many. The new range begins and ends
/// between words if there are blanks.
fn widen(content: &str, from: usize, to: usize, max_characters: usize) -> (usize, usize) {
    let inner = content[from..to].chars().count();
    let budget = max_characters.saturating_sub(inner);
    let mut before = content[..from].char_indices().rev();
    let mut after = content[to..].char_indices();
    let (mut start, mut end) = (from, to);
    // One third before, the rest after. One side gets the characters that the other cannot use.
    let in_front = content[..from].chars().rev().take(budget).count();
    let behind = content[to..].chars().take(budget).count();
    let front = in_front.min((budget / 3).max(budget - behind.min(budget)));
    for _ in 0..front {
        start = before.next().map_or(start, |(at, _)| at);
    }
    for _ in 0..budget - front {
        end = after.next().map_or(end, |(at, c)| to + at + c.len_utf8());
    }
    if start > 0
        && let Some(blank) = content[start..from].find(char::is_whitespace)
    {
        start += blank;
    }
    if end < content.len()
        && let Some(blank) = content[to..end].rfind(char::is_whitespace)
    {
        end = to + blank;
    }
    start += content[start..from].len() - content[start..from].trim_start().len();
    end -= content[to..end].len() - content[to..end].trim_end().len();
    (start, end)
}
