//! Analysis of any text.

use arbitrary::{Result, Unstructured};
use carrel_core::text::normalize;

use crate::text::FRAGMENTS;
use crate::typed::TYPED;
use crate::word_invariants::{check, check_again, check_apart};

/// Text joined from fragments: most once, some many times, and other characters.
fn text_of(u: &mut Unstructured) -> Result<String> {
    let mut text = String::new();
    while !u.is_empty() {
        match u.int_in_range(0..=63)? {
            0..=3 => text.push(u.arbitrary()?),
            4 => {
                let times = if u.ratio(1, 8)? { 400 } else { 8 };
                let times = u.int_in_range(1..=times)?;
                text.push_str(&u.choose(TYPED)?.repeat(times));
            }
            5..16 => text.push_str(u.choose(FRAGMENTS)?),
            _ => text.push_str(u.choose(TYPED)?),
        }
    }
    Ok(text)
}

/// Words are in order, in bounds and as written; a word gives itself; blanks part texts.
pub fn analyses(u: &mut Unstructured) -> Result<()> {
    let text = text_of(u)?;
    check(&text);
    check_again(&text);
    check_apart(&text);
    let normal = normalize(&text);
    assert_eq!(normalize(&normal), normal, "{text:?}");
    Ok(())
}
