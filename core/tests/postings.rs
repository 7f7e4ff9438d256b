//! Postings, compared with a map of texts.

use carrel_core::postings::{Builder, Key, Malformed, Segment, Text, sum};
use carrel_core::tsvector::{Lexemes, Position, View, Weight, of_words};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Text of a model: its document and its words, each at its position, with its weight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Model {
    id: u8,
    document: u8,
    words: Vec<(u8, Weight)>,
}

impl Model {
    fn lexeme(word: u8) -> String {
        // Some are the beginnings of others, and one is empty of what others share.
        ["a", "ab", "abc", "b", "漢", "zz"][usize::from(word) % 6].repeat(1 + usize::from(word) / 6)
    }

    fn text(&self) -> Text {
        Text {
            id: [self.id; 16],
            document: [self.document; 16],
            words: self.words.len() as u32,
            title_words: u16::from(self.document % 3),
        }
    }

    fn vector(&self) -> Vec<u8> {
        let mut spelt: Vec<String> =
            self.words.iter().map(|(word, _)| Self::lexeme(*word)).collect();
        spelt.sort();
        spelt.dedup();
        let words = self.words.iter().enumerate().map(|(at, (word, weight))| {
            let number = spelt.binary_search(&Self::lexeme(*word)).unwrap();
            (number as u32, Position::at(at as u32 * 70 + 1, *weight))
        });
        of_words(words.collect(), |number| spelt[number as usize].as_bytes()).unwrap()
    }

    /// Positions of each lexeme.
    fn lexemes(&self) -> BTreeMap<String, Vec<(u16, Weight)>> {
        let mut lexemes: BTreeMap<String, Vec<(u16, Weight)>> = BTreeMap::new();
        for (at, (word, weight)) in self.words.iter().enumerate() {
            lexemes.entry(Self::lexeme(*word)).or_default().push((at as u16 * 70 + 1, *weight));
        }
        lexemes
    }
}

fn text() -> impl Strategy<Value = Model> {
    let weight = prop_oneof![4 => Just(Weight::D), 1 => Just(Weight::C), 1 => Just(Weight::B), 1 => Just(Weight::A)];
    (any::<u8>(), 0_u8..5, prop::collection::vec((0_u8..12, weight), 0..12))
        .prop_map(|(id, document, words)| Model { id: id % 24, document, words })
}

/// Changes of a statement: texts that replace those with their ids, or remove them.
fn statement() -> impl Strategy<Value = Vec<(Model, bool)>> {
    prop::collection::vec((text(), prop::bool::weighted(0.7)), 1..8)
}

/// Segments of some statements, and the texts that are there after all of them.
fn run(statements: &[Vec<(Model, bool)>]) -> (Vec<Vec<u8>>, BTreeMap<u8, Model>) {
    let mut there: BTreeMap<u8, Model> = BTreeMap::new();
    let segments = statements.iter().map(|statement| {
        let mut builder = Builder::default();
        for (text, is_there) in statement {
            let before = if *is_there {
                there.insert(text.id, text.clone())
            } else {
                there.remove(&text.id)
            };
            if let Some(before) = before {
                builder.remove(before.text(), &View::parse(&before.vector()).unwrap());
            }
            if *is_there {
                builder.add(text.text(), &View::parse(&text.vector()).unwrap());
            }
        }
        builder.encode()
    });
    let segments: Vec<Vec<u8>> = segments.filter(|segment| !segment.is_empty()).collect();
    (segments, there)
}

/// What is read of a text: its document and positions.
type Read = (Text, BTreeMap<String, Vec<(u16, Weight)>>, Option<(u16, u16)>);

/// Reads the texts with any of some lexemes.
fn read(segments: &[Vec<u8>], lexemes: &BTreeSet<String>) -> BTreeMap<u8, Read> {
    let lexemes: Vec<&[u8]> = lexemes.iter().map(String::as_bytes).collect();
    let mut removed: HashMap<Key, usize> = HashMap::new();
    for segment in segments {
        for key in Segment::open(segment.as_slice()).unwrap().removed().unwrap() {
            *removed.entry(key).or_default() += 1;
        }
    }
    let mut texts = BTreeMap::new();
    for segment in segments {
        let matches = Segment::open(segment.as_slice()).unwrap().find(&lexemes).unwrap();
        for (key, text) in matches.iter() {
            if let Some(count) = removed.get_mut(&key).filter(|count| **count > 0) {
                *count -= 1;
                continue;
            }
            let found = text.iter().map(|(lexeme, positions)| {
                assert_eq!(
                    positions.clone().collect::<Vec<_>>(),
                    text.find(lexeme).unwrap().collect::<Vec<_>>()
                );
                let positions = positions.map(|at| (at.position, at.weight)).collect();
                (String::from_utf8(lexeme.to_vec()).unwrap(), positions)
            });
            assert_eq!(text.iter().count(), text.len());
            let of_text = (text.text, found.collect(), text.content_bounds());
            assert!(text.find(b"nowhere").is_none());
            assert_eq!(texts.insert(text.text.id[0], of_text), None);
        }
    }
    texts
}

/// What [`read`] should find.
fn expected(there: &BTreeMap<u8, Model>, lexemes: &BTreeSet<String>) -> BTreeMap<u8, Read> {
    let mut texts = BTreeMap::new();
    for (id, model) in there {
        let mut found = model.lexemes();
        found.retain(|lexeme, _| lexemes.contains(lexeme));
        let content =
            || (0_u16..).zip(&model.words).filter(|(_, (_, weight))| *weight == Weight::D);
        let at = |position: Option<(u16, &(u8, Weight))>| position.map(|(at, _)| at * 70 + 1);
        if !found.is_empty() {
            let bounds = at(content().next()).zip(at(content().last()));
            texts.insert(*id, (model.text(), found, bounds));
        }
    }
    texts
}

