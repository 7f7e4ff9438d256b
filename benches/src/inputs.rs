//! The texts that are cut: each some 7 MB, the line 10 MB; in a smallest run a thousandth.

use crate::size::scaled;
use crate::{generated, registry};

/// Bytes of a text.
fn size() -> usize {
    scaled(7_000_000, 7_000)
}

/// Bytes of the line.
fn line() -> usize {
    scaled(10_000_000, 10_000)
}

pub struct Input {
    pub name: &'static str,
    /// Where it comes from.
    pub origin: String,
    pub text: String,
}

impl Input {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let code = registry::code();
        let comments = registry::comments(&code);
        let prose = prose(&comments);
        let inputs = vec![
            Self::documentation(&comments),
            Self::markdown(),
            Self::new("CJK", "generated: Chinese, Japanese, Korean", generated::cjk(size())),
            Self::new(
                "CJK, one line",
                "the same without line breaks and Latin",
                generated::cjk(size()).replace(|c: char| c.is_ascii() && c != ' ', ""),
            ),
            Self::new(
                "emoji",
                "prose with an emoji each few words",
                generated::emoji(&prose, size()),
            ),
            Self::new("code", "Rust source of crates", repeated(&code.concat(), size())),
            Self::new(
                "one line",
                "sentences of documentation, no line break",
                repeated(&prose, line()),
            ),
        ];
        inputs.into_iter().filter(|input| !input.text.is_empty()).collect()
    }

    /// English documentation, alone.
    pub fn english() -> Self {
        Self::documentation(&registry::comments(&registry::code()))
    }

    fn documentation(comments: &str) -> Self {
        let documents = registry::documents().join("\n");
        let own = documents.len();
        let text = repeated(&(documents + "\n" + comments), size());
        let origin = match own.min(size()) as f64 / 1e6 {
            own if own < 7.0 => format!("documents ({own:.1} MB), then documentation comments"),
            _ => "documents".into(),
        };
        Self::new("documentation", &origin, text)
    }

    fn markdown() -> Self {
        let text = registry::markdown().join("\n\n");
        let origin = format!(
            "Markdown files, {:.1} MB of it different",
            text.len().min(size()) as f64 / 1e6
        );
        Self::new("Markdown", &origin, repeated(&text, size()))
    }

    fn new(name: &'static str, origin: &str, text: String) -> Self {
        Self { name, origin: origin.into(), text }
    }

    /// The share of its bytes that are ASCII, in percent.
    pub fn ascii(&self) -> f64 {
        let ascii = self.text.bytes().filter(u8::is_ascii).count();
        100.0 * ascii as f64 / self.text.len() as f64
    }

    /// Its first `bytes`, or less by a character.
    pub fn start(&self, bytes: usize) -> &str {
        &self.text[..self.text.floor_char_boundary(bytes)]
    }
}

/// Everything there is, documentation first, then source, in `size` bytes.
pub fn large_text(size: usize) -> String {
    let code = registry::code();
    let texts = [registry::documents().join("\n"), registry::comments(&code), code.concat()];
    repeated(&texts.join("\n"), size)
}

/// The text again and again until it has `size` bytes; less by a character. Empty if it is.
pub fn repeated(text: &str, size: usize) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut long = String::with_capacity(size + text.len());
    while long.len() < size {
        long.push_str(text);
    }
    long.truncate(long.floor_char_boundary(size));
    long
}

/// The lines that read as prose, in one line.
fn prose(comments: &str) -> String {
    let is_prose = |line: &&str| {
        line.len() >= 40
            && line.starts_with(|first: char| first.is_ascii_alphabetic())
            && !line.contains(['{', '}', '=', ';', '|', '<'])
    };
    comments.lines().filter(is_prose).map(str::trim_end).collect::<Vec<_>>().join(" ")
}
