//! Input of search: vectors of any bytes, and queries.

use arbitrary::{Result, Unstructured};
use carrel_core::postings::{Builder, Segment, Text, sum};
use carrel_core::ranking::{Frequency, PhrasePosition, Query, QueryPartKind, Term, parts};
use carrel_core::tsvector::{
    self, Assembler, Lexemes, MAX_POSITION, MAX_POSITIONS, Position, View, Weight,
};
use carrel_core::vocabulary::Beginning;
use std::collections::{BTreeMap, BTreeSet};

/// Vector as a sorted map: the reference for the bytes.
type Model = BTreeMap<Vec<u8>, Vec<(Weight, u16)>>;

const WEIGHTS: [Weight; 4] = [Weight::D, Weight::C, Weight::B, Weight::A];

/// Encodes a vector by the description of the format.
fn encode(model: &Model) -> Vec<u8> {
    let mut bytes = (model.len() as i32).to_ne_bytes().to_vec();
    let mut area = Vec::new();
    for (lexeme, positions) in model {
        let has_positions = u32::from(!positions.is_empty());
        let entry = has_positions | (lexeme.len() as u32) << 1 | (area.len() as u32) << 12;
        bytes.extend(entry.to_ne_bytes());
        area.extend(lexeme);
        if !positions.is_empty() {
            area.resize(area.len().next_multiple_of(2), 0);
            area.extend((positions.len() as u16).to_ne_bytes());
            for (weight, position) in positions {
                area.extend(((*weight as u16) << 14 | position).to_ne_bytes());
            }
        }
    }
    bytes.extend(area);
    bytes
}

fn lexeme(u: &mut Unstructured) -> Result<Vec<u8>> {
    Ok(match u.int_in_range(0..=9)? {
        0 => u.bytes(u.len().min(11))?.to_vec(),
        1 => vec![b'a'; u.int_in_range(0..=40)?],
        n => {
            let mut word = Vec::new();
            for _ in 0..n {
                word.extend((*u.choose(&["a", "b", "é", "0"])?).as_bytes());
            }
            word
        }
    })
}

fn positions(u: &mut Unstructured) -> Result<Vec<(Weight, u16)>> {
    let mut found = BTreeMap::new();
    let (most, count) = match u.int_in_range(0..=15)? {
        0 => (MAX_POSITION, 255),
        1..4 => (MAX_POSITION, 6),
        4 => (1, 0),
        _ => (30, 4),
    };
    for _ in 0..count {
        found.insert(u.int_in_range(1..=most)?, *u.choose(&WEIGHTS)?);
    }
    Ok(found.into_iter().map(|(position, weight)| (weight, position)).collect())
}

fn model(u: &mut Unstructured) -> Result<Model> {
    (0..u.int_in_range(0..=9)?).map(|_| Ok((lexeme(u)?, positions(u)?))).collect()
}

fn weighed(positions: impl Iterator<Item = Position>) -> Vec<(Weight, u16)> {
    positions.map(|position| (position.weight, position.position)).collect()
}

/// Reads a vector in every way.
fn read_everything(view: &View, u: &mut Unstructured) -> Result<()> {
    for (lexeme, positions) in view.iter() {
        assert_eq!(positions.len(), positions.count());
        let _ = view.find(lexeme).map(Iterator::count);
    }
    let terms: Vec<Term> = (0..u.int_in_range(0..=3)?)
        .map(|_| {
            let lexeme: Box<[u8]> = lexeme(u)?.into();
            Ok(match u.int_in_range(0..=2)? {
                0 => Term::Prefix { beginning: Beginning::new(""), lexemes: vec![lexeme] },
                1 => Term::Like { lexemes: vec![(lexeme, 0.5)], texts: 1 },
                _ => Term::Word(vec![lexeme]),
            })
        })
        .collect::<Result<_>>()?;
    let positions = terms
        .iter()
        .map(|term| Ok(PhrasePosition { offset: u.arbitrary()?, terms: vec![term.clone()] }));
    let phrase = positions.collect::<Result<Vec<_>>>()?;
    let query = Query {
        terms,
        required: vec![phrase.clone(); 2],
        excluded: vec![phrase],
        ..Query::default()
    };
    let mut found: Vec<(usize, Frequency)> = Vec::new();
    let is_written = u.arbitrary()?;
    let add = |term, frequency| found.push((term, frequency));
    let reading = query.read(view, u.arbitrary()?, |_| is_written, add);
    let _ = query.edges(view, |_| is_written);
    assert!(found.iter().all(|(term, frequency)| {
        *term < query.terms.len() && frequency.weighted().is_finite()
    }));
    assert_eq!(reading.phrases & !query.all_phrases(), 0);
    assert_eq!(reading.is_excluded, reading.phrases == 3);
    Ok(())
}

