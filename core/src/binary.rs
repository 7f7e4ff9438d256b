//! Detects the content of a binary file, such as a PDF, that was read as if it were text.
use std::fmt;

/// Bytes of a text that are examined, at most.
pub const SAMPLE: usize = 8192;

/// A text is binary if at least one character in `SHARE`, and at least `LEAST` of them, is
/// unreadable.
const SHARE: usize = 10;
const LEAST: usize = 4;

/// Sign that a text is the content of a binary file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Begins like files of this kind.
    BeginsAs(&'static str),
    /// `count` of the first `of` characters are control characters or replacement characters.
    Unreadable { count: usize, of: usize },
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeginsAs(kind) => write!(f, "it begins as {kind} does"),
            Self::Unreadable { count, of } => {
                write!(
                    f,
                    "{count} of its first {of} characters are control or replacement characters"
                )
            }
        }
    }
}

/// Beginnings of files that hold documents. Most other binary files have too many control
/// characters; these may begin with none.
const BEGINNINGS: [(&str, &str); 3] =
    [("PK\u{3}\u{4}", "a ZIP or Office file"), ("\u{7f}ELF", "a program"), ("GIF8", "a GIF image")];

/// Returns the sign that `text` is binary, if there is one. Examines the first [`SAMPLE`] bytes.
///
/// Line ends, tabs, form feeds, backspaces (manual pages) and escapes (coloured logs) are text.
/// Replacement characters (U+FFFD) and C1 controls remain where bytes were decoded as UTF-8 or
/// Latin-1.
pub fn sign(text: &str) -> Option<Sign> {
    let text = &text[..text.floor_char_boundary(SAMPLE)];
    let start = text.trim_start_matches('\u{feff}');
    if is_pdf(start) {
        return Some(Sign::BeginsAs("a PDF file"));
    }
    let (mut count, mut of) = (0, 0);
    for c in text.chars() {
        of += 1;
        count += usize::from(is_unreadable(c));
    }
    for (beginning, kind) in BEGINNINGS {
        // A text may begin with these letters; a file has unreadable bytes as well.
        if start.starts_with(beginning) && count > 0 {
            return Some(Sign::BeginsAs(kind));
        }
    }
    (count >= LEAST && count * SHARE >= of).then_some(Sign::Unreadable { count, of })
}

/// True for a PDF file: it has the header and an object. A text about PDF has at most one of them.
fn is_pdf(text: &str) -> bool {
    let Some(version) = text.strip_prefix("%PDF-") else { return false };
    version.starts_with(|c: char| c.is_ascii_digit()) && version.contains(" obj")
}

fn is_unreadable(c: char) -> bool {
    match c {
        '\u{8}'..='\r' | '\u{1b}' => false,
        '\u{85}' => false,
        '\u{fffd}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_binary_whatever_its_script() {
        let texts = [
            "",
            "Refunds take five days.",
            "Größe 42, école, 返金, возврат, \u{5d4}\u{5d7}\u{5d6}\u{5e8}",
            "N\u{8}NA\u{8}AM\u{8}ME\u{8}E\n\u{c}\tls - list",
            "\u{1b}[31merror\u{1b}[0m: failed\r\n",
            "%PDF-1.7 is how a PDF file begins.",
            "PK was his name.",
            "GIF89a is a format.",
            "a text with one lost character: \u{fffd} and much more beside it",
            "\u{feff}with a byte order mark",
        ];
        for text in texts {
            assert_eq!(sign(text), None, "{text:?}");
        }
    }

    #[test]
    fn binary_files_read_as_text_are_detected() {
        let pdf = "%PDF-1.4\n%\u{fffd}\u{fffd}\u{fffd}\n1 0 obj\n<< /Type /Catalog >>\nendobj\n";
        assert_eq!(sign(pdf), Some(Sign::BeginsAs("a PDF file")));
        assert_eq!(sign("%PDF-1.4\n1 0 obj\n<< >>"), Some(Sign::BeginsAs("a PDF file")));
        let zip = format!("PK\u{3}\u{4}\u{14}word/document.xml{}", "a".repeat(1000));
        assert_eq!(sign(&zip), Some(Sign::BeginsAs("a ZIP or Office file")));
        let png = "\u{fffd}PNG\r\n\u{1a}\n\u{1}\u{2}\u{3}IHDR\u{fffd}\u{fffd}";
        assert!(matches!(sign(png), Some(Sign::Unreadable { .. })));
        let some = Some(Sign::Unreadable { count: 4, of: 8 });
        assert_eq!(sign("\u{1}\u{2}\u{3}\u{4}abcd"), some);
        assert_eq!(sign("\u{1}\u{2}\u{3}abcde"), None);
        let latin1: String = (0..=255_u8).filter(|byte| *byte != 0).map(char::from).collect();
        assert!(matches!(sign(&latin1), Some(Sign::Unreadable { .. })));
    }

    #[test]
    fn only_the_beginning_decides() {
        let text = "word ".repeat(SAMPLE) + &"\u{1}".repeat(SAMPLE);
        assert_eq!(sign(&text), None);
        assert_eq!(sign(&"é".repeat(SAMPLE)), None);
    }
}
