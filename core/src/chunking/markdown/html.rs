//! HTML blocks as CommonMark defines them. Nothing in them is a heading.

use super::super::meter::{MAX_STEP, Meter};

/// Condition that ends an HTML block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A line that contains this, ignoring case.
    Contains(&'static str),
    /// A line that contains the end tag of one of the elements of [`RAW`].
    RawTag,
    BlankLine,
}

const RAW: [&str; 4] = ["pre", "script", "style", "textarea"];

const RAW_ENDS: [&str; 4] = ["</pre>", "</script>", "</style>", "</textarea>"];

const BLOCKS: [&str; 62] = [
    "address",
    "article",
    "aside",
    "base",
    "basefont",
    "blockquote",
    "body",
    "caption",
    "center",
    "col",
    "colgroup",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "iframe",
    "legend",
    "li",
    "link",
    "main",
    "menu",
    "menuitem",
    "nav",
    "noframes",
    "ol",
    "optgroup",
    "option",
    "p",
    "param",
    "search",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "track",
    "ul",
];

/// Condition that ends the HTML block that starts here, if one does. A tag of no particular element
/// starts a block only if it is `alone`: not in a paragraph, and nothing else on its line.
pub(super) fn start(content: &[u8], alone: bool) -> Option<End> {
    let rest = content.strip_prefix(b"<")?;
    for (opening, end) in [("!--", "-->"), ("?", "?>"), ("![CDATA[", "]]>")] {
        if rest.starts_with(opening.as_bytes()) {
            return Some(End::Contains(end));
        }
    }
    if rest.first() == Some(&b'!') {
        return rest.get(1)?.is_ascii_alphabetic().then_some(End::Contains(">"));
    }
    let closing = rest.first() == Some(&b'/');
    let name = &rest[usize::from(closing)..];
    let length = name.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    let (name, after) = name.split_at(length);
    let is = |known: &&str| known.as_bytes().eq_ignore_ascii_case(name);
    let ends = matches!(after.first(), None | Some(b' ' | b'\t' | b'>'));
    if ends && !closing && RAW.iter().any(is) {
        return Some(End::RawTag);
    }
    if (ends || after.starts_with(b"/>")) && BLOCKS.iter().any(is) {
        return Some(End::BlankLine);
    }
    let starts = name.first().is_some_and(u8::is_ascii_alphabetic);
    let whole = alone && starts && is_rest_of_tag(after, closing);
    whole.then_some(End::BlankLine)
}

/// True for the rest of one tag after its name, with nothing but space after it.
fn is_rest_of_tag(mut rest: &[u8], closing: bool) -> bool {
    loop {
        let trimmed = rest.trim_ascii_start();
        let spaced = trimmed.len() < rest.len();
        rest = trimmed;
        match rest {
            [b'>', end @ ..] => return end.trim_ascii().is_empty(),
            [b'/', b'>', end @ ..] if !closing => return end.trim_ascii().is_empty(),
            [first, ..] if spaced && !closing && is_attribute_start(*first) => {}
            _ => return false,
        }
        let in_name = |b: &u8| b.is_ascii_alphanumeric() || b"_:.-".contains(b);
        let name = rest.iter().take_while(|b| in_name(b)).count();
        rest = &rest[name..];
        let Some(value) = rest.trim_ascii_start().strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let length = match value.first() {
            Some(&quote @ (b'"' | b'\'')) => match memchr::memchr(quote, &value[1..]) {
                Some(end) => end + 2,
                None => return false,
            },
            _ => value.iter().take_while(|b| !b" \t\"'=<>`".contains(b)).count(),
        };
        if length == 0 {
            return false;
        }
        rest = &value[length..];
    }
}

fn is_attribute_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b':'
}

impl End {
    /// True if the block ends with this line. The line may be long.
    pub(super) fn is_in<T: FnMut()>(self, line: &[u8], meter: &mut Meter<T>) -> bool {
        match self {
            End::BlankLine => false,
            End::Contains(text) => contains(line, text.as_bytes(), meter),
            End::RawTag => RAW_ENDS.iter().any(|tag| contains(line, tag.as_bytes(), meter)),
        }
    }
}

/// True if the line contains the text, ignoring case.
fn contains<T: FnMut()>(line: &[u8], text: &[u8], meter: &mut Meter<T>) -> bool {
    let mut at = 0;
    while at < line.len() {
        let stop = (at + MAX_STEP).min(line.len());
        meter.work(stop - at);
        let found = memchr::memchr_iter(text[0], &line[at..stop]).any(|start| {
            let start = at + start;
            line.get(start..start + text.len()).is_some_and(|seen| seen.eq_ignore_ascii_case(text))
        });
        if found {
            return true;
        }
        at = stop;
    }
    false
}
