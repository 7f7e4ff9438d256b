//! Ranked search, compared with its description.
use std::collections::BTreeMap;

use carrel_core::ranking::{
    Collection, Frequency, Fusion, Highlight, Pair, Parameters, PhraseEdge, PhraseMatches,
    PhrasePosition, Query, QueryPartKind, QueryWord, Scale, Term, TermSet, TypedWord,
    leading_title, parts, phrase_shown, snippet,
};
use carrel_core::tsvector::{Lexemes, MAX_AREA, Position, View, Weight, key, of_keys, of_words};
use carrel_core::vocabulary::Beginning;
use proptest::prelude::*;

/// Vector of a text given as lexemes with weights. Positions are from 1.
fn vector(words: &[(String, Weight)]) -> Vec<u8> {
    let mut spelt: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
    spelt.sort_unstable();
    spelt.dedup();
    let words = words.iter().enumerate().map(|(at, (word, weight))| {
        let number = spelt.binary_search(&word.as_str()).unwrap();
        (number as u32, Position::at(at as u32 + 1, *weight))
    });
    of_words(words.collect(), |number| spelt[number as usize].as_bytes()).unwrap()
}

fn lexeme() -> impl Strategy<Value = String> {
    "[abcé]{1,3}"
}

fn text() -> impl Strategy<Value = Vec<(String, Weight)>> {
    let weight = prop_oneof![4 => Just(Weight::D), 1 => Just(Weight::C), 1 => Just(Weight::B), 1 => Just(Weight::A)];
    prop::collection::vec((lexeme(), weight), 0..60)
}

/// Lexemes of one to three letters, ascending.
fn all_lexemes() -> Vec<String> {
    let letters = ["a", "b", "c", "é"];
    let mut all: Vec<String> = vec![String::new()];
    for _ in 0..3 {
        let longer = all.iter().flat_map(|word| letters.map(|letter| format!("{word}{letter}")));
        all = all.iter().cloned().chain(longer.collect::<Vec<_>>()).collect();
    }
    all.retain(|word| !word.is_empty());
    all.sort_unstable();
    all.dedup();
    all
}

fn term(lexeme: &str, is_prefix: bool) -> Term {
    if !is_prefix {
        return Term::Word(vec![lexeme.as_bytes().into()]);
    }
    let mut lexemes = all_lexemes();
    lexemes.retain(|word| word.starts_with(lexeme));
    let lexemes = lexemes.into_iter().map(|word| word.into_bytes().into()).collect();
    Term::Prefix { beginning: Beginning::new(lexeme), lexemes }
}

fn is_it(term: &Term, word: &str) -> bool {
    match term {
        Term::Word(lexemes) => lexemes.iter().any(|lexeme| word.as_bytes() == &**lexeme),
        Term::Prefix { beginning, .. } => beginning.is_of(word),
        Term::Like { .. } => false,
    }
}

/// As if all words were written as their lexemes.
fn is_written(_: &Beginning) -> bool {
    true
}

fn terms() -> impl Strategy<Value = Vec<Term>> {
    prop::collection::vec((lexeme(), any::<bool>()).prop_map(|(word, p)| term(&word, p)), 1..5)
}

fn phrase(terms: Vec<Term>) -> Vec<PhrasePosition> {
    let offsets = terms.into_iter().enumerate();
    offsets
        .map(|(offset, term)| PhrasePosition { offset: offset as u16, terms: vec![term] })
        .collect()
}

