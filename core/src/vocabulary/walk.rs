//! Search in a vocabulary, as in a trie: words in order share their beginnings, so what is known of a
//! beginning holds for the words after it, and words with a beginning that cannot match are passed over
//! unread.

use super::format::{Malformed, skip_number, take_number};

/// Pattern of words, read character by character.
pub trait Pattern {
    /// Knowledge of a word after some characters.
    type State;
    /// Description of a match.
    type Match;

    fn start(&self) -> Self::State;

    /// State after one more character. None: no word with this beginning matches.
    fn next(&self, state: &Self::State, c: char) -> Option<Self::State>;

    /// Match of a word that ends here.
    fn end(&self, state: &Self::State) -> Option<Self::Match>;
}

/// Calls `each` for each word that matches, in order, with its number of texts.
pub fn walk<P: Pattern>(
    mut bytes: &[u8],
    pattern: &P,
    mut each: impl FnMut(&str, i64, P::Match),
) -> Result<(), Malformed> {
    let mut word: Vec<u8> = Vec::with_capacity(64);
    let start = pattern.start();
    // State after each character of the word, with the character's end.
    let mut states: Vec<(usize, P::State)> = Vec::new();
    // Length of the shortest beginning of the word that cannot match.
    let mut dead: Option<usize> = None;
    while let [shared, length, rest @ ..] = bytes {
        let shared = usize::from(*shared);
        let (further, rest) = rest.split_at_checked(usize::from(*length)).ok_or(Malformed)?;
        bytes = rest;
        if dead.is_some_and(|dead| shared >= dead) {
            skip_number(&mut bytes)?;
            continue;
        }
        let texts = take_number(&mut bytes)?;
        if word.len() < shared {
            return Err(Malformed);
        }
        word.truncate(shared);
        word.extend_from_slice(further);
        while states.last().is_some_and(|(end, _)| *end > shared) {
            states.pop();
        }
        let text = std::str::from_utf8(&word).map_err(|_| Malformed)?;
        dead = None;
        let mut at = states.last().map_or(0, |(end, _)| *end);
        for c in text.get(at..).ok_or(Malformed)?.chars() {
            at += c.len_utf8();
            let state = states.last().map_or(&start, |(_, state)| state);
            match pattern.next(state, c) {
                Some(next) => states.push((at, next)),
                None => {
                    dead = Some(at);
                    break;
                }
            }
        }
        if dead.is_none()
            && let Some(found) = pattern.end(states.last().map_or(&start, |(_, state)| state))
        {
            each(text, texts, found);
        }
    }
    if bytes.is_empty() { Ok(()) } else { Err(Malformed) }
}

/// The match of one word.
pub(super) fn match_word<P: Pattern>(word: &str, pattern: &P) -> Option<P::Match> {
    let mut state = pattern.start();
    for c in word.chars() {
        state = pattern.next(&state, c)?;
    }
    pattern.end(&state)
}
