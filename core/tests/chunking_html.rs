//! HTML: the text of a page, its headings, lists, tables and code.

#[path = "chunking/html_soup.rs"]
mod html_soup;
#[path = "chunking/invariants.rs"]
mod invariants;
#[path = "chunking/pages.rs"]
mod pages;

use carrel_core::chunking::{Chunk, Encoding, Format, Options, Unit, chunks};
use pages::{cut_in, ink};
use proptest::prelude::*;
use proptest::sample::select;

fn cut(page: &str, size: i32) -> Vec<Chunk<'_>> {
    let options = Options::new(size, 0, Unit::Characters, Format::Html).expect("valid options");
    chunks(page, &options, || {}).collect()
}

fn contents(page: &str, size: i32) -> Vec<String> {
    cut(page, size).into_iter().map(|chunk| chunk.content.into_owned()).collect()
}

/// Text of a page.
fn text(page: &str) -> String {
    contents(page, i32::MAX).concat()
}

/// Heading path of the chunk that begins with `start`.
fn path(page: &str, size: i32, start: &str) -> Vec<String> {
    let chunks = cut(page, size);
    let chunk = chunks.iter().find(|chunk| chunk.content.starts_with(start));
    let chunk = chunk.unwrap_or_else(|| panic!("{chunks:#?}"));
    chunk.heading_path.iter().map(|title| title.to_string()).collect()
}

#[test]
fn chunks_of_a_page_contain_its_text() {
    let page = "<!DOCTYPE html><html><head><title>T</title><meta charset=utf-8><style>p > a {}</style>\
        <script>if (a < b) '</p>'</script></head><body><!-- <p>c</p> --><p class='>'>One &amp; \
        <b>two</b>,\n  three.</p><template><p>no</p></template><noscript>no</noscript>\
        <iframe>no</iframe><object><p>no</p></object><svg><text>no</text></svg><p>Four</body></html>";
    assert_eq!(text(page), "One & two, three.\n\nFour");
}

#[test]
fn blocks_and_lines_are_separated() {
    assert_eq!(text("<div><div>a</div></div><section>b</section>c"), "a\n\nb\n\nc");
    assert_eq!(text("a<br>b<br><br>c<br><br><br>d"), "a\nb\n\nc\n\nd");
    assert_eq!(text("<p>a<ul><li>b<li>c<ul><li>d</ul><li>e</ul>f"), "a\n\nb\nc\nd\ne\n\nf");
    assert_eq!(text("<dl><dt>a<dd>b<dt>c<dd>d</dl>"), "a\nb\nc\nd");
    assert_eq!(text("a<hr>b<h2>c</h2>d"), "a\n\nb\n\nc\n\nd");
}

#[test]
fn cells_are_separated_by_tabs_and_rows_by_line_ends() {
    let page = "x<table><caption>t</caption><tr><th>a</th> <th><p>b</p><td>\n<tbody>\
        <tr><td><p>c</p><p>d</p><td>e</table>y";
    assert_eq!(text(page), "x\n\nt\na\tb\nc\n\nd\te\n\ny");
    assert_eq!(text("<table><tr><td><p>a</p></td></tr><tr><td><p>b</p></table>"), "a\nb");
    assert_eq!(text("<table><tr><td>a<td><td>b<tr><td><td>c</table>"), "a\t\tb\nc");
    assert_eq!(text("<table><tr><td>a<td><table><tr><td>b<td>c</table><tr><td>d"), "a\nb\tc\n\nd");
}

#[test]
fn white_space_is_collapsed_unless_it_is_kept() {
    assert_eq!(text(" a \t\r\n b <b> c</b> d &#32; e&nbsp; f"), "a b c d e\u{A0} f");
    let page = "<p>a</p><pre>\n  b\n\n\tc &lt;\r\nd</pre>\n<textarea>\n e  <b></textarea><p>  f";
    assert_eq!(text(page), "a\n\n  b\n\n\tc <\r\nd\n\n e  <b>\n\nf");
}