proptest! {
    #[test]
    fn a_lexeme_is_found_with_its_positions(text in text(), word in lexeme()) {
        let bytes = vector(&text);
        let view = View::open(&bytes).unwrap();
        let found: Option<Vec<u16>> =
            view.find(word.as_bytes()).map(|positions| positions.map(|p| p.position).collect());
        let expected: Vec<u16> = (1..)
            .zip(&text)
            .filter(|(_, (other, _))| *other == word)
            .map(|(position, _)| position)
            .collect();
        prop_assert_eq!(found.unwrap_or_default(), expected);
        prop_assert_eq!(view.count_positions(), text.len());
    }

    #[test]
    fn frequencies_equal_counts_of_positions(text in text(), terms in terms(), title in 0_u16..20) {
        let bytes = vector(&text);
        let query = Query { terms: terms.clone(), ..Query::default() };
        let mut found = BTreeMap::new();
        let reading = query.read(&View::open(&bytes).unwrap(), title, is_written, |term, frequency| {
            assert!(found.insert(term, frequency.weighted()).is_none());
        });
        prop_assert_eq!(reading, PhraseMatches::default());
        for (number, term) in terms.iter().enumerate() {
            let positions: Vec<(u16, Weight)> = (1..)
                .zip(&text)
                .filter(|(_, (word, _))| is_it(term, word))
                .map(|(position, (_, weight))| (position, *weight))
                .collect();
            let body = positions.iter().filter(|(_, weight)| *weight == Weight::D).count() as f64;
            let heaviest = positions.iter().map(|(position, weight)| match weight {
                Weight::D if *position <= title => 3.0,
                Weight::D => 1.0,
                Weight::C => 2.0,
                Weight::B => 3.0,
                Weight::A => 4.0,
            });
            let heaviest = heaviest.fold(0.0, f64::max);
            let expected = if heaviest > 1.0 { heaviest + (body - 1.0).max(0.0) } else { body };
            prop_assert_eq!(found.get(&number).copied().unwrap_or(0.0), expected);
        }
    }

    #[test]
    fn a_phrase_matches_consecutive_words(
        text in text(), wanted in terms(), unwanted in terms(),
    ) {
        let has = |phrase: &[Term]| {
            text.windows(phrase.len())
                .any(|words| words.iter().zip(phrase).all(|((word, _), term)| is_it(term, word)))
        };
        let query = Query {
            terms: wanted.clone(),
            required: vec![phrase(unwanted.clone()), phrase(wanted.clone())],
            excluded: vec![phrase(unwanted.clone())],
            ..Query::default()
        };
        let reading = query.read(&View::open(&vector(&text)).unwrap(), 0, is_written, |_, _| ());
        prop_assert_eq!(reading.is_excluded, has(&unwanted));
        prop_assert_eq!(reading.phrases, u64::from(has(&unwanted)) | u64::from(has(&wanted)) << 1);
        prop_assert_eq!(query.all_phrases(), 3);
    }

    #[test]
    fn keys_are_prefix_and_lexeme(text in text()) {
        let bytes = vector(&text);
        let view = View::parse(&bytes).unwrap();
        let keys = view.iter().map(|(lexeme, _)| key(b"prefix", lexeme, b""));
        let keys = of_keys(keys.collect(), b"prefix".to_vec());
        let keys = View::parse(&keys).unwrap();
        let mut expected: Vec<Vec<u8>> =
            text.iter().map(|(word, _)| [b"prefix", word.as_bytes()].concat()).collect();
        expected.sort_unstable();
        expected.dedup();
        let found: Vec<Vec<u8>> = keys.iter().map(|(key, _)| key.to_vec()).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(keys.iter().all(|(_, positions)| positions.len() == 0));
    }

    #[test]
    fn any_query_is_split_into_parts(query in "([a-c\"*\\- “”é\t]|or | OR |--){0,40}") {
        let mut rest = query.as_str();
        for part in parts(&query, true) {
            prop_assert!(!part.text.trim().is_empty());
            let at = rest.find(part.text);
            prop_assert!(at.is_some(), "{:?} is not in {:?}", part, rest);
            rest = &rest[at.unwrap()..];
            if part.kind != QueryPartKind::Phrase {
                prop_assert!(!part.text.contains(char::is_whitespace));
                prop_assert!(!part.text.ends_with('*'));
            }
        }
    }

    #[test]
    fn a_snippet_is_a_slice_of_the_text(
        content in "([a-d] |[é漢🫖]|\\n|longer ){0,120}",
        ranges in prop::collection::vec((0_usize..400, 0_usize..9, 0_usize..4), 0..12),
        max in 1_usize..80,
    ) {
        let mut highlights: Vec<Highlight> = ranges
            .into_iter()
            .map(|(start, length, term)| Highlight { start, end: start + length, term, position: 0 })
            .collect();
        highlights.sort_by_key(|highlight| highlight.start);
        let marked = snippet(&content, &highlights, |_| 1.0, None, max);
        let plain = marked.replace("<mark>", "").replace("</mark>", "");
        let part = plain.strip_prefix('…').unwrap_or(&plain);
        let part = part.strip_suffix('…').unwrap_or(part);
        prop_assert!(content.contains(part), "{:?} is not in {:?}", part, content);
        let longest = highlights.iter().map(|highlight| highlight.end.saturating_sub(highlight.start)).max();
        prop_assert!(part.chars().count() <= max.max(longest.unwrap_or(0)));
        // Tags open and close in turn, and are never empty.
        prop_assert_eq!(marked.matches("<mark>").count(), marked.matches("</mark>").count());
        prop_assert!(!marked.contains("<mark></mark>"));
        let fits = |highlight: &Highlight| {
            content.get(highlight.start..highlight.end).is_some_and(|word| !word.is_empty() && word.len() <= max)
        };
        if highlights.iter().any(fits) {
            prop_assert!(marked.contains("<mark>"), "{:?}", marked);
        }
    }

    #[test]
    fn a_leading_title_is_a_short_beginning(text in "(longer words [a-c]|\\. |\n|。|é){0,60}") {
        let title = leading_title(&text);
        prop_assert!(text.starts_with(title));
        prop_assert!(title.len() <= 200);
        prop_assert!(title.trim_end_matches('\n').lines().count() <= 1);
    }
}

