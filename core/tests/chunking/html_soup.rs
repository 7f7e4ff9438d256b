//! Generated pages, with every construct that tokenizers of HTML distinguish, and their text by
//! html5gum.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use proptest::prelude::*;
use proptest::sample::select;

/// Fragments of a page. Those of [`WITHOUT_RAW`] come first.
pub const ALL: &[&str] = &[
    "<p>",
    "</p>",
    "<div class='x'>",
    "</div>",
    "<br>",
    "<BR/>",
    "<h1>",
    "</h1>",
    "<h2 id=a>",
    "</h2>",
    "<ul>",
    "</ul>",
    "<li>",
    "<table>",
    "</table>",
    "<tr>",
    "<td>",
    "<pre>",
    "</pre>",
    "<b>",
    "</b>",
    "<a href=\"a>b\" c='d\">'>",
    "<a href=",
    "<a b",
    "<a/b=c/d",
    "\"",
    "'",
    "=",
    "/",
    ">",
    "/>",
    "<",
    "</",
    "</>",
    "</ ",
    "<!",
    "<!-",
    "<!--",
    "-",
    "--",
    "-->",
    "--!>",
    "!",
    "<!-->",
    "<!--->",
    "<!-- c -->",
    "<?x?>",
    "<!DOCTYPE html>",
    "<![CDATA[",
    "]]>",
    "<script>",
    "<script ",
    "</script>",
    "</SCRIPT\n>",
    "</script",
    "<script/>",
    "<style>",
    "</style>",
    "<title>",
    "</title>",
    "<noscript>",
    "</noscript>",
    "<iframe>",
    "</iframe>",
    "<template>",
    "</template>",
    "<object>",
    "</object>",
    "&amp;",
    "&amp",
    "&lt;",
    "&gt",
    "&nbsp;",
    "&notit;",
    "&notin;",
    "&nope;",
    "&",
    "&#",
    "&#x",
    "&#65;",
    "&#x263A",
    "&#0;",
    "&#128;",
    "&#xD800;",
    "&#13;",
    "&#99999999999;",
    "&AMP",
    "&copy",
    ";",
    "#",
    "x",
    "a",
    "Z",
    "word",
    "two words. ",
    "\u{e9}",
    "漢字",
    "🇩🇪",
    "👩\u{200D}",
    "\u{301}",
    "\u{600}",
    "\u{A0}",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\x0C",
    "\0",
    "0",
    "41",
    "<textarea>",
    "</textarea>",
    "</textarea",
    "<xmp>",
    "</xmp>",
    "<plaintext>",
    "&nGt;",
];

/// Fragments without elements whose content can look like markup, and without a reference to two
/// characters, which is cut between them if only one fits.
pub const WITHOUT_RAW: &[&str] = ALL.split_at(ALL.len() - 7).0;

#[allow(dead_code, reason = "not every test that uses this file takes pages from it")]
pub fn soup(fragments: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(select(fragments), 0..60).prop_map(|fragments| fragments.concat())
}

/// Text of a page without separation of blocks, as far as html5gum finds it without a tree.
pub fn text(page: &str) -> String {
    let mut text = Vec::new();
    // Dropped element, and the number of open elements of its name.
    let mut dropped: Option<(Vec<u8>, usize)> = None;
    let callback = |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                let drops = matches!(
                    name,
                    b"script"
                        | b"style"
                        | b"title"
                        | b"noscript"
                        | b"iframe"
                        | b"template"
                        | b"object"
                );
                match &mut dropped {
                    Some((dropped, open)) if dropped == name => *open += 1,
                    None if drops => dropped = Some((name.to_vec(), 1)),
                    _ => {}
                }
            }
            CallbackEvent::EndTag { name } => {
                if let Some((dropped, open)) = &mut dropped
                    && dropped == name
                {
                    *open -= 1;
                }
                dropped.take_if(|(_, open)| *open == 0);
            }
            CallbackEvent::String { value } if dropped.is_none() => {
                text.extend(value.iter().filter(|&&byte| byte != 0));
            }
            _ => {}
        }
        None
    };
    let mut emitter = CallbackEmitter::new(callback);
    emitter.naively_switch_states(true);
    let Ok(()) = Tokenizer::new_with_emitter(page, emitter).finish();
    String::from_utf8_lossy(&text).into_owned()
}
