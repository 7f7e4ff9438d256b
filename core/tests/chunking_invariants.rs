//! Invariants for any text, unit, format, size and overlap.

#[path = "chunking/invariants.rs"]
mod invariants;
#[path = "chunking/text.rs"]
mod text;

use carrel_core::chunking::{Encoding, Format, Unit};
use invariants::check;
use proptest::prelude::*;

fn any_unit() -> impl Strategy<Value = Unit> {
    prop_oneof![
        3 => Just(Unit::Characters),
        3 => Just(Unit::Words),
        2 => Just(Unit::Tokens(Encoding::Cl100k)),
        1 => Just(Unit::Tokens(Encoding::O200k)),
    ]
}

fn any_text() -> impl Strategy<Value = (String, Format)> {
    prop_oneof![
        text::plain().prop_map(|text| (text, Format::Plain)),
        text::markdown().prop_map(|text| (text, Format::Markdown)),
        text::markdown().prop_map(|text| (text, Format::Plain)),
        text::data().prop_map(|text| (text, Format::Json)),
        text::data().prop_map(|text| (text, Format::Yaml)),
    ]
}

fn any_size() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 1..60usize, 2 => 60..400usize, 1 => Just(i32::MAX as usize)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn invariants_hold_for_any_text(
        (text, format) in any_text(), size in any_size(), unit in any_unit()
    ) {
        check(&text, size, 0, unit, format)?;
    }

    #[test]
    fn invariants_hold_with_overlap(
        (text, format) in any_text(), size in 2..80usize, part in 0.0..1.0f64, unit in any_unit()
    ) {
        let overlap = ((size as f64 * part) as usize).clamp(1, size - 1);
        check(&text, size, overlap, unit, format)?;
    }
}
