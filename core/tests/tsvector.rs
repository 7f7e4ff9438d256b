//! Reading tsvectors from any bytes, and joining them as Postgres does.
use std::collections::BTreeMap;

use carrel_core::tsvector::{
    Assembler, Lexemes, MAX_AREA, MAX_POSITION, MAX_POSITIONS, Malformed, Position, View, Weight,
};
use proptest::prelude::*;

/// Vector as a sorted map: the reference for the bytes.
type Model = BTreeMap<Vec<u8>, Vec<(Weight, u16)>>;

/// Encodes a vector by the description of the format, without the Assembler.
fn encode(model: &Model) -> Vec<u8> {
    let (mut entries, mut area) = (Vec::new(), Vec::new());
    for (lexeme, positions) in model {
        let haspos = u32::from(!positions.is_empty());
        entries.push(haspos | (lexeme.len() as u32) << 1 | (area.len() as u32) << 12);
        area.extend(lexeme);
        if !positions.is_empty() {
            if area.len() % 2 == 1 {
                area.push(0);
            }
            area.extend((positions.len() as u16).to_ne_bytes());
            for (weight, position) in positions {
                area.extend(((*weight as u16) << 14 | position).to_ne_bytes());
            }
        }
    }
    assert!(area.len() <= MAX_AREA);
    let mut bytes = (model.len() as i32).to_ne_bytes().to_vec();
    bytes.extend(entries.iter().flat_map(|entry| entry.to_ne_bytes()));
    bytes.extend(area);
    bytes
}

fn decode(bytes: &[u8]) -> Model {
    let view = View::parse(bytes).unwrap();
    let model: Model = view
        .iter()
        .map(|(lexeme, positions)| {
            (lexeme.to_vec(), positions.map(|p| (p.weight, p.position)).collect())
        })
        .collect();
    assert_eq!(model.len(), view.len(), "a lexeme is repeated");
    model
}

/// `a || b`, as in tsvector_concat and add_pos of Postgres 15.
fn concat(a: &Model, b: &Model) -> Model {
    let shift = a.values().flatten().map(|(_, position)| *position).max().unwrap_or(0);
    let mut joined = a.clone();
    for (lexeme, positions) in b {
        let kept = joined.entry(lexeme.clone()).or_default();
        for (weight, position) in positions {
            let full = kept.len() == MAX_POSITIONS;
            if full || kept.last().is_some_and(|(_, last)| *last == MAX_POSITION) {
                break;
            }
            kept.push((*weight, (position + shift).min(MAX_POSITION)));
        }
    }
    joined
}

fn set_weight(model: &Model, weight: Option<Weight>) -> Model {
    let mut model = model.clone();
    if let Some(weight) = weight {
        model.values_mut().flatten().for_each(|p| p.0 = weight);
    }
    model
}

fn assemble(parts: &[(Model, Option<Weight>)]) -> Vec<u8> {
    let mut assembler = Assembler::new();
    for (part, weight) in parts {
        assembler.append(&View::parse(&encode(part)).unwrap(), *weight);
    }
    assembler.finish()
}

fn weights() -> impl Strategy<Value = Weight> {
    prop::sample::select(vec![Weight::D, Weight::C, Weight::B, Weight::A])
}

fn positions() -> impl Strategy<Value = Vec<(Weight, u16)>> {
    let some = |range, size| prop::collection::btree_map(range, weights(), size);
    prop_oneof![
        2 => Just(BTreeMap::new()),
        8 => some(1..=40u16, 1..6usize),
        2 => some(1..=400u16, 100..257usize),
        1 => some(MAX_POSITION - 9..=MAX_POSITION, 1..6usize),
    ]
    .prop_map(|positions| positions.into_iter().map(|(p, weight)| (weight, p)).collect())
}

fn parts() -> impl Strategy<Value = Vec<(Model, Option<Weight>)>> {
    let part = prop::collection::btree_map("[abé]{0,3}".prop_map(String::into), positions(), 0..8);
    prop::collection::vec((part, prop::option::of(weights())), 0..12)
}

