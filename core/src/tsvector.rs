//! Postgres' tsvector as bytes: one is read in place, any number are joined into one.
//!
//! Bytes here are what follows the 4-byte length of a detoasted value: an `i32` count, so many
//! entries, then the string area that entries point into. An entry is a bitfield (bit 0: has
//! positions, 11 bits: length of the lexeme, 20 bits: its offset); positions, when there are any,
//! follow the lexeme at the next even offset: a `u16` count, then a `u16` each, the weight in its
//! two highest bits. Everything is in the byte order of the machine.
use std::cmp::Reverse;

use ahash::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smallvec::SmallVec;

// There, compilers allocate bitfields from the other end.
#[cfg(target_endian = "big")]
compile_error!("entries of a tsvector are only understood on little-endian machines");

/// The highest position; Postgres counts every later one as this.
pub const MAX_POSITION: u16 = (1 << 14) - 1;
/// Positions that Postgres keeps of one lexeme. `to_tsvector` stops at 255, `||` at 256.
pub const MAX_POSITIONS: usize = 256;
/// Positions that `to_tsvector` keeps of one lexeme.
const MAX_PARSED: usize = MAX_POSITIONS - 1;
/// A lexeme has fewer bytes.
pub const MAX_LEXEME: usize = 1 << 11;
/// Bytes of the longest string area that Postgres makes.
pub const MAX_AREA: usize = (1 << 20) - 1;

const LEXEME_BITS: u32 = 11;

/// The weight of a position, lightest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The default, which Postgres doesn't print.
    D,
    /// Of the others, the lightest.
    C,
    /// Heavier.
    B,
    /// The heaviest.
    A,
}

/// One occurrence of a lexeme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// D unless it was set.
    pub weight: Weight,
    /// From 1 to [`MAX_POSITION`] in what Postgres makes; 0 can come in with a binary COPY.
    pub position: u16,
}

impl Position {
    /// A position of a text, which may have more than there are.
    pub fn at(position: u32, weight: Weight) -> Self {
        Position { weight, position: position.min(MAX_POSITION.into()) as u16 }
    }

    fn unpack(packed: u16) -> Self {
        let weight = match packed >> 14 {
            0 => Weight::D,
            1 => Weight::C,
            2 => Weight::B,
            _ => Weight::A,
        };
        Position { weight, position: packed & MAX_POSITION }
    }

    fn pack(self) -> u16 {
        (self.weight as u16) << 14 | self.position
    }
}

/// Bytes that are no tsvector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Shorter than the count, or than the entries it announces; or the count is negative.
    Truncated,
    /// This entry, counted from 0, points outside the string area or has too many positions.
    Entry(usize),
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Malformed::Truncated => f.write_str("malformed tsvector: it ends before its entries"),
            Malformed::Entry(index) => write!(f, "malformed tsvector: entry {index} is invalid"),
        }
    }
}

impl std::error::Error for Malformed {}

/// A tsvector, read in place.
///
/// Whatever the bytes are, reading stays inside them. That entries are sorted, distinct and apart
/// from each other is not checked: a view of hostile bytes may repeat a lexeme.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    entries: &'a [[u8; 4]],
    area: &'a [u8],
}

