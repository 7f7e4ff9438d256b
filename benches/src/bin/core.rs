//! The core's chunking beside other crates', on six kinds of text: 2,000 characters or 450 tokens a
//! chunk, one thread, everything in memory.
//!
//! The limit is what no chunker can beat that tells where its chunks are in characters, for it counts
//! them all. Beside chunks in tokens stands the counting alone, as the crate that carrel has the
//! vocabulary from does it. The `chunk` crate does neither, nor does it
//! know characters: it looks at some bytes before each cut, so its MB/s grow with the chunk. Beside it
//! stands the same with what it leaves out: that its chunks are text, and where they are.

use std::hint::black_box;

use carrel_benches::report::{self, Bound, Target};
use carrel_benches::{Contest, Input, Timing};
use carrel_core::chunking::{Encoding, Format, Options, Unit, chunks};
use text_splitter::{ChunkConfig, MarkdownSplitter, TextSplitter};

const CHARACTERS: usize = 2_000;
const TOKENS: usize = 450;
/// text-splitter gets slower with the length of a text: by characters it is given all of it, though
/// that is one run of some seconds; by tokens this much.
const SLICE_TOKENS: usize = 2_000_000;

const MARKDOWN_INPUT: &str = "Markdown";
const PLAIN: &str = "carrel, plain";
const MARKDOWN: &str = "carrel, Markdown";
const IN_TOKENS: &str = "carrel, 450 tokens (cl100k)";
const CHUNK: &str = "chunk 0.10.2 (bytes)";
const CHUNK_TEXT: &str = "chunk 0.10.2 + valid UTF-8 + offsets";
const SPLITTER: &str = "text-splitter 0.33.1";
const SPLITTER_MARKDOWN: &str = "text-splitter 0.33.1, Markdown";
const SPLITTER_TOKENS: &str = "text-splitter 0.33.1, 450 tokens (tiktoken-rs)";
const CHARS_COUNT: &str = "limit: str::chars().count()";
const BPE_COUNT: &str = "bpe-openai 0.3.2, count() alone";

fn carrel(text: &str, size: usize, unit: Unit, format: Format) -> usize {
    let size = i32::try_from(size).expect("a chunk's size");
    let options = Options::new(size, 0, unit, format).expect("good options");
    chunks(text, &options, || {}).map(black_box).count()
}

/// What `chunk` yields, made into what carrel yields: text, and where it is in characters. How many
/// of the chunks are not valid UTF-8 is second.
fn chunk_as_text(text: &str) -> (usize, usize) {
    let (mut count, mut invalid, mut start) = (0, 0, 0);
    for bytes in chunk::chunk(text.as_bytes()).size(CHARACTERS) {
        let content = std::str::from_utf8(bytes);
        let length = match content {
            Ok(content) => content.chars().count(),
            Err(_) => String::from_utf8_lossy(bytes).chars().count(),
        };
        black_box((&content, start, start + length));
        start += length;
        count += 1;
        invalid += usize::from(content.is_err());
    }
    (count, invalid)
}

