//! Markdown: headings, code, tables and lists.

use carrel_core::chunking::{Chunk, Format, Options, Unit, chunks};

fn cut(text: &str, size: i32) -> Vec<Chunk<'_>> {
    let options = Options::new(size, 0, Unit::Characters, Format::Markdown).expect("valid options");
    chunks(text, &options, || {}).collect()
}

fn contents(text: &str, size: i32) -> Vec<String> {
    cut(text, size).into_iter().map(|chunk| chunk.content.into_owned()).collect()
}

fn titles(chunk: &Chunk) -> Vec<String> {
    chunk.heading_path.iter().map(|title| title.to_string()).collect()
}

/// Heading path of the chunk that begins with `start`.
fn path(text: &str, size: i32, start: &str) -> Vec<String> {
    let chunks = cut(text, size);
    let chunk = chunks.iter().find(|chunk| chunk.content.starts_with(start));
    chunk.map(titles).unwrap_or_else(|| panic!("{chunks:#?}"))
}

#[test]
fn the_path_contains_every_enclosing_heading() {
    let text = "# Guide\n\nIntro.\n\n## Install\n\nText.\n\n### Linux\n\nMore.\n\n## Use\n\nEnd.";
    assert_eq!(path(text, 24, "### Linux"), ["Guide", "Install", "Linux"]);
    assert_eq!(path(text, 9, "More."), ["Guide", "Install", "Linux"]);
    assert_eq!(path(text, 24, "## Use"), ["Guide", "Use"]);
    assert_eq!(cut(text, 24)[0].section_title(), Some("Guide"));
}

#[test]
fn a_title_is_source_text_without_markers() {
    assert_eq!(path("  ## *A* `b` # c ##  \ntext", 100, "  ##"), ["*A* `b` # c"]);
    assert_eq!(path("# A#\n", 100, "#"), ["A#"]);
    assert_eq!(path("#\n\ntext", 100, "#"), [""]);
    assert_eq!(path("## ##\n\ntext", 100, "##"), [""]);
    assert_eq!(path("One\ntwo\n===\ntext", 100, "One"), ["One\ntwo"]);
}

#[test]
fn front_matter_is_never_a_heading() {
    let text = "---\ntitle: x\n# comment\n---\n# Real\n";
    assert_eq!(path(text, 100, "---"), [] as [&str; 0]);
    assert_eq!(path(text, 26, "# Real"), ["Real"]);
    // Front matter needs an end.
    assert_eq!(path("---\n# Real\ntext", 100, "---"), [] as [&str; 0]);
    assert_eq!(path("---\n# Real\nMore of it.", 12, "More"), ["Real"]);
}

#[test]
fn link_definitions_are_no_heading() {
    let none: [&str; 0] = [];
    assert_eq!(path("[a]: /url\n[b]: /url\n---\ntext that is long", 22, "---"), none);
    assert_eq!(path("[a] text\n---\ntext that is long", 18, "text"), ["[a] text"]);
}

#[test]
fn code_and_comments_hold_no_headings() {
    for text in [
        "# A\n\n```\n# no\n```\n\nend.",
        "# A\n\n    # no\n\nend.",
        "# A\n\n<!--\n# no\n-->\n\nend.",
        "# A\n\n1. x\n\n   ```\n   # no\n   ```\n\nend.",
        "# A\n\n> ~~~\n> # no\n> ~~~\n\nend.",
    ] {
        assert_eq!(path(text, text.len() as i32 - 1, "end."), ["A"], "{text}");
    }
}

#[test]
fn a_heading_in_a_quote_ends_with_the_quote() {
    let text = "# A\n\ntext.\n\n> # B\n>\n> inner.\n\nafter.";
    assert_eq!(path(text, 10, "> inner"), ["A", "B"]);
    assert_eq!(path(text, 10, "after."), ["A"]);
}

#[test]
fn code_is_kept_whole_even_if_the_chunk_before_it_is_short() {
    let code = "```rust\nlet a = 1;\n\nlet b = 2;\n```";
    let text = format!("Hi.\n\n{code}\n\nEnd of it.");
    assert_eq!(contents(&text, 36), ["Hi.", code, "End of it."]);
}

#[test]
fn a_fence_stays_with_the_code_that_it_opens() {
    let text = "Some text here.\n\n```rust\nlet one = 1;\nlet two = 2;\nlet three = 3;\n```";
    let expected =
        ["Some text here.", "```rust\nlet one = 1;", "let two = 2;", "let three = 3;\n```"];
    assert_eq!(contents(text, 25), expected);
}

#[test]
fn a_table_is_split_between_rows() {
    let text = "| name | value |\n| ---- | ----- |\n| aaaa | bb bb |\n| cccc | dd dd |";
    let header = "| name | value |\n| ---- | ----- |";
    let rows = ["| aaaa | bb bb |", "| cccc | dd dd |"];
    assert_eq!(contents(text, 50), [&text[..50], rows[1]]);
    assert_eq!(contents(text, 40), [header, &text[34..]]);
    // A row stays whole, even if its chunk becomes short.
    assert_eq!(contents(&text[..50], 49), [header, rows[0]]);
    assert_eq!(contents(text, 67), [text]);
}

#[test]
fn a_list_is_split_between_its_items() {
    let text = "- one\n\n  more of one\n- two\n\n  more of two\n- three";
    assert_eq!(contents(text, 30), ["- one\n\n  more of one", "- two\n\n  more of two\n- three"]);
}

#[test]
fn overlap_does_not_reach_into_another_section() {
    let text = "# A\n\nOne two three. Four five six.\n\n# B\n\nSeven eight nine. Ten eleven.";
    let options = Options::new(36, 15, Unit::Characters, Format::Markdown).expect("valid options");
    let starts: Vec<(String, Vec<String>)> = chunks(text, &options, || {})
        .map(|chunk| (chunk.content[..5].to_string(), titles(&chunk)))
        .collect();
    let expected = ["A", "B"].map(|title| (format!("# {title}\n\n"), vec![title.to_string()]));
    assert_eq!(starts, expected);
}
