//! Reader of a segment.

use super::format::{DictionaryReader, Entry, Header, Key, Malformed, take_number, take_slice};
use super::matches::Matches;

/// Bytes of a segment, which may be far away: only some of them are read.
pub trait Source {
    type Error: From<Malformed>;

    /// Reads `length` bytes from `start`.
    fn read(&self, start: usize, length: usize) -> Result<Vec<u8>, Self::Error>;
}

impl Source for &[u8] {
    type Error = Malformed;

    fn read(&self, start: usize, length: usize) -> Result<Vec<u8>, Malformed> {
        let end = start.checked_add(length).ok_or(Malformed)?;
        self.get(start..end).map(<[u8]>::to_vec).ok_or(Malformed)
    }
}

/// Segment that is read.
pub struct Segment<S> {
    source: S,
    header: Header,
}

/// Block of the dictionary: ranges of its bytes and of its postings.
#[derive(Clone, Copy, Default)]
struct Block {
    dictionary: (usize, usize),
    postings: (usize, usize),
}

impl<S: Source> Segment<S> {
    pub fn open(source: S) -> Result<Self, S::Error> {
        let header = Header::read(&source.read(0, Header::SIZE)?)?;
        Ok(Self { source, header })
    }

    /// Keys of the removed texts.
    pub fn removed(&self) -> Result<Vec<Key>, S::Error> {
        let Header { removed, .. } = self.header;
        if removed == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.source.read(self.header.start_of_removed(), removed * Key::SIZE)?;
        let mut bytes = bytes.as_slice();
        Ok((0..removed).map(|_| Key::read(&mut bytes)).collect::<Result<_, _>>()?)
    }

    /// Finds the texts with any of the lexemes, which are ascending and distinct. Removed ones are among them.
    pub fn find<'q>(&self, lexemes: &'q [&'q [u8]]) -> Result<Matches<'q>, S::Error> {
        let mut matches = Matches::new(lexemes);
        let Header { heads, dictionary, postings, end, texts, .. } = self.header;
        let bytes = self.source.read(heads, dictionary - heads)?;
        let mut heads = bytes.as_slice();
        let mut wanted = lexemes.iter().enumerate().peekable();
        let mut next = Block { dictionary: (0, dictionary), postings: (0, postings) };
        let mut of_block: Vec<usize> = Vec::new();
        let mut head = take_head(&mut heads, &mut next)?;
        while head.is_some() && wanted.peek().is_some() {
            let block = next;
            head = take_head(&mut heads, &mut next)?;
            of_block.clear();
            while let Some((number, _)) =
                wanted.next_if(|(_, lexeme)| head.is_none_or(|head| **lexeme < head))
            {
                of_block.push(number);
            }
            if of_block.is_empty() {
                continue;
            }
            if block.postings.1 > end {
                return Err(Malformed.into());
            }
            self.find_in(block, &of_block, &mut matches, texts)?;
        }
        matches.sort();
        matches.entries = self.entries(matches.texts())?;
        Ok(matches)
    }

    /// Finds some lexemes in a block.
    fn find_in(
        &self,
        block: Block,
        wanted: &[usize],
        matches: &mut Matches,
        texts: usize,
    ) -> Result<(), S::Error> {
        let (start, end) = block.dictionary;
        let bytes = self.source.read(start, end - start)?;
        let mut reader = DictionaryReader::new(&bytes);
        let mut wanted = wanted.iter().copied().peekable();
        let mut at = block.postings.0;
        while reader.next()? {
            while wanted.next_if(|number| *matches.lexemes[*number] < *reader.lexeme).is_some() {}
            let Some(number) = wanted.peek().copied() else { break };
            if *matches.lexemes[number] == *reader.lexeme {
                if at + reader.postings > block.postings.1 {
                    return Err(Malformed.into());
                }
                matches.add(number, &self.source.read(at, reader.postings)?, texts)?;
            }
            at += reader.postings;
        }
        Ok(())
    }

    /// Reads the entries of some texts, which are ascending.
    fn entries(&self, texts: impl Iterator<Item = usize>) -> Result<Vec<Entry>, S::Error> {
        /// Number of texts between two that are read at once.
        const NEAR: usize = 64;
        let numbers: Vec<usize> = texts.collect();
        let mut entries = Vec::with_capacity(numbers.len());
        for near in numbers.chunk_by(|a, b| b - a <= NEAR) {
            let (first, last) = (near[0], near[near.len() - 1]);
            let start = Header::SIZE + first * Entry::SIZE;
            let bytes = self.source.read(start, (last + 1 - first) * Entry::SIZE)?;
            for number in near {
                let mut entry = &bytes[(number - first) * Entry::SIZE..];
                entries.push(Entry::read(&mut entry)?);
            }
        }
        Ok(entries)
    }
}

/// Takes the head of a block: its first lexeme. Moves `block` on to it.
fn take_head<'a>(heads: &mut &'a [u8], block: &mut Block) -> Result<Option<&'a [u8]>, Malformed> {
    if heads.is_empty() {
        return Ok(None);
    }
    let length = take_number(heads)? as usize;
    let lexeme = take_slice(heads, length)?;
    let after = |(_, end): (usize, usize), size: u32| (end, end + size as usize);
    block.dictionary = after(block.dictionary, take_number(heads)?);
    block.postings = after(block.postings, take_number(heads)?);
    Ok(Some(lexeme))
}