#[test]
fn malformed_pages_are_read_like_browsers_do() {
    for (page, expected) in [
        ("a < b <3 </ > c", "a < b <3 c"),
        ("a<", "a<"),
        ("a</", "a</"),
        ("a<b", "a"),
        ("a<b title='", "a"),
        ("a</>b", "ab"),
        ("a<?php > ?>b", "a ?>b"),
        ("a<!x>b<!>c", "abc"),
        ("a<![CDATA[b>c]]>d", "ac]]>d"),
        ("a<!-->b<!--->c<!-- > --!>d<!--->", "abcd"),
        ("a<!-- b", "a"),
        ("<P>a</P><SCRIPT>b</sCript >c", "a\n\nc"),
        ("a<script>b", "a"),
        ("a<script><!--<script></script>--></script>b", "ab"),
        ("a<script><!-- --></script>b", "ab"),
        ("a<title>b</titles></title/>c", "ac"),
        ("a</p>b</div></ul></table></pre>c", "a\n\nb\n\nc"),
        ("a<plaintext><b>  </plaintext>", "a\n\n<b>  </plaintext>"),
        ("a<xmp><b>&amp;</xmp>b", "a\n\n<b>&amp;\n\nb"),
        ("&amp &ampx &ltb &copy &notit; &#x41 &#; &x; &", "& &x <b © ¬it; A &#; &x; &"),
        ("a\0b<textarea>\0</textarea>", "ab\n\n\u{FFFD}"),
        ("<a title='>'a=\"'>\" b=c>d</a>e", "de"),
        ("<a/b='c'/ =d>e", "e"),
        ("<a =\">\">b", "\">b"),
        ("<svg a=b/>c</svg>d", "d"),
        ("a<svg/>b<svg><style/>c</svg>d<svg><path><p>e", "abd\n\ne"),
        ("a<object><object></object>b</object>c", "ac"),
        ("", ""),
        ("<p> </p>&#32;", ""),
    ] {
        assert_eq!(text(page), expected, "{page}");
    }
}

#[test]
fn the_path_contains_every_enclosing_heading() {
    let page = "<h1>The <b>guide</b></h1><p>Intro.<div><h2>Install<br>it</h2>Text.<h3>Linux</h3>\
        More.</div><h2></h2><H2> Use </H2>End.";
    let names = ["The guide", "Install it", "Linux"];
    assert_eq!(path(page, 24, "Install"), names[..2]);
    assert_eq!(path(page, 10, "Text."), names[..2]);
    assert_eq!(path(page, 10, "Linux"), names);
    assert_eq!(path(page, 8, "Use"), ["The guide", "Use"]);
    assert_eq!(path(page, 4, "End."), ["The guide", "Use"]);
}

#[test]
fn a_heading_that_is_not_closed_ends_with_its_first_block() {
    assert_eq!(path("<h1>A<p>b</p>c</h1>", 100, "A"), ["A"]);
    assert_eq!(path("<h1><div>A</div><div>b</div></h1>", 100, "A"), ["A"]);
    let long = format!("<h1>{}", "abc ".repeat(2000));
    assert_eq!(path(&long, 100, "abc")[0].len(), 999);
}

#[test]
fn offsets_are_positions_in_the_source() {
    let page = "<p>\u{e9} &lt;a&gt;</p><p>b &amp; c &#x263A;</p><p>d";
    let sources: Vec<_> = cut(page, 7)
        .into_iter()
        .map(|chunk| {
            assert_eq!(page[..chunk.byte_start].chars().count(), chunk.start);
            assert_eq!(page[..chunk.byte_end].chars().count(), chunk.end);
            (page[chunk.byte_start..chunk.byte_end].to_string(), chunk.content.into_owned())
        })
        .collect();
    let expected =
        [("\u{e9} &lt;a&gt;", "\u{e9} <a>"), ("b &amp; c &#x263A;", "b & c \u{263A}"), ("d", "d")];
    assert_eq!(sources, expected.map(|(source, text)| (source.to_string(), text.to_string())));
    // A reference that is as long as its text.
    let chunk = &cut("&acE;ab", 4)[0];
    assert_eq!((chunk.byte_start, chunk.byte_end), (0, 7));
}

