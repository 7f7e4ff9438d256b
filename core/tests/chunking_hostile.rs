//! Hostile input: time is linear, measured in ticks, and a cancel takes effect everywhere.

use std::panic::{AssertUnwindSafe, catch_unwind};

use carrel_core::chunking::{Chunk, Encoding, Format, Options, Unit, chunks};
use unicode_segmentation::UnicodeSegmentation;

const SIZE: usize = 120_000;

fn fill(fragment: &str, bytes: usize) -> String {
    fragment.repeat(bytes / fragment.len())
}

/// Inputs that could take quadratic time, much memory or deep recursion.
fn inputs(bytes: usize) -> Vec<(&'static str, String)> {
    let deep = bytes / 10;
    vec![
        ("no separator", fill("a", bytes)),
        ("newlines", fill("\n", bytes)),
        ("text, then newlines, then text", format!("a{}b", fill("\n", bytes))),
        ("carriage returns", fill("\r\n", bytes)),
        ("spaces", format!("{}x", fill(" ", bytes))),
        ("tabs", format!("x{}x", fill("\t", bytes))),
        ("ideographic spaces", format!("x{}x", fill("\u{3000}", bytes))),
        ("underscores", fill("_", bytes)),
        ("apostrophes", fill("a'", bytes)),
        ("digits and commas", fill("1,", bytes)),
        ("full stops", fill(".", bytes)),
        ("a full stop, then brackets", fill(&format!(".{}", ")".repeat(5000)), bytes)),
        ("spaced full stops", fill(&format!(".{}", " ".repeat(5000)), bytes)),
        ("combining characters", format!("a{}", fill("\u{301}", bytes))),
        ("combining characters, letters after", format!("a{}b c d", fill("\u{301}", bytes))),
        ("regional indicators", fill("🇩", bytes)),
        ("joined emoji", fill("👩\u{200D}", bytes)),
        ("joiners", format!("👩{}👩", fill("\u{200D}", bytes))),
        ("conjuncts", fill("क\u{94D}", bytes)),
        ("prepended", fill("\u{600}", bytes)),
        ("prepended spaces", fill("\u{600} ", bytes)),
        ("jamo", fill("\u{1100}", bytes)),
        ("ideographs", fill("漢", bytes)),
        ("words", fill("word ", bytes)),
        ("sentences", fill("A sentence it is. ", bytes)),
        ("headings", fill("# a\n", bytes)),
        ("headings of all levels", fill("# a\n## b\n### c\n", bytes)),
        ("empty headings", fill("#\n", bytes)),
        ("a huge heading", format!("# {}\n\n{}", fill("a ", bytes / 2), fill("b ", bytes / 2))),
        (
            "a huge setext heading",
            format!("{}===\n{}", fill("a\n", bytes / 2), fill("b\n", bytes / 2)),
        ),
        ("quotes", format!("{}a", fill("> ", deep * 2))),
        ("quotes, then lines", format!("{}a\n{}", fill("> ", deep), fill("a\n", deep))),
        ("quotes in every line", fill(&format!("{}a\n", "> ".repeat(400)), bytes)),
        ("lists", format!("{}a", fill("- ", deep * 2))),
        ("lists, then blank lines", format!("{}a{}", fill("- ", deep), fill("\n", bytes))),
        (
            "nested lists",
            (0..(2 * bytes).isqrt()).map(|n| format!("{}- a\n", " ".repeat(n))).collect(),
        ),
        ("a fence never closed", format!("```\n{}", fill("code\n", bytes))),
        ("fences never closed", fill("- ```\n", bytes)),
        ("fences in quotes", fill("> ```\n\n", bytes)),
        ("a comment never closed", format!("<!--\n{}", fill("a\n", bytes))),
        ("opened comments", fill("<!-- ", bytes)),
        ("front matter never closed", format!("---\n{}", fill("a: b\n", bytes))),
        ("a table", format!("| a |\n| - |\n{}", fill("| b |\n", bytes))),
        ("a wide table", format!("{}\n{}\n", fill("|a", bytes / 2), fill("|-", bytes / 2))),
        ("pipes", fill("|\n", bytes)),
        ("backslashes", format!("|{}|\n|-|\n", fill("\\", bytes))),
        ("rules", fill("-", bytes)),
        ("tags", fill("<a b='c' ", bytes)),
        ("references", fill("[a]: b\n", bytes)),
        ("brackets", fill("[", bytes)),
        ("backticks", fill("`", bytes)),
    ]
}