impl<'a> View<'a> {
    /// Checks every entry once; [`View::iter`] relies on that.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let view = Self::open(bytes)?;
        match view.entries.iter().position(|entry| view.read(*entry).is_none()) {
            Some(index) => Err(Malformed::Entry(index)),
            None => Ok(view),
        }
    }

    /// Checks no entry: one that points outside is as if it were not there. For vectors that Postgres
    /// made, of which few entries are wanted.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (count, rest) = bytes.split_first_chunk().ok_or(Malformed::Truncated)?;
        let size = usize::try_from(i32::from_ne_bytes(*count))
            .ok()
            .and_then(|count| count.checked_mul(4))
            .ok_or(Malformed::Truncated)?;
        let (entries, area) = rest.split_at_checked(size).ok_or(Malformed::Truncated)?;
        Ok(View { entries: entries.as_chunks().0, area })
    }

    /// The positions of a lexeme, by binary search: entries are in the order of their bytes.
    pub fn find(&self, lexeme: &[u8]) -> Option<Positions<'a>> {
        let wanted = Prefix::of(lexeme, 0, lexeme.len());
        let prefix = |entry: [u8; 4]| {
            let (start, end) = bounds(entry);
            Prefix::of(self.area, start, end)
        };
        // By halves, without a branch on what is compared: most of these are wrong as often as right.
        let (mut first, mut count) = (0, self.entries.len());
        while count > 0 {
            let half = count.div_ceil(2);
            let is_less = prefix(self.entries[first + half - 1]) < wanted;
            first += if is_less { half } else { 0 };
            count -= half;
        }
        let like = self.entries[first..].iter().take_while(|entry| prefix(**entry) == wanted);
        let (_, positions) =
            like.filter_map(|entry| self.read(*entry)).find(|(spelt, _)| *spelt == lexeme)?;
        Some(Positions(positions.iter()))
    }

    /// The lexemes that begin in this way, with their positions.
    pub fn starting_with<'b>(
        &self,
        prefix: &'b [u8],
    ) -> impl Iterator<Item = (&'a [u8], Positions<'a>)> + use<'a, 'b> {
        let view = *self;
        let spelt = |entry: &[u8; 4]| self.spelt(*entry).unwrap_or_default();
        let first = self.entries.partition_point(|entry| spelt(entry) < prefix);
        self.entries[first..]
            .iter()
            .filter_map(move |entry| view.read(*entry))
            .take_while(move |(lexeme, _)| lexeme.starts_with(prefix))
            .map(|(lexeme, positions)| (lexeme, Positions(positions.iter())))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Each lexeme with its positions (none, if it was stripped), as they are stored.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Positions<'a>)> + use<'a> {
        let view = *self;
        view.entries.iter().filter_map(move |entry| {
            let (lexeme, positions) = view.read(*entry)?;
            Some((lexeme, Positions(positions.iter())))
        })
    }

    fn spelt(&self, entry: [u8; 4]) -> Option<&'a [u8]> {
        let (start, end) = bounds(entry);
        self.area.get(start..end)
    }

    fn read(&self, entry: [u8; 4]) -> Option<(&'a [u8], &'a [[u8; 2]])> {
        let (start, end) = bounds(entry);
        let lexeme = self.area.get(start..end)?;
        if u32::from_ne_bytes(entry) & 1 == 0 {
            return Some((lexeme, &[]));
        }
        let (count, rest) = self.area.get(end.next_multiple_of(2)..)?.split_first_chunk()?;
        let count = usize::from(u16::from_ne_bytes(*count));
        let positions = rest.get(..2 * count)?;
        (count <= MAX_POSITIONS).then_some((lexeme, positions.as_chunks().0))
    }
}

/// Where in the string area an entry's lexeme is.
fn bounds(entry: [u8; 4]) -> (usize, usize) {
    let word = u32::from_ne_bytes(entry);
    let start = (word >> (LEXEME_BITS + 1)) as usize;
    (start, start + (word >> 1 & ((1 << LEXEME_BITS) - 1)) as usize)
}

/// How a lexeme begins, with zeros behind it: of two that differ here, the lesser is that of the lesser
/// lexeme.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Prefix(u64);

impl Prefix {
    /// That of a part of some bytes; of nothing, where the part is not in them.
    fn of(bytes: &[u8], start: usize, end: usize) -> Self {
        let kept = (end - start).min(8);
        let first = match bytes.get(start..).and_then(|rest| rest.first_chunk()) {
            Some(chunk) => u64::from_be_bytes(*chunk),
            // The last few bytes.
            None => {
                let mut chunk = [0; 8];
                let rest = bytes.get(start..start + kept).unwrap_or_default();
                chunk[..rest.len()].copy_from_slice(rest);
                u64::from_be_bytes(chunk)
            }
        };
        match kept {
            0 => Self(0),
            kept => Self(first & (u64::MAX << (64 - 8 * kept))),
        }
    }
}

/// The positions of a lexeme, as they are stored.
#[derive(Clone, Debug)]
pub struct Positions<'a>(std::slice::Iter<'a, [u8; 2]>);

