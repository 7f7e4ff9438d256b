//! Writing tsvectors, and changing weights in place.

use super::format::{
    LEXEME_BITS, MAX_AREA, MAX_LEXEME, MAX_POSITION, MAX_POSITIONS, Position, Weight, bounds,
};
use super::view::{Malformed, View};

/// Positions that `to_tsvector` keeps of one lexeme.
const MAX_PARSED: usize = MAX_POSITIONS - 1;

/// The vector of a text: of its words in the order of their positions, each the number of a lexeme
/// and a position. Byte for byte what Postgres' make_tsvector() makes of them; None where that raises
/// "string is too long for tsvector".
pub fn of_words<'a>(
    mut words: Vec<(u32, Position)>,
    spell: impl Fn(u32) -> &'a [u8],
) -> Option<Vec<u8>> {
    // Stable: positions stay in order.
    words.sort_by_key(|(lexeme, _)| *lexeme);
    let mut lexemes: Vec<&[(u32, Position)]> = words.chunk_by(|a, b| a.0 == b.0).collect();
    lexemes.sort_unstable_by_key(|words| spell(words[0].0));
    let mut bytes = (lexemes.len() as i32).to_ne_bytes().to_vec();
    let mut area = Vec::new();
    let mut positions: Vec<u16> = Vec::new();
    for words in lexemes {
        let spelt = spell(words[0].0);
        positions.clear();
        for (_, word) in words {
            let last = positions.last().map(|last| last & MAX_POSITION);
            if positions.len() < MAX_PARSED
                && last.is_none_or(|last| last != MAX_POSITION && last != word.position)
            {
                positions.push(word.pack());
            }
        }
        let offset = (area.len() as u32) << (LEXEME_BITS + 1);
        bytes.extend((offset | (spelt.len() as u32) << 1 | 1).to_ne_bytes());
        area.extend_from_slice(spelt);
        area.resize(area.len().next_multiple_of(2), 0);
        area.extend((positions.len() as u16).to_ne_bytes());
        area.extend(positions.iter().flat_map(|position| position.to_ne_bytes()));
        if area.len() > MAX_AREA {
            return None;
        }
    }
    bytes.append(&mut area);
    Some(bytes)
}

/// A vector of these keys, without positions. What they have room for, that is: where some are left out,
/// `overflow` is there in their place.
pub fn of_keys(mut keys: Vec<Vec<u8>>, overflow: Vec<u8>) -> Vec<u8> {
    keys.sort_unstable();
    keys.dedup();
    let mut space = MAX_AREA - overflow.len();
    let fitting = keys.iter().take_while(|key| {
        let fits = key.len() <= space;
        space = space.saturating_sub(key.len());
        fits
    });
    let fitting = fitting.count();
    if fitting < keys.len() {
        keys.truncate(fitting);
        keys.push(overflow);
        keys.sort_unstable();
        keys.dedup();
    }
    let mut bytes = (keys.len() as i32).to_ne_bytes().to_vec();
    let mut offset = 0;
    for key in &keys {
        bytes.extend((offset << (LEXEME_BITS + 1) | (key.len() as u32) << 1).to_ne_bytes());
        offset += key.len() as u32;
    }
    bytes.extend(keys.iter().flatten());
    bytes
}

/// A lexeme between a prefix and a suffix, cut to what fits between them.
pub fn key(prefix: &[u8], lexeme: &[u8], suffix: &[u8]) -> Vec<u8> {
    // One less than fits, for Postgres reads no longer words in a tsquery.
    let space = MAX_LEXEME - 2 - prefix.len() - LONGEST_SUFFIX.max(suffix.len());
    let mut end = lexeme.len().min(space);
    // Not within a character.
    while end < lexeme.len() && end > 0 && lexeme[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    [prefix, &lexeme[..end], suffix].concat()
}

/// Lexemes are cut the same for every suffix up to this one.
const LONGEST_SUFFIX: usize = 2;

/// Gives this weight to all positions up to `last`: to what a text begins with.
pub fn set_weight_up_to(bytes: &mut [u8], last: u16, weight: Weight) -> Result<(), Malformed> {
    let entries = View::parse(bytes)?.entries.to_vec();
    let area = &mut bytes[size_of::<i32>() + 4 * entries.len()..];
    for entry in entries {
        let (_, end) = bounds(entry);
        if u32::from_ne_bytes(entry) & 1 == 0 {
            continue;
        }
        // View::parse looked at all of it.
        let Some((count, rest)) = area[end.next_multiple_of(2)..].split_first_chunk_mut() else {
            continue;
        };
        let count = usize::from(u16::from_ne_bytes(*count));
        for packed in rest.as_chunks_mut().0.iter_mut().take(count) {
            let Position { position, .. } = Position::unpack(u16::from_ne_bytes(*packed));
            if position <= last {
                *packed = Position { weight, position }.pack().to_ne_bytes();
            }
        }
    }
    Ok(())
}