/// Pages that could take quadratic time, much memory or deep recursion.
fn pages(bytes: usize) -> Vec<(&'static str, String)> {
    vec![
        ("nested divs", format!("{}a", fill("<div>", bytes))),
        ("nested divs with text", fill("<div>a ", bytes)),
        ("nested lists", fill("<ul><li>a ", bytes)),
        ("nested tables", fill("<table><tr><td>a ", bytes)),
        ("nested tables without text", format!("{}a", fill("<table><tr><td>", bytes))),
        ("rows", format!("<table>{}", fill("<tr><td>a<td>b", bytes))),
        ("cells", format!("<table><tr><td>a{}b", fill("<td>", bytes))),
        ("a huge row", format!("<table><tr><td>{}", fill("a ", bytes))),
        ("headings", fill("<h1>a</h1><h2>b</h2>", bytes)),
        ("headings never closed", fill("<h1>a ", bytes)),
        ("a huge heading", format!("<h1>{}", fill("a ", bytes))),
        ("breaks", fill("a<br>", bytes)),
        ("breaks without text", format!("a{}b", fill("<br>", bytes))),
        ("code", format!("<pre>{}", fill("  a;\n", bytes))),
        ("nested code", fill("<pre>a\n", bytes)),
        ("blank code", format!("<pre>a{}b", fill(" \n", bytes))),
        ("collapsed space", format!("a{}b", fill(" \n", bytes))),
        ("no-break spaces", format!("a{}b", fill("&nbsp;", bytes))),
        ("a comment never closed", format!("a<!--{}", fill("-- >", bytes))),
        ("comments", fill("<!---->", bytes)),
        ("a doctype never closed", format!("a<!DOCTYPE {}", fill("a ", bytes))),
        ("a huge tag name", format!("a<{}", fill("a", bytes))),
        ("a huge attribute", format!("a<a title='{}'>b", fill("&amp; > ", bytes))),
        ("many attributes", format!("a<a {}>b", fill("b=c ", bytes))),
        ("slashes in a tag", format!("a<a {}>b", fill("/", bytes))),
        ("a tag never closed", format!("a<a {}", fill("<a ", bytes))),
        ("a script never closed", format!("a<script>{}", fill("</scrip", bytes))),
        ("scripts in comments", format!("a<script><!--{}", fill("<script></script ", bytes))),
        ("letters that could end a script", format!("a<script></{}", fill("a", bytes))),
        ("a title never closed", format!("a<title>{}", fill("</title", bytes))),
        ("a text area", format!("<textarea>{}", fill("</texta &amp;", bytes))),
        ("plain text", format!("<plaintext>{}", fill("<&", bytes))),
        ("templates", format!("a{}", fill("<template>", bytes))),
        ("ampersands", fill("&", bytes)),
        ("references", fill("&lt;", bytes)),
        ("almost references", fill("&CounterClockwiseContourIntegra", bytes)),
        ("a huge number", format!("a&#{};", fill("1", bytes))),
        ("less-than signs", fill("<", bytes)),
        ("end tags without a name", fill("</", bytes)),
        ("NUL", fill("\0", bytes)),
    ]
}

fn options(size: i32, overlap: i32, unit: Unit, format: Format) -> Options {
    Options::new(size, overlap, unit, format).expect("valid options")
}

/// Number of ticks. The cheap invariants of all chunks are checked too.
fn ticks(text: &str, options: &Options, html: bool) -> usize {
    let mut ticks = 0;
    let mut end = 0;
    for Chunk { content, byte_start, byte_end, .. } in chunks(text, options, || ticks += 1) {
        if !html {
            assert_eq!(text[byte_start..byte_end], *content);
        }
        assert!(byte_end > end);
        end = byte_end;
    }
    assert!(html || text[end..].trim().is_empty());
    ticks
}

