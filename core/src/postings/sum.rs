//! Sum of segments.

use super::format::{
    DictionaryReader, Entry, Header, Key, Lexicon, Malformed, push_number, take_number,
    take_posting, take_slice,
};
use crate::merge_sorted::NextWords;
use hashbrown::HashMap;

/// Segment whose lexemes are read in order.
struct Part<'a> {
    dictionary: DictionaryReader<'a>,
    postings: &'a [u8],
    /// Number of each text in the sum; None if it is removed.
    numbers: Vec<Option<u32>>,
}

/// Sum of segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Segment of the texts that are not removed. Empty if there are none.
    pub texts: Vec<u8>,
    /// Segment that removes what no segment adds. Empty if there is nothing.
    pub removed: Vec<u8>,
    /// Number of texts that `removed` removes.
    pub count_removed: usize,
}

/// Adds segments up: what one adds and another removes is in neither. Takes memory for the sum. Calls `tick` for
/// each text and for each lexeme of each.
pub fn sum(segments: &[Vec<u8>], mut tick: impl FnMut()) -> Result<Sum, Malformed> {
    let headers = segments.iter().filter(|segment| !segment.is_empty()).map(|segment| {
        let header = Header::read(segment)?;
        if header.end == segment.len() { Ok((header, segment.as_slice())) } else { Err(Malformed) }
    });
    let headers: Vec<(Header, &[u8])> = headers.collect::<Result<_, _>>()?;
    let mut removed: HashMap<Key, usize, ahash::RandomState> = HashMap::default();
    for (header, segment) in &headers {
        let mut keys = &segment[header.start_of_removed()..header.heads];
        for _ in 0..header.removed {
            *removed.entry(Key::read(&mut keys)?).or_default() += 1;
        }
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut parts: Vec<Part> = Vec::with_capacity(headers.len());
    for (header, segment) in &headers {
        let mut bytes = &segment[Header::SIZE..header.start_of_removed()];
        let mut numbers = Vec::with_capacity(header.texts);
        for _ in 0..header.texts {
            tick();
            let entry = Entry::read(&mut bytes)?;
            match removed.get_mut(&entry.key()).filter(|count| **count > 0) {
                Some(count) => {
                    *count -= 1;
                    numbers.push(None);
                }
                None => {
                    numbers.push(Some(entries.len() as u32));
                    entries.push(entry);
                }
            }
        }
        parts.push(Part {
            dictionary: DictionaryReader::new(&segment[header.dictionary..header.postings]),
            postings: &segment[header.postings..header.end],
            numbers,
        });
    }
    let lexicon = sum_lexemes(&mut parts, tick)?;
    let mut removed: Vec<Key> =
        removed.into_iter().flat_map(|(key, count)| std::iter::repeat_n(key, count)).collect();
    removed.sort_unstable_by_key(|key| (key.id, key.version));
    Ok(Sum {
        texts: lexicon.finish(&entries, &[]),
        removed: Lexicon::default().finish(&[], &removed),
        count_removed: removed.len(),
    })
}

fn sum_lexemes(parts: &mut [Part], mut tick: impl FnMut()) -> Result<Lexicon, Malformed> {
    // Next lexeme of each part that has one, with the part's number.
    let mut next = NextWords::default();
    for (number, part) in parts.iter_mut().enumerate() {
        if part.dictionary.next()? {
            next.push(part.dictionary.lexeme.clone(), number);
        }
    }
    let mut lexicon = Lexicon::default();
    let mut list: Vec<u8> = Vec::new();
    let mut last = 0;
    while let Some((mut lexeme, number)) = next.pop() {
        tick();
        let part = &mut parts[number];
        part.append(&mut list, &mut last)?;
        if !next.is_next(&lexeme) {
            if !list.is_empty() {
                lexicon.push(&lexeme, &list);
            }
            list.clear();
            last = 0;
        }
        if part.dictionary.next()? {
            lexeme.clone_from(&part.dictionary.lexeme);
            next.push(lexeme, number);
        }
    }
    Ok(lexicon)
}

impl Part<'_> {
    /// Appends the postings of the lexeme that was read last, of the texts that stay. `last` is the number of the
    /// text before.
    fn append(&mut self, list: &mut Vec<u8>, last: &mut u32) -> Result<(), Malformed> {
        let mut postings = take_slice(&mut self.postings, self.dictionary.postings)?;
        let mut text = 0_u32;
        while !postings.is_empty() {
            let posting = postings;
            text = text.checked_add(take_posting(&mut postings, |_| ())?).ok_or(Malformed)?;
            let number = self.numbers.get(text as usize).ok_or(Malformed)?;
            let Some(number) = number else { continue };
            // The positions stay as they are.
            let mut positions = &posting[..posting.len() - postings.len()];
            let is_single = take_number(&mut positions)? & 1;
            let distance = number.checked_sub(*last).ok_or(Malformed)?;
            *last = *number;
            push_number(list, distance << 1 | is_single);
            list.extend_from_slice(positions);
        }
        Ok(())
    }
}
