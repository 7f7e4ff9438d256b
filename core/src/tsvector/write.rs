//! Writes tsvectors, and changes weights in their bytes.

use super::format::{
    LEXEME_BITS, MAX_AREA, MAX_LEXEME, MAX_POSITION, MAX_POSITIONS, Position, Weight, bounds,
};
use super::view::{Malformed, View};

/// Positions that `to_tsvector` keeps of one lexeme.
const MAX_PARSED: usize = MAX_POSITIONS - 1;

/// Builds the vector of a text from its words, in the order of their positions: number of the
/// lexeme, and position. `spell` returns a lexeme's bytes.
///
/// The result is byte for byte that of Postgres' make_tsvector(). None if Postgres raises "string
/// is too long for tsvector".
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

/// Builds a vector of keys without positions. If some do not fit into the string area, they are
/// left out and `overflow` is added.
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

/// Joins a lexeme with a prefix and a suffix, and cuts the lexeme to the bytes that fit.
pub fn key(prefix: &[u8], lexeme: &[u8], suffix: &[u8]) -> Vec<u8> {
    // One byte less than fits: Postgres reads no longer words in a tsquery.
    let space = MAX_LEXEME - 2 - prefix.len() - LONGEST_SUFFIX.max(suffix.len());
    let mut end = lexeme.len().min(space);
    // The cut is not inside a character.
    while end < lexeme.len() && end > 0 && lexeme[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    [prefix, &lexeme[..end], suffix].concat()
}

/// Suffixes up to this length cut a lexeme at the same byte.
const LONGEST_SUFFIX: usize = 2;

/// Sets the weight of all positions up to `last`, at the beginning of a text.
pub fn set_weight_up_to(bytes: &mut [u8], last: u16, weight: Weight) -> Result<(), Malformed> {
    let entries = View::parse(bytes)?.entries.to_vec();
    let area = &mut bytes[size_of::<i32>() + 4 * entries.len()..];
    for entry in entries {
        let (_, end) = bounds(entry);
        if u32::from_ne_bytes(entry) & 1 == 0 {
            continue;
        }
        // View::parse checked all of it.
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
