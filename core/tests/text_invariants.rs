//! Properties of the words of generated texts.

#[path = "text/invariants.rs"]
mod invariants;
#[path = "chunking/text.rs"]
mod text;
#[path = "text/typed.rs"]
mod typed;
#[path = "text/words.rs"]
mod words;

use carrel_core::text::normalize;
use invariants::{check, check_again, check_apart};
use proptest::prelude::*;
use proptest::sample::select;
use words::{moved, words};

/// Text of typed fragments, fragments of Unicode segmentation, and any characters.
fn texts() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        6 => select(typed::TYPED).prop_map(str::to_owned),
        2 => select(text::FRAGMENTS).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "\\PC{0,12}",
    ];
    prop::collection::vec(fragment, 0..40).prop_map(|fragments| fragments.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn words_are_in_order_in_bounds_and_as_written(text in texts()) {
        check(&text);
    }

    #[test]
    fn analysing_a_word_again_gives_the_word(text in texts()) {
        check_again(&text);
    }

    #[test]
    fn normalising_twice_is_normalising_once(text in texts()) {
        let once = normalize(&text);
        prop_assert_eq!(normalize(&once), once);
    }

    #[test]
    fn lines_are_analysed_apart(text in texts()) {
        check_apart(&text);
    }

    #[test]
    fn texts_with_a_blank_between_are_analysed_apart(before in texts(), after in texts()) {
        let (first, second) = (words(&before), words(&after));
        let bytes = before.len() + 1;
        let last = first.last().map_or(0, |word| word.position);
        let together = words(&format!("{before}\n{after}"));
        prop_assert_eq!(together, [first, moved(&second, bytes, last)].concat());
    }

    #[test]
    fn blanks_before_a_text_only_move_it(text in texts(), blanks in 0..6_000_usize) {
        let found = words(&format!("{}{text}", " ".repeat(blanks)));
        prop_assert_eq!(found, moved(&words(&text), blanks, 0));
    }

    #[test]
    fn prose_is_its_words(parts in prop::collection::vec("[a-z]{1,9}", 1..30)) {
        let found = words(&parts.join(" "));
        let forms: Vec<String> = found.iter().map(|word| word.form.clone()).collect();
        prop_assert_eq!(forms, parts);
    }
}