/// Any bytes are rejected or read in bounds. An encoded vector is read as it was; a damaged one as
/// far as it can be read.
pub fn vectors(u: &mut Unstructured) -> Result<()> {
    let model = model(u)?;
    let bytes = encode(&model);
    let view = View::parse(&bytes).unwrap_or_else(|error| panic!("{error}: {model:?}"));
    assert_eq!(view.len(), model.len());
    let read: Model =
        view.iter().map(|(lexeme, found)| (lexeme.to_vec(), weighed(found))).collect();
    assert_eq!(read, model);
    for wanted in model.keys().cloned().chain([lexeme(u)?]) {
        let found = view.find(&wanted).map(weighed);
        assert_eq!(found.as_ref(), model.get(&wanted), "{wanted:?} in {model:?}");
    }
    read_everything(&view, u)?;

    let mut hostile = bytes;
    for _ in 0..u.int_in_range(0..=4)? {
        let at = u.choose_index(hostile.len())?;
        let early = at % hostile.len().min(24);
        match u.int_in_range(0..=5)? {
            0 => hostile[at] ^= 1 << u.int_in_range(0..=7)?,
            1 => hostile.truncate(at.max(1)),
            2 => hostile.insert(at, u.arbitrary()?),
            // The count and the entries are at the beginning.
            3 => hostile[early] = u.arbitrary()?,
            4 => hostile[at] = *u.choose(&[0, 1, 0x7F, 0x80, 0xFF])?,
            _ => hostile.extend(u.bytes(u.len().min(8))?),
        }
    }
    if u.ratio(1, 8)? {
        hostile = u.bytes(u.len())?.to_vec();
    }
    let parsed = View::parse(&hostile);
    if let Ok(view) = View::open(&hostile) {
        read_everything(&view, u)?;
        let all = view.iter().count();
        assert_eq!(parsed.is_ok(), all == view.len(), "{hostile:?}");
        for (lexeme, positions) in view.iter() {
            assert!(positions.len() <= MAX_POSITIONS && lexeme.len() < tsvector::MAX_LEXEME);
        }
    } else {
        assert!(parsed.is_err());
    }
    if let Ok(view) = parsed {
        let lexemes: BTreeSet<Vec<u8>> = view.iter().map(|(lexeme, _)| lexeme.to_vec()).collect();
        let mut assembler = Assembler::new();
        assembler.append(&view, None);
        assembler.append(&view, Some(*u.choose(&WEIGHTS)?));
        let joined = assembler.finish();
        let joined = View::parse(&joined).expect("what was assembled is a vector");
        assert!(joined.iter().map(|(lexeme, _)| lexeme).eq(lexemes.iter().map(Vec::as_slice)));
        assert!(joined.iter().all(|(_, found)| { weighed(found).is_sorted_by(|a, b| a.1 < b.1) }));
    }
    let is_vector = parsed.is_ok();
    let (last, weight) = (u.arbitrary()?, *u.choose(&WEIGHTS)?);
    assert_eq!(tsvector::set_weight_up_to(&mut hostile, last, weight).is_ok(), is_vector);
    Ok(())
}

/// Written vectors are read as they were: of words, of keys, and joined vectors.
pub fn assembled(u: &mut Unstructured) -> Result<()> {
    // Words in the order of their positions, as a parser returns them.
    let names: Vec<Vec<u8>> = (0..u.int_in_range(1..=6)?)
        .map(|_| lexeme(u))
        .collect::<Result<BTreeSet<_>>>()?
        .into_iter()
        .collect();
    let (mut words, mut expected, mut number) = (Vec::new(), Model::new(), 0_u32);
    for _ in 0..u.int_in_range(0..=40)? {
        number += u.int_in_range(0..=3_u32)?;
        number += if u.ratio(1, 40)? { 16_000 } else { 0 };
        let (name, weight) = (u.choose_index(names.len())?, *u.choose(&WEIGHTS)?);
        let position = Position::at(number.max(1), weight);
        words.push((name as u32, position));
        let found = expected.entry(names[name].clone()).or_default();
        // PostgreSQL's make_tsvector() does this in uniquePOS().
        let last = found.last().map(|(_, last)| *last);
        if found.len() < 255 && last != Some(position.position) && last != Some(MAX_POSITION) {
            found.push((weight, position.position));
        }
    }
    let vector = tsvector::of_words(words, |name| &names[name as usize]).expect("it is small");
    assert_eq!(vector, encode(&expected), "{expected:?}");

    let mut assembler = Assembler::new();
    assembler.append(&View::parse(&vector).expect("a vector"), None);
    assert_eq!(assembler.finish(), vector);

    let keys: BTreeSet<Vec<u8>> =
        (0..u.int_in_range(0..=8)?).map(|_| lexeme(u)).collect::<Result<_>>()?;
    let written =
        tsvector::of_keys(keys.iter().rev().chain(&keys).cloned().collect(), b"more".to_vec());
    let stripped: Model = keys.into_iter().map(|key| (key, Vec::new())).collect();
    assert_eq!(written, encode(&stripped));
    Ok(())
}

