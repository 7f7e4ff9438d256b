//! Invariants of the chunks of any page.
#![allow(dead_code, reason = "not every test that uses this file needs all of it")]

use carrel_core::chunking::{Chunk, Format, Options, Unit, chunks};
use proptest::prelude::*;

use crate::html_soup;
use crate::invariants::size_of;

pub fn cut_in<'t>(
    page: &'t str,
    size: i32,
    overlap: i32,
    unit: Unit,
    format: Format,
) -> Vec<Chunk<'t>> {
    let options = Options::new(size, overlap, unit, format).expect("valid options");
    chunks(page, &options, || {}).collect()
}

/// Text without white space.
pub fn ink(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Chunks without overlap come in order, are not too large, and have all the text of the page.
pub fn check_order(page: &str, size: i32, unit: Unit) -> Result<(), TestCaseError> {
    let chunks = cut_in(page, size, 0, unit, Format::Html);
    let most = (size as usize).saturating_mul(8);
    let mut end = 0;
    for chunk in &chunks {
        prop_assert_eq!(chunk.size, size_of(unit, &chunk.content));
        prop_assert!(chunk.size <= size as usize);
        prop_assert!(unit != Unit::Words || chunk.content.chars().count() <= most);
        prop_assert!(!chunk.content.trim().is_empty());
        prop_assert_eq!(page[..chunk.byte_start].chars().count(), chunk.start);
        prop_assert_eq!(page[..chunk.byte_end].chars().count(), chunk.end);
        prop_assert!(chunk.byte_start < chunk.byte_end);
        // Two characters of one reference can be in two chunks.
        let reference = page[chunk.byte_start..chunk.byte_end].starts_with('&');
        prop_assert!(end <= chunk.byte_start || reference, "{:?}", chunk);
        end = chunk.byte_end;
    }
    let all: String = chunks.iter().map(|chunk| ink(&chunk.content)).collect();
    prop_assert_eq!(all, ink(&html_soup::text(page)));
    Ok(())
}

/// Chunks with overlap have all the text of the page, once their repeated beginnings are removed.
/// For pages of [`html_soup::WITHOUT_RAW`].
pub fn check_overlap(page: &str, size: i32, overlap: i32, unit: Unit) -> Result<(), TestCaseError> {
    let mut before = (0, 0);
    let mut fresh = String::new();
    for chunk in cut_in(page, size, overlap, unit, Format::Html) {
        prop_assert_eq!(chunk.size, size_of(unit, &chunk.content));
        prop_assert!(chunk.size <= size as usize);
        prop_assert!(before.0 <= chunk.byte_start && before.1 <= chunk.byte_end);
        let repeated =
            page.get(chunk.byte_start..before.1).map(html_soup::text).unwrap_or_default();
        let (repeated, content) = (ink(&repeated), ink(&chunk.content));
        prop_assert!(size_of(unit, &repeated) <= overlap as usize || unit != Unit::Characters);
        let rest = content.strip_prefix(&repeated);
        prop_assert!(rest.is_some(), "{:?} does not follow {:?}", content, repeated);
        fresh.push_str(rest.unwrap_or_default());
        before = (chunk.byte_start, chunk.byte_end);
    }
    prop_assert_eq!(fresh, ink(&html_soup::text(page)));
    Ok(())
}

/// The source between a chunk's offsets has the chunk's text. For pages of [`html_soup::WITHOUT_RAW`].
pub fn check_sources(page: &str, size: i32, unit: Unit) -> Result<(), TestCaseError> {
    for chunk in cut_in(page, size, 0, unit, Format::Html) {
        let source = &page[chunk.byte_start..chunk.byte_end];
        prop_assert_eq!(ink(&html_soup::text(source)), ink(&chunk.content), "{}", source);
        let is_space = |c: Option<char>| c.is_some_and(char::is_whitespace);
        let same = |a: Option<char>, b| a == b || is_space(a) && is_space(b);
        let (content, mut said) = (chunk.content.chars(), source.chars());
        let begins = same(content.clone().next(), said.clone().next())
            // Tabs between cells are not in the source.
            || same(chunk.content.trim_start_matches('\t').chars().next(), said.clone().next());
        prop_assert!(begins || source.starts_with('&'), "{}", source);
        let last = content.clone().next_back();
        let reference = source.rfind('&').map(|at| html_soup::text(&source[at..]));
        let reference = reference.is_some_and(|text| same(text.chars().next_back(), last));
        prop_assert!(reference || same(last, said.next_back()), "{}", source);
    }
    Ok(())
}
