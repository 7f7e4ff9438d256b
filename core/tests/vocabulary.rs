//! Vocabularies, compared with maps.

use carrel_core::vocabulary::{
    Beginning, Changes, Likeness, Malformed, SimilarTo, encode, for_each, has_word_with, sum, walk,
};
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
        let _ = sum(&[bytes.clone(), encode([("a", 1)].into_iter())], || ());
        let _ = walk(&bytes, &SimilarTo::new("letters").unwrap(), |_, _, _| ());
        let _ = walk(&bytes, &Beginning::new("é"), |_, _, ()| ());
    }

    #[test]
    fn vocabularies_add_up(texts in prop::collection::vec(("([a-c]{1,2} ){0,8}", -1_i64..=1), 0..8)) {
        let mut expected: BTreeMap<String, i64> = BTreeMap::new();
        let mut parts = Vec::new();
        for (text, by) in &texts {
            let mut words: Vec<&str> = text.split_whitespace().collect();
            words.sort_unstable();
            words.dedup();
            words.iter().for_each(|word| *expected.entry((*word).to_owned()).or_default() += by);
            let mut one = Changes::default();
            one.count(text, *by, || ());
            parts.push(one.encode());
        }
        expected.retain(|_, texts| *texts != 0);
        prop_assert_eq!(read(&sum(&parts, || ()).unwrap()), expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn walking_finds_what_each_word_by_itself_matches(
        words in prop::collection::btree_map("[abéæ漢]{1,9}", 1_i64..4, 0..80),
        beginning in "[abe漢]{1,3}",
        typed in "[abe]{5,10}",
    ) {
        let bytes = encode(words.iter().map(|(word, texts)| (word.as_str(), *texts)));
        let beginning = Beginning::new(&beginning);
        let mut begun = Vec::new();
        walk(&bytes, &beginning, |word, texts, ()| begun.push((word.to_owned(), texts))).unwrap();
        let is_begun = |(word, _): &(&String, &i64)| beginning.is_of(word);
        let expected = words.iter().filter(is_begun).map(|(word, texts)| (word.clone(), *texts));
        prop_assert_eq!(begun, expected.collect::<Vec<_>>());
        let similar = SimilarTo::new(&typed).unwrap();
        let mut near = Vec::new();
        walk(&bytes, &similar, |word, _, edits| near.push((word.to_owned(), edits))).unwrap();
        let edits = |(word, _): (&String, &i64)| similar.edits(word).map(|edits| (word.clone(), edits));
        prop_assert_eq!(near, words.iter().filter_map(edits).collect::<Vec<_>>());
    }

    #[test]
    fn a_beginning_is_as_written_or_without_accents(word in "[abéæ漢]{0,6}", beginning in "[abéæe漢]{1,4}") {
        let plain = word.replace('é', "e").replace('æ', "ae");
        let expected = word.starts_with(&beginning) || plain.starts_with(&beginning);
        prop_assert_eq!(Beginning::new(&beginning).is_of(&word), expected);
    }

    #[test]
    fn typos_are_within_the_distance(word in "[abcé]{1,12}", other in "[abcé]{0,14}") {
        let letters: Vec<char> = word.replace('é', "e").chars().collect();
        let distance = |other: &str| edits(&letters, &other.chars().collect::<Vec<_>>());
        let distance = distance(&other.replace('é', "e"));
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
fn thousands_of_vocabularies_add_up_in_time() {
    let one = |word: usize| encode([(format!("{word:05}").as_str(), 1)].into_iter());
    let vocabularies: Vec<Vec<u8>> = (0..20_000).map(|number| one(number % 10_000)).collect();
    let words = read(&sum(&vocabularies, || ()).unwrap());
    assert_eq!(words.len(), 10_000);
    assert!(words.iter().all(|(_, texts)| *texts == 2));
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
    let has = |text: &str, beginning: &str, tick: fn()| {
        has_word_with(text, &Beginning::new(beginning), tick)
    };
    assert!(has("The Organization", "organi", || ()));
    assert!(!has("The organs", "organi", || ()));
    assert!(has("getUserName()", "getuser", || ()));
    assert!(has("in Zürich", "zür", || ()) && has("in Zürich", "zur", || ()));
    assert!(!has("in Zurich", "zür", || ()));
    assert!(has("order PO-0012", "po-00", || ()));
}

#[test]
fn words_are_like_others_that_have_most_of_their_letters() {
    let vocabulary = [
        ("datensicherung", 3),
        ("sicherheit", 5),
        ("versicherung", 2),
        ("zeitung", 9),
        ("kleidung", 7),
        ("wohnung", 8),
        ("sicherung-1", 4),
        ("gone", 0),
    ];
    let like = |words: &[&str]| -> Vec<Vec<String>> {
        let mut likeness = Likeness::default();
        words.iter().for_each(|word| likeness.look_for(word));
        vocabulary.iter().for_each(|(word, texts)| likeness.add(word, *texts));
        // In two parts, as rows of statistics are.
        likeness.add("gone", 4);
        likeness.add("gone", -4);
        let like = likeness.like(20);
        like.into_iter()
            .map(|like| like.into_iter().map(|like| like.word.into()).collect())
            .collect()
    };
    // The common ending says little; digits, signs and short words are like nothing.
    assert_eq!(
        like(&["sicherung", "gone", "si", "s1cherung", "kleid"]),
        [
            vec!["datensicherung".to_owned(), "versicherung".to_owned(), "sicherheit".to_owned()],
            vec![],
            vec![],
            vec![],
            vec!["kleidung".to_owned()],
        ]
    );
    assert_eq!(like(&[]), Vec::<Vec<String>>::new());
}

#[test]
fn a_share_is_of_the_word_that_is_looked_for() {
    let mut likeness = Likeness::default();
    likeness.look_for("prüfung");
    ["prüfung", "vorprüfung", "prufung"].iter().for_each(|word| likeness.add(word, 1));
    let like = likeness.like(3);
    let shares: Vec<(&str, bool)> =
        like[0].iter().map(|like| (&*like.word, like.share > 0.999)).collect();
    assert_eq!(shares, [("prufung", true), ("prüfung", true), ("vorprüfung", false)]);
    assert!(like[0].iter().all(|like| (0.25..=1.0 + 1e-9).contains(&like.share)));
}
