//! Generated text: contents of real documents, and hard cases for a chunker.

use proptest::prelude::*;
use proptest::sample::select;

/// Fragments of plain text for every rule of Unicode segmentation.
pub const FRAGMENTS: &[&str] = &[
    "a",
    "word",
    "Hello",
    "can't",
    "e.g.",
    "3.14",
    "1,000",
    "foo_bar",
    "Mr.",
    "U.S.A.",
    "x",
    "__",
    "The end.",
    "Why?",
    "No!",
    "\"Quoted.\"",
    "(Well.)",
    "... ",
    ". ",
    ".) ",
    "?!",
    ", ",
    "; ",
    "'",
    " ",
    "  ",
    "    ",
    "\t",
    "\n",
    "\n\n",
    "\n\n\n",
    "\r\n",
    "\r\n\r\n",
    "\r",
    "\n  ",
    "\n\t",
    "\u{A0}",
    "\u{2003}",
    "\u{3000}",
    "\u{2028}",
    "\u{2029}",
    "\u{85}",
    "\u{B}",
    "\u{200B}",
    "\u{301}",
    "e\u{301}",
    " \u{301}",
    "a\u{300}\u{301}\u{302}\u{303}",
    "\u{200D}",
    "\u{FEFF}",
    "👩‍👩‍👧",
    "👍🏽",
    "❤\u{FE0F}",
    "😀",
    "🇩🇪",
    "🇫🇷",
    "🇩",
    "👩\u{200D}",
    "a\u{200D}😀",
    "日本語",
    "漢",
    "。",
    "これはペンです。",
    "한국어",
    "\u{1100}\u{1161}\u{11A8}",
    "ภาษาไทย",
    "हिन्दी",
    "क्षि",
    "\u{94D}",
    "\u{600}",
    "\u{600} 1",
    "א\"ב",
    "ש'",
    "مرحبا.",
    "\u{202E}",
    "𝔘𝔫𝔦",
    "\u{10FFFF}",
    "\u{E0001}",
    "ﬁ",
    "ß",
    "İ",
    "ﾊﾞ",
];

/// Fragments of Markdown.
#[allow(dead_code, reason = "not every test that uses this file is about Markdown")]
pub const MARKUP: &[&str] = &[
    "# Title\n",
    "## Part ##\n",
    "### \n",
    "\n#### Deep",
    "Setext\n===\n",
    "\nUnder\n---\n",
    "---\n",
    "```\n",
    "```rust\nfn main() {}\n\n# no heading\n```\n",
    "~~~\n",
    "````\n",
    "> ",
    "> # quoted\n",
    "- ",
    "- item\n",
    "\n- item\n  more\n",
    "1. one\n",
    "2) two\n",
    "  ",
    "    code\n",
    "* * *\n",
    "| a | b |\n| - | - |\n| 1 | 2 |\n",
    "|x|\n",
    "<!--\n# no\n-->\n",
    "<div>\n",
    "</div>\n\n",
    "`",
    "[a]: /url\n",
    "\\",
    "***\n",
    "\t",
    "\n",
    "\n\n",
];

/// Fragments of JSON and YAML.
#[allow(dead_code, reason = "not every test that uses this file is about data")]
pub const DATA: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ", ",
    ",",
    ": ",
    "\"a\": 1,",
    "\"key\": ",
    "\"a, [b\"",
    "\"",
    "\\\"",
    "\n",
    "\n  ",
    "\n    ",
    "12",
    "null",
    "- ",
    "- a: 1\n",
    "key: value\n",
    "key:\n",
    "  key: |\n",
    "    text\n",
    "# why\n",
    "---\n",
    "? ",
    "\"quoted\": x\n",
    "{\"a\":[1,2,{\"b\":[]}]}\n",
    "a: [1,\n  2]\n",
];

fn join(fragments: Vec<String>) -> String {
    fragments.concat()
}

fn any_fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => select(FRAGMENTS).prop_map(String::from),
        2 => any::<char>().prop_map(String::from),
        1 => (select(FRAGMENTS), 1..40usize).prop_map(|(fragment, times)| fragment.repeat(times)),
        1 => "[a-z]{1,30}",
    ]
}

/// Plain text of every kind.
#[allow(dead_code, reason = "not every test that uses this file takes texts from it")]
pub fn plain() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::collection::vec(any_fragment(), 0..60).prop_map(join),
        2 => prop::collection::vec(
            select(&["word", "Hello", ".", ". ", " ", " ", "\n", "\n\n"][..]), 0..120)
            .prop_map(|fragments| fragments.concat()),
        1 => prop::collection::vec(any::<char>(), 0..80).prop_map(String::from_iter),
        1 => "[ \\n\\r\\t]{0,60}",
    ]
}

/// Markdown of every kind, most of it unlike any that people write.
#[allow(dead_code, reason = "not every test that uses this file is about Markdown")]
pub fn markdown() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        4 => select(MARKUP).prop_map(String::from),
        2 => any_fragment(),
        2 => select(&["word ", "Some words. ", "text\n", "More text.\n\n"][..]).prop_map(String::from),
    ];
    prop::collection::vec(fragment, 0..50).prop_map(join)
}

/// JSON and YAML of every kind, most of it invalid.
#[allow(dead_code, reason = "not every test that uses this file is about data")]
pub fn data() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        5 => select(DATA).prop_map(String::from),
        1 => any_fragment(),
    ];
    prop::collection::vec(fragment, 0..60).prop_map(join)
}