#[test]
fn queries_are_parsed_into_words_prefixes_and_phrases() {
    let read = |query| -> Vec<(String, QueryPartKind, bool)> {
        let parts = parts(query, true).into_iter();
        parts.map(|part| (part.text.to_owned(), part.kind, part.is_excluded)).collect()
    };
    use QueryPartKind::{Phrase, Prefix, Word};
    let part = |text: &str, kind, is_excluded| (text.to_owned(), kind, is_excluded);
    assert_eq!(
        read("how -\"do not\" conf* -x* or \"a b\"c"),
        [
            part("how", Word, false),
            part("do not", Phrase, true),
            part("conf", Prefix, false),
            part("x", Prefix, false),
            part("a b", Phrase, false),
            part("c", Word, false),
        ]
    );
    assert_eq!(read("--help -"), [part("help", Word, false)]);
    assert_eq!(read("\"open end"), [part("open", Word, false), part("end", Word, false)]);
    assert_eq!(read("or"), [part("or", Word, false)]);
    assert_eq!(read("\" \" * - \"\""), []);
}

#[test]
fn splitting_a_hostile_query_takes_linear_time() {
    for query in ["\"", "-", "*", "or ", "\" ", "-\"", "a\"", "“"] {
        assert!(parts(&query.repeat(1_000_000), true).len() <= 1_000_000);
    }
}

#[test]
fn keys_that_do_not_fit_add_the_overflow_key() {
    let words: Vec<(String, Weight)> =
        (0..70_000).map(|number| (format!("{number:05x}"), Weight::D)).collect();
    let bytes = vector(&words);
    let view = View::parse(&bytes).unwrap();
    let overflow = [b'p'; 12];
    let of = |count| {
        let keys = view.iter().take(count).map(|(lexeme, _)| key(&overflow, lexeme, b""));
        of_keys(keys.collect(), overflow.to_vec())
    };
    let keys = of(70_000);
    assert!(keys.len() <= 4 + 4 * 70_001 + MAX_AREA);
    let keys = View::parse(&keys).unwrap();
    assert!(keys.find(&[b'p'; 12]).is_some());
    assert!(keys.len() < 70_000 && keys.len() > 60_000);
    assert!(View::parse(&of(10)).unwrap().find(&overflow).is_none());
}

