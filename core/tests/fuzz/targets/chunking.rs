//! Chunking of any text with any options.

use arbitrary::{Result, Unstructured};
use carrel_core::chunking::{Encoding, Format, Unit};
use proptest::test_runner::TestCaseError;

use crate::invariants::{check, cut};
use crate::pages::{check_order, check_overlap, check_sources, cut_in};
use crate::{html_soup, text};

/// Text joined from fragments: most once, some many times, and other characters.
fn text_of(u: &mut Unstructured, kinds: &[&[&str]]) -> Result<String> {
    let mut text = String::new();
    while !u.is_empty() {
        match u.int_in_range(0..=23)? {
            0 => text.push(u.arbitrary()?),
            1 => {
                let times = u.int_in_range(1..=40)?;
                text.push_str(&u.choose(text::FRAGMENTS)?.repeat(times));
            }
            2 => text.push_str(&"abcdefghijklmnopqrstuvwxyz"[u.int_in_range(0..=25)?..]),
            n => text.push_str(u.choose(kinds[n % kinds.len()])?),
        }
    }
    Ok(text)
}

fn unit(u: &mut Unstructured) -> Result<Unit> {
    Ok(match u.int_in_range(0..=8)? {
        0..3 => Unit::Characters,
        3..6 => Unit::Words,
        6..8 => Unit::Tokens(Encoding::Cl100k),
        _ => Unit::Tokens(Encoding::O200k),
    })
}

/// Size that the unit allows, and an overlap.
fn measures(u: &mut Unstructured, unit: Unit) -> Result<(usize, usize)> {
    let least = if matches!(unit, Unit::Tokens(_)) { 4 } else { 1 };
    let size = match u.int_in_range(0..=15)? {
        0..11 => u.int_in_range(least..=60)?,
        11..15 => u.int_in_range(60..=400)?,
        _ => i32::MAX as usize,
    };
    let overlap = if u.arbitrary()? { 0 } else { u.int_in_range(0..=(size - 1).min(400))? };
    Ok((size, overlap))
}

/// True for one text in eight, which is cut twice to check that the result is always the same.
fn again(text: &str) -> bool {
    text.len().is_multiple_of(8)
}

/// Panics with the input if the result is an error.
fn demand(result: std::result::Result<(), TestCaseError>, input: impl std::fmt::Debug) {
    if let Err(error) = result {
        panic!("{error}\ninput: {input:?}");
    }
}

/// Text that is no page: in bounds, in order, complete, exact, reproducible.
pub fn chunks(u: &mut Unstructured) -> Result<()> {
    let unit = unit(u)?;
    let (size, overlap) = measures(u, unit)?;
    let plain: &[&[&str]] = &[text::FRAGMENTS];
    let markdown: &[&[&str]] = &[text::MARKUP, text::FRAGMENTS, text::MARKUP];
    let data: &[&[&str]] = &[text::DATA, text::DATA, text::DATA, text::FRAGMENTS];
    let (format, kinds) = *u.choose(&[
        (Format::Plain, plain),
        (Format::Plain, markdown),
        (Format::Markdown, markdown),
        (Format::Markdown, markdown),
        (Format::Json, data),
        (Format::Yaml, data),
    ])?;
    let text = text_of(u, kinds)?;
    let input = (&text, size, overlap, unit, format);
    demand(check(&text, size, overlap, unit, format), input);
    let chunks = cut(&text, size, overlap, unit, format);
    for chunk in &chunks {
        assert!(chunk.heading_path.iter().all(|title| title.len() <= 1_000), "{input:?}");
        assert!(format != Format::Plain || chunk.heading_path.is_empty(), "{input:?}");
        assert_eq!(chunk.section_title(), chunk.heading_path.last().map(|title| &**title));
    }
    if again(&text) {
        assert_eq!(chunks, cut(&text, size, overlap, unit, format), "{input:?}");
    }
    Ok(())
}

/// Pages: the rendered text is in order, complete and exact.
pub fn pages(u: &mut Unstructured) -> Result<()> {
    let unit = unit(u)?;
    let (size, overlap) = measures(u, unit)?;
    let (size, overlap) = (size as i32, overlap as i32);
    let with_raw = u.arbitrary()?;
    let fragments = if with_raw { html_soup::ALL } else { html_soup::WITHOUT_RAW };
    let mut page = String::new();
    while !u.is_empty() {
        match u.int_in_range(0..=31)? {
            0 if with_raw => page.push(u.arbitrary()?),
            1 => {
                let times = u.int_in_range(1..=40)?;
                page.push_str(&u.choose(fragments)?.repeat(times));
            }
            _ => page.push_str(u.choose(fragments)?),
        }
    }
    let input = (&page, size, overlap, unit);
    demand(check_order(&page, size, unit), input);
    if !with_raw {
        demand(check_overlap(&page, size, overlap, unit), input);
        demand(check_sources(&page, size, unit), input);
    }
    if again(&page) {
        let cut = || cut_in(&page, size, overlap, unit, Format::Html);
        assert_eq!(cut(), cut(), "{input:?}");
    }
    Ok(())
}
