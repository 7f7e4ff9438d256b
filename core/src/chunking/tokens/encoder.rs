//! Byte pair encoding of pretokens, by the `bpe` crate.

use std::ops::ControlFlow;

use bpe_openai::Tokenizer;
use bpe_openai::appendable_encoder::AppendableEncoder;
use bpe_openai::byte_pair_encoding::BytePairEncoding;

use super::super::options::Encoding;

/// Longer pretokens are encoded in windows of this many bytes.
pub(super) const LONG: usize = 8 * 1024;
/// Tokens this near to the end of a window can change when the next bytes are known. No token has
/// more than 128 bytes.
const UNSURE: usize = 512;

/// Longest word whose count is cached, in bytes.
const SHORT: usize = 15;
const REMEMBERED: usize = 1 << 12;

pub(super) struct Encoder {
    bpe: &'static BytePairEncoding,
    /// Cached counts of words: a text has few rare words. The key is the word's bytes and its
    /// length, which is never 0.
    known: Box<[(u128, u32)]>,
}

impl Encoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        // Loaded once per process, at the first call.
        let tokenizer: &'static Tokenizer = match encoding {
            Encoding::Cl100k => bpe_openai::cl100k_base(),
            Encoding::O200k => bpe_openai::o200k_base(),
        };
        Encoder { bpe: &tokenizer.bpe, known: vec![(0, 0); REMEMBERED].into_boxed_slice() }
    }

    /// Number of tokens of a pretoken.
    pub(super) fn count(&mut self, pretoken: &[u8]) -> usize {
        if pretoken.len() > SHORT {
            return self.bpe.count(pretoken);
        }
        let mut key = [0; 16];
        key[..pretoken.len()].copy_from_slice(pretoken);
        key[SHORT] = pretoken.len() as u8;
        let key = u128::from_le_bytes(key);
        // Fibonacci hashing of both halves.
        let mixed =
            (key as u64 ^ ((key >> 64) as u64).rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let slot = &mut self.known[(mixed >> 52) as usize % REMEMBERED];
        if slot.0 != key {
            *slot = (key, self.bpe.count(pretoken) as u32);
        }
        slot.1 as usize
    }

    /// Calls `prefix(length, tokens)` for each prefix of a pretoken, in order, until it breaks.
    pub(super) fn each_prefix(
        &self,
        pretoken: &[u8],
        mut prefix: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) {
        let mut encoder = AppendableEncoder::new(self.bpe);
        for &byte in pretoken {
            encoder.push(byte);
            if prefix(encoder.len(), encoder.token_count()).is_break() {
                return;
            }
        }
    }

    /// Encodes a long pretoken whose end need not be known.
    pub(super) fn windows<'a>(&self, bytes: &'a [u8]) -> Windows<'a> {
        let start = Joint { at: 0, tokens: 0, last: None };
        Windows { bpe: self.bpe, bytes, joint: start, before: start, window: LONG }
    }
}

/// Encoder of a long pretoken, window by window. The tokens that end well before the end of a
/// window are kept, and the next window begins after them.
///
/// A sequence of tokens is the encoding of its bytes if and only if each two neighbours are the
/// encoding of theirs
/// (<https://github.blog/ai-and-ml/llms/so-many-tokens-so-little-time-introducing-a-faster-more-flexible-byte-pair-tokenizer/>).
/// This holds inside a window. The two tokens at a joint are checked; if they are not the encoding
/// of their bytes, the window before is encoded again, twice as large. The result is therefore
/// exact.
pub(super) struct Windows<'a> {
    bpe: &'static BytePairEncoding,
    bytes: &'a [u8],
    joint: Joint,
    /// Start of the window before.
    before: Joint,
    window: usize,
}

/// Joint of two windows: encoded bytes, their tokens, and the last token.
#[derive(Clone, Copy)]
struct Joint {
    at: usize,
    tokens: usize,
    last: Option<u32>,
}

impl Windows<'_> {
    /// Encoded bytes and their tokens.
    pub(super) fn done(&self) -> (usize, usize) {
        (self.joint.at, self.joint.tokens)
    }

    /// True if the next window surely has more than `most` tokens. False if that is not known.
    pub(super) fn next_exceeds(&self, to: usize, most: usize) -> bool {
        let start = self.joint.at;
        let window = &self.bytes[start..to.min(start + LONG)];
        most < window.len() && self.bpe.count_till_limit(window, most).is_none()
    }

    /// Encodes one more window of the bytes up to `to`, where the pretoken ends or continues. True
    /// if there is more to encode.
    pub(super) fn step(&mut self, to: usize, is_end: bool) -> bool {
        let Joint { at, tokens, last } = self.joint;
        let stop = (at + self.window).min(to);
        let is_last = is_end && stop == to;
        if at == stop || (!is_last && stop < at + self.window) {
            return false;
        }
        let encoded = self.bpe.encode_via_backtracking(&self.bytes[at..stop]);
        if let (Some(last), Some(&first)) = (last, encoded.first())
            && !self.are_neighbours(last, first)
        {
            (self.joint, self.window) = (self.before, 2 * self.window);
            return true;
        }
        let mut next = Joint { at: stop, tokens: tokens + encoded.len(), last: None };
        if !is_last {
            let mut kept = encoded.len();
            while kept > 0 && next.at + UNSURE > stop {
                kept -= 1;
                next.at -= self.bpe.token_len(encoded[kept]);
            }
            next.tokens = tokens + kept;
            next.last = kept.checked_sub(1).map(|last| encoded[last]);
        }
        (self.before, self.joint, self.window) = (self.joint, next, LONG);
        !is_last
    }

    /// True if the two tokens are the encoding of their bytes.
    fn are_neighbours(&self, first: u32, second: u32) -> bool {
        let mut bytes = self.bpe.token_bytes(first).to_vec();
        bytes.extend_from_slice(self.bpe.token_bytes(second));
        self.bpe.encode_via_backtracking(&bytes) == [first, second]
    }
}