#[test]
fn a_long_lexeme_is_cut_between_characters() {
    let long = "é".repeat(1023);
    let plain = key(b"12345678", long.as_bytes(), b"");
    let with_suffix = key(b"12345678", long.as_bytes(), b"ab");
    assert!(with_suffix.len() <= 2047);
    assert!(std::str::from_utf8(&with_suffix).is_ok());
    assert_eq!(with_suffix, [&plain[..], b"ab"].concat());
}

#[test]
fn fusion_adds_scores_on_scales_of_their_own() {
    let fusion =
        Fusion { words_weight: 2.0, embeddings_weight: 1.0, best_words: 8.0, usual_cosine: 0.6 };
    assert_eq!(fusion.words(8.0), 2.0);
    assert_eq!(fusion.words(2.0), 0.5);
    assert_eq!(fusion.embedding(0.6), 0.0);
    assert!((fusion.embedding(0.8) - 0.5).abs() < 1e-12);
    assert!((fusion.embedding(1.0) - 1.0).abs() < 1e-12);
    assert!(fusion.embedding(0.2) < 0.0);
    // Nothing matches by words, or all embeddings are one.
    let degenerate = Fusion { best_words: 0.0, usual_cosine: 1.0, ..fusion };
    assert_eq!((degenerate.words(0.0), degenerate.embedding(1.0)), (0.0, 0.0));
}

#[test]
fn a_prefix_counts_only_where_its_word_is_written() {
    let bytes =
        vector(&[("ab".into(), Weight::D), ("abc".into(), Weight::D), ("c".into(), Weight::D)]);
    let view = View::open(&bytes).unwrap();
    let query = Query { terms: vec![term("ab", true), term("b", true)], ..Query::default() };
    let mut asked = Vec::new();
    let mut found = Vec::new();
    let mut is_written = |beginning: &Beginning| {
        asked.push(beginning.clone());
        true
    };
    query.read(&view, 0, &mut is_written, |term, frequency| {
        found.push((term, frequency.weighted()))
    });
    // Two occurrences; asked once, and not for a prefix of which there is no lexeme.
    assert_eq!((found, asked), (vec![(0, 2.0)], vec![Beginning::new("ab")]));
    query.read(&view, 0, |_| false, |_, _| panic!("a word that is not written"));
}

#[test]
fn a_word_counts_once_whatever_its_variants_and_like_words_in_part() {
    let bytes =
        vector(&[("ab".into(), Weight::D), ("a".into(), Weight::D), ("a".into(), Weight::D)]);
    let lexeme = |lexeme: &str| -> Box<[u8]> { lexeme.as_bytes().into() };
    let like = Term::Like { lexemes: vec![(lexeme("ab"), 0.5), (lexeme("a"), 0.25)], texts: 3 };
    let query = Query {
        terms: vec![
            Term::Word(vec![lexeme("a"), lexeme("ab")]),
            Term::Word(vec![lexeme("c"), lexeme("ab")]),
            Term::Word(vec![lexeme("c")]),
            like,
        ],
        ..Query::default()
    };
    let mut found = Vec::new();
    query.read(&View::open(&bytes).unwrap(), 0, is_written, |term, frequency| {
        found.push((term, frequency.weighted()));
    });
    assert_eq!(found, [(0, 2.0), (1, 0.8), (3, 1.0)]);
    let of: Vec<&[u8]> = query.terms[3].lexemes().collect();
    assert_eq!(of, [&b"ab"[..], b"a"]);
}

