//! Assembler: joins tsvectors.

use std::cmp::Reverse;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smallvec::SmallVec;

use super::format::{LEXEME_BITS, MAX_AREA, MAX_POSITION, MAX_POSITIONS, Position, Weight};
use super::view::{Lexemes, View};

/// Joins tsvectors as Postgres' `a || b || …` does, in one pass over all of them.
///
/// The result is byte for byte the result of `||` if Postgres has one. If Postgres raises "string
/// is too long for tsvector", because the string area would exceed [`MAX_AREA`], the assembler
/// drops as little as it must, always in the same order:
///
/// 1. Each lexeme keeps only its first *n* positions, with the greatest *n* that fits. Phrase
///    search no longer finds later occurrences, and ranking sees fewer of them.
/// 2. If one position each is still too much, lexemes are left out and no longer found: first those
///    without a weight above D, among these the least frequent, among equals the last to come.
///
/// Like Postgres, it keeps at most [`MAX_POSITIONS`] of a lexeme, and counts all positions beyond
/// [`MAX_POSITION`] as that one.
///
/// Memory: for each distinct lexeme its bytes, its positions, and about 50 bytes. Time: linear in
/// the appended vectors; `finish` sorts no more lexemes than fit into a string area.
#[derive(Debug, Default)]
pub struct Assembler {
    /// Bytes of the distinct lexemes, one after the other.
    text: Vec<u8>,
    lexemes: Vec<Lexeme>,
    /// Indexes of `lexemes`, by their bytes. The hash is keyed, for texts may be hostile.
    table: HashTable<u32>,
    hasher: RandomState,
    highest: u16,
}

#[derive(Debug)]
struct Lexeme {
    start: usize,
    len: u16,
    /// True if a position was heavier than D.
    weighted: bool,
    /// Occurrences seen, including those that were not kept.
    occurrences: u32,
    /// Packed positions, ascending. Most lexemes of a large text are rare: eight positions need no
    /// allocation.
    positions: SmallVec<[u16; 8]>,
}

impl Lexeme {
    fn spell<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start..self.start + usize::from(self.len)]
    }

    /// Adds a position. True if it is kept. Postgres writes positions in ascending order, which are
    /// pushed; others are inserted.
    fn insert(&mut self, new: Position) -> bool {
        let known = self.positions.binary_search_by_key(&new.position, |p| p & MAX_POSITION);
        match known {
            // Positions beyond the highest all count as the highest: the first of them stays.
            Ok(_) if new.position == MAX_POSITION => false,
            Ok(at) => {
                self.positions[at] = self.positions[at].max(new.pack());
                true
            }
            Err(MAX_POSITIONS) => false,
            Err(at) => {
                self.positions.truncate(MAX_POSITIONS - 1);
                self.positions.insert(at, new.pack());
                true
            }
        }
    }

    /// End of the string area after this lexeme, with at most `max_positions`, is added to it.
    fn end(&self, start: usize, max_positions: usize) -> usize {
        let end = start + usize::from(self.len);
        match self.positions.len().min(max_positions) {
            0 => end,
            count => end.next_multiple_of(2) + 2 + 2 * count,
        }
    }
}

impl Assembler {
    /// Empty assembler. Finished now, it returns the empty tsvector.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a vector. Its positions continue from the highest position so far. `weight` replaces
    /// its weights, as `setweight` does.
    ///
    /// A view that Postgres would not have made (out of order, or with a repeated lexeme) is sorted
    /// and merged; a repeated position keeps its heaviest weight.
    pub fn append(&mut self, view: &View, weight: Option<Weight>) {
        let before = self.highest;
        for (lexeme, positions) in view.iter() {
            let Some(lexeme) = self.lexeme(lexeme) else {
                continue;
            };
            let seen = positions.len().max(1) as u32;
            let mut highest = 0;
            for own in positions {
                let position = (before + own.position).min(MAX_POSITION);
                let weight = weight.unwrap_or(own.weight);
                lexeme.weighted |= weight > Weight::D;
                if lexeme.insert(Position { weight, position }) {
                    highest = highest.max(position);
                }
            }
            lexeme.occurrences = lexeme.occurrences.saturating_add(seen);
            self.highest = self.highest.max(highest);
        }
    }

