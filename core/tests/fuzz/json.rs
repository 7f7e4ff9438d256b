//! JSON as a tree that keeps repeated names and their order, written with random spelling.

use arbitrary::{Result, Unstructured};

#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// Number in its written form.
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Names of members: few, so that they repeat, and some that can be written in more than one way.
pub const NAMES: &[&str] = &[
    "sub",
    "a",
    "b",
    "sub",
    "a",
    "b",
    "",
    "é",
    "\"",
    "\\",
    "\n",
    "app_metadata",
    "a.b",
    "\0",
    "😀",
];

/// Fragments of JSON, joined in any order.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"sub\"",
    "\"sub\":",
    "\"a\":",
    "\"b\":",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e5",
    "1e999",
    "0.5",
    "01",
    "\"",
    "\\",
    "\\u0061",
    "\"\\u0061\":",
    "\\ud83d",
    "\\ude00",
    " ",
    "\n",
    "\t",
    "\u{A0}",
    "a",
    "é",
    "\0",
    "\u{FEFF}",
    "//",
    "NaN",
    "\"0190163d-8694-739b-aea5-966c26f8ad91\"",
    "{\"sub\":\"0190163d-8694-739b-aea5-966c26f8ad91\"}",
];

/// A value. `leaf` makes the values that are neither array nor object.
pub fn value(
    u: &mut Unstructured,
    depth: u32,
    leaf: fn(&mut Unstructured) -> Result<Json>,
) -> Result<Json> {
    if depth == 0 || u.is_empty() || u.ratio(2, 5)? {
        return leaf(u);
    }
    let count = u.int_in_range(0..=4)?;
    Ok(if u.ratio(1, 5)? {
        Json::Array((0..count).map(|_| value(u, depth - 1, leaf)).collect::<Result<_>>()?)
    } else {
        let member = |u: &mut Unstructured| {
            let name = (*u.choose(NAMES)?).to_owned();
            Ok((name, value(u, depth - 1, leaf)?))
        };
        Json::Object((0..count).map(|_| member(u)).collect::<Result<_>>()?)
    })
}

/// Most frequent values in JSON.
pub fn leaf(u: &mut Unstructured) -> Result<Json> {
    Ok(match u.int_in_range(0..=6)? {
        0 | 1 => Json::Null,
        2 => Json::Bool(u.arbitrary()?),
        3 => Json::Number(u.arbitrary::<i16>()?.to_string()),
        4 => Json::Number(
            (*u.choose(&["0.1", "-0", "1e3", "12345678901234567890123", "2.50"])?).to_owned(),
        ),
        _ => Json::String(string(u)?),
    })
}

pub fn string(u: &mut Unstructured) -> Result<String> {
    (0..u.int_in_range(0..=5)?)
        .map(|_| {
            Ok(if u.ratio(1, 2)? {
                (*u.choose(NAMES)?).to_owned()
            } else {
                u.arbitrary::<char>()?.to_string()
            })
        })
        .collect()
}

/// Random sequence of JSON fragments.
pub fn soup(u: &mut Unstructured) -> Result<String> {
    let mut text = String::new();
    while !u.is_empty() {
        text.push_str(u.choose(TOKENS)?);
    }
    Ok(text)
}

impl Json {
    /// Writes the text, with white space and escapes wherever they are allowed.
    pub fn write(&self, u: &mut Unstructured, out: &mut String) -> Result<()> {
        blank(u, out)?;
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(digits) => out.push_str(digits),
            Json::String(text) => quote(text, u, out)?,
            Json::Array(elements) => {
                out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    element.write(u, out)?;
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    blank(u, out)?;
                    quote(name, u, out)?;
                    blank(u, out)?;
                    out.push(':');
                    value.write(u, out)?;
                }
                blank(u, out)?;
                out.push('}');
            }
        }
        blank(u, out)
    }

    /// Depth of nested arrays and objects.
    pub fn depth(&self) -> usize {
        match self {
            Json::Array(elements) => 1 + elements.iter().map(Json::depth).max().unwrap_or(0),
            Json::Object(members) => {
                1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
}

fn blank(u: &mut Unstructured, out: &mut String) -> Result<()> {
    if !u.is_empty() && u.ratio(1, 8)? {
        out.push_str(u.choose(&[" ", "\n", "\t", "\r\n  "])?);
    }
    Ok(())
}

fn quote(text: &str, u: &mut Unstructured, out: &mut String) -> Result<()> {
    out.push('"');
    for c in text.chars() {
        let escaped = c == '"' || c == '\\' || c < ' ' || !u.is_empty() && u.ratio(1, 6)?;
        if escaped {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out.push('"');
    Ok(())
}