#[test]
fn a_phrase_stands_over_the_edge_of_two_chunks() {
    let words = |words: &[&str]| -> Vec<u8> {
        vector(&words.iter().map(|word| ((*word).to_owned(), Weight::D)).collect::<Vec<_>>())
    };
    let terms = ["a", "b", "c"].map(|word| term(word, false));
    let query = Query { required: vec![phrase(terms.to_vec())], ..Query::default() };
    let edges = |bytes: &[u8]| query.edges(&View::open(bytes).unwrap(), is_written);
    let edge = |split| PhraseEdge { phrase: 0, split };
    assert_eq!(edges(&words(&["x", "a"])).begun, [edge(1)]);
    assert_eq!(edges(&words(&["x", "a", "b"])).begun, [edge(2)]);
    assert_eq!(edges(&words(&["b", "c", "x"])).ended, [edge(1)]);
    assert_eq!(edges(&words(&["c"])).ended, [edge(2)]);
    // Not at the edge.
    assert_eq!(edges(&words(&["a", "x"])).begun, []);
    assert_eq!(edges(&words(&["x", "b", "c"])).ended, []);
    // A heading is before the content.
    let headed =
        vector(&[("x".into(), Weight::B), ("c".into(), Weight::D), ("x".into(), Weight::D)]);
    assert_eq!(edges(&headed).ended, [edge(2)]);
    let mut matches = PhraseMatches::default();
    matches.add(edge(1));
    assert_eq!((matches.phrases, matches.is_excluded), (1, false));
    matches.add(PhraseEdge { phrase: 64, split: 1 });
    assert!(matches.is_excluded);
}

#[test]
fn long_phrases_of_one_word_are_read_in_time() {
    // Each start is looked at once per position of the phrase: half a million steps, not their square.
    let bytes = vector(&vec![("a".to_owned(), Weight::D); 256]);
    let view = View::open(&bytes).unwrap();
    let long = phrase(vec![term("a", false); 512]);
    let query =
        Query { required: vec![long.clone(); 8], excluded: vec![long; 8], ..Query::default() };
    let edges = query.edges(&view, is_written);
    assert_eq!((edges.begun.len(), edges.ended.len()), (16 * 255, 16 * 255));
    assert_eq!(query.read(&view, 0, is_written, |_, _| ()), PhraseMatches::default());
}

#[test]
fn words_that_stand_together_weigh_more() {
    let words = |words: &str| -> Vec<u8> {
        vector(&words.chars().map(|word| (word.to_string(), Weight::D)).collect::<Vec<_>>())
    };
    let pair = |distance| Pair { first: 0, second: 1, distance };
    let terms = vec![term("a", false), term("b", false)];
    let query = Query { terms, pairs: vec![pair(1), pair(2)], ..Query::default() };
    let read = |text: &str| -> Vec<(usize, f64)> {
        let mut found = Vec::new();
        let bytes = words(text);
        query.read(&View::open(&bytes).unwrap(), 0, is_written, |number, frequency| {
            found.push((number, frequency.weighted()));
        });
        found
    };
    assert_eq!(read("cab"), [(0, 1.0), (1, 1.0), (2, 1.0)]);
    assert_eq!(read("acb"), [(0, 1.0), (1, 1.0), (3, 1.0)]);
    assert_eq!(read("abab"), [(0, 2.0), (1, 2.0), (2, 2.0)]);
    assert_eq!(read("ba"), [(0, 1.0), (1, 1.0)]);
    assert_eq!(read("aaabbb"), [(0, 3.0), (1, 3.0), (2, 1.0), (3, 2.0)]);
    assert_eq!(read("a"), [(0, 1.0)]);
    let collection = Collection { texts: 10, words: 100 };
    let parameters = Parameters::new(1.2, 0.75).unwrap();
    let scale = Scale::new(parameters, collection, &[2, 5], &[1, 1], &query.pairs);
    // Less than the more frequent word.
    assert!(scale.weight(2) > 0.0 && scale.weight(2) < scale.weight(1));
}

#[test]
fn a_mistyped_word_is_taken_for_another() {
    let mut query = Query {
        words: vec![QueryWord::default(), QueryWord::default()],
        typed: vec![
            TypedWord { form: "recieve".into(), word: 0, part: None },
            TypedWord { form: "abuot".into(), word: 1, part: None },
        ],
        ..Query::default()
    };
    let typed = query.typed[0].clone();
    let mut found = TermSet::default();
    assert!(!query.has_typed(&typed, &found) && !query.has_all_words(&found));
    let number = query.add(term("receiv", false)).unwrap();
    query.replace(0, &[number]);
    // A stop word: no text has to have it.
    query.replace(1, &[]);
    found.insert(number);
    assert!(query.has_typed(&typed, &found) && query.has_all_words(&found));
    assert!(found.meets(&query.similar));
}