#[test]
fn the_source_of_a_space_is_its_whole_reference() {
    // U+0600 keeps the space: the two are one cluster.
    let page = "<p>ab\u{600}&#13;cd";
    let chunk = &cut(page, 4)[0];
    assert_eq!(chunk.content, "ab\u{600} ");
    assert_eq!(&page[chunk.byte_start..chunk.byte_end], "ab\u{600}&#13;");
}

#[test]
fn added_white_space_has_the_source_of_the_next_text() {
    let page = "<table><tr><td><pre>abc\n</pre><td></td><td>d</table>";
    let chunks = cut(page, 3);
    assert_eq!(chunks[1].content, "\t\td");
    assert_eq!(&page[chunks[1].byte_start..chunks[1].byte_end], "d");
}

#[test]
fn code_that_is_too_large_is_split_at_blank_lines() {
    for newline in ["\n", "\r\n"] {
        let page = "<pre>aaaa|bbbb||cccc|dddd</pre>".replace('|', newline);
        let parts = ["aaaa|bbbb", "cccc|dddd"].map(|part| part.replace('|', newline));
        assert_eq!(contents(&page, 12 + 3 * newline.len() as i32), parts);
    }
}

#[test]
fn a_list_is_split_between_its_outer_items() {
    let page = "<ul><li>one<ul><li>a. b<li>c</ul><li>two<ul><li>d<li>e</ul></ul>";
    assert_eq!(contents(page, 15), ["one\na. b\nc", "two\nd\ne"]);
    let page = "<ol><li><p>one</p><p>more</p><li><p>two</p><p>more</p></ol>";
    assert_eq!(contents(page, 16), ["one\n\nmore", "two\n\nmore"]);
}

#[test]
fn a_row_is_kept_whole_even_if_the_chunk_before_it_is_short() {
    let page = "<table><tr><td>a. b<td>c<tr><td><p>One two. Three.</p><p>Four.</p></table>";
    assert_eq!(contents(page, 24), ["a. b\tc", "One two. Three.\n\nFour."]);
    // A block that does not fit is split at its best boundary.
    assert_eq!(contents(page, 20), ["a. b\tc\nOne two.", "Three.\n\nFour."]);
}

#[test]
fn a_row_with_a_heading_in_it_is_split_there() {
    let page = "<table><tr><td>Some text.<h1>A</h1>Some more text.</table>";
    assert_eq!(contents(page, 20), ["Some text.", "A\n\nSome more text."]);
    // A heading in a row is a boundary even if the row fits.
    let page = "0123456789<table><tr><td>Some text.<h1>A</h1>More.</table>After it.";
    assert_eq!(contents(page, 24), ["0123456789\n\nSome text.", "A\n\nMore.\n\nAfter it."]);
}

#[test]
fn code_is_kept_whole_even_if_the_chunk_before_it_is_short() {
    let code = "let a = 1;\n\nlet b = 2. c;";
    let page = format!("Hi.<pre>{code}</pre>End of it.");
    assert_eq!(contents(&page, 25), ["Hi.", code, "End of it."]);
    assert_eq!(contents(&page, 20), ["Hi.\n\nlet a = 1;", "let b = 2. c;", "End of it."]);
    let page = "<pre>  let a = 1. 2;\n  let b. c = 2;</pre>";
    assert_eq!(contents(page, 20), ["  let a = 1. 2;", "  let b. c = 2;"]);
}

