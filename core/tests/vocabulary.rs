//! Vocabularies, compared with maps.

use carrel_core::vocabulary::{Changes, Malformed, SimilarTo, encode, for_each, has_word_with};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn read(bytes: &[u8]) -> Vec<(String, i64)> {
    let mut words = Vec::new();
    for_each(bytes, |word, texts| words.push((word.to_owned(), texts))).unwrap();
    words
}

fn of(texts: &[(&str, i64)]) -> Vec<(String, i64)> {
    let mut changes = Changes::default();
    texts.iter().for_each(|(text, by)| changes.count(text, *by, || ()));
    read(&changes.encode())
}

/// Optimal string alignment distance, by its definition.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let least = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    let is_swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                    if is_swapped { least.min(rows[i - 2][j - 2] + 1) } else { least }
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

proptest! {
    #[test]
    fn what_is_encoded_is_read(words in prop::collection::btree_map("[ab漢é]{1,20}", any::<i64>(), 0..60)) {
        let bytes = encode(words.iter().map(|(word, texts)| (word.as_str(), *texts)));
        prop_assert_eq!(read(&bytes), words.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = for_each(&bytes, |word, _| assert!(word.len() <= 510));
    }

    #[test]
    fn vocabularies_add_up(texts in prop::collection::vec(("([a-c]{1,2} ){0,8}", -1_i64..=1), 0..8)) {
        let mut expected: BTreeMap<String, i64> = BTreeMap::new();
        let mut sum = Changes::default();
        for (text, by) in &texts {
            let mut words: Vec<&str> = text.split_whitespace().collect();
            words.sort_unstable();
            words.dedup();
            words.iter().for_each(|word| *expected.entry((*word).to_owned()).or_default() += by);
            let mut one = Changes::default();
            one.count(text, *by, || ());
            sum.add(&one.encode()).unwrap();
        }
        expected.retain(|_, texts| *texts != 0);
        prop_assert_eq!(read(&sum.encode()), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn typos_are_within_the_distance(word in "[abcé]{1,12}", other in "[abcé]{0,14}") {
        let letters: Vec<char> = word.chars().collect();
        let distance = |other: &str| edits(&letters, &other.chars().collect::<Vec<_>>());
        let distance = distance(&other).min(distance(&other.replace('é', "e")));
        let max = match letters.len() { ..5 => None, 5..9 => Some(1), 9.. => Some(2) };
        let found = SimilarTo::new(&word).and_then(|similar| similar.edits(&other));
        prop_assert_eq!(found, max.filter(|max| distance <= *max).map(|_| distance));
    }
}

#[test]
fn words_are_counted_once_in_each_text_as_written() {
    let words = of(&[("Running runs, running! src/lib.rs Zürich", 1), ("running", 1)]);
    let expected = [
        ("lib", 1),
        ("rs", 1),
        ("running", 2),
        ("runs", 1),
        ("src", 1),
        ("src/lib.rs", 1),
        ("zürich", 1),
    ];
    assert_eq!(words, expected.map(|(word, texts)| (word.to_owned(), texts)));
    let rest = of(&[("one two", 1), ("two three", 1), ("two one", -1)]);
    assert_eq!(rest, of(&[("two three", 1)]));
}

#[test]
fn only_words_are_compared() {
    for word in ["word", "a1b2c3", "e-mail", "12345", ""] {
        assert!(SimilarTo::new(word).is_none(), "{word}");
    }
    let receive = SimilarTo::new("recieve").unwrap();
    assert_eq!(receive.edits("receive"), Some(1));
    assert_eq!(receive.edits("recieve"), Some(0));
    assert_eq!(receive.edits("received"), None);
    assert_eq!(SimilarTo::new("Warmefahigkiet").unwrap().edits("Wärmefähigkeit"), Some(1));
}

#[test]
fn a_damaged_vocabulary_is_refused() {
    for bytes in [&[0][..], &[0, 1, b'a'], &[1, 1, b'a', 2], &[0, 1, 0xFF, 2], &[0, 1, b'a', 0x80]]
    {
        assert_eq!(for_each(bytes, |_, _| ()), Err(Malformed), "{bytes:?}");
    }
}

#[test]
fn beginnings_are_compared_with_words_as_written() {
    assert!(has_word_with("The Organization", "organi", || ()));
    assert!(!has_word_with("The organs", "organi", || ()));
    assert!(has_word_with("getUserName()", "getuser", || ()));
    assert!(has_word_with("in Zürich", "zür", || ()) && has_word_with("in Zürich", "zur", || ()));
    assert!(!has_word_with("in Zurich", "zür", || ()));
    assert!(has_word_with("order PO-0012", "po-00", || ()));
}
