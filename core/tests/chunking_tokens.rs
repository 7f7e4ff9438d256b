//! Tokens are counted as bpe-openai counts them, in text of any kind and length.

#[path = "chunking/text.rs"]
mod text;

use bpe_openai::{Tokenizer, cl100k_base, o200k_base};
use carrel_core::chunking::{Encoding, Format, Options, Unit, chunks, count_tokens};
use proptest::prelude::*;
use proptest::sample::select;

const ENCODINGS: [Encoding; 2] = [Encoding::Cl100k, Encoding::O200k];

fn tokenizer(encoding: Encoding) -> &'static Tokenizer {
    match encoding {
        Encoding::Cl100k => cl100k_base(),
        Encoding::O200k => o200k_base(),
    }
}

/// Fragments for every class and every look-ahead in the patterns of the tokenizers.
const FRAGMENTS: &[&str] = &[
    "a", "B", "word", "Word", "WORD", "ß", "Ǆ", "ǅ", "ʰ", "漢", "語", "\u{301}", "\u{94D}", "1",
    "22", "4444", "½", "!", "?!", "/", "//", "'", "'s", "'S", "'t", "'re", "'Ve", "'ll", "'l",
    "'r", "'ſ", "'d", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", "\u{A0}", "\u{3000}",
    "\u{2028}", "\u{85}", "\u{600}", "😀", "\u{200D}", "\u{FFFD}", "\0", "_", "-", ".",
];

fn any_text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        8 => select(FRAGMENTS).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    prop_oneof![
        4 => prop::collection::vec(fragment, 0..40).prop_map(|fragments| fragments.concat()),
        1 => text::plain(),
        1 => text::markdown(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_text_has_as_many_tokens_as_bpe_openai_counts(text in any_text()) {
        for encoding in ENCODINGS {
            let counted = count_tokens(&text, encoding, || {});
            prop_assert_eq!(counted, tokenizer(encoding).count(&*text), "{:?}", encoding);
        }
    }

    #[test]
    fn a_chunk_takes_every_word_that_fits(
        words in prop::collection::vec("[a-zA-Z']{1,12}", 1..80), size in 4..40usize,
    ) {
        let text = words.join(" ");
        for encoding in ENCODINGS {
            let options = Options::new(size as i32, 0, Unit::Tokens(encoding), Format::Plain).expect("valid");
            let chunks: Vec<_> = chunks(&text, &options, || {}).collect();
            for pair in chunks.windows(2) {
                let first = text[pair[1].byte_start..].split(' ').next().unwrap_or_default();
                let longer = &text[pair[0].byte_start..pair[1].byte_start + first.len()];
                let ends_in_a_word = text[..pair[1].byte_start].ends_with(' ');
                prop_assert!(!ends_in_a_word || tokenizer(encoding).count(longer) > size, "{:?}", longer);
            }
        }
    }
}

/// Pretokens of any length and class, with every text that may end them.
fn long_texts() -> Vec<String> {
    let runs = [
        "a",
        "ab",
        "Ab",
        "AB",
        "A",
        "漢",
        "漢字語",
        "漢A",
        "é",
        "\u{301}",
        "!",
        "?!/",
        " ",
        "\t",
        "\n",
        " \n",
        "\u{3000}",
        "7",
        "😀",
        "ꙮ",
    ];
    let ends = ["", "x", "X", " ", "\n", "!", "'s", "1", "漢"];
    let mut texts = Vec::new();
    for run in runs {
        for bytes in [8_190, 30_000] {
            for end in ends {
                let body = run.repeat(bytes / run.len());
                texts.push(format!("{body}{end}"));
                texts.push(format!("\n漢{body}{end}"));
            }
        }
    }
    // Letters that merge in ever different ways.
    let mut state = 1u32;
    let mut random = |letters: &str| -> String {
        let letters: Vec<char> = letters.chars().collect();
        (0..60_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                letters[(state >> 16) as usize % letters.len()]
            })
            .collect()
    };
    texts.extend(
        ["ab", "etaoin", "acgt", "AaBb", "漢字一二三", "=-", "\u{300}\u{301}\u{302}"]
            .map(&mut random),
    );
    texts
}

#[test]
fn pretokens_longer_than_a_window_are_counted_exactly() {
    for text in long_texts() {
        for encoding in ENCODINGS {
            let counted = count_tokens(&text, encoding, || {});
            let start: String = text.chars().take(20).collect();
            assert_eq!(
                counted,
                tokenizer(encoding).count(&*text),
                "{encoding:?} {start:?} {}",
                text.len()
            );
        }
    }
}

#[test]
fn chunks_of_long_pretokens_are_measured_exactly() {
    for text in long_texts() {
        for (size, overlap) in [(50, 0), (300, 100), (20_000, 0)] {
            let options =
                Options::new(size, overlap, Unit::Tokens(Encoding::Cl100k), Format::Plain)
                    .expect("valid");
            for chunk in chunks(&text, &options, || {}) {
                assert_eq!(chunk.size, cl100k_base().count(&*chunk.content));
                assert!(chunk.size <= size as usize);
            }
        }
    }
}

/// A line can have more tokens without its end than with it. Its chunk is cut again, and text that
/// was read beyond it must not count.
#[test]
fn a_chunk_that_is_cut_again_ends_at_the_boundary_before() {
    let cut = |text: &'static str, size: i32, format: Format| {
        let options = Options::new(size, 0, Unit::Tokens(Encoding::Cl100k), format).expect("valid");
        chunks(text, &options, || {}).collect::<Vec<_>>()
    };
    let headings = "# A\n\none two three.*;\n\n# B\n\nfour five six seven eight nine ten.";
    for chunk in cut(headings, 7, Format::Markdown) {
        let is_first = Some(chunk.byte_start) < headings.find("# B");
        assert_eq!(chunk.section_title(), Some(if is_first { "A" } else { "B" }), "{chunk:?}");
    }
    let paragraphs = "aa bb cc dd\n\nee ff.*;\n\ngg hh ii jj kk ll mm nn";
    assert_eq!(cut(paragraphs, 8, Format::Markdown)[0].content, "aa bb cc dd");
    let members = "[{\"a\":{\"b\":\"x\"}},\n{\"a\":{\"b\":\"y\"}},\n{\"a\":{\"b\":\"zz\"}}]";
    assert_eq!(cut(members, 15, Format::Json)[0].content, "[{\"a\":{\"b\":\"x\"}},");
}