proptest! {
    #[test]
    fn texts_are_found_whatever_was_changed_and_merged(
        statements in prop::collection::vec(statement(), 1..12),
        wanted in prop::collection::btree_set(0_u8..14, 0..5),
        merged in any::<u16>(),
    ) {
        let (mut segments, there) = run(&statements);
        let wanted: BTreeSet<String> = wanted.into_iter().map(Model::lexeme).collect();
        let expected = expected(&there, &wanted);
        prop_assert_eq!(&read(&segments, &wanted), &expected);
        // Some of them, in another order: a sum is like its parts.
        let mut parts = Vec::new();
        for number in (0..segments.len()).rev().filter(|number| merged >> number & 1 == 1) {
            parts.push(segments.remove(number));
        }
        let of_parts = sum(&parts, || ()).unwrap();
        segments.extend([of_parts.texts, of_parts.removed].into_iter().filter(|of| !of.is_empty()));
        prop_assert_eq!(&read(&segments, &wanted), &expected);
        // All: nothing that is gone is left.
        let of_all = sum(&segments, || ()).unwrap();
        prop_assert_eq!((of_all.count_removed, of_all.removed.len()), (0, 0));
        prop_assert_eq!(of_all.texts.is_empty(), there.is_empty());
        if !there.is_empty() {
            prop_assert_eq!(&read(&[of_all.texts], &wanted), &expected);
        }
    }

    #[test]
    fn damaged_bytes_are_read_or_refused(
        statements in prop::collection::vec(statement(), 1..3),
        at in any::<prop::sample::Index>(), byte in any::<u8>(), end in any::<prop::sample::Index>(),
    ) {
        let (segments, _) = run(&statements);
        for mut segment in segments {
            *at.get_mut(&mut segment) = byte;
            let all: Vec<String> = (0..12).map(Model::lexeme).collect::<BTreeSet<_>>().into_iter().collect();
            let lexemes: Vec<&[u8]> = all.iter().map(String::as_bytes).collect();
            for bytes in [segment.as_slice(), &segment[..end.index(segment.len())]] {
                let read = Segment::open(bytes).and_then(|segment| {
                    segment.removed()?;
                    let matches = segment.find(&lexemes)?;
                    Ok(matches.iter().map(|(_, text)| text.iter().count()).sum::<usize>())
                });
                prop_assert!(read.is_ok() || read == Err(Malformed));
                let _ = sum(&[bytes.to_vec(), bytes.to_vec()], || ());
            }
        }
    }
}

#[test]
fn what_a_statement_replaces_by_the_same_stays() {
    let text = Model { id: 1, document: 1, words: vec![(0, Weight::D)] };
    let vector = text.vector();
    let view = View::parse(&vector).unwrap();
    let mut first = Builder::default();
    first.add(text.text(), &view);
    let mut second = Builder::default();
    second.remove(text.text(), &view);
    second.add(text.text(), &view);
    assert!(!second.is_empty() && second.removed() == 1);
    let segments = [first.encode(), second.encode()];
    let wanted = BTreeSet::from(["a".to_owned()]);
    assert_eq!(read(&segments, &wanted).len(), 1);
    let sum = sum(&segments, || ()).unwrap();
    assert_eq!(read(&[sum.texts], &wanted).len(), 1);
}

#[test]
fn a_text_with_the_same_words_at_other_positions_replaces_the_one_before() {
    let weights = [Weight::D, Weight::B];
    let model = |words: &[(u8, Weight)], document| Model { id: 1, document, words: words.to_vec() };
    let before = model(&[(0, weights[0]), (3, weights[0])], 1);
    for after in [
        model(&[(3, weights[0]), (0, weights[0])], 1),
        model(&[(0, weights[0]), (3, weights[1])], 1),
        model(&[(0, weights[0]), (3, weights[0])], 4),
    ] {
        let (segments, there) = run(&[vec![(before.clone(), true)], vec![(after.clone(), true)]]);
        let wanted = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        // In either order: the later one is no less removed by what removes the earlier one.
        for segments in [segments.clone(), segments.iter().rev().cloned().collect()] {
            assert_eq!(read(&segments, &wanted), expected(&there, &wanted));
            let sum = sum(&segments, || ()).unwrap();
            assert_eq!(read(&[sum.texts], &wanted), expected(&there, &wanted));
        }
    }
}

#[test]
fn many_lexemes_of_many_texts_are_found_one_by_one() {
    let spelt: Vec<String> = (0..5_000).map(|word| format!("word{word:05}")).collect();
    let mut builder = Builder::default();
    for number in 0..200_u32 {
        let words = (0..100).map(|at| (at * 50 + number % 50, Position::at(at + 1, Weight::D)));
        let vector = of_words(words.collect(), |word| spelt[word as usize].as_bytes()).unwrap();
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let text = Text { id, document: [0; 16], words: 100, title_words: 0 };
        builder.add(text, &View::parse(&vector).unwrap());
    }
    let bytes = builder.encode();
    let segment = Segment::open(bytes.as_slice()).unwrap();
    for wanted in [vec![0], vec![63, 64, 65], vec![4_999], (0..5_000).collect::<Vec<usize>>()] {
        let lexemes: Vec<&[u8]> = wanted.iter().map(|word| spelt[*word].as_bytes()).collect();
        let matches = segment.find(&lexemes).unwrap();
        let found: usize = matches.iter().map(|(_, text)| text.len()).sum();
        // Each word is in four of the texts.
        assert_eq!(found, 4 * wanted.len());
    }
    assert_eq!(segment.find(&[b"aaa", b"word00000x", b"zzz"]).unwrap().iter().count(), 0);
}