proptest! {
    #[test]
    fn assembling_equals_repeated_concatenation(parts in parts()) {
        let joined = parts
            .iter()
            .fold(Model::new(), |a, (b, weight)| concat(&a, &set_weight(b, *weight)));
        let bytes = assemble(&parts);
        prop_assert_eq!(decode(&bytes), joined.clone());
        prop_assert_eq!(bytes, encode(&joined));
    }

    #[test]
    fn bytes_that_are_no_tsvector_are_refused_or_read_in_bounds(
        count in prop_oneof![0..4i32, any::<i32>()],
        entries in prop::collection::vec(prop_oneof![any::<u32>(), 0..1u32 << 16], 0..4),
        area in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..600),
    ) {
        let mut bytes = count.to_ne_bytes().to_vec();
        bytes.extend(entries.iter().flat_map(|entry| entry.to_ne_bytes()));
        bytes.extend(area);
        if let Ok(view) = View::parse(&bytes) {
            prop_assert_eq!(view.iter().count(), view.len());
            let mut assembler = Assembler::new();
            assembler.append(&view, None);
            assembler.append(&view, Some(Weight::B));
            let joined = decode(&assembler.finish());
            for positions in joined.values() {
                prop_assert!(positions.len() <= MAX_POSITIONS);
                prop_assert!(positions.is_sorted_by(|a, b| a.1 < b.1));
            }
            let lexemes: std::collections::BTreeSet<_> = view.iter().map(|e| e.0).collect();
            prop_assert!(joined.keys().map(Vec::as_slice).eq(lexemes));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = View::parse(&bytes);
    }

    #[test]
    fn a_cut_vector_is_refused(part in parts(), cut in any::<prop::sample::Index>()) {
        let bytes = assemble(&part);
        let cut = cut.index(bytes.len());
        prop_assert!(View::parse(&bytes[..cut]).is_err());
    }
}

/// Vector of lexemes with positions of weight D.
fn plain(lexemes: &[(&str, &[u16])]) -> Model {
    let weigh = |p: &[u16]| p.iter().map(|p| (Weight::D, *p)).collect();
    lexemes
        .iter()
        .map(|(lexeme, positions)| (lexeme.as_bytes().to_vec(), weigh(positions)))
        .collect()
}

#[test]
fn vectors_of_postgres_are_read_and_written_unchanged() {
    // Read from a page of Postgres 15: 'ab' 'b':1 'cat':3A,16383 'categ':2B,4C,5 || 'b':2A,16383
    // 'dog':1
    let page = "05000000 04000000 03200000 07a00000 0b400100 07200200 6162 6200 0200 0100 ffff \
                636174 00 0200 03c0 ff3f 6361746567 00 0300 0280 0440 0500 646f67 00 0100 ff3f"
        .replace(' ', "");
    let page: Vec<u8> = (0..page.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&page[i..i + 2], 16).unwrap())
        .collect();

    let mut a = plain(&[("ab", &[]), ("b", &[1]), ("cat", &[3, 16383]), ("categ", &[2, 4, 5])]);
    a.get_mut(&b"cat"[..]).unwrap()[0].0 = Weight::A;
    a.get_mut(&b"categ"[..]).unwrap()[0].0 = Weight::B;
    a.get_mut(&b"categ"[..]).unwrap()[1].0 = Weight::C;
    let mut b = plain(&[("b", &[2, 16383]), ("dog", &[1])]);
    b.get_mut(&b"b"[..]).unwrap()[0].0 = Weight::A;

    assert_eq!(decode(&page), concat(&a, &b));
    assert_eq!(assemble(&[(a, None), (b, None)]), page);
}

#[test]
fn nothing_assembled_is_the_empty_vector() {
    assert_eq!(Assembler::new().finish(), 0i32.to_ne_bytes());
}