#[test]
fn a_snippet_shows_the_phrase() {
    let content = format!("Tea with green leaves. {} Drink green tea.", "word ".repeat(60));
    let word = |word: &'static str, term, position| {
        content.match_indices(word).map(move |(start, word)| Highlight {
            start,
            end: start + word.len(),
            term,
            position,
        })
    };
    let mut highlights: Vec<Highlight> =
        word("Tea", 1, 1).chain(word("green", 0, 3)).chain(word("tea", 1, 67)).collect();
    highlights[2].position = 66;
    let terms = vec![term("green", false), term("tea", false)];
    let query = Query { required: vec![phrase(terms.clone())], terms, ..Query::default() };
    let span = phrase_shown(&highlights, &query, || ()).unwrap();
    assert_eq!(&content[span.0..span.1], "green tea");
    let shown = snippet(&content, &highlights, |_| 1.0, Some(span), 60);
    assert!(shown.ends_with("Drink <mark>green</mark> <mark>tea</mark>."), "{shown}");
}

#[test]
fn scores_are_bm25() {
    let collection = Collection { texts: 10, words: 1_000 };
    let scale = Scale::new(Parameters::new(1.2, 0.75).unwrap(), collection, &[2, 10], &[1, 1], &[]);
    let bytes = vector(&[("a".into(), Weight::D), ("a".into(), Weight::D)]);
    let query = Query { terms: vec![term("a", false)], ..Query::default() };
    let mut score = 0.0;
    query.read(&View::open(&bytes).unwrap(), 0, is_written, |term, frequency| {
        score = scale.score(50, [(term, frequency)]);
    });
    let idf = (1.0_f64 + 8.5 / 2.5).ln();
    let expected = idf * 2.0 * 2.2 / (2.0 + 1.2 * (0.25 + 0.75 * 50.0 / 100.0));
    assert!((score - expected).abs() < 1e-12, "{score} {expected}");
    // A term of all texts has a low weight, but never a negative one.
    assert!(scale.weight(1) > 0.0 && scale.weight(1) < scale.weight(0));
    // Terms that the query does not have add nothing. Contradictory counts do not make a score
    // negative.
    assert_eq!(scale.score(1, [(7, Frequency::IN_NAME)]), 0.0);
    let odd = Scale::new(
        Parameters::new(0.0, 1.0).unwrap(),
        Collection { texts: 0, words: 0 },
        &[3],
        &[1],
        &[],
    );
    assert!(odd.score(0, [(0, Frequency::IN_NAME)]) > 0.0);
}

#[test]
fn constants_out_of_range_are_refused() {
    for (k1, b) in [
        (-1.0, 0.5),
        (f64::NAN, 0.5),
        (f64::INFINITY, 0.5),
        (1.0, -0.1),
        (1.0, 1.1),
        (1.0, f64::NAN),
    ] {
        assert!(Parameters::new(k1, b).is_err(), "{k1} {b}");
    }
}

#[test]
fn a_snippet_shows_the_densest_passage() {
    let content =
        format!("kettle {} stove {} kettle stove.", "word ".repeat(40), "word ".repeat(40));
    let mut highlights = Vec::new();
    for (term, word) in ["kettle", "stove"].into_iter().enumerate() {
        highlights.extend(content.match_indices(word).map(|(start, word)| Highlight {
            start,
            end: start + word.len(),
            term,
            position: 0,
        }));
    }
    highlights.sort_by_key(|highlight| highlight.start);
    let shown = snippet(&content, &highlights, |_| 1.0, None, 60);
    assert!(shown.ends_with("<mark>kettle</mark> <mark>stove</mark>."), "{shown}");
    // The passage worth more, and the first of several worth the same.
    let shown = snippet(&content, &highlights, |term| term as f64, None, 60);
    assert!(shown.contains("<mark>stove</mark> word") && !shown.contains("kettle"), "{shown}");
}

