//! How much of what answers a question is in what was found, as Chroma's evaluation of chunking
//! measures it, by characters.

/// From a character to another, exclusive, of the document with this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub document: String,
    pub start: usize,
    pub end: usize,
}

/// Of one question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    /// The share of the reference that was found.
    pub recall: f64,
    /// The share of what was found that is of the reference.
    pub precision: f64,
    /// What was found of the reference, of all that was found or should have been.
    pub iou: f64,
    /// How many characters were found.
    pub found: f64,
}

/// Compares what was found with the reference, whose spans don't overlap. What was found twice (in
/// chunks that overlap) counts twice: a reader, or a model, reads it twice.
pub fn score(found: &[Span], reference: &[Span]) -> Score {
    let length =
        |spans: &[Span]| spans.iter().map(|span| (span.end - span.start) as f64).sum::<f64>();
    let wanted = length(reference);
    let read = length(found);
    let covered: f64 = reference.iter().map(|span| covered(span, found) as f64).sum();
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    Score {
        recall: share(covered, wanted),
        precision: share(covered, read),
        iou: share(covered, read + wanted - covered),
        found: read,
    }
}

/// How many characters of a span are in at least one of these.
fn covered(span: &Span, found: &[Span]) -> usize {
    let mut parts: Vec<(usize, usize)> = found
        .iter()
        .filter(|other| other.document == span.document)
        .map(|other| (other.start.max(span.start), other.end.min(span.end)))
        .filter(|(start, end)| start < end)
        .collect();
    parts.sort_unstable();
    let (mut sum, mut reached) = (0, span.start);
    for (start, end) in parts {
        sum += end.saturating_sub(start.max(reached));
        reached = reached.max(end);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: usize, end: usize) -> Span {
        Span { document: "d".into(), start, end }
    }

    #[test]
    fn overlapping_finds_cover_once_and_are_read_twice() {
        let score = score(&[span(0, 60), span(40, 100)], &[span(50, 150)]);
        assert_eq!((score.recall, score.precision), (0.5, 50.0 / 120.0));
        assert_eq!(score.iou, 50.0 / 170.0);
    }

    #[test]
    fn another_document_covers_nothing() {
        let other = Span { document: "e".into(), ..span(0, 100) };
        assert_eq!(score(&[other], &[span(0, 10)]).recall, 0.0);
    }
}