#[test]
fn a_malformed_entry_is_named() {
    let mut bytes = encode(&plain(&[("cat", &[1]), ("dog", &[2])]));
    bytes.truncate(bytes.len() - 1);
    assert_eq!(View::parse(&bytes).unwrap_err(), Malformed::Entry(1));
    assert_eq!(View::parse(&(-1i32).to_ne_bytes()).unwrap_err(), Malformed::Truncated);
    let too_many: Vec<u16> = (1..=MAX_POSITIONS as u16 + 1).collect();
    let bytes = encode(&plain(&[("cat", &too_many)]));
    assert_eq!(View::parse(&bytes).unwrap_err(), Malformed::Entry(0));
}

#[test]
fn an_unordered_vector_is_sorted() {
    // 'b':7,3,7A 'a':2 'b':3C, which Postgres would never write.
    let at = |start: u32| 3 | start << 12;
    let mut bytes = 3i32.to_ne_bytes().to_vec();
    bytes.extend([at(0), at(10), at(16)].iter().flat_map(|entry| entry.to_ne_bytes()));
    for (lexeme, positions) in
        [(b'b', &[7, 3, 7 | 3 << 14][..]), (b'a', &[2][..]), (b'b', &[3 | 1 << 14][..])]
    {
        bytes.extend([lexeme, 0]);
        bytes.extend((positions.len() as u16).to_ne_bytes());
        bytes.extend(positions.iter().flat_map(|p: &u16| p.to_ne_bytes()));
    }
    let mut assembler = Assembler::new();
    assembler.append(&View::parse(&bytes).unwrap(), None);
    let sorted = Model::from([
        (b"a".to_vec(), vec![(Weight::D, 2)]),
        (b"b".to_vec(), vec![(Weight::C, 3), (Weight::A, 7)]),
    ]);
    assert_eq!(assembler.finish(), encode(&sorted));
}

#[test]
fn of_unordered_positions_the_first_256_remain() {
    // 'a':2,3,…,257 'a':1
    let mut bytes = 2i32.to_ne_bytes().to_vec();
    bytes.extend([3u32, 3 | 516 << 12].iter().flat_map(|entry| entry.to_ne_bytes()));
    for positions in [2..=257u16, 1..=1] {
        bytes.extend([b'a', 0]);
        bytes.extend((positions.len() as u16).to_ne_bytes());
        bytes.extend(positions.flat_map(|p| p.to_ne_bytes()));
    }
    let mut assembler = Assembler::new();
    assembler.append(&View::parse(&bytes).unwrap(), None);
    let first: Vec<u16> = (1..=256).collect();
    assert_eq!(assembler.finish(), encode(&plain(&[("a", &first)])));
}

fn area(bytes: &[u8]) -> usize {
    bytes.len() - 4 - 4 * View::parse(bytes).unwrap().len()
}

#[test]
fn positions_are_thinned_before_any_lexeme_is_left_out() {
    // 3,000 × (8 + 2 + 2 × 256) bytes: 169 positions each fit, 170 do not.
    let positions: Vec<u16> = (1..=MAX_POSITIONS as u16).collect();
    let names: Vec<String> = (0..3_000).map(|i| format!("lex{i:05}")).collect();
    let part = |names: &[String]| {
        plain(&names.iter().map(|name| (name.as_str(), &positions[..])).collect::<Vec<_>>())
    };
    let parts = [part(&names[..1_500]), part(&names[1_500..])];
    let bytes = assemble(&parts.clone().map(|part| (part, None)));
    let mut expected = concat(&parts[0], &parts[1]);
    expected.values_mut().for_each(|positions| positions.truncate(169));
    assert_eq!(decode(&bytes), expected);
    assert!(area(&bytes) <= MAX_AREA);
}