fn contest(input: &Input) -> Vec<Timing> {
    let text = input.text.as_str();
    let slice_tokens = input.start(SLICE_TOKENS);
    let mut contest = Contest::default();
    contest.add(PLAIN, text.len(), || carrel(text, CHARACTERS, Unit::Characters, Format::Plain));
    contest
        .add(MARKDOWN, text.len(), || carrel(text, CHARACTERS, Unit::Characters, Format::Markdown));
    let unit = Unit::Tokens(Encoding::Cl100k);
    contest.add(IN_TOKENS, text.len(), move || carrel(text, TOKENS, unit, Format::Plain));
    contest.add(CHUNK, text.len(), || {
        chunk::chunk(text.as_bytes()).size(CHARACTERS).map(black_box).count()
    });
    contest.add(CHUNK_TEXT, text.len(), || chunk_as_text(text).0);
    let splitter = TextSplitter::new(CHARACTERS);
    contest.add(SPLITTER, text.len(), move || splitter.chunks(text).map(black_box).count());
    if input.name == MARKDOWN_INPUT {
        let splitter = MarkdownSplitter::new(CHARACTERS);
        contest.add(SPLITTER_MARKDOWN, text.len(), move || {
            splitter.chunks(text).map(black_box).count()
        });
    }
    let sizer = tiktoken_rs::cl100k_base().expect("its vocabulary");
    let splitter = TextSplitter::new(ChunkConfig::new(TOKENS).with_sizer(sizer));
    contest.add(SPLITTER_TOKENS, slice_tokens.len(), move || {
        splitter.chunks(slice_tokens).map(black_box).count()
    });
    contest.add(CHARS_COUNT, text.len(), || {
        black_box(black_box(text).chars().count());
        1
    });
    let tokenizer = bpe_openai::cl100k_base();
    contest.add(BPE_COUNT, text.len(), move || {
        black_box(tokenizer.count(black_box(text)));
        1
    });
    contest.run()
}

/// Whose speed a rival's is compared with.
fn counterpart(name: &str) -> Option<&'static str> {
    match name {
        CHUNK | CHUNK_TEXT | SPLITTER | CHARS_COUNT => Some(PLAIN),
        SPLITTER_MARKDOWN => Some(MARKDOWN),
        SPLITTER_TOKENS | BPE_COUNT => Some(IN_TOKENS),
        _ => None,
    }
}

fn measure(input: &Input, targets: &mut Vec<Target>) {
    let timings = contest(input);
    let speed = |name: &str| {
        timings.iter().find(|timing| timing.name == name).map_or(f64::NAN, Timing::speed)
    };
    let (pieces, invalid) = chunk_as_text(&input.text);
    report::head(&format!(
        "{}: {:.1} MB, {:.1} % ASCII; {}",
        input.name,
        input.text.len() as f64 / 1e6,
        input.ascii(),
        input.origin
    ));
    for timing in &timings {
        let ratio = counterpart(&timing.name).map(|carrel| speed(carrel) / timing.speed());
        let note = match timing.name.as_str() {
            CHUNK if invalid > 0 => format!("{invalid} of {pieces} chunks are not UTF-8"),
            CHUNK => "all chunks are UTF-8".into(),
            _ if timing.runs == 1 => "one run".into(),
            _ => String::new(),
        };
        report::timing(timing, ratio, &note);
    }
    targets.extend(targets_of(input.name, invalid == 0, speed));
}

fn targets_of(name: &str, valid: bool, speed: impl Fn(&str) -> f64) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut add = |what: &str, figure: f64, least: f64, unit| {
        targets.push(Target::new(format!("{name}: {what}"), figure, Bound::AtLeast(least), unit));
    };
    match name {
        "CJK" | "CJK, one line" => add("plain", speed(PLAIN), 200.0, "MB/s"),
        "emoji" => {}
        _ => add("plain", speed(PLAIN), 500.0, "MB/s"),
    }
    if valid {
        add("plain beside the chunk crate", speed(PLAIN) / speed(CHUNK), 1.5, "x");
    }
    add("plain beside text-splitter", speed(PLAIN) / speed(SPLITTER), 100.0, "x");
    if name == MARKDOWN_INPUT {
        add("as Markdown", speed(MARKDOWN), 150.0, "MB/s");
    }
    add("tokens", speed(IN_TOKENS), 20.0, "MB/s");
    add("tokens beside text-splitter", speed(IN_TOKENS) / speed(SPLITTER_TOKENS), 8.0, "x");
    targets
}

fn main() {
    println!(
        "carrel's core: {CHARACTERS} characters (or, for chunk, bytes) a chunk, one thread, warm, median of 5."
    );
    println!(
        "ratio: how many times as fast as this carrel is, by MB/s. What takes longer than a second runs once."
    );
    let mut targets = Vec::new();
    for input in Input::all() {
        measure(&input, &mut targets);
    }
    report::targets(&targets);
}
