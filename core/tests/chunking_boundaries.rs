//! Each chunk ends at the boundary that the slow reference finds.

#[path = "chunking/reference.rs"]
mod reference;
#[path = "chunking/text.rs"]
mod text;

use carrel_core::chunking::{Chunk, Encoding, Format, Options, Unit, chunks};
use proptest::prelude::*;
use reference::{Known, LINE, PARAGRAPH, SECTION, SENTENCE};

fn cut<'t>(
    text: &'t str,
    (size, overlap): (usize, usize),
    unit: Unit,
    format: Format,
) -> Vec<Chunk<'t>> {
    let options = Options::new(size as i32, overlap as i32, unit, format).expect("valid options");
    chunks(text, &options, || {}).collect()
}

fn compare(known: &Known, chunks: &[Chunk], size: usize, unit: Unit) -> Result<(), TestCaseError> {
    let mut done = 0;
    for chunk in chunks {
        let fresh = done.max(chunk.byte_start);
        let content = known.text[fresh..].trim_start();
        let fresh = if done > chunk.byte_start { known.text.len() - content.len() } else { fresh };
        if let Some((end, or)) = known.ends(chunk.byte_start, fresh, size, unit) {
            let expected = [end, or].map(|end| &known.text[chunk.byte_start..end]);
            let found = &*chunk.content;
            prop_assert!(expected.contains(&found), "{:?}, not {:?}", found, expected);
        }
        done = chunk.byte_end;
    }
    Ok(())
}

fn any_unit() -> impl Strategy<Value = Unit> {
    prop_oneof![
        Just(Unit::Characters),
        Just(Unit::Words),
        Just(Unit::Tokens(Encoding::Cl100k)),
        Just(Unit::Tokens(Encoding::O200k)),
    ]
}

/// Least size of a chunk.
fn least(unit: Unit) -> usize {
    if matches!(unit, Unit::Tokens(_)) { 4 } else { 1 }
}

/// Document with known structure, built from its blocks: the text, the rank of the boundary before
/// each line, and the ranges that are kept whole if they fit.
#[derive(Clone, Debug)]
struct Document {
    text: String,
    lines: Vec<(usize, u32)>,
    whole: Vec<(usize, usize)>,
    headings: Vec<(usize, u32, String)>,
}

#[derive(Clone, Debug)]
enum Part {
    Heading(u32, String),
    Setext(u32, String),
    Paragraph(Vec<String>),
    Fence(Vec<String>),
    Table(usize),
}

fn words() -> impl Strategy<Value = String> {
    "[a-z]{1,9}( [a-z]{1,9}){0,8}(\\. [A-Z][a-z]{1,5}){0,2}"
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        3 => (1..=6u32, "[A-Z][a-z]{0,8}").prop_map(|(level, title)| Part::Heading(level, title)),
        1 => (1..=2u32, "[A-Z][a-z]{0,8}").prop_map(|(level, title)| Part::Setext(level, title)),
        5 => prop::collection::vec(words(), 1..4).prop_map(Part::Paragraph),
        2 => prop::collection::vec("(|# [a-z]{1,5}| {4}[a-z ]{1,20};|[a-z]{1,20}\\. [a-z]{2})", 0..6)
            .prop_map(Part::Fence),
        1 => (1..5usize).prop_map(Part::Table),
    ]
}

fn build(parts: Vec<Part>, newline: &str) -> Document {
    let mut document =
        Document { text: String::new(), lines: vec![], whole: vec![], headings: vec![] };
    for part in parts {
        let start = document.text.len();
        let mut first = PARAGRAPH;
        let mut keep = false;
        let lines = match part {
            Part::Heading(level, title) => {
                first = SECTION;
                document.headings.push((start, level, title.clone()));
                vec![format!("{} {title} ##", "#".repeat(level as usize))]
            }
            Part::Setext(level, title) => {
                first = SECTION;
                document.headings.push((start, level, title.clone()));
                vec![title, if level == 1 { "===".into() } else { "-----".into() }]
            }
            Part::Paragraph(lines) => lines,
            Part::Fence(lines) => {
                keep = true;
                let fence = "```".to_string();
                [vec![fence.clone()], lines, vec![fence]].concat()
            }
            Part::Table(rows) => {
                keep = true;
                let row = "| one two | three |".to_string();
                [vec!["| a | b |".into(), "| - | - |".into()], vec![row; rows]].concat()
            }
        };
        let mut blank = false;
        let mut opening = true;
        let last = lines.len() - 1;
        for (index, line) in lines.into_iter().enumerate() {
            let rank = match index {
                0 => first,
                // The opening line of a fence, or a table's header, stays with the next line if
                // both fit.
                _ if keep && opening => SENTENCE,
                _ if blank => PARAGRAPH,
                _ => LINE,
            };
            blank = line.is_empty();
            opening &= index == 0 || blank;
            document.lines.push((document.text.len(), if blank { SENTENCE } else { rank }));
            document.text.push_str(&line);
            if keep && index == last {
                document.whole.push((start, document.text.len()));
            }
            document.text.push_str(newline);
        }
        document.text.push_str(newline);
    }
    document
}