    /// Finds or adds a lexeme. None once there are as many as a `u32` counts: the last to come
    /// would be left out anyway.
    fn lexeme(&mut self, spelled: &[u8]) -> Option<&mut Lexeme> {
        let Assembler { text, lexemes, table, hasher, .. } = self;
        let spell = |index: &u32| lexemes[*index as usize].spell(text);
        let entry = table.entry(
            hasher.hash_one(spelled),
            |index| spell(index) == spelled,
            |index| hasher.hash_one(spell(index)),
        );
        let index = match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(vacant) => {
                let index = u32::try_from(lexemes.len()).ok()?;
                // A view has no lexeme of 2048 bytes.
                let len = u16::try_from(spelled.len()).ok()?;
                vacant.insert(index);
                lexemes.push(Lexeme {
                    start: text.len(),
                    len,
                    weighted: false,
                    occurrences: 0,
                    positions: SmallVec::new(),
                });
                text.extend_from_slice(spelled);
                index
            }
        };
        lexemes.get_mut(index as usize)
    }

    /// Returns the bytes of the result: lexemes in the order of Postgres, positions ascending.
    pub fn finish(self) -> Vec<u8> {
        // Ascending: the lexeme that is left out last comes first.
        let rank = |index: &u32| {
            let lexeme = &self.lexemes[*index as usize];
            (Reverse(lexeme.weighted), Reverse(lexeme.occurrences), *index)
        };
        let mut indexes: Vec<u32> = (0..self.lexemes.len() as u32).collect();
        // All but one lexeme have at least one byte, so more than this cannot fit. Millions are not
        // sorted by spelling to find out, nor are those beyond the limit by their bytes alone.
        let crowded = indexes.len() > MAX_AREA + 1;
        if crowded {
            indexes.select_nth_unstable_by_key(MAX_AREA, rank);
            indexes.truncate(MAX_AREA + 1);
            indexes.sort_unstable_by_key(rank);
            let mut bytes = 0;
            let kept = indexes.iter().take_while(|index| {
                bytes += usize::from(self.lexemes[**index as usize].len);
                bytes <= MAX_AREA
            });
            indexes.truncate(kept.count());
        }
        indexes.sort_unstable_by_key(|index| self.lexemes[*index as usize].spell(&self.text));

        // Sizes grow with the numbers searched below: padding can save at most one byte, and only
        // if an odd byte was added.
        let max_positions = match crowded {
            true => 1,
            false => greatest(MAX_POSITIONS, |n| self.fits(indexes.iter(), n)).max(1),
        };
        if !self.fits(indexes.iter(), max_positions) {
            let mut ranks: Vec<_> = indexes.iter().map(rank).collect();
            ranks.sort_unstable();
            let kept = greatest(ranks.len() - 1, |n| {
                let first = indexes.iter().filter(|index| rank(index) < ranks[n]);
                self.fits(first, max_positions)
            });
            indexes.retain(|index| rank(index) < ranks[kept]);
        }
        self.write(&indexes, max_positions)
    }

    fn fits<'a>(&self, indexes: impl Iterator<Item = &'a u32>, max_positions: usize) -> bool {
        let lexemes = indexes.map(|index| &self.lexemes[*index as usize]);
        lexemes.fold(0, |end, lexeme| lexeme.end(end, max_positions)) <= MAX_AREA
    }

    fn write(&self, indexes: &[u32], max_positions: usize) -> Vec<u8> {
        let mut bytes = (indexes.len() as i32).to_ne_bytes().to_vec();
        let mut area = Vec::new();
        for index in indexes {
            let lexeme = &self.lexemes[*index as usize];
            let positions = &lexeme.positions[..lexeme.positions.len().min(max_positions)];
            let has_positions = u32::from(!positions.is_empty());
            let offset = (area.len() as u32) << (LEXEME_BITS + 1);
            bytes.extend((offset | u32::from(lexeme.len) << 1 | has_positions).to_ne_bytes());
            area.extend_from_slice(lexeme.spell(&self.text));
            if !positions.is_empty() {
                area.resize(area.len().next_multiple_of(2), 0);
                area.extend((positions.len() as u16).to_ne_bytes());
                area.extend(positions.iter().flat_map(|p| p.to_ne_bytes()));
            }
        }
        bytes.append(&mut area);
        bytes
    }
}

/// Greatest number up to `max` that holds, or 0. Numbers that hold come before those that do not.
fn greatest(max: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, max);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}
