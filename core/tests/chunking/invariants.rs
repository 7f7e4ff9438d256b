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

/// Checks the promises of `carrel_core::chunking`, in its order.
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
    let result = Cut { text, size, overlap, unit, chunks: &chunks, clusters: clusters(text) };
    let mut done = 0;
    for (index, chunk) in chunks.iter().enumerate() {
        result.check_offsets(chunk)?;
        result.check_size(chunk)?;
        result.check_order(index, done)?;
        result.check_edges(index)?;
        result.check_clusters(chunk)?;
        if index + 1 < chunks.len() {
            result.check_rest(chunk)?;
        }
        done = chunk.byte_end;
    }
    prop_assert_eq!(text[done..].trim(), "");
    Ok(())
}

/// A text and its chunks.
struct Cut<'a> {
    text: &'a str,
    size: usize,
    overlap: usize,
    unit: Unit,
    chunks: &'a [Chunk<'a>],
    clusters: Vec<usize>,
}

impl Cut<'_> {
    /// True if no cluster is split at this position.
    fn is_whole(&self, at: usize) -> bool {
        self.clusters.binary_search(&at).is_ok()
    }

    fn fits(&self, text: &str) -> bool {
        // Characters first: counting words and tokens takes time.
        (self.unit == Unit::Characters || text.chars().count() <= self.size.saturating_mul(8))
            && size_of(self.unit, text) <= self.size
    }

    fn check_offsets(&self, chunk: &Chunk) -> Result<(), TestCaseError> {
        let content = &*chunk.content;
        prop_assert_eq!(&self.text[chunk.byte_start..chunk.byte_end], content);
        prop_assert_eq!(self.text[..chunk.byte_start].chars().count(), chunk.start);
        prop_assert_eq!(chunk.start + content.chars().count(), chunk.end);
        Ok(())
    }

    fn check_size(&self, chunk: &Chunk) -> Result<(), TestCaseError> {
        let content = &*chunk.content;
        prop_assert_eq!(size_of(self.unit, content), chunk.size);
        prop_assert!(chunk.size <= self.size, "{:?} is larger than {}", content, self.size);
        if self.unit == Unit::Words {
            prop_assert!(content.chars().count() <= self.size.saturating_mul(8));
        }
        Ok(())
    }

    /// Nothing is lost, chunks are in order, none is blank. `done` is the end of the last chunk.
    fn check_order(&self, index: usize, done: usize) -> Result<(), TestCaseError> {
        let chunk = &self.chunks[index];
        let content = &*chunk.content;
        prop_assert!(!content.trim().is_empty());
        if index > 0 && self.overlap > 0 && chunk.byte_start < done {
            let before = &self.chunks[index - 1];
            prop_assert!(before.byte_start < chunk.byte_start && before.byte_end < chunk.byte_end);
            let shared = &self.text[chunk.byte_start..done];
            prop_assert!(size_of(self.unit, shared) <= self.overlap, "{:?} is repeated", shared);
        } else {
            prop_assert!(chunk.byte_start >= done, "{:?} is repeated", content);
            let dropped = &self.text[done..chunk.byte_start];
            prop_assert_eq!(dropped.trim(), "", "lost before {:?}", content);
        }
        Ok(())
    }

    /// Whitespace at the edges is dropped, indentation is kept.
    fn check_edges(&self, index: usize) -> Result<(), TestCaseError> {
        let (text, chunk) = (self.text, &self.chunks[index]);
        let content = &*chunk.content;
        let kept = content.len() - content.trim_end().len();
        prop_assert!(kept == 0 || !self.is_whole(chunk.byte_end - kept), "{:?}", content);
        if let Some(first) = content.lines().next() {
            prop_assert!(!first.trim().is_empty() || content.starts_with('\r'), "{:?}", content);
        }
        let first = content.len() - content.trim_start().len();
        let word = chunk.byte_start + first;
        let line = text[..word].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let in_line = line >= if index > 0 { self.chunks[index - 1].byte_end } else { 0 };
        if in_line && text[line..word].trim().is_empty() && self.is_whole(word) {
            let cluster = self.clusters.iter().find(|&&at| at > word).copied();
            let fits = self.fits(&text[line..cluster.unwrap_or(text.len())]);
            prop_assert!(!fits || chunk.byte_start == line, "indentation of {:?} is lost", content);
        }
        if first > 0 && !is_line_start(text, chunk.byte_start) {
            prop_assert!(!self.is_whole(word), "{:?} begins with a space", content);
        }
        Ok(())
    }

    /// Clusters stay whole, unless one alone is too large.
    fn check_clusters(&self, chunk: &Chunk) -> Result<(), TestCaseError> {
        for at in [chunk.byte_start, chunk.byte_end] {
            if !self.is_whole(at) {
                let next = self.clusters.partition_point(|&cluster| cluster < at);
                let cluster = &self.text[self.clusters[next - 1]..self.clusters[next]];
                let large = size_of(self.unit, cluster) > self.size
                    || self.unit == Unit::Words
                        && cluster.chars().count() > self.size.saturating_mul(8);
                prop_assert!(large, "{:?} is split", cluster);
            }
        }
        Ok(())
    }

    /// A rest of the text that fits is one chunk.
    fn check_rest(&self, chunk: &Chunk) -> Result<(), TestCaseError> {
        let end = self.text.trim_end().len();
        let end = self.clusters.iter().copied().find(|&at| at >= end).unwrap_or(end);
        let rest = &self.text[chunk.byte_start..end];
        prop_assert!(!self.fits(rest), "{:?} fits", rest);
        Ok(())
    }
}