fn any_unit() -> impl Strategy<Value = Unit> {
    select(vec![
        Unit::Characters,
        Unit::Words,
        Unit::Tokens(Encoding::Cl100k),
        Unit::Tokens(Encoding::O200k),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_text_of_a_page_equals_that_of_html5gum(page in html_soup::soup(html_soup::ALL)) {
        prop_assert_eq!(ink(&text(&page)), ink(&html_soup::text(&page)), "{}", page);
    }

    #[test]
    fn chunks_are_in_order_and_within_the_size_limit(
        page in html_soup::soup(html_soup::ALL), size in 4..80i32, unit in any_unit()
    ) {
        pages::check_order(&page, size, unit)?;
    }

    #[test]
    fn chunks_repeat_at_most_the_overlap(
        page in html_soup::soup(html_soup::WITHOUT_RAW), size in 4..80i32, part in 0.0..1.0f64,
        unit in any_unit()
    ) {
        let overlap = ((f64::from(size) * part) as i32).clamp(1, size - 1);
        pages::check_overlap(&page, size, overlap, unit)?;
    }

    #[test]
    fn the_source_of_a_chunk_has_its_text(
        page in html_soup::soup(html_soup::WITHOUT_RAW), size in 4..80i32, unit in any_unit()
    ) {
        pages::check_sources(&page, size, unit)?;
    }

    #[test]
    fn paragraphs_are_cut_like_plain_text(
        paragraphs in prop::collection::vec(
            prop::collection::vec("[a-z漢é]{1,9}( [a-z&<]{1,9}){0,8}(\\. [A-Z][a-z]{1,5}){0,2}", 1..4), 1..8
        ),
        size in 4..80i32, overlap in 0..40i32, unit in any_unit()
    ) {
        let plain = paragraphs.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n");
        let page: String = paragraphs
            .iter()
            .map(|lines| {
                let lines = lines.iter().map(|line| line.replace('&', "&amp;").replace('<', "&lt;"));
                format!("<p>\n {}<!-- -->  \n", lines.collect::<Vec<_>>().join(" <BR/> "))
            })
            .collect();
        let overlap = overlap.min(size - 1);
        let contents = |chunks: Vec<Chunk>| -> Vec<String> {
            chunks.into_iter().map(|chunk| chunk.content.into_owned()).collect()
        };
        prop_assert_eq!(
            contents(cut_in(&page, size, overlap, unit, Format::Html)),
            contents(cut_in(&plain, size, overlap, unit, Format::Plain))
        );
    }

    #[test]
    fn a_chunk_knows_the_headings_around_its_start(
        parts in prop::collection::vec((0..8u8, 1..6usize), 1..20), size in 8..120i32, overlap in 0..40i32
    ) {
        // Each word names its part.
        let word = |part: usize| format!("word{part}x");
        let page: String = parts
            .iter()
            .enumerate()
            .map(|(part, &(level, words))| match level {
                1..=6 => format!("<div><h{level}>{}</h{level}>", word(part)),
                _ => format!("<table><tr><td>{}</table>", vec![word(part); words].join(" ")),
            })
            .collect();
        for chunk in cut_in(&page, size, overlap.min(size - 1), Unit::Characters, Format::Html) {
            let Some(part) = chunk.content.strip_prefix("word").and_then(|rest| rest.split('x').next())
            else { continue };
            let Ok(part) = part.parse::<usize>() else { continue };
            let mut open: Vec<(u8, String)> = vec![];
            for (at, &(level, _)) in parts[..=part.min(parts.len() - 1)].iter().enumerate() {
                if (1..=6).contains(&level) {
                    open.retain(|outer| outer.0 < level);
                    open.push((level, word(at)));
                }
            }
            let titles: Vec<String> = chunk.heading_path.iter().map(|title| title.to_string()).collect();
            let expected: Vec<String> = open.into_iter().map(|(_, title)| title).collect();
            prop_assert_eq!(titles, expected, "{:?} of {}", chunk.content, page);
        }
    }
}

#[test]
fn a_heading_in_a_row_or_in_code_has_its_own_end() {
    for page in [
        "<table><h3><tr>One.<p>Two three four five.<tr>Six seven eight nine.</table>",
        "<h3><pre>One.</h3>Two three four five.</pre>Six seven eight nine.",
    ] {
        let chunks = cut(page, 24);
        let titles: Vec<String> =
            chunks.iter().flat_map(|c| c.heading_path.iter()).map(|t| t.to_string()).collect();
        assert!(titles.iter().all(|title| title == "One."), "{page}: {chunks:#?}");
        assert!(!titles.is_empty(), "{page}: {chunks:#?}");
    }
}