fn document() -> impl Strategy<Value = Document> {
    (prop::collection::vec(part(), 0..12), prop_oneof![Just("\n"), Just("\r\n")])
        .prop_map(|(parts, newline)| build(parts, newline))
}

impl Document {
    fn known(&self, size: usize, unit: Unit) -> Known<'_> {
        let mut known = Known::plain(&self.text);
        known.boundaries.retain_mut(|(at, rank)| {
            if *rank >= LINE {
                let line = self.lines.iter().find(|line| line.0 == *at);
                *rank = line.map_or(SENTENCE, |line| line.1);
            }
            !self.whole.iter().any(|&range| self.inside(*at, *rank, range, size, unit))
        });
        known
    }

    /// True for a boundary that does not count, because the text around it is kept whole.
    fn inside(&self, at: usize, rank: u32, range: (usize, usize), size: usize, unit: Unit) -> bool {
        let fits =
            |from: usize, to: usize| reference::fits(self.text[from..to].trim_end(), size, unit);
        if at <= range.0 || at >= range.1 {
            return false;
        }
        if fits(range.0, range.1) {
            return true;
        }
        // A block that does not fit is split between its lines; a line is split only if it does not
        // fit either.
        let starts = || self.lines.iter().filter(|line| line.1 > SENTENCE).map(|line| line.0);
        let line = starts().rfind(|&start| start <= at).unwrap_or(0);
        let next = starts().find(|&start| start > at).unwrap_or(self.text.len());
        rank < LINE && fits(line, next)
    }

    /// Titles of the headings that enclose a position.
    fn path(&self, at: usize) -> Vec<&str> {
        let mut open: Vec<&(usize, u32, String)> = vec![];
        for heading in self.headings.iter().filter(|heading| heading.0 <= at) {
            open.retain(|outer| outer.1 < heading.1);
            open.push(heading);
        }
        open.into_iter().map(|heading| heading.2.as_str()).collect()
    }
}

#[test]
fn flags_after_a_cluster_that_does_not_fit_stay_whole() {
    // U+0600 and the first flag are one cluster, of three characters.
    let text = "\u{600}🇩🇪🇩🇪";
    let chunks = cut(text, (2, 0), Unit::Characters, Format::Plain);
    let contents: Vec<&str> = chunks.iter().map(|chunk| &*chunk.content).collect();
    assert_eq!(contents, ["\u{600}", "🇩🇪", "🇩🇪"]);
}

#[test]
fn a_combining_character_in_a_row_of_flags_is_no_word_boundary() {
    let text = format!("The end.aaaaaaa\u{1F1E9}\u{94d}{}", "\u{1F1E9}\u{1F1EA}".repeat(12));
    for size in 8..40 {
        let known = Known::plain(&text);
        let chunks = cut(&text, (size, 0), Unit::Characters, Format::Plain);
        assert!(compare(&known, &chunks, size, Unit::Characters).is_ok(), "{size}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn plain_text_is_cut_at_the_best_boundary(
        text in text::plain(), size in 1..60usize, unit in any_unit()
    ) {
        let (known, size) = (Known::plain(&text), size.max(least(unit)));
        compare(&known, &cut(&text, (size, 0), unit, Format::Plain), size, unit)?;
    }

    #[test]
    fn plain_text_is_cut_at_the_best_boundary_with_overlap(
        text in text::plain(), size in 1..60usize, unit in any_unit()
    ) {
        let (known, size) = (Known::plain(&text), size.max(least(unit)));
        compare(&known, &cut(&text, (size, size / 2), unit, Format::Plain), size, unit)?;
    }

    #[test]
    fn markdown_is_cut_at_the_best_boundary(
        document in document(), size in 1..120usize, unit in any_unit()
    ) {
        let size = size.max(least(unit));
        let known = document.known(size, unit);
        let chunks = cut(&document.text, (size, 0), unit, Format::Markdown);
        compare(&known, &chunks, size, unit)?;
    }

    #[test]
    fn a_chunk_knows_the_headings_around_its_start(
        document in document(), size in 1..120usize, overlap in 0..40usize
    ) {
        let sizes = (size, overlap.min(size - 1));
        for chunk in cut(&document.text, sizes, Unit::Characters, Format::Markdown) {
            let first = chunk.byte_start + chunk.content.len() - chunk.content.trim_start().len();
            let titles: Vec<&str> = chunk.heading_path.iter().map(|title| &**title).collect();
            prop_assert_eq!(titles, document.path(first), "{:?}", chunk.content);
        }
    }
}
