//! Invariants of the chunks of any text that is no page, at any size and overlap.
#![allow(dead_code, reason = "not every test that uses this file needs all of it")]

use bpe_openai::{cl100k_base, o200k_base};
use carrel_core::chunking::{Chunk, Encoding, Format, Options, Unit, chunks};
use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

pub fn size_of(unit: Unit, content: &str) -> usize {
    match unit {
        Unit::Characters => content.chars().count(),
        Unit::Words => content.unicode_words().count(),
        Unit::Tokens(Encoding::Cl100k) => cl100k_base().count(content),
        Unit::Tokens(Encoding::O200k) => o200k_base().count(content),
    }
}

pub fn cut<'t>(
    text: &'t str,
    size: usize,
    overlap: usize,
    unit: Unit,
    format: Format,
) -> Vec<Chunk<'t>> {
    let options = Options::new(size as i32, overlap as i32, unit, format).expect("valid options");
    chunks(text, &options, || {}).collect()
}

/// Cluster boundaries of the whole text.
fn clusters(text: &str) -> Vec<usize> {
    text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect()
}

fn is_line_start(text: &str, at: usize) -> bool {
    at == 0 || matches!(text.as_bytes()[at - 1], b'\n' | b'\r')
}

pub fn check(
    text: &str,
    size: usize,
    overlap: usize,
    unit: Unit,
    format: Format,
) -> Result<(), TestCaseError> {
    let least = if matches!(unit, Unit::Tokens(_)) { 4 } else { 1 };
    let size = size.max(least);
    let chunks = cut(text, size, overlap, unit, format);
    let clusters = clusters(text);
    let mut done = 0;
    for (index, chunk) in chunks.iter().enumerate() {
        let content = &*chunk.content;
        // 1. Offsets.
        prop_assert_eq!(&text[chunk.byte_start..chunk.byte_end], content);
        prop_assert_eq!(text[..chunk.byte_start].chars().count(), chunk.start);
        prop_assert_eq!(chunk.start + content.chars().count(), chunk.end);
        // 2. Size.
        prop_assert_eq!(size_of(unit, content), chunk.size);
        prop_assert!(chunk.size <= size, "{:?} is larger than {}", content, size);
        if unit == Unit::Words {
            prop_assert!(content.chars().count() <= size.saturating_mul(8));
        }
        // 3. Nothing lost, in order, none blank.
        prop_assert!(!content.trim().is_empty());
        if index > 0 && overlap > 0 && chunk.byte_start < done {
            let before = &chunks[index - 1];
            prop_assert!(before.byte_start < chunk.byte_start && before.byte_end < chunk.byte_end);
            let shared = &text[chunk.byte_start..done];
            prop_assert!(size_of(unit, shared) <= overlap, "{:?} is repeated", shared);
        } else {
            prop_assert!(chunk.byte_start >= done, "{:?} is repeated", content);
            let dropped = &text[done..chunk.byte_start];
            prop_assert_eq!(dropped.trim(), "", "lost before {:?}", content);
        }
        done = chunk.byte_end;

        // Whitespace at the edges is dropped, indentation is kept.
        let whole = |at: usize| clusters.binary_search(&at).is_ok();
        let kept = content.len() - content.trim_end().len();
        prop_assert!(kept == 0 || !whole(chunk.byte_end - kept), "{:?}", content);
        if let Some(first) = content.lines().next() {
            prop_assert!(!first.trim().is_empty() || content.starts_with('\r'), "{:?}", content);
        }
        let first = content.len() - content.trim_start().len();
        let word = chunk.byte_start + first;
        let line = text[..word].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let in_line = line >= if index > 0 { chunks[index - 1].byte_end } else { 0 };
        if in_line && text[line..word].trim().is_empty() && whole(word) {
            let cluster = clusters.iter().find(|&&at| at > word).copied().unwrap_or(text.len());
            let indented = &text[line..cluster];
            let fits = size_of(unit, indented) <= size
                && (unit == Unit::Characters || indented.chars().count() <= size.saturating_mul(8));
            prop_assert!(!fits || chunk.byte_start == line, "indentation of {:?} is lost", content);
        }
        if first > 0 && !is_line_start(text, chunk.byte_start) {
            prop_assert!(!whole(word), "{:?} begins with a space", content);
        }

        // 4. Clusters stay whole, unless too large; a rest that fits is one chunk.
        for at in [chunk.byte_start, chunk.byte_end] {
            if !whole(at) {
                let next = clusters.partition_point(|&cluster| cluster < at);
                let cluster = &text[clusters[next - 1]..clusters[next]];
                let large = size_of(unit, cluster) > size
                    || unit == Unit::Words && cluster.chars().count() > size.saturating_mul(8);
                prop_assert!(large, "{:?} is split", cluster);
            }
        }
        if index + 1 < chunks.len() {
            let end = text.trim_end().len();
            let end = clusters.iter().copied().find(|&at| at >= end).unwrap_or(end);
            let rest = &text[chunk.byte_start..end];
            // Characters first: counting words and tokens takes time.
            let fits = (unit == Unit::Characters || rest.chars().count() <= size.saturating_mul(8))
                && size_of(unit, rest) <= size;
            prop_assert!(!fits, "{:?} fits", rest);
        }
    }
    prop_assert_eq!(text[done..].trim(), "");
    Ok(())
}