#[test]
fn a_result_that_just_fits_loses_nothing() {
    // 104,857 × (6 + 4) bytes, and five more: two more than that is one too many.
    let names: Vec<String> = (0..104_857).map(|i| format!("{i:06}")).collect();
    let model = plain(&names.iter().map(|name| (name.as_str(), &[1][..])).collect::<Vec<_>>());
    let with = |last: &str| (plain(&[(last, &[])]), None);
    let fits = assemble(&[(model.clone(), None), with("abcde")]);
    assert_eq!((area(&fits), decode(&fits).len()), (MAX_AREA, 104_858));
    let over = assemble(&[(model, None), with("abcdef")]);
    assert_eq!((area(&over), decode(&over).len()), (MAX_AREA - 5, 104_857));
}

#[test]
fn of_300_000_lexemes_the_weighty_the_frequent_and_the_first_remain() {
    // Lexemes ascend within a part, as in a vector, but not from part to part.
    let name = |i: u32| format!("{:03}{:03}", i / 1_000 * 7 % 300, i % 1_000);
    let mut assembler = Assembler::new();
    let mut append = |range: std::ops::Range<u32>, positions: &[u16], weight| {
        for from in range.clone().step_by(1_000) {
            let names: Vec<String> = (from..range.end.min(from + 1_000)).map(name).collect();
            let part: Vec<_> = names.iter().map(|name| (name.as_str(), positions)).collect();
            assembler.append(&View::parse(&encode(&plain(&part))).unwrap(), weight);
        }
    };
    append(0..298_000, &[1], None);
    append(297_000..298_000, &[1, 2], None);
    append(298_000..299_000, &[], None);
    append(299_000..300_000, &[1], Some(Weight::C));
    let bytes = assembler.finish();

    assert!((MAX_AREA - 10..=MAX_AREA).contains(&area(&bytes)));
    let kept = decode(&bytes);
    // 6 + 2 + 2 bytes each. 1,000 are kept for their weight, 1,000 because they occur three times.
    let first = MAX_AREA as u32 / 10 - 2_000;
    let expected = (0..first).chain(297_000..298_000).chain(299_000..300_000);
    let expected: std::collections::BTreeSet<_> = expected.map(|i| name(i).into_bytes()).collect();
    assert!(kept.keys().eq(expected.iter()));
    assert!(kept.values().all(|positions| positions.len() == 1));
}

#[test]
fn sixty_thousand_chunks_are_joined_in_one_pass() {
    let mut assembler = Assembler::new();
    for i in 0..60_000u32 {
        let own = format!("own{}", i % 5_000);
        let part = plain(&[("every", &[1]), (&own, &[2])]);
        assembler.append(&View::parse(&encode(&part)).unwrap(), None);
    }
    let joined = decode(&assembler.finish());
    assert_eq!(joined.len(), 5_001);
    assert_eq!(joined[&b"every"[..]][..3], [1, 3, 5].map(|p| (Weight::D, p)));
    assert_eq!(joined[&b"own4999"[..]], [(Weight::D, 10_000), (Weight::D, MAX_POSITION)]);
}

#[test]
fn positions_have_weights() {
    let mut model = plain(&[("cat", &[5])]);
    model.get_mut(&b"cat"[..]).unwrap()[0].0 = Weight::B;
    let bytes = encode(&model);
    let view = View::parse(&bytes).unwrap();
    let (lexeme, mut positions) = view.iter().next().unwrap();
    assert_eq!(lexeme, b"cat");
    assert_eq!(positions.next(), Some(Position { weight: Weight::B, position: 5 }));
}

#[test]
fn of_more_lexemes_than_the_area_has_bytes_the_first_remain() {
    let name = |i: u32| format!("{:03x}{:03x}", i / 1_000, i % 1_000);
    let mut assembler = Assembler::new();
    for part in 0..1_100 {
        let names: Vec<String> = (part * 1_000..(part + 1) * 1_000).map(name).collect();
        let part: Vec<_> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
        assembler.append(&View::parse(&encode(&plain(&part))).unwrap(), None);
    }
    let kept = decode(&assembler.finish());
    let expected = (0..MAX_AREA as u32 / 6).map(|i| name(i).into_bytes());
    assert!(kept.into_keys().eq(expected));
}