impl Iterator for Positions<'_> {
    type Item = Position;

    fn next(&mut self) -> Option<Position> {
        self.0.next().map(|packed| Position::unpack(u16::from_ne_bytes(*packed)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Positions<'_> {}

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
    lexemes.sort_unstable_by_key(|places| spell(places[0].0));
    let mut bytes = (lexemes.len() as i32).to_ne_bytes().to_vec();
    let mut area = Vec::new();
    let mut positions: Vec<u16> = Vec::new();
    for places in lexemes {
        let spelt = spell(places[0].0);
        positions.clear();
        for (_, place) in places {
            let last = positions.last().map(|last| last & MAX_POSITION);
            if positions.len() < MAX_PARSED
                && last.is_none_or(|last| last != MAX_POSITION && last != place.position)
            {
                positions.push(place.pack());
            }
        }
        let place = (area.len() as u32) << (LEXEME_BITS + 1);
        bytes.extend((place | (spelt.len() as u32) << 1 | 1).to_ne_bytes());
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
    let mut room = MAX_AREA - overflow.len();
    let fitting = keys.iter().take_while(|key| {
        let fits = key.len() <= room;
        room = room.saturating_sub(key.len());
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
    let mut place = 0;
    for key in &keys {
        bytes.extend((place << (LEXEME_BITS + 1) | (key.len() as u32) << 1).to_ne_bytes());
        place += key.len() as u32;
    }
    bytes.extend(keys.iter().flatten());
    bytes
}

/// A lexeme between a prefix and a suffix, cut to what fits between them.
pub fn key(prefix: &[u8], lexeme: &[u8], suffix: &[u8]) -> Vec<u8> {
    // One less than fits, for Postgres reads no longer words in a tsquery.
    let room = MAX_LEXEME - 2 - prefix.len() - LONGEST_SUFFIX.max(suffix.len());
    let mut end = lexeme.len().min(room);
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
        let word = u32::from_ne_bytes(entry);
        let start = (word >> (LEXEME_BITS + 1)) as usize;
        let end = start + (word >> 1 & ((1 << LEXEME_BITS) - 1)) as usize;
        if word & 1 == 0 {
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

/// Joins tsvectors as Postgres' `a || b || …` does, in one pass over all of them.
///
/// The result is byte for byte that of `||` wherever Postgres has one. Where it raises "string is
/// too long for tsvector", because the string area would exceed [`MAX_AREA`], this gives way
/// instead, as little as it must and always the same way:
///
/// 1. Each lexeme keeps only its first *n* positions, with the greatest *n* that fits. Phrase
///    search no longer finds what occurs only later, and ranking sees fewer occurrences.
/// 2. With one position each still too many, lexemes are left out: first those that bear no
///    weight above D, among these the least frequent, among equals the last to come. What they
///    stand for is no longer found.
///
/// Like Postgres, it keeps at most [`MAX_POSITIONS`] of a lexeme, and counts all positions beyond
/// [`MAX_POSITION`] as that one.
///
/// Memory: of each distinct lexeme its bytes, once, its positions, and some 50 bytes more. Time:
/// linear in what is appended; `finish` sorts no more lexemes than fit into a string area.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The distinct lexemes, one behind the other.
    text: Vec<u8>,
    lexemes: Vec<Lexeme>,
    /// Indexes of `lexemes`, by what they spell. The hash is keyed, for texts may be hostile.
    table: HashTable<u32>,
    hasher: RandomState,
    highest: u16,
}

#[derive(Debug)]
struct Lexeme {
    start: usize,
    len: u16,
    /// Whether one of them was heavier than D.
    weighted: bool,
    /// All that were seen, not only those that are kept.
    occurrences: u32,
    /// Packed, ascending by position. Most lexemes of a large text are rare: eight fit in place.
    positions: SmallVec<[u16; 8]>,
}

impl Lexeme {
    fn spell<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start..self.start + usize::from(self.len)]
    }

    /// Adds a position and says whether it is kept. What Postgres made comes in ascending order
    /// and is pushed; anything else finds its place.
    fn place(&mut self, new: Position) -> bool {
        let known = self.positions.binary_search_by_key(&new.position, |p| p & MAX_POSITION);
        match known {
            // What lies beyond the highest position isn't one place: there, the first stands.
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

    /// Where the string area ends after this lexeme, with so many positions, is added to it.
    fn end(&self, start: usize, max_positions: usize) -> usize {
        let end = start + usize::from(self.len);
        match self.positions.len().min(max_positions) {
            0 => end,
            count => end.next_multiple_of(2) + 2 + 2 * count,
        }
    }
}

impl Assembler {
    /// With nothing in it: finished now, it is the empty tsvector.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a vector behind all that came before: its positions are counted on from the highest so
    /// far. With a weight, that replaces its own, as `setweight` does.
    ///
    /// A view that Postgres would not have made (out of order, or repeating a lexeme) is sorted
    /// and merged, a repeated position keeping its heaviest weight.
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
                if lexeme.place(Position { weight, position }) {
                    highest = highest.max(position);
                }
            }
            lexeme.occurrences = lexeme.occurrences.saturating_add(seen);
            self.highest = self.highest.max(highest);
        }
    }

    /// Finds a lexeme or takes it in. None once there are as many as a `u32` counts: the last to
    /// come would be left out anyway.
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
                // A view holds no lexeme of 2048 bytes.
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

    /// The bytes of the result: lexemes sorted as Postgres sorts them, positions ascending.
    pub fn finish(self) -> Vec<u8> {
        // The last to be left out comes first.
        let rank = |index: &u32| {
            let lexeme = &self.lexemes[*index as usize];
            (Reverse(lexeme.weighted), Reverse(lexeme.occurrences), *index)
        };
        let mut indexes: Vec<u32> = (0..self.lexemes.len() as u32).collect();
        // All but one lexeme have a byte at least, so many can't stay; don't sort millions by
        // spelling to find out. Nor those beyond the limit by their bytes alone.
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

        // Sizes grow with what is sought below: padding takes back one byte at most, and only
        // where an odd one was added.
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
            let place = (area.len() as u32) << (LEXEME_BITS + 1);
            bytes.extend((place | u32::from(lexeme.len) << 1 | has_positions).to_ne_bytes());
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

/// The greatest number up to `max` that holds, or 0, given that those that hold come first.
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