/// Fails if four times the input takes much more than four times the work.
fn assert_linear(
    inputs: fn(usize) -> Vec<(&'static str, String)>,
    units: &[Unit],
    formats: &[Format],
) {
    // Pretokens of up to 8 KiB cost less than longer ones, whose cost grows from there.
    let tokens = matches!(units, [Unit::Tokens(_)]);
    for (bytes, size) in [(if tokens { 120_000 } else { 30_000 }, 20), (400_000, 2_000)] {
        for ((name, large), (_, small)) in inputs(bytes).into_iter().zip(inputs(bytes / 4)) {
            for &unit in units {
                for &format in formats {
                    let options = options(size, 0, unit, format);
                    let html = format == Format::Html;
                    let (small, large) =
                        (ticks(&small, &options, html), ticks(&large, &options, html));
                    // A quadratic algorithm takes 16 times the work.
                    assert!(
                        large <= 7 * small + 40,
                        "{name}, {unit:?}, {format:?}, {size}: {small}, {large}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_work_is_linear_in_the_input() {
    let units = [Unit::Characters, Unit::Words];
    assert_linear(inputs, &units, &[Format::Plain, Format::Markdown, Format::Html]);
    assert_linear(pages, &units, &[Format::Html]);
    assert_linear(inputs, &[Unit::Characters], &[Format::Json, Format::Yaml]);
    for encoding in [Encoding::Cl100k, Encoding::O200k] {
        assert_linear(inputs, &[Unit::Tokens(encoding)], &[Format::Plain]);
    }
}

#[test]
fn with_overlap_the_work_is_linear_in_the_result() {
    let markdown = inputs(SIZE / 40).into_iter().map(|input| (input, Format::Markdown));
    let html = pages(SIZE / 40).into_iter().map(|input| (input, Format::Html));
    for ((name, text), format) in markdown.chain(html) {
        for (size, overlap) in [(10, 9), (60, 30), (400, 100)] {
            for unit in [Unit::Characters, Unit::Words] {
                let options = options(size, overlap, unit, format);
                let (mut count, mut result) = (0, 0);
                for chunk in chunks(&text, &options, || {}) {
                    count += 1;
                    result += chunk.content.len();
                }
                let ticks = ticks(&text, &options, format == Format::Html);
                // Each byte is examined a few times, and each cut looks at the text around it.
                let bound = 100 * (text.len() + result) / 32_768 + count + 10;
                assert!(ticks <= bound, "{name}, {size}, {overlap}, {unit:?}: {ticks} > {bound}");
            }
        }
    }
}

#[test]
fn a_tick_can_unwind_at_any_time() {
    let cancel = |text: &str, at: usize, unit: Unit, format: Format| {
        let options = options(1000, 100, unit, format);
        let mut left = at;
        let mut stream = chunks(text, &options, || {
            left = left.checked_sub(1).unwrap_or_else(|| std::panic::resume_unwind(Box::new(())));
        });
        catch_unwind(AssertUnwindSafe(|| stream.by_ref().count())).is_err()
    };
    let markdown = inputs(SIZE * 4).into_iter().map(|input| (input, Format::Markdown));
    let html = pages(SIZE * 4).into_iter().map(|input| (input, Format::Html));
    let yaml = inputs(SIZE * 4).into_iter().map(|input| (input, Format::Yaml));
    let json = inputs(SIZE * 4).into_iter().map(|input| (input, Format::Json));
    for ((name, text), format) in markdown.chain(html).chain(yaml).chain(json) {
        for unit in [Unit::Characters, Unit::Words, Unit::Tokens(Encoding::O200k)] {
            let cancelled = [0, 5].iter().all(|&at| cancel(&text, at, unit, format));
            assert!(cancelled, "{name} cannot be cancelled");
        }
    }
}

#[test]
fn words_of_any_length_are_counted_exactly() {
    for (name, text) in inputs(SIZE) {
        for size in [5_000, i32::MAX] {
            let options = options(size, 0, Unit::Words, Format::Plain);
            for chunk in chunks(&text, &options, || {}) {
                assert_eq!(chunk.size, chunk.content.unicode_words().count(), "{name}, {size}");
            }
        }
    }
}