const TYPED: &[&str] = &[
    "tea", "green", "or", "OR", "Or", "ör", "漢字", " ", "  ", "\t", "\n", "\u{A0}", "\u{3000}",
    "-", "--", "---", "*", "**", "\"", "“", "”", "„", "‟", "'", "or ", " or", "-or", "a*b", "-\"",
    "\"-", "*\"", "\0", "é", "😀", "|", "&", "!", "<->", ":*", "(",
];

/// Parts are slices of the query, in order, and all of it except signs and `or`.
pub fn queries(u: &mut Unstructured) -> Result<()> {
    let mut query = String::new();
    while !u.is_empty() {
        match u.int_in_range(0..=15)? {
            0 => query.push(u.arbitrary()?),
            _ => query.push_str(u.choose(TYPED)?),
        }
    }
    let parts = parts(&query, true);
    let is_prose = query.split_whitespace().nth(10).is_some();
    let is_quote = |c: char| ['"', '“', '”', '„', '‟'].contains(&c);
    let mut left = String::new();
    let mut end = 0;
    for part in &parts {
        let start = part.text.as_ptr() as usize - query.as_ptr() as usize;
        assert!(start >= end, "{query:?}");
        left.push_str(&query[end..start]);
        left.push('\n');
        end = start + part.text.len();
        assert!(query.is_char_boundary(start) && !part.text.trim().is_empty(), "{query:?}");
        assert!(!part.text.contains(is_quote), "{query:?}");
        if part.kind != QueryPartKind::Phrase {
            assert!(
                !part.text.contains(char::is_whitespace) && !part.text.ends_with('*'),
                "{query:?}"
            );
            assert!(!part.text.starts_with('-'), "{query:?}");
        }
        assert_eq!(
            part.kind == QueryPartKind::Prefix,
            part.kind != QueryPartKind::Phrase && !is_prose && query[end..].starts_with('*'),
            "{query:?}"
        );
    }
    left.push_str(&query[end..]);
    let is_sign = |c: char| c.is_whitespace() || is_quote(c) || c == '-' || c == '*';
    for word in left.split(is_sign).filter(|word| !word.is_empty()) {
        assert!(word.eq_ignore_ascii_case("or"), "{word:?} of {query:?} is lost");
    }
    Ok(())
}

/// Any texts that are added are found with their positions, whatever bytes their lexemes have; their removal
/// leaves nothing. Damaged segments are read in bounds or refused.
pub fn postings(u: &mut Unstructured) -> Result<()> {
    let mut damaged: Vec<u8> = u.bytes(u.len().min(60))?.to_vec();
    let models: Vec<Model> =
        (0..u.int_in_range(1..=6)?).map(|_| model(u)).collect::<Result<_>>()?;
    let (mut added, mut removed) = (Builder::default(), Builder::default());
    for (number, model) in (0..).zip(&models) {
        let vector = encode(model);
        let view = View::parse(&vector).expect("a vector");
        let text =
            Text { id: [number; 16], document: [0; 16], words: u.arbitrary()?, title_words: 0 };
        added.add(text, &view);
        removed.remove(text, &view);
    }
    let (added, removed) = (added.encode(), removed.encode());
    let lexemes: BTreeSet<&[u8]> =
        models.iter().flat_map(|of| of.keys().map(Vec::as_slice)).collect();
    let lexemes: Vec<&[u8]> = lexemes.into_iter().collect();
    let segment = Segment::open(added.as_slice()).expect("a segment");
    let matches = segment.find(&lexemes).expect("a segment");
    let mut found = BTreeMap::new();
    for (_, text) in matches.iter() {
        let lexemes = text.iter().map(|(lexeme, positions)| (lexeme.to_vec(), weighed(positions)));
        found.insert(usize::from(text.text.id[0]), lexemes.collect::<Model>());
    }
    let expected = models.iter().cloned().enumerate().filter(|(_, model)| !model.is_empty());
    assert_eq!(found, expected.collect(), "{models:?}");
    let mut both = [added.clone(), removed];
    if u.arbitrary()? {
        both.reverse();
    }
    let nothing = sum(&both, || ()).expect("segments");
    assert!(nothing.texts.is_empty() && nothing.removed.is_empty(), "{models:?}");
    let at = u.choose_index(added.len())?;
    let mut flipped = added.clone();
    flipped[at] = u.arbitrary()?;
    damaged.extend(&added);
    for bytes in [damaged, flipped] {
        let segment = Segment::open(bytes.as_slice());
        let _ = segment.and_then(|segment| {
            segment.removed()?;
            Ok(segment.find(&lexemes)?.iter().map(|(_, text)| text.iter().count()).sum::<usize>())
        });
        let _ = sum(&[bytes], || ());
    }
    Ok(())
}
