//! Analysis of any text.

use arbitrary::{Result, Unstructured};
use carrel_core::language::detect;
use carrel_core::text::normalize;
use carrel_core::vocabulary::{Beginning, Changes, SimilarTo, for_each, sum, walk};

use crate::text::FRAGMENTS;
use crate::typed::TYPED;
use crate::word_invariants::{check, check_again, check_apart};

/// Text joined from fragments: most once, some many times, and other characters.
fn text_of(u: &mut Unstructured) -> Result<String> {
    let mut text = String::new();
    while !u.is_empty() {
        match u.int_in_range(0..=63)? {
            0..=3 => text.push(u.arbitrary()?),
            4 => {
                let times = if u.ratio(1, 8)? { 400 } else { 8 };
                let times = u.int_in_range(1..=times)?;
                text.push_str(&u.choose(TYPED)?.repeat(times));
            }
            5..16 => text.push_str(u.choose(FRAGMENTS)?),
            _ => text.push_str(u.choose(TYPED)?),
        }
    }
    Ok(text)
}

/// Words are in order, in bounds and as written; a word gives itself; blanks part texts.
pub fn analyses(u: &mut Unstructured) -> Result<()> {
    let text = text_of(u)?;
    check(&text);
    check_again(&text);
    check_apart(&text);
    let normal = normalize(&text);
    assert_eq!(normalize(&normal), normal, "{text:?}");
    Ok(())
}

/// Damaged vocabularies are read in bounds or refused. A text and its removal add up to nothing; its words
/// are in order, begin with their beginnings, and are no typos of themselves. Any text is of a language or
/// of none.
pub fn vocabularies(u: &mut Unstructured) -> Result<()> {
    let mut damaged: Vec<u8> = u.bytes(u.len().min(40))?.to_vec();
    let text = text_of(u)?;
    let _ = detect(&text);
    let of = |by| {
        let mut changes = Changes::default();
        changes.count(&text, by, || ());
        changes.encode()
    };
    let vocabulary = of(1);
    let mut last = String::new();
    let read = for_each(&vocabulary, |word, texts| {
        assert!(last.as_str() < word && texts == 1, "{text:?}");
        let (at, _) = word.char_indices().next_back().unwrap_or_default();
        assert!(Beginning::new(&word[..at]).is_of(word), "{word:?}");
        assert!(
            SimilarTo::new(word).is_none_or(|similar| similar.edits(word) == Some(0)),
            "{word:?}"
        );
        word.clone_into(&mut last);
    });
    assert_eq!(read, Ok(()), "{text:?}");
    let nothing = sum(&[vocabulary.clone(), of(-1)], || ());
    assert_eq!(nothing, Ok(Vec::new()), "{text:?}");
    damaged.extend(&vocabulary);
    let _ = walk(&damaged, &Beginning::new(&last), |_, _, ()| ());
    let _ = for_each(&damaged, |word, _| assert!(word.len() <= 510));
    Ok(())
}
