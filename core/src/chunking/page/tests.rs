//! A page cut while it is read is cut as if all of its text were there.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::chunk::Chunk;
use super::super::meter::Meter;
use super::super::options::{Encoding, Format, Options, Unit};
use super::{LONGEST_TOKEN, Page};

const FRAGMENTS: &[&str] = &[
    "<p>",
    "</p>",
    "<div>",
    "<br>",
    "<h1>",
    "</h1>",
    "<h3>",
    "<ul>",
    "</ul>",
    "<li>",
    "<table>",
    "</table>",
    "<tr>",
    "<td>",
    "<pre>",
    "</pre>",
    "\n",
    "\n\n",
    " ",
    "  ",
    "&nbsp;",
    "&amp;",
    "&#x301;",
    "\u{600}",
    "🇩",
    "👩\u{200D}",
    "\u{301}",
    "word",
    "A sentence. ",
    "two words ",
    "漢字。",
    "don't ",
    "3,4",
    "<!-- c -->",
    "<script>s</script>",
    "&nGt;",
    "x\u{94D}",
    ".)",
    "\u{3000}",
];

fn page() -> impl Strategy<Value = String> {
    let part = (prop::collection::vec(select(FRAGMENTS), 1..12), 1..40usize)
        .prop_map(|(fragments, times)| fragments.concat().repeat(times));
    // More text than is read at a time, with runs longer than the look-ahead.
    let parts = prop::collection::vec(part, 1..20);
    let long = (select(FRAGMENTS), 1..40_000usize)
        .prop_map(|(fragment, size)| fragment.repeat(size / fragment.len()));
    (parts.clone(), long, parts)
        .prop_map(|(before, long, after)| format!("{}{long}{0}{}", before.concat(), after.concat()))
        .prop_map(|page| page.repeat(1 + 40_000 / page.len().max(1)))
}

fn unit() -> impl Strategy<Value = Unit> {
    select(vec![
        Unit::Characters,
        Unit::Words,
        Unit::Tokens(Encoding::Cl100k),
        Unit::Tokens(Encoding::O200k),
    ])
}

fn cut<'t>(source: &'t str, options: &Options, step: usize) -> Vec<Chunk<'t>> {
    let mut page = Page::new(source, options);
    page.min_read = step;
    let mut meter = Meter::new(|| {});
    std::iter::from_fn(|| page.next(&mut meter)).collect()
}

#[test]
fn no_token_is_longer_than_the_longest() {
    let longest = [bpe_openai::cl100k_base(), bpe_openai::o200k_base()].map(|tokenizer| {
        let tokens = 0..tokenizer.bpe.num_tokens() as u32;
        tokens.map(|token| tokenizer.bpe.token_len(token)).max()
    });
    assert_eq!(longest, [Some(LONGEST_TOKEN); 2]);
}

#[test]
fn memory_does_not_grow_with_the_page_and_its_end_is_reached() {
    let options = Options::new(1000, 100, Unit::Characters, Format::Html).expect("valid options");
    for fragment in [
        "a ",
        "<br>a",
        "&lt;",
        "&nbsp;",
        "<pre> \n",
        "<p>&nbsp;",
        "<p>\u{3000}",
        "<h1>a",
        "<table><tr><td>a<td>",
        "<!-- -->",
    ] {
        let source = format!("{}a", fragment.repeat(5_000_000 / fragment.len()));
        let mut page = Page::new(&source, &options);
        let mut meter = Meter::new(|| {});
        let last = std::iter::from_fn(|| page.next(&mut meter)).last();
        assert!(last.is_some_and(|chunk| chunk.content.ends_with('a')), "{fragment:?}");
        let most = page.reader.capacity();
        assert!(most <= 2 * (page.ahead + page.min_read) + 4096, "{fragment:?}: {most}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..Default::default() })]

    #[test]
    fn chunks_do_not_depend_on_how_much_is_read_at_a_time(
        page in page(), size in 4..200i32, overlap in 0..200i32, unit in unit(), step in 0..5000usize
    ) {
        // More text is read ahead for tokens.
        let (page, size) = match unit {
            Unit::Tokens(_) => (page.repeat(12), size.min(40)),
            _ => (page, size),
        };
        let overlap = if overlap % 2 == 0 { 0 } else { overlap.min(size - 1) };
        let options = Options::new(size, overlap, unit, Format::Html).expect("valid options");
        let (all, some) = (cut(&page, &options, usize::MAX), cut(&page, &options, step));
        for (all, some) in all.iter().zip(&some) {
            prop_assert_eq!(all, some);
        }
        prop_assert_eq!(all.len(), some.len());
    }
}