#[test]
fn a_word_that_the_query_repeats_weighs_more_up_to_a_bound() {
    let collection = Collection { texts: 10, words: 1_000 };
    let parameters = Parameters::new(1.2, 0.75).unwrap();
    let scale = Scale::new(parameters, collection, &[2, 2, 2, 2], &[1, 2, 3, 1_000_000], &[]);
    let relative = |term| scale.weight(term) / scale.weight(0);
    assert!((relative(1) - 1.8).abs() < 1e-12 && (relative(2) - 27.0 / 11.0).abs() < 1e-12);
    assert!(relative(3) > 8.9 && relative(3) < 9.0);
}

#[test]
fn a_query_has_all_words_by_the_whole_or_by_all_parts() {
    let mut query = Query::default();
    let [whole, sku, number, other] =
        ["sku-1", "sku", "1", "other"].map(|word| query.add(term(word, false)).unwrap());
    query.words = vec![
        QueryWord {
            whole: vec![whole],
            parts: vec![vec![sku], vec![number]],
            ..QueryWord::default()
        },
        QueryWord { whole: vec![other], ..QueryWord::default() },
    ];
    let has_all = |terms: &[u16]| {
        let mut found = TermSet::default();
        terms.iter().for_each(|term| found.insert(*term));
        query.has_all_words(&found)
    };
    assert!(has_all(&[whole, other]) && has_all(&[sku, number, other]));
    assert!(!has_all(&[sku, other]) && !has_all(&[whole, sku, number]) && !has_all(&[]));
    // A term that comes again keeps its number; occurrences are counted apart.
    assert_eq!(query.add(term("sku", false)), Some(sku));
    query.count(sku, 1);
    query.count(number, u32::MAX);
    query.count(number, 1);
    assert_eq!(query.counts, [0, 1, u32::MAX, 0]);
    while query.terms.len() < Query::MAX_TERMS {
        query.add(term(&query.terms.len().to_string(), true));
    }
    assert_eq!(query.add(term("one more", false)), None);
    assert_eq!(query.add(term("other", false)), Some(other));
}

#[test]
fn signs_bind_in_searches_and_not_in_prose() {
    use QueryPartKind::{Phrase, Word};
    let read = |query: &str| -> Vec<String> {
        let parts = parts(query, true).into_iter();
        let sign = |excluded| if excluded { "-" } else { "" };
        parts
            .map(|part| match part.kind {
                Phrase => format!("{}\"{}\"", sign(part.is_excluded), part.text),
                Word => format!("{}{}", sign(part.is_excluded), part.text),
                QueryPartKind::Prefix => format!("{}{}*", sign(part.is_excluded), part.text),
            })
            .collect()
    };
    for (query, expected) in [
        ("mole -heron -owl digs", "mole -heron -owl digs"),
        ("-heron mole", "-heron mole"),
        // A short word, and one without a vowel, is an option of a command.
        ("tar -czf archive", "tar czf archive"),
        ("psql -d app -X", "psql d app X"),
        ("ls -la", "ls la"),
        ("-7", "7"),
        ("mole -\u{fc}ber", "mole -\u{fc}ber"),
        // Phrases are excluded anywhere.
        ("mole -\"a heron\" digs", "mole -\"a heron\" digs"),
        // Ten words are a search, eleven are prose.
        ("a b c d e f g h \"i j\"", "a b c d e f g h \"i j\""),
        ("a b c d e f g h \"i j*\" -k", "a b c d e f g h i j k"),
    ] {
        assert_eq!(read(query).join(" "), expected, "{query}");
    }
}

#[test]
fn a_leading_title_is_a_first_line_that_stands_alone() {
    assert_eq!(leading_title("A title\n\nThe text."), "A title\n");
    assert_eq!(leading_title("A title\r\n \r\nThe text."), "A title\r\n");
    assert_eq!(leading_title("A title\n# A heading"), "A title\n");
    for text in ["", "A line", "A line\n", "A line\nand more", "A sentence. And more.\nMore"] {
        assert_eq!(leading_title(text), "", "{text}");
    }
    assert_eq!(leading_title(&format!("{}\n\nThe text.", "word ".repeat(50))), "");
}
